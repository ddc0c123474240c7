use super::*;
use crate::currency::Currency;
use crate::event::{Consent, Page};
use crate::money::Money;
use crate::user_data::UserData;
use proptest::prelude::*;

pub(super) const NOW_S: i64 = 1_763_942_400;
const WAIT_MS: i64 = 30_000;

pub(super) fn order() -> Order {
    Order::new(OrderId::parse("KB-1").unwrap(), PixelId::parse("123456789012345").unwrap())
}

pub(super) fn inr(text: &str) -> Money {
    Money::parse(text, Currency::parse("INR").unwrap()).unwrap()
}

pub(super) fn contact(fbp: &str, is_claim: bool) -> Contact {
    Contact {
        at_s: NOW_S,
        is_claim,
        is_internal: false,
        consent: Consent::default(),
        user_data: UserData { fbp: Some(fbp.into()), ..UserData::default() },
        page: Page::default(),
        custom_data: CustomData {
            value: Some(inr("1")),
            content_name: Some(fbp.into()),
            ..CustomData::default()
        },
    }
}

pub(super) fn paid(payment_id: &str, amount: &str) -> Paid {
    Paid {
        payment_id: Some(payment_id.into()),
        money: inr(amount),
        at_s: NOW_S - 10,
        seen_at_s: NOW_S,
        source: PaymentSource::Webhook,
        action_source: ActionSource::Website,
        user_data: UserData::default(),
        custom_data: CustomData::default(),
        page: Page::default(),
        consent: Consent::default(),
    }
}

pub(super) fn decide(order: &mut Order) -> Decision {
    order.decide(NOW_S * 1000, WAIT_MS, Some("https://shop.example/"))
}

#[test]
fn a_claim_alone_sends_nothing() {
    let mut order = order();
    assert!(!order.contact(contact("a", true)));
    assert_eq!(decide(&mut order), Decision::Nothing);
    assert_eq!(order.state(), PurchaseState::Pending);
    assert!(order.contact(contact("a", true)), "the second claim is a repeat");
}

#[test]
fn the_webhooks_money_wins_and_the_browser_brings_the_signals() {
    let mut order = order();
    order.contact(contact("a", true));
    assert_eq!(order.pay(paid("7", "1399.50")), PaymentOutcome::New);
    let Decision::Send(event) = decide(&mut order) else {
        panic!("a claimed and paid order is sent at once")
    };
    assert_eq!(event.id.as_str(), "purchase_KB-1");
    assert_eq!(event.custom_data.value, Some(inr("1399.50")));
    assert_eq!(event.user_data.fbp.as_deref(), Some("a"));
    assert_eq!(event.time_s, NOW_S - 10);
    assert_eq!(decide(&mut order), Decision::Nothing, "and only once");
}

#[test]
fn a_paid_order_without_signals_waits_and_takes_a_late_claim() {
    let mut order = order();
    order.pay(paid("7", "5"));
    let Decision::Hold(event, until_ms) = decide(&mut order) else { panic!("it waits") };
    assert_eq!(until_ms, NOW_S * 1000 + WAIT_MS);
    assert_eq!(event.page.event_source_url.as_deref(), Some("https://shop.example/"));
    assert_eq!(decide(&mut order), Decision::Nothing, "it waits once");
    order.contact(contact("late", true));
    let Decision::Send(event) = decide(&mut order) else { panic!("the claim ends the wait") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("late"));
}

#[test]
fn a_stranger_cannot_take_over_the_signals_or_refuse_for_the_owner() {
    let mut order = order();
    order.contact(contact("owner", false));
    let mut thief = contact("thief", true);
    thief.consent.denied = true;
    thief.user_data.fbc = Some("fb.1.1.stolen".into());
    order.contact(thief.clone());
    assert!(!order.is_owned_by(&thief.user_data));
    order.pay(paid("7", "5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("the refusal was not the owner's") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("owner"));
    assert_eq!(event.user_data.fbc, None);
}

#[test]
fn the_owners_refusal_keeps_the_purchase_back_and_counts_it() {
    let mut order = order();
    let mut owner = contact("a", true);
    owner.consent.denied = true;
    order.contact(owner);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Withhold(_, Withheld::ConsentDenied)));
    assert_eq!(order.browser_event(NOW_S), None);
}

