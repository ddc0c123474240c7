//! Who is connected, and who leaves when there is no more room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_settings::Networks;
use tokio::time::Instant;

use super::meter::{Meter, Word};
use crate::api::rate_limit;

/// Connections that leave together when room is made: looking for them costs a walk
/// through all.
const LEAVE_AT_ONCE: usize = 64;
/// Most TLS handshakes at once.
const HANDSHAKES_MAX: usize = 1024;
/// Longest wait for the head of an HTTP/1.1 request, or for a connection's first bytes, ms.
const HEAD_MAX_MS: u64 = 10_000;
/// Longest wait for the other side to read on, ms.
const STALL_MAX_MS: u64 = 30_000;
/// Longest time in which no request of a stranger's connection begins or ends while one is
/// open, ms. A claim waits five seconds at most, and a body has ten to arrive.
const STUCK_MAX_MS: u64 = 60_000;

/// How many connections a port may have.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// All together.
    pub connections_max: usize,
    /// From one address (IPv6: /64).
    pub per_address_max: usize,
    /// Addresses that stand for many callers: proxies.
    pub exempt: Networks,
}

impl Bounds {
    /// What the gRPC port may have when this many files may be open.
    pub fn grpc(files: usize, proxies: Networks) -> Self {
        let connections_max = files.saturating_sub(reserve(files)).clamp(64, 16_384);
        Self { connections_max, per_address_max: connections_max / 4, exempt: proxies }
    }

    /// What the HTTP port may have: operators and a scraper, not the world.
    pub fn http(files: usize) -> Self {
        let connections_max = (files / 8).clamp(16, 512);
        Self { connections_max, per_address_max: connections_max / 2, exempt: Networks::default() }
    }
}

/// Files that are no connection of the gRPC port: the HTTP port's, the store's, those to Meta.
fn reserve(files: usize) -> usize {
    (files / 4).clamp(64, 1024)
}

#[derive(Debug, Default)]
struct Book {
    next: u64,
    meters: HashMap<u64, Arc<Meter>>,
    /// Connections that have not been told to leave.
    staying: usize,
    by_group: HashMap<IpAddr, usize>,
    shaking: usize,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Registry {
    bounds: Bounds,
    epoch: Instant,
    book: Mutex<Book>,
}

/// A connection's entry; leaving the registry is dropping it.
#[derive(Debug)]
pub(super) struct Entry {
    registry: Arc<Registry>,
    number: u64,
    pub(super) meter: Arc<Meter>,
}

impl Registry {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, epoch: Instant::now(), book: Mutex::default() })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in. Where a bound is reached, those leave that have been quiet
    /// longest: of the same address, of those in a handshake, of all. `None`: nobody was
    /// quiet, and there is no room.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, is_tls: bool) -> Option<Entry> {
        let stands_for_many = address.to_canonical().is_loopback() || self.bounds.exempt.contains(address);
        let group = (!stands_for_many).then(|| rate_limit::group(address));
        let mut book = self.book();
        if let Some(group) = group
            && book.by_group.get(&group).is_some_and(|count| *count >= self.bounds.per_address_max)
            && book.dismiss(1, |meter| meter.group == Some(group)) == 0
        {
            return None;
        }
        if is_tls && book.shaking >= HANDSHAKES_MAX {
            book.dismiss(LEAVE_AT_ONCE, Meter::is_shaking);
        }
        if book.staying >= self.bounds.connections_max && book.dismiss(LEAVE_AT_ONCE, |_| true) == 0 {
            return None;
        }
        let meter = Arc::new(Meter::new(self.epoch, group, is_tls));
        let number = book.next;
        book.next += 1;
        book.staying += 1;
        book.shaking += usize::from(is_tls);
        if let Some(group) = group {
            *book.by_group.entry(group).or_default() += 1;
        }
        book.meters.insert(number, Arc::clone(&meter));
        Some(Entry { registry: Arc::clone(self), number, meter })
    }

    /// Lets some go that have been quiet longest: the system has no more room.
    pub(super) fn make_room(&self) {
        self.book().dismiss(LEAVE_AT_ONCE, |_| true);
    }

    /// Ends connections that hold on without getting anywhere.
    pub(super) fn sweep(&self) {
        let mut book = self.book();
        let over = |age: Option<u64>, max: u64| age.is_some_and(|age| age > max);
        let lost: Vec<(Arc<Meter>, &str)> = book
            .meters
            .values()
            .filter(|meter| meter.word() == Word::Stay)
            .filter_map(|meter| {
                let why = if over(meter.head_age_ms(), HEAD_MAX_MS) {
                    "the head of a request took too long"
                } else if over(meter.stall_age_ms(), STALL_MAX_MS) {
                    "the caller stopped reading"
                } else if over(meter.stuck_age_ms(), STUCK_MAX_MS) {
                    "a request did not get on"
                } else {
                    return None;
                };
                Some((Arc::clone(meter), why))
            })
            .collect();
        for (meter, why) in lost {
            tracing::debug!(why, "connection ended");
            book.let_go(&meter, Word::Break);
        }
    }
}

impl Book {
    /// Tells up to `count` quiet connections to leave, those that have been quiet longest;
    /// returns how many.
    fn dismiss(&mut self, count: usize, among: impl Fn(&Meter) -> bool) -> usize {
        let mut quiet: Vec<(u64, Arc<Meter>)> = self
            .meters
            .values()
            .filter(|meter| meter.word() == Word::Stay && among(meter))
            .filter_map(|meter| Some((meter.quiet_since()?, Arc::clone(meter))))
            .collect();
        let count = count.min(quiet.len());
        if count < quiet.len() {
            quiet.select_nth_unstable_by_key(count, |(since, _)| *since);
        }
        for (_, meter) in quiet.drain(..count) {
            self.let_go(&meter, Word::Leave);
        }
        count
    }

