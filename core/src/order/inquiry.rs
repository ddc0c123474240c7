//! Schedule of the questions to the payment provider about an order.
//!
//! After a claim without a webhook, the server asks at once. After a checkout, it asks after
//! [`AFTER_CHECKOUT_S`]. In both cases it asks again on a schedule until the order is final.
//! Strangers can name orders that do not exist. So the answer "unknown" is remembered for a while,
//! and a second one ends the questions.

use super::contact::Contact;
use super::state::Order;

/// Times of the questions, seconds after the start of the schedule. The first ones follow Cashfree's
/// own retries (2, 10 and 30 minutes). The last one is shortly before the end of Meta's 7 days.
const SCHEDULE_S: [i64; 10] =
    [15, 180, 900, 3000, 6 * 3600, 24 * 3600, 48 * 3600, 72 * 3600, 120 * 3600, 160 * 3600];
/// Time from checkout to the first question, seconds. By then most buyers have paid and most webhooks
/// have arrived.
const AFTER_CHECKOUT_S: i64 = 180;
/// How long no claim causes another question after a question, or after the answer that the order is
/// still open, seconds.
const OPEN_KEPT_S: i64 = 5;
/// How long no claim causes another question after an answer "unknown" or a final answer, seconds.
const UNKNOWN_KEPT_S: i64 = 900;

/// How sure it is that an unpaid order exists, lowest level first. The server asks about orders of
/// higher trust first. The database stores the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrustLevel {
    /// Only a page's claim named the order. Anybody can send such a claim.
    Claimed = 0,
    /// A browser named the order at checkout.
    CheckedOut = 1,
    /// The payment provider, one of the shop's services, or a page with the shop's key named the
    /// order.
    Attested = 2,
}

/// The payment provider's answer about an order that is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnpaidStatus {
    /// The order may still be paid, or the answer was unusable.
    Open,
    /// The provider does not know the order.
    Unknown,
    /// The order expired or was terminated, so nobody can pay it any more.
    Final,
}

impl Order {
    /// Trust level of the order.
    pub fn trust_level(&self) -> TrustLevel {
        let attested = self.asking.attested
            || self.owner.as_ref().is_some_and(Contact::is_proven)
            || self.failed
            || self.paid.is_some()
            || !self.refunds.is_empty();
        match &self.owner {
            _ if attested => TrustLevel::Attested,
            Some(owner) if !owner.is_claim => TrustLevel::CheckedOut,
            _ => TrustLevel::Claimed,
        }
    }

    /// Whether the order differs from `before` in more than the state of its questions.
    pub fn has_learnt_since(&self, before: &Self) -> bool {
        Self { asking: self.asking, ..before.clone() } != *self
    }

    /// Notes that a verified message of the payment provider named the order.
    pub fn attest(&mut self) {
        self.asking.attested = true;
    }

    /// Whether no first question needs to be planned: the order is paid, or its schedule has started.
    fn is_planned(&self) -> bool {
        self.paid.is_some() || self.asking.since_s.is_some()
    }

    /// Plans the first question after a checkout named the order or the provider reported a failed
    /// attempt. Returns its time, Unix seconds; `None` when a question is planned already or the
    /// order is paid. `now_s`: Unix seconds.
    pub fn plan_first_question(&mut self, now_s: i64) -> Option<i64> {
        if self.is_planned() {
            return None;
        }
        self.asking.since_s = Some(now_s);
        Some(now_s.saturating_add(AFTER_CHECKOUT_S))
    }

    /// Whether a claim at `now_s` (Unix seconds) is a reason to ask at once. Call this before the claim
    /// is added with [`Order::add_contact`].
    pub fn wants_question(&self, now_s: i64) -> bool {
        // A silence that ends later than any silence lasts is from a clock that was ahead.
        let quiet_s = self.asking.quiet_until_s.saturating_sub(now_s);
        self.paid.is_none() && !(1..=UNKNOWN_KEPT_S).contains(&quiet_s)
    }

    /// Notes that a question about the order is sent at `now_s`, Unix seconds.
    pub fn mark_asked(&mut self, now_s: i64) {
        if self.claimed_at_s.is_none() || self.asking.since_s.is_none() {
            self.asking.since_s = Some(now_s);
        }
        self.asking.quiet_until_s = now_s.saturating_add(OPEN_KEPT_S);
    }

