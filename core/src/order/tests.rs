use super::*;
use crate::currency::Currency;
use crate::custom_data::{Content, CustomData};
use crate::event::{ActionSource, AdsConsent, Consent, DEDUPLICATION_WINDOW_S, Page, oldest_time_s};
use crate::id::{OrderId, PixelId};
use crate::money::Money;
use crate::user_data::UserData;

pub(super) const NOW_S: i64 = 1_763_942_400;
pub(super) const WAIT_MS: i64 = 30_000;

/// The first pixel is the default one.
pub(super) fn pixel(n: u8) -> PixelId {
    PixelId::parse(&format!("12345678901234{n}")).unwrap()
}

pub(super) const SALT: BrowserSalt = BrowserSalt::new([7; 32]);

pub(super) fn order() -> Order {
    Order::new(OrderId::parse("KB-1").unwrap(), Environment::Production, pixel(1))
}

pub(super) fn inr(text: &str) -> Money {
    Money::parse(text, Currency::parse("INR").unwrap()).unwrap()
}

pub(super) fn contact(fbp: &str, is_claim: bool) -> Contact {
    Contact {
        at_s: NOW_S,
        is_claim,
        proof: ContactProof::Nothing,
        pixel: None,
        consent: Consent::default(),
        browser: None,
        user_data: UserData { fbp: Some(fbp.into()), ..UserData::default() },
        page: Page::default(),
        custom_data: CustomData {
            value: Some(inr("1")),
            content_name: Some(fbp.into()),
            ..CustomData::default()
        },
    }
}

pub(super) fn paid(payment_id: &str, amount: &str) -> Payment {
    Payment {
        payment_id: Some(payment_id.into()),
        account: None,
        pixel: None,
        money: inr(amount),
        at_s: NOW_S - 10,
        seen_at_s: NOW_S,
        source: PaymentSource::Webhook,
        action_source: ActionSource::Website,
        user_data: UserData::default(),
        custom_data: CustomData::default(),
        listed: CustomData::default(),
        page: Page::default(),
        consent: Consent::default(),
    }
}

/// A payment whose contents the catalogue knows.
fn listed(amount: &str) -> Payment {
    Payment { listed: contents("listed", 2), ..paid("7", amount) }
}

fn contents(id: &str, num_items: u32) -> CustomData {
    CustomData {
        content_ids: vec![id.into()],
        contents: vec![Content { id: id.into(), quantity: num_items, item_price: None }],
        content_category: Some(id.into()),
        num_items: Some(num_items),
        ..CustomData::default()
    }
}

pub(super) fn decide(order: &mut Order) -> Decision {
    decide_at(order, NOW_S * 1000)
}

pub(super) fn decide_at(order: &mut Order, now_ms: i64) -> Decision {
    with_context(now_ms, |context| order.decide(context))
}

pub(super) fn with_context<T>(now_ms: i64, run: impl FnOnce(PurchaseContext<'_>) -> T) -> T {
    run(PurchaseContext {
        now_ms,
        join_wait_ms: WAIT_MS,
        oldest_s: Some(oldest_time_s(now_ms.div_euclid(1000))),
        order_pixel: None,
        default_pixel: &pixel(1),
    })
}

#[test]
fn a_claim_alone_sends_nothing() {
    let mut order = order();
    assert!(!order.add_contact(&contact("a", true), &SALT));
    assert_eq!(decide(&mut order), Decision::Nothing);
    assert_eq!(order.state(), PurchaseState::Pending);
    assert!(order.add_contact(&contact("a", true), &SALT), "the second claim is a repeat");
}

#[test]
fn the_webhooks_money_wins_and_the_browser_brings_the_signals() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
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
    let Decision::Hold(_, until_ms) = decide(&mut order) else { panic!("the Purchase waits") };
    assert_eq!(until_ms, NOW_S * 1000 + WAIT_MS);
    assert_eq!(decide(&mut order), Decision::Nothing, "it waits once");
    order.add_contact(&contact("late", true), &SALT);
    let Decision::Send(event) = decide(&mut order) else { panic!("the claim ends the wait") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("late"));
}

#[test]
fn a_click_that_the_thank_you_page_names_is_not_later_than_the_payment() {
    let mut order = order();
    order.pay(paid("7", "5"));
    let mut claim = contact("owner", true);
    claim.user_data.fbc = Some(format!("fb.1.{NOW_S}000.AbC"));
    order.add_contact(&claim, &SALT);
    let Decision::Send(event) = decide(&mut order) else { panic!("it is paid and claimed") };
    assert_eq!(event.user_data.fbc, Some(format!("fb.1.{}000.AbC", event.time_s)));
}

#[test]
fn a_stranger_cannot_take_over_the_signals_or_refuse_for_the_owner() {
    let mut order = order();
    order.add_contact(&contact("owner", false), &SALT);
    let mut thief = contact("thief", true);
    thief.consent.ads = AdsConsent::Denied;
    thief.user_data.fbc = Some("fb.1.1.stolen".into());
    order.add_contact(&thief, &SALT);
    assert!(!order.is_owned_by(&thief));
    order.pay(paid("7", "5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("the refusal was not the owner's") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("owner"));
    assert_eq!(event.user_data.fbc, None);
}

#[test]
fn the_owners_refusal_keeps_the_purchase_back_and_counts_it() {
    let mut order = order();
    let mut owner = contact("a", true);
    owner.consent.ads = AdsConsent::Denied;
    order.add_contact(&owner, &SALT);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Withhold(_, WithholdReason::ConsentDenied)));
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
    order.refund(Refund::new("r".into(), Some("8".into()), inr("5"), NOW_S));
    assert_eq!(order.state(), PurchaseState::Verified);
    assert!(matches!(decide(&mut order), Decision::Hold(..)));
}