    /// Its place is free from now on, even if its task needs a moment to end.
    fn let_go(&mut self, meter: &Meter, word: Word) {
        self.forget(meter);
        meter.tell(word);
    }

    fn forget(&mut self, meter: &Meter) {
        self.staying -= 1;
        if let Some(group) = meter.group
            && let Some(count) = self.by_group.get_mut(&group)
        {
            *count -= 1;
            if *count == 0 {
                self.by_group.remove(&group);
            }
        }
    }
}

impl Entry {
    /// The TLS handshake is over.
    pub(super) fn shook(&self) {
        if self.meter.is_shaking() {
            self.registry.book().shaking -= 1;
            self.meter.shook();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.shook();
        let mut book = self.registry.book();
        book.meters.remove(&self.number);
        if self.meter.word() == Word::Stay {
            book.forget(&self.meter);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn registry(connections_max: usize, per_address_max: usize) -> Arc<Registry> {
        let exempt = Networks::parse("10.0.0.0/8").unwrap();
        Registry::new(Bounds { connections_max, per_address_max, exempt })
    }

    fn admit(registry: &Arc<Registry>, address: &str) -> Option<Entry> {
        registry.admit(address.parse().unwrap(), false)
    }

    async fn a_second_later() {
        tokio::time::advance(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_takes_the_place_of_who_was_quiet_longest() {
        let registry = registry(3, 3);
        let busy = admit(&registry, "192.0.2.1").unwrap();
        busy.meter.begin(true);
        let own = admit(&registry, "192.0.2.2").unwrap();
        own.meter.is_the_shops();
        a_second_later().await;
        let quiet = admit(&registry, "192.0.2.3").unwrap();
        let newcomer = admit(&registry, "192.0.2.4").expect("somebody was quiet");
        assert_eq!(quiet.meter.word(), Word::Leave);
        assert_eq!((busy.meter.word(), own.meter.word()), (Word::Stay, Word::Stay));
        newcomer.meter.begin(true);
        assert!(admit(&registry, "192.0.2.5").is_none(), "everybody is busy");
        newcomer.meter.end(true);
        assert!(admit(&registry, "192.0.2.5").is_some());
        drop((busy, own, quiet));
        assert_eq!(registry.book().staying, 0, "the newcomers were dropped or told to leave");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_with_its_share_replaces_its_own_and_proxies_have_no_share() {
        let registry = registry(100, 2);
        let other = admit(&registry, "192.0.2.9").unwrap();
        a_second_later().await;
        let first = admit(&registry, "2001:db8:1:2::1").unwrap();
        a_second_later().await;
        let second = admit(&registry, "2001:db8:1:2::2").unwrap();
        let third = admit(&registry, "2001:db8:1:2:ffff::3").unwrap();
        let words = [&other, &first, &second, &third].map(|entry| entry.meter.word());
        assert_eq!(words, [Word::Stay, Word::Leave, Word::Stay, Word::Stay]);
        for address in ["10.1.2.3", "127.0.0.1", "::1"] {
            let crowd: Vec<_> = (0..10).map(|_| admit(&registry, address).unwrap()).collect();
            assert!(crowd.iter().all(|entry| entry.meter.word() == Word::Stay), "{address}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_on_without_getting_anywhere_is_ended() {
        let registry = registry(100, 100);
        let entries: Vec<Entry> = (0..6).map(|_| admit(&registry, "192.0.2.1").unwrap()).collect();
        let [silent, http2, answered, deaf, stuck, watcher] = entries.as_slice() else { panic!() };
        http2.meter.speaks_http2();
        answered.meter.begin(true);
        answered.meter.end(true);
        deaf.meter.begin(true);
        deaf.meter.sending(true);
        stuck.meter.begin(true);
        watcher.meter.begin(true);
        watcher.meter.is_the_shops();
        let mut ended = Vec::new();
        for second in 1..=90 {
            a_second_later().await;
            registry.sweep();
            for (number, entry) in entries.iter().enumerate() {
                if entry.meter.word() == Word::Break && !ended.contains(&(number, second)) {
                    ended.push((number, second));
                }
            }
        }
        let first = |number| ended.iter().find(|(n, _)| *n == number).map(|(_, second)| *second);
        assert_eq!((first(0), first(3), first(4)), (Some(11), Some(31), Some(61)));
        for (name, entry) in [("http2", http2), ("answered", answered), ("watcher", watcher)] {
            assert_eq!(entry.meter.word(), Word::Stay, "{name}");
        }
        // The next head on a connection that is kept open is as short of time.
        answered.meter.received();
        tokio::time::advance(Duration::from_millis(HEAD_MAX_MS + 1)).await;
        registry.sweep();
        assert_eq!(answered.meter.word(), Word::Break);
        assert_eq!(silent.meter.word(), Word::Break);
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_are_bounded_by_ending_the_oldest() {
        let registry = registry(10_000, 10_000);
        let shake = || registry.admit("192.0.2.1".parse().unwrap(), true).unwrap();
        let oldest = shake();
        a_second_later().await;
        let rest: Vec<Entry> = (1..HANDSHAKES_MAX).map(|_| shake()).collect();
        assert_eq!(oldest.meter.word(), Word::Stay);
        let newest = shake();
        assert_eq!((oldest.meter.word(), newest.meter.word()), (Word::Leave, Word::Stay));
        newest.shook();
        drop((oldest, rest, newest));
        let book = registry.book();
        assert_eq!((book.shaking, book.staying), (0, 0));
    }
}