    /// Notes the provider's answer that the order is not paid, at `now_s` (Unix seconds). Returns the
    /// time of the next question, Unix seconds. `None` means that no question follows: the answer is
    /// final, the schedule has ended, or it is the second "unknown" in a row about an order that only
    /// strangers named. Only a trusted time ends the schedule. `is_time_trusted`: whether nothing
    /// speaks against `now_s`.
    pub fn note_unpaid(&mut self, answer: UnpaidStatus, now_s: i64, is_time_trusted: bool) -> Option<i64> {
        let mut since_s = *self.asking.since_s.get_or_insert(now_s);
        let was_unknown = core::mem::replace(&mut self.asking.unknown, answer == UnpaidStatus::Unknown);
        let (kept_s, ends) = match answer {
            UnpaidStatus::Open => (OPEN_KEPT_S, false),
            UnpaidStatus::Unknown => {
                (UNKNOWN_KEPT_S, was_unknown && self.trust_level() != TrustLevel::Attested)
            }
            UnpaidStatus::Final => (UNKNOWN_KEPT_S, true),
        };
        self.asking.quiet_until_s = now_s.saturating_add(kept_s);
        let pause_s = if answer == UnpaidStatus::Unknown { UNKNOWN_KEPT_S } else { 1 };
        let earliest_s = now_s.saturating_add(pause_s);
        let next_after = |since_s: i64| {
            SCHEDULE_S.into_iter().map(|age_s| since_s.saturating_add(age_s)).find(|at_s| *at_s >= earliest_s)
        };
        // A clock that jumped makes the schedule look over, or makes it start in the future.
        let has_jumped = since_s > now_s || (!is_time_trusted && next_after(since_s).is_none());
        if has_jumped {
            since_s = now_s;
            self.asking.since_s = Some(now_s);
        }
        next_after(since_s).filter(|_| !ends)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Environment;
    use super::*;
    use crate::id::{OrderId, PixelId};

    const NOW_S: i64 = 1_763_942_400;

    fn order() -> Order {
        let pixel = PixelId::parse("123456789012345").unwrap();
        Order::new(OrderId::parse("KB-1").unwrap(), Environment::Production, pixel)
    }

    /// Times of all questions, seconds after the first one.
    fn questions(order: &mut Order, answer: UnpaidStatus) -> Vec<i64> {
        let mut times = vec![0];
        order.mark_asked(NOW_S);
        while let Some(next) = order.note_unpaid(answer, NOW_S + times[times.len() - 1], true) {
            times.push(next - NOW_S);
        }
        times
    }

    #[test]
    fn an_open_order_is_asked_about_ever_more_rarely_and_within_metas_seven_days() {
        let times = questions(&mut order(), UnpaidStatus::Open);
        assert_eq!(times[1..], SCHEDULE_S);
        assert!(times.is_sorted() && times[times.len() - 1] < 7 * 24 * 3600);
    }

    #[test]
    fn an_order_that_nobody_knows_costs_two_questions() {
        assert_eq!(questions(&mut order(), UnpaidStatus::Unknown), [0, 900]);
        let mut attested = order();
        attested.attest();
        assert!(questions(&mut attested, UnpaidStatus::Unknown).len() > 5, "the provider spoke of it");
    }

    #[test]
    fn a_final_order_is_not_asked_about_again() {
        assert_eq!(questions(&mut order(), UnpaidStatus::Final), [0]);
    }

    #[test]
    fn repeated_claims_do_not_repeat_the_question() {
        let mut order = order();
        assert!(order.wants_question(NOW_S));
        order.mark_asked(NOW_S);
        assert!(!order.wants_question(NOW_S + 1));
        order.note_unpaid(UnpaidStatus::Open, NOW_S + 1, true);
        assert!(order.wants_question(NOW_S + 10), "an open order may be paid meanwhile");
        order.mark_asked(NOW_S + 10);
        order.note_unpaid(UnpaidStatus::Unknown, NOW_S + 10, true);
        assert!(!order.wants_question(NOW_S + 10 + UNKNOWN_KEPT_S - 1));
    }

    #[test]
    fn only_a_trusted_time_ends_the_schedule() {
        const JUMP_S: i64 = 40 * 24 * 3600;
        for (is_time_trusted, next_s) in [(true, None), (false, Some(NOW_S + JUMP_S + SCHEDULE_S[0]))] {
            let mut order = order();
            order.mark_asked(NOW_S);
            let next = order.note_unpaid(UnpaidStatus::Open, NOW_S + JUMP_S, is_time_trusted);
            assert_eq!(next, next_s, "trusted: {is_time_trusted}");
            let end = order.note_unpaid(UnpaidStatus::Final, NOW_S + JUMP_S, is_time_trusted);
            assert_eq!(end, None, "a final answer needs no clock");
        }
    }

    #[test]
    fn an_order_from_a_time_that_was_ahead_is_asked_about_as_if_it_came_now() {
        const AHEAD_S: i64 = 40 * 24 * 3600;
        let mut order = order();
        order.mark_asked(NOW_S + AHEAD_S);
        order.note_unpaid(UnpaidStatus::Unknown, NOW_S + AHEAD_S, true);
        assert!(order.wants_question(NOW_S), "the silence is over");
        let next = order.note_unpaid(UnpaidStatus::Open, NOW_S, true);
        assert_eq!(next, Some(NOW_S + SCHEDULE_S[0]));
    }

    #[test]
    fn a_checkout_is_asked_about_once_its_buyer_had_time_to_pay() {
        let mut order = order();
        assert_eq!(order.plan_first_question(NOW_S), Some(NOW_S + AFTER_CHECKOUT_S));
        assert_eq!(order.plan_first_question(NOW_S + 1), None, "that is planned");
        assert!(order.wants_question(NOW_S + 2), "a claim need not wait for it");
    }
}
