//! Refunds, voids and disputes: their notes on the order, and their events.

use super::tests::{NOW_S, SALT, contact, decide, inr, order, paid, with_context};
use super::*;
use crate::custom_data::CustomData;
use crate::event::{AdsConsent, Event};
use crate::id::EventName;
use proptest::prelude::*;

fn refund(id: &str, payment: &str, amount: &str) -> Refund {
    Refund::new(id.into(), Some(payment.into()), inr(amount), NOW_S - 5)
}

fn events(order: &mut Order) -> Vec<(Event, RefundDecision)> {
    let name = EventName::parse_custom("Refund").unwrap();
    with_context(NOW_S * 1000, |context| order.refund_events(&name, context))
}

fn ids(events: &[(Event, RefundDecision)]) -> Vec<&str> {
    events.iter().map(|(event, _)| event.id.as_str()).collect()
}

/// A claimed and paid order whose Purchase was placed.
fn sold() -> Order {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Send(_)));
    order
}

#[test]
fn a_refund_of_a_sale_has_one_event_of_its_own() {
    let mut order = sold();
    assert!(events(&mut order).is_empty());
    order.refund(refund("91", "7", "2"));
    assert_eq!(decide(&mut order), Decision::Nothing);
    let told = events(&mut order);
    let [(event, RefundDecision::Send)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((event.name.as_str(), event.id.as_str()), ("Refund", "refund_91"));
    assert_eq!(event.time_s, NOW_S - 5);
    let expected =
        CustomData { value: Some(inr("2")), order_id: Some(order.id().clone()), ..CustomData::default() };
    assert_eq!(event.custom_data, expected, "what went back, and of which order");
    assert_eq!(event.user_data.fbp.as_deref(), Some("a"));
    assert!(!order.refund(refund("91", "7", "2")), "it is known");
    assert!(events(&mut order).is_empty());
    order.refund(refund("92", "7", "1"));
    assert_eq!(ids(&events(&mut order)), ["refund_92"]);
}

#[test]
fn nothing_is_told_of_what_was_never_a_purchase() {
    // The cases: an unpaid order, a refund of another payment, a payment that is too old for Meta, and
    // a payment of 0.
    let mut unpaid = order();
    unpaid.refund(refund("1", "7", "5"));
    let mut other = sold();
    other.pay(paid("8", "5"));
    other.refund(refund("1", "8", "5"));
    let mut old = order();
    old.pay(Payment { at_s: NOW_S - 8 * 24 * 3600, ..paid("7", "5") });
    decide(&mut old);
    old.refund(refund("1", "7", "5"));
    let mut free = order();
    free.pay(paid("7", "0"));
    free.refund(refund("1", "7", "0"));
    for mut order in [unpaid, other, old, free] {
        decide(&mut order);
        assert!(events(&mut order).is_empty(), "{order:?}");
    }
}

#[test]
fn a_refund_that_overtook_its_payment_is_told_after_it() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.refund(refund("1", "7", "2"));
    decide(&mut order);
    assert!(events(&mut order).is_empty());
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Send(_)));
    assert_eq!(ids(&events(&mut order)), ["refund_1"]);
}

#[test]
fn a_full_refund_tells_all_again_so_that_they_can_be_stopped() {
    let mut order = sold();
    order.refund(refund("1", "7", "2"));
    assert_eq!(ids(&events(&mut order)), ["refund_1"]);
    order.refund(refund("2", "7", "3"));
    assert_eq!(decide(&mut order), Decision::Stop(WithholdReason::RefundedBeforeSent));
    assert_eq!(ids(&events(&mut order)), ["refund_1", "refund_2"]);
}

#[test]
fn a_refusal_suppresses_and_lost_signals_do() {
    let mut denied = order();
    let mut owner = contact("a", true);
    owner.consent.ads = AdsConsent::Denied;
    denied.add_contact(&owner, &SALT);
    denied.pay(paid("7", "5"));
    decide(&mut denied);
    denied.refund(refund("1", "7", "5"));
    decide(&mut denied);
    assert_eq!(events(&mut denied)[0].1, RefundDecision::Suppress("consent_denied"));

    let mut later = sold();
    let mut again = contact("a", false);
    again.consent.ads = AdsConsent::Denied;
    later.add_contact(&again, &SALT);
    later.refund(refund("1", "7", "1"));
    assert_eq!(events(&mut later)[0].1, RefundDecision::Suppress("consent_denied"));

    let mut stripped = sold();
    stripped.strip_signals();
    stripped.refund(refund("1", "7", "1"));
    assert_eq!(events(&mut stripped)[0].1, RefundDecision::Suppress("person_gone"));

    let mut late = sold();
    late.refund(Refund::new("1".into(), None, inr("1"), NOW_S - 8 * 24 * 3600));
    assert_eq!(events(&mut late)[0].1, RefundDecision::TooOld);
}

