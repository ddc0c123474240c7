//! Which money counts: what was really paid, as its best proof names it, less what went back.

use super::tests::{NOW_S, SALT, contact, decide, inr, order, paid};
use super::*;
use crate::event::AdsConsent;

fn report(amount: &str) -> Payment {
    Payment { source: PaymentSource::Report, payment_id: None, ..paid("-", amount) }
}

#[test]
fn a_payment_of_zero_is_no_payment_whoever_tells_it_and_the_real_one_counts() {
    for zero in [paid("1", "0.00"), report("0"), paid("7", "0")] {
        let mut order = order();
        order.add_contact(&contact("a", true), &SALT);
        order.pay(zero);
        assert_eq!(order.state(), PurchaseState::Pending, "the page is not told that it was paid");
        assert_eq!(decide(&mut order), Decision::Nothing);
        assert_eq!(order.pay(paid("7", "5")), PaymentOutcome::New);
        let Decision::Send(event) = decide(&mut order) else { panic!("the real payment counts") };
        assert_eq!(event.custom_data.value, Some(inr("5")));
    }
}

#[test]
fn a_refund_of_another_payment_does_not_undo_a_reported_one() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(report("5"));
    order.refund(Refund::new("r".into(), Some("8".into()), inr("5"), NOW_S));
    assert_eq!(order.state(), PurchaseState::Verified);
    assert!(matches!(decide(&mut order), Decision::Send(_)));
    // Once the provider says that payment 8 is the reported one, its refund counts.
    order.pay(paid("8", "5"));
    assert_eq!(order.state(), PurchaseState::Refunded);
}

#[test]
fn however_many_parts_a_refund_has_their_sum_counts() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(paid("7", "40"));
    for part in 0..40 {
        assert_eq!(order.state(), PurchaseState::Verified, "{part} of 40 went back");
        assert!(order.refund(Refund::new(format!("r{part}"), Some("7".into()), inr("1"), NOW_S)));
    }
    assert_eq!(order.state(), PurchaseState::Refunded);
    assert_eq!(order.refunded(), Some(inr("40")));
}

#[test]
fn a_refusal_can_be_revised_until_the_purchase_left() {
    let mut order = order();
    let mut refusal = contact("a", true);
    refusal.consent.ads = AdsConsent::Denied;
    order.add_contact(&refusal, &SALT);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Withhold(_, WithholdReason::ConsentDenied)));
    let mut permission = contact("a", true);
    permission.consent.ads = AdsConsent::Granted;
    order.add_contact(&permission, &SALT);
    assert!(matches!(decide(&mut order), Decision::Send(_)), "its owner allowed it now");
}

#[test]
fn the_best_proof_of_one_payment_counts_whichever_came_first() {
    let proofs = [
        Payment { source: PaymentSource::LinkOrForm, ..paid("7", "500") },
        Payment { source: PaymentSource::OrdersApi, ..paid("7", "510") },
        paid("7", "512.50"),
    ];
    for turns in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut order = order();
        order.add_contact(&contact("a", true), &SALT);
        let mut placed = None;
        for n in turns {
            order.pay(proofs[n].clone());
            if let Decision::Send(event) = decide(&mut order) {
                placed = event.custom_data.value;
            }
        }
        assert_eq!(placed, Some(inr("512.50")), "{turns:?}");
        assert_eq!((order.payments(), order.state()), (1, PurchaseState::Verified));
    }
}

#[test]
fn what_left_is_what_the_page_fires_though_a_better_proof_came() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(Payment { source: PaymentSource::LinkOrForm, ..paid("7", "500") });
    decide(&mut order);
    let before = order.clone();
    order.pay(paid("7", "512.50"));
    assert!(matches!(decide(&mut order), Decision::Send(_)));
    order.mark_left(&before);
    assert_eq!(order.browser_event(NOW_S).unwrap().value, Some(inr("500")));
}

#[test]
fn money_of_another_merchant_account_does_not_count() {
    let of =
        |account: Option<&str>, id, amount| Payment { account: account.map(Into::into), ..paid(id, amount) };
    let mut order = order();
    assert_eq!(order.pay(of(Some("m1"), "7", "5")), PaymentOutcome::New);
    assert_eq!(order.pay(of(Some("m2"), "7", "9")), PaymentOutcome::OtherAccount);
    assert_eq!(order.pay(of(None, "7", "5")), PaymentOutcome::Duplicate, "it names none");
    assert_eq!((order.payments(), order.paid().unwrap().money), (1, inr("5")));
}
