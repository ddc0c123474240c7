//! Limits on what one client address may cause: how many new orders it may name, and how many questions to the
//! payment provider.
//!
//! Anybody can claim any order. The store keeps a bounded number of such claims (`outbox/embedded/unproven.rs`), and
//! the provider is asked within a budget (`reconcile/budget.rs`). These quotas keep one address from using up
//! either.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_net::subscriber;

/// New orders that one address may name in an hour. Many buyers share an address (mobile networks
/// in India), but few shops sell ten orders a minute to one of them. An attacker needs 160
/// addresses an hour to push out claims that are an hour old.
const ORDERS_MAX: u32 = 600;
const ORDERS_PER: Duration = Duration::from_secs(3600);
/// Questions that one address may cause in a minute: half of what all strangers together may cause.
const QUESTIONS_MAX: u32 = 20;
const QUESTIONS_PER: Duration = Duration::from_secs(60);
/// Most addresses remembered. Further addresses have no quota of their own; the common limits still hold.
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
    spent: HashMap<IpAddr, (Instant, u32)>,
}

impl PerAddress {
    fn new(max: u32, per: Duration) -> Self {
        Self { max, per, spent: HashMap::new() }
    }

    fn has_room(&self, address: IpAddr, now: Instant) -> bool {
        match self.spent.get(&subscriber(address)) {
            Some((since, n)) => *n < self.max || now.duration_since(*since) >= self.per,
            None => true,
        }
    }

    fn take(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = subscriber(address);
        if self.spent.len() >= ADDRESSES_MAX && !self.spent.contains_key(&address) {
            let per = self.per;
            self.spent.retain(|_, (since, _)| now.duration_since(*since) < per);
            if self.spent.len() >= ADDRESSES_MAX {
                return true;
            }
        }
        let (since, n) = self.spent.entry(address).or_insert((now, 0));
        if now.duration_since(*since) >= self.per {
            (*since, *n) = (now, 0);
        }
        let has_room = *n < self.max;
        *n += u32::from(has_room);
        has_room
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
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() + 10 {
            assert!(allowance.take(IpAddr::V4(n.into()), now));
        }
        assert_eq!(allowance.spent.len(), ADDRESSES_MAX);
        let later = now + Duration::from_secs(61);
        assert!(allowance.take(IpAddr::V4(u32::MAX.into()), later));
        assert_eq!(allowance.spent.len(), 1, "quiet addresses are forgotten");
    }
}