#[test]
fn failed_never_undoes_paid() {
    let mut order = order();
    order.fail();
    assert_eq!(order.state(), PurchaseState::Failed);
    order.pay(paid("7", "5"));
    order.fail();
    assert_eq!(order.state(), PurchaseState::Verified);
}

#[test]
fn a_second_payment_is_noted_and_its_refund_changes_nothing() {
    let mut order = order();
    order.pay(paid("7", "5"));
    assert_eq!(order.pay(paid("8", "5")), PaymentOutcome::SecondPayment);
    assert_eq!(order.pay(paid("8", "5")), PaymentOutcome::Duplicate);
    order.refund(Refund { refund_id: "r".into(), payment_id: Some("8".into()), money: inr("5") });
    assert_eq!(order.state(), PurchaseState::Verified);
    assert!(matches!(decide(&mut order), Decision::Hold(..)));
}

#[test]
fn a_full_refund_before_the_purchase_left_stops_it() {
    let mut order = order();
    order.pay(paid("7", "5"));
    decide(&mut order);
    order.refund(Refund { refund_id: "r1".into(), payment_id: Some("7".into()), money: inr("2") });
    assert_eq!(decide(&mut order), Decision::Nothing, "a partial refund does not");
    order.refund(Refund { refund_id: "r2".into(), payment_id: Some("7".into()), money: inr("3") });
    assert!(matches!(decide(&mut order), Decision::Withhold(_, Withheld::RefundedBeforeSent)));
    assert_eq!(order.state(), PurchaseState::Refunded);
}

#[test]
fn a_fact_with_another_amount_is_a_conflict_that_names_the_known_one() {
    let mut order = order();
    let fact = |amount| Paid { source: PaymentSource::Fact, payment_id: None, ..paid("-", amount) };
    assert_eq!(order.pay(fact("5")), PaymentOutcome::New);
    assert_eq!(order.pay(fact("5.00")), PaymentOutcome::Duplicate);
    assert_eq!(order.pay(fact("6")), PaymentOutcome::Conflict { known: inr("5") });
    assert_eq!(order.pay(paid("7", "5")), PaymentOutcome::Duplicate, "the provider's word on the same sale");
    assert_eq!(order.pay(paid("7", "5")), PaymentOutcome::Duplicate);
}

#[test]
fn a_week_old_payment_is_kept_and_given_up() {
    let mut order = order();
    order.pay(Paid { at_s: NOW_S - 8 * 24 * 3600, ..paid("7", "5") });
    assert!(matches!(decide(&mut order), Decision::TooOld(_)));
    assert_eq!(order.state(), PurchaseState::Verified);
    assert_eq!(decide(&mut order), Decision::Nothing);
}

#[test]
fn nothing_is_bought_for_nothing() {
    let mut order = order();
    order.pay(paid("7", "0.00"));
    assert_eq!(decide(&mut order), Decision::Nothing);
}

#[test]
fn the_page_fires_while_the_copies_would_be_merged_and_until_it_has() {
    let mut order = order();
    assert_eq!(order.browser_event(NOW_S), None);
    order.pay(paid("7", "5"));
    decide(&mut order);
    assert_eq!(order.browser_event(NOW_S).unwrap().value, Some(inr("5")));
    assert_eq!(order.browser_event(NOW_S + DEDUPLICATION_WINDOW_S), None);
    order.confirm_fired(NOW_S);
    assert_eq!(order.browser_event(NOW_S), None);
}

#[test]
fn an_order_survives_its_json() {
    let mut order = order();
    order.contact(contact("a", true));
    order.pay(paid("7", "5"));
    decide(&mut order);
    let json = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
}