#[test]
fn a_full_refund_before_the_purchase_left_stops_it() {
    let mut order = order();
    order.pay(paid("7", "5"));
    decide(&mut order);
    order.refund(Refund::new("r1".into(), Some("7".into()), inr("2"), NOW_S));
    assert_eq!(decide(&mut order), Decision::Nothing, "a partial refund does not");
    order.refund(Refund::new("r2".into(), Some("7".into()), inr("3"), NOW_S));
    assert!(matches!(decide(&mut order), Decision::Withhold(_, WithholdReason::RefundedBeforeSent)));
    assert_eq!(order.state(), PurchaseState::Refunded);
}

#[test]
fn a_fact_with_another_amount_is_a_conflict_that_names_the_known_one() {
    let mut order = order();
    let fact = |amount| Payment { source: PaymentSource::Report, payment_id: None, ..paid("-", amount) };
    assert_eq!(order.pay(fact("5")), PaymentOutcome::New);
    assert_eq!(order.pay(fact("5.00")), PaymentOutcome::Duplicate);
    assert_eq!(order.pay(fact("6")), PaymentOutcome::Conflict { known: inr("5") });
    assert_eq!(order.pay(paid("7", "5")), PaymentOutcome::Duplicate, "the provider's word on the same sale");
    assert_eq!(order.pay(paid("7", "5")), PaymentOutcome::Duplicate);
}

#[test]
fn a_week_old_payment_is_kept_and_given_up() {
    let mut order = order();
    order.pay(Payment { at_s: NOW_S - 8 * 24 * 3600, ..paid("7", "5") });
    let untrusted = with_context(NOW_S * 1000, |context| {
        order.clone().decide(PurchaseContext { oldest_s: None, ..context })
    });
    assert!(matches!(untrusted, Decision::Hold(..)), "a clock that may be wrong gives up nothing");
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
fn the_catalogues_contents_count_where_nobody_names_any() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(listed("5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("the Purchase is sent") };
    assert_eq!(event.custom_data.content_ids, ["listed"]);
    assert_eq!(event.custom_data.num_items, Some(2));
    assert_eq!(event.custom_data.content_name.as_deref(), Some("a"), "the browser's words stay");
    assert_eq!(order.browser_event(NOW_S), Some(event.custom_data), "both sides say the same");
}

#[test]
fn contents_of_the_browser_or_of_a_fact_stay() {
    let mut order = order();
    let claim = Contact { custom_data: contents("claimed", 1), ..contact("a", true) };
    order.add_contact(&claim, &SALT);
    order.pay(listed("5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("the Purchase is sent") };
    assert_eq!(event.custom_data.content_ids, ["claimed"]);
    assert_eq!(event.custom_data.content_category.as_deref(), Some("claimed"));

    let mut order = self::order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(Payment { custom_data: contents("stated", 3), ..listed("5") });
    let Decision::Send(event) = decide(&mut order) else { panic!("the Purchase is sent") };
    assert_eq!(event.custom_data.content_ids, ["stated"]);
}

#[test]
fn contents_that_come_after_the_purchase_left_change_neither_side() {
    let mut order = order();
    order.add_contact(&contact("a", false), &SALT);
    order.pay(listed("5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("it is sent") };
    order.add_contact(&Contact { custom_data: contents("late", 1), ..contact("a", true) }, &SALT);
    assert_eq!(order.browser_event(NOW_S), Some(event.custom_data));

    // After a hold: contents are accepted until its end and ignored after it.
    for (late_ms, expected) in [(WAIT_MS - 1, "late"), (WAIT_MS, "listed")] {
        let mut order = self::order();
        order.pay(listed("5"));
        assert!(matches!(decide(&mut order), Decision::Hold(..)));
        order.add_contact(&Contact { custom_data: contents("late", 1), ..contact("a", true) }, &SALT);
        let later = decide_at(&mut order, NOW_S * 1000 + late_ms);
        let Decision::Send(event) = later else { panic!("signals came") };
        assert_eq!(event.custom_data.content_ids, [expected], "after {late_ms} ms");
        assert_eq!(order.browser_event(NOW_S + WAIT_MS / 1000), Some(event.custom_data));
    }
}

#[test]
fn an_order_of_the_version_before_is_still_read() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    let json = serde_json::to_string(&order).unwrap();
    assert!(!json.contains("settled") && !json.contains("listed"), "{json}");
    assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
}

#[test]
fn an_order_survives_its_json() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(paid("7", "5"));
    decide(&mut order);
    let json = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&json).unwrap(), order);
}

#[test]
fn a_void_that_overtakes_its_payment_stops_it_all_the_same() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.void("7", NOW_S);
    assert_eq!(order.state(), PurchaseState::Failed);
    order.pay(paid("7", "5"));
    assert_eq!(order.state(), PurchaseState::Refunded);
    assert!(matches!(decide(&mut order), Decision::Withhold(_, WithholdReason::RefundedBeforeSent)));

    let mut order = self::order();
    order.add_contact(&contact("a", true), &SALT);
    order.void("6", NOW_S);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Send(_)), "another attempt's void is another's");
}
