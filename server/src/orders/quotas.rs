//! Limits on what one client address may cause: how many new orders it may name, and how many questions to the
//! payment provider.
//!
//! Anybody can claim any order. The store keeps a bounded number of such claims (`outbox/embedded/unproven.rs`), and
//! the provider is asked within a budget (`reconcile/budget.rs`). These quotas keep one address from using up
//! either.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_net::subscriber;

use crate::aging::AgingMap;
use crate::clock::millis;

/// New orders that one address may name in an hour. Many buyers share an address (mobile networks
/// in India), but few shops sell ten orders a minute to one of them. An attacker needs 160
/// addresses an hour to push out claims that are an hour old.
const ORDERS_MAX: u32 = 600;
const ORDERS_PER: Duration = Duration::from_secs(3600);
/// Questions that one address may cause in a minute: half of what all strangers together may cause.
const QUESTIONS_MAX: u32 = 20;
const QUESTIONS_PER: Duration = Duration::from_secs(60);
/// Most addresses with a quota of their own. Further addresses share one.
const ADDRESSES_MAX: usize = 50_000;

#[derive(Debug)]
pub(super) struct Quotas {
    orders: Mutex<PerAddress>,
    questions: Mutex<PerAddress>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            orders: Mutex::new(PerAddress::new(ORDERS_MAX, ORDERS_PER)),
            questions: Mutex::new(PerAddress::new(QUESTIONS_MAX, QUESTIONS_PER)),
        }
    }
}

impl Quotas {
    /// Whether an address may name a new order.
    pub(super) fn may_name(&self, address: Option<IpAddr>) -> bool {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        address.is_none_or(|address| orders.has_room(address, Instant::now()))
    }

    /// Counts a new order that an address named.
    pub(super) fn note_named(&self, address: Option<IpAddr>) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = address {
            orders.take(address, Instant::now());
        }
    }

    /// Takes a question from an address's quota. False: the quota is used up.
    pub(super) fn take_question(&self, address: Option<IpAddr>) -> bool {
        let mut questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        address.is_none_or(|address| questions.take(address, Instant::now()))
    }
}

/// At most `max` uses per address in the time `per`. IPv6 addresses count by /64.
#[derive(Debug)]
struct PerAddress {
    max: u32,
    per: Duration,
    started: Instant,
    spent: AgingMap<IpAddr, Spent>,
    /// What all addresses spent that found no place in `spent`.
    shared: Spent,
}

/// Uses since a time.
#[derive(Debug, Clone, Copy)]
struct Spent {
    since: Instant,
    uses: u32,
}

impl PerAddress {
    fn new(max: u32, per: Duration) -> Self {
        let started = Instant::now();
        let shared = Spent { since: started, uses: 0 };
        Self { max, per, started, spent: AgingMap::new(millis(per), ADDRESSES_MAX), shared }
    }

    fn has_room(&self, address: IpAddr, now: Instant) -> bool {
        match self.spent.get(&subscriber(address)) {
            Some(spent) => self.is_open(*spent, now),
            None => !self.spent.is_full(self.ms(now)) || self.is_open(self.shared, now),
        }
    }

    fn ms(&self, now: Instant) -> i64 {
        millis(now.duration_since(self.started))
    }

    fn is_open(&self, spent: Spent, now: Instant) -> bool {
        spent.uses < self.max || now.duration_since(spent.since) >= self.per
    }

    /// One use more, if there is room for it.
    fn used(&self, spent: Spent, now: Instant) -> Option<Spent> {
        let is_over = now.duration_since(spent.since) >= self.per;
        let spent = if is_over { Spent { since: now, uses: 0 } } else { spent };
        (spent.uses < self.max).then_some(Spent { uses: spent.uses + 1, ..spent })
    }

    fn take(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = subscriber(address);
        let known = self.spent.get(&address).copied();
        let Some(used) = self.used(known.unwrap_or(Spent { since: now, uses: 0 }), now) else { return false };
        if self.spent.insert(address, used, self.ms(now)) {
            return true;
        }
        let shared = self.used(self.shared, now);
        self.shared = shared.unwrap_or(self.shared);
        shared.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_an_allowance_of_its_own_that_comes_back() {
        let mut allowance = PerAddress::new(2, Duration::from_secs(60));
        let now = Instant::now();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(allowance.take(one, now) && allowance.take(one, now));
        assert!(!allowance.has_room(one, now) && !allowance.take(one, now));
        assert!(allowance.take("192.0.2.2".parse().unwrap(), now));
        assert!(allowance.take(one, now + Duration::from_secs(60)));
        assert!(allowance.has_room(one, now + Duration::from_secs(60)));
    }

    #[test]
    fn a_subscribers_addresses_share_one_allowance() {
        let mut allowance = PerAddress::new(1, Duration::from_secs(60));
        let now = Instant::now();
        assert!(allowance.take("2001:db8::1".parse().unwrap(), now));
        assert!(!allowance.take("2001:db8::2".parse().unwrap(), now));
        assert!(allowance.take("2001:db8:0:1::2".parse().unwrap(), now));
    }

    #[test]
    fn memory_has_a_bound() {
        let mut allowance = PerAddress::new(1, Duration::from_secs(60));
        let now = Instant::now();
        let max = u32::try_from(ADDRESSES_MAX).unwrap();
        for n in 0..max {
            assert!(allowance.take(IpAddr::V4(n.into()), now));
        }
        assert!(allowance.take(IpAddr::V4(max.into()), now), "who comes late shares one quota");
        assert!(
            !allowance.take(IpAddr::V4((max + 1).into()), now),
            "a crowd of addresses has no room of its own"
        );
        assert!(!allowance.has_room(IpAddr::V4((max + 2).into()), now));
        let later = now + Duration::from_secs(61);
        assert!(allowance.has_room(IpAddr::V4((max + 2).into()), later));
        for n in max..max + 10 {
            assert!(allowance.take(IpAddr::V4(n.into()), later), "quiet addresses are forgotten");
        }
    }
}