#[test]
fn a_void_of_the_paying_payment_is_a_full_refund() {
    let mut order = sold();
    order.void("8", NOW_S);
    assert_eq!(order.state(), PurchaseState::Verified, "another payment's void changes nothing");
    order.void("7", NOW_S);
    order.void("7", NOW_S);
    assert_eq!(order.state(), PurchaseState::Refunded);
    assert_eq!(order.refunded(), Some(inr("5")));
    decide(&mut order);
    assert_eq!(ids(&events(&mut order)), ["refund_void_7"]);
    let mut unpaid = self::order();
    unpaid.void("7", NOW_S);
    assert_eq!(unpaid.state(), PurchaseState::Failed);
}

fn note(kind: NoteKind, id: &str, status: &str, money: &str) -> Note {
    Note {
        kind,
        id: id.into(),
        payment_id: None,
        status: status.into(),
        money: Some(inr(money)),
        at_s: None,
        seen_at_s: NOW_S,
        source: PaymentSource::Webhook,
        is_lost: status.ends_with("LOST"),
    }
}

#[test]
fn the_history_holds_each_status_once_and_payments_by_themselves() {
    let mut order = sold();
    order.note(note(NoteKind::Payment, "7", "SUCCESS", "5"));
    for status in ["PENDING", "PENDING", "SUCCESS"] {
        order.note(note(NoteKind::Refund, "1", status, "2"));
    }
    let told: Vec<(&str, &str)> =
        order.history().iter().map(|note| (note.kind.name(), note.status.as_str())).collect();
    assert_eq!(told, [("payment", "SUCCESS"), ("refund", "PENDING"), ("refund", "SUCCESS")]);
    let json = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
}

#[test]
fn a_dispute_counts_by_the_last_that_was_heard_of_it() {
    let mut order = sold();
    assert_eq!(order.lost(), Some(inr("0")));
    order.note(note(NoteKind::Dispute, "1", "CHARGEBACK_MERCHANT_LOST", "2"));
    order.note(note(NoteKind::Dispute, "2", "CHARGEBACK_CREATED", "3"));
    assert_eq!(order.lost(), Some(inr("2")));
    order.note(note(NoteKind::Dispute, "1", "ARBITRATION_MERCHANT_WON", "2"));
    assert_eq!(order.lost(), Some(inr("0")));
}

#[test]
fn the_history_is_bounded_and_keeps_the_latest_of_what_it_knows() {
    let mut order = sold();
    for n in 0..200 {
        order.note(note(NoteKind::Dispute, &n.to_string(), "CHARGEBACK_CREATED", "1"));
    }
    let length = order.history().len();
    assert!(length < 100, "{length}");
    order.note(note(NoteKind::Dispute, "3", "CHARGEBACK_MERCHANT_LOST", "1"));
    assert_eq!((order.history().len(), order.lost()), (length, Some(inr("1"))));
}

proptest! {
    /// For any inputs in any sequence: each refund has at most one event while the Purchase is not
    /// stopped. The events are never about more money than was refunded of the paying payment, and
    /// never about another payment.
    #[test]
    fn each_refund_is_told_once(steps in prop::collection::vec((0..5_u8, 0..2_u8, 0..4_u8, 1..3_u8), 1..40)) {
        let mut order = order();
        let mut told: Vec<String> = Vec::new();
        for (what, payment, id, amount) in steps {
            match what {
                0 => { order.add_contact(&contact(&id.to_string(), true), &SALT); }
                1 => { order.pay(paid(&payment.to_string(), "5")); }
                2 => { order.refund(refund(&id.to_string(), &payment.to_string(), &amount.to_string())); }
                3 => order.fail(),
                _ => order = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap(),
            }
            decide(&mut order);
            let now = events(&mut order);
            if order.withheld().is_none() {
                for (event, _) in &now {
                    prop_assert!(!told.contains(&event.id.as_str().to_owned()), "{} twice", event.id);
                    told.push(event.id.as_str().to_owned());
                }
                let unplaced = order.placed() == "none";
                prop_assert!(!unplaced || now.is_empty());
            }
        }
        if order.withheld().is_none() && order.placed() != "none" {
            let paying = order.paid().and_then(|paid| paid.payment_id.clone());
            let owed = order.refunds.iter().filter(|refund| refund.payment_id == paying).count();
            prop_assert_eq!(told.len(), owed, "all refunds of the sale, and no others");
        }
    }
}