#[derive(Debug, Clone)]
enum Step {
    Contact { fbp: u8, is_claim: bool, denied: bool },
    Paid { payment: u8, amount: u8 },
    Fact { amount: u8 },
    Fail,
    Refund { payment: u8, amount: u8, id: u8 },
    WaitIsOver,
    Deliver,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u8, any::<bool>(), prop::bool::weighted(0.1))
            .prop_map(|(fbp, is_claim, denied)| Step::Contact { fbp, is_claim, denied }),
        (0..2_u8, 0..3_u8).prop_map(|(payment, amount)| Step::Paid { payment, amount }),
        (0..3_u8).prop_map(|amount| Step::Fact { amount }),
        Just(Step::Fail),
        (0..2_u8, 1..3_u8, 0..3_u8).prop_map(|(payment, amount, id)| Step::Refund { payment, amount, id }),
        Just(Step::WaitIsOver),
        Just(Step::Deliver),
        Just(Step::Restart),
    ]
}

/// The Purchase's row as a store would keep it.
#[derive(Debug, Clone, PartialEq)]
enum Row {
    Waiting(Event),
    Pending(Event),
    Left(Event),
    Stopped,
}

fn carry_out(row: &mut Option<Row>, decision: Decision) {
    let unsent = matches!(row, None | Some(Row::Waiting(_) | Row::Pending(_)));
    match decision {
        Decision::Send(event) if unsent => *row = Some(Row::Pending(*event)),
        Decision::Hold(event, _) => {
            assert_eq!(*row, None, "a hold is only ever the first decision");
            *row = Some(Row::Waiting(*event));
        }
        Decision::Withhold(..) if unsent => *row = Some(Row::Stopped),
        Decision::TooOld(_) => panic!("nothing here is old"),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]
    #[test]
    fn one_purchase_iff_paid_whatever_the_order_of_inputs(steps in prop::collection::vec(step(), 1..40)) {
        let mut order = order();
        let mut row: Option<Row> = None;
        let mut first_amount: Option<Money> = None;
        let mut departures = 0;
        for step in steps {
            match step {
                Step::Contact { fbp, is_claim, denied } => {
                    let mut c = contact(&fbp.to_string(), is_claim);
                    c.consent.denied = denied;
                    order.contact(c);
                }
                Step::Paid { payment, amount } => {
                    let p = paid(&payment.to_string(), &amount.to_string());
                    first_amount.get_or_insert(p.money);
                    order.pay(p);
                }
                Step::Fact { amount } => {
                    let p = Paid { source: PaymentSource::Fact, payment_id: None, ..paid("", &amount.to_string()) };
                    first_amount.get_or_insert(p.money);
                    order.pay(p);
                }
                Step::Fail => order.fail(),
                Step::Refund { payment, amount, id } => {
                    order.refund(Refund { refund_id: id.to_string(), payment_id: Some(payment.to_string()), money: inr(&amount.to_string()) });
                }
                Step::WaitIsOver => {
                    if let Some(Row::Waiting(event)) = &row { row = Some(Row::Pending(event.clone())); }
                }
                Step::Deliver => {
                    if let Some(Row::Pending(event)) = &row {
                        departures += 1;
                        row = Some(Row::Left(event.clone()));
                    }
                }
                Step::Restart => {
                    order = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap();
                }
            }
            carry_out(&mut row, decide(&mut order));

            let owed = first_amount.is_some_and(|money| money.amount.get() > 0);
            prop_assert_eq!(row.is_some(), owed, "a Purchase exists iff money was paid");
            prop_assert!(departures <= 1);
            if let Some(Row::Waiting(event) | Row::Pending(event) | Row::Left(event)) = &row {
                prop_assert_eq!(event.custom_data.value, first_amount);
                prop_assert_eq!(event.id.as_str(), "purchase_KB-1");
            }
            if let Some(Row::Stopped) = &row {
                prop_assert!(order.withheld().is_some());
            }
        }
    }
}
