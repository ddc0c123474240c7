//! Tables of claims: who claims, what is known, and what the page is told.

use secrecy::SecretString;
use tandem_core::code;
use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, AdsConsent, Consent, Page};
use tandem_core::id::{OrderId, PixelId};
use tandem_core::money::Money;
use tandem_core::order::{Contact, ContactProof, Environment, Order, Payment, PaymentSource};
use tandem_core::user_data::UserData;

use super::claim_rules::{Allowance, Circumstances, ClaimAnswer, Question, allowance, answer, is_proven};
use super::rules::PurchaseRules;
use super::testing::pixel;
use crate::config::BrowserPolicy::{self, Optimistic, Verified};

const NOW_S: i64 = 1_763_942_400;
const DAYS_3_S: i64 = 3 * 24 * 3600;

fn order_id() -> OrderId {
    OrderId::parse("KB-1").unwrap()
}

fn inr(amount: &str) -> Money {
    Money::parse(amount, Currency::INR).unwrap()
}

/// A claim of the browser with this `fbp`; the claim states an amount.
fn contact(fbp: &str, is_denied: bool) -> Contact {
    let mut user_data = UserData::default();
    user_data.fbp = Some(fbp.into());
    let custom_data = CustomData { value: Some(inr("1")), ..CustomData::default() };
    Contact {
        at_s: NOW_S,
        is_claim: true,
        proof: ContactProof::Nothing,
        pixel: None,
        consent: Consent {
            ads: if is_denied { AdsConsent::Denied } else { AdsConsent::Granted },
            ..Consent::default()
        },
        browser: None,
        user_data,
        page: Page::default(),
        custom_data,
    }
}

/// Rules under which Purchases are held for this reason.
fn rules(hold: Option<&'static str>) -> PurchaseRules {
    PurchaseRules {
        default_pixel: pixel(),
        order_prefixes: Vec::new(),
        holds: hold.map(|code| (pixel(), code)).into_iter().collect(),
        join_wait_ms: 0,
        refund_event: None,
        consent: Default::default(),
    }
}

/// An order that the buyer's browser claimed.
fn claimed(is_denied: bool) -> Order {
    let mut order = Order::new(order_id(), Environment::Production, pixel());
    order.add_contact(&contact("buyer", is_denied), &tandem_core::order::BrowserSalt::new([7; 32]));
    order
}

/// The same order, paid and with its Purchase decided.
fn paid(is_denied: bool) -> Order {
    let mut order = claimed(is_denied);
    order.pay(Payment {
        payment_id: Some("7".into()),
        account: None,
        pixel: None,
        money: inr("1499"),
        at_s: NOW_S,
        seen_at_s: NOW_S,
        source: PaymentSource::Webhook,
        action_source: ActionSource::Website,
        user_data: UserData::default(),
        custom_data: CustomData::default(),
        listed: CustomData::default(),
        page: Page::default(),
        consent: Consent::default(),
    });
    rules(None).decide(&mut order, NOW_S * 1000, None);
    order
}

fn fired(mut order: Order) -> Order {
    order.confirm_fired(NOW_S);
    order
}

fn failed() -> Order {
    let mut order = claimed(false);
    order.fail();
    order
}

#[test]
fn what_a_claim_may_cost() {
    let kept = |names_order, question| Allowance::Kept { names_order, question };
    let asked = {
        let mut order = claimed(false);
        order.mark_asked(NOW_S);
        order
    };
    let (open, paid) = (claimed(false), paid(false));
    let table = [
        // proven, can ask, may name, known order, allowance
        (false, true, true, None, kept(true, Question::WithinQuota)),
        (false, false, true, None, kept(true, Question::Refused)),
        (false, true, false, None, Allowance::Nothing),
        (false, false, false, None, Allowance::Nothing),
        // A known order does not count as a new order of the address.
        (false, true, false, Some(&open), kept(false, Question::WithinQuota)),
        (false, false, true, Some(&open), kept(false, Question::Refused)),
        (false, true, true, Some(&asked), kept(false, Question::Refused)),
        (false, true, true, Some(&paid), kept(false, Question::Refused)),
        // A claim with the shop's proof costs the address nothing.
        (true, true, false, None, kept(false, Question::Free)),
        (true, true, true, Some(&asked), kept(false, Question::Free)),
        (true, false, true, None, kept(false, Question::Refused)),
    ];
    for (row, (is_proven, can_ask, may_name, known, allowed)) in table.into_iter().enumerate() {
        let circumstances = Circumstances { is_proven, can_ask, may_name, now_s: NOW_S };
        assert_eq!(allowance(circumstances, known), allowed, "row {row}");
    }
}

/// `(is_verified, amount on the page's copy, suppressed_reason)`.
fn told(policy: BrowserPolicy, caller: &Contact, order: &Order, is_proven: bool, now_s: i64) -> Told {
    told_under(&rules(None), policy, caller, order, is_proven, now_s)
}

fn told_under(
    rules: &PurchaseRules,
    policy: BrowserPolicy,
    caller: &Contact,
    order: &Order,
    is_proven: bool,
    now_s: i64,
) -> Told {
    let proof = if is_proven { ContactProof::ClaimKey } else { ContactProof::Nothing };
    let caller = Contact { proof, ..caller.clone() };
    let ClaimAnswer { is_verified, page_copy, suppressed_reason, .. } =
        answer(rules, policy, &pixel(), &caller, order, now_s);
    let amount = page_copy.map(|copy| copy.value.map(|money| money.to_string()).unwrap_or_default());
    (is_verified, amount, suppressed_reason)
}

type Told = (bool, Option<String>, &'static str);

#[test]
fn what_a_page_is_told() {
    let (buyer, stranger) = (contact("buyer", false), contact("stranger", false));
    let worth = |amount: &str| Some(inr(amount).to_string());
    let later_s = NOW_S + DAYS_3_S;
    let table: [(&str, BrowserPolicy, &Contact, Order, bool, i64, Told); 10] = [
        ("not paid", Verified, &buyer, claimed(false), false, NOW_S, (false, None, "")),
        ("paid", Verified, &buyer, paid(false), false, NOW_S, (true, worth("1499"), "")),
        ("paid, optimistic", Optimistic, &buyer, paid(false), false, NOW_S, (true, worth("1499"), "")),
        ("a stranger", Verified, &stranger, paid(false), false, NOW_S, (true, None, "withheld")),
        ("with the shop's proof", Verified, &stranger, paid(false), true, NOW_S, (true, worth("1499"), "")),
        ("fired", Verified, &buyer, fired(paid(false)), false, NOW_S, (true, None, "already_fired")),
        (
            "a stranger, fired",
            Verified,
            &stranger,
            fired(paid(false)),
            false,
            NOW_S,
            (true, None, "withheld"),
        ),
        ("consent denied", Verified, &buyer, paid(true), false, NOW_S, (true, None, "consent_denied")),
        ("a stranger, denied", Verified, &stranger, paid(true), false, NOW_S, (true, None, "withheld")),
        (
            "too late for the browser's copy",
            Verified,
            &buyer,
            paid(false),
            false,
            later_s,
            (true, None, "withheld"),
        ),
    ];
    for (case, policy, caller, order, is_proven, now_s, expected) in table {
        assert_eq!(told(policy, caller, &order, is_proven, now_s), expected, "{case}");
    }
}

#[test]
fn an_optimistic_page_fires_its_own_claim_while_nothing_is_known() {
    let buyer = contact("buyer", false);
    let worthless = Contact { custom_data: CustomData::default(), ..buyer.clone() };
    let denied = contact("buyer", true);
    let own = Some(inr("1").to_string());
    let table: [(&str, BrowserPolicy, &Contact, Order, Option<String>); 6] = [
        ("open", Optimistic, &buyer, claimed(false), own),
        ("another policy", Verified, &buyer, claimed(false), None),
        ("without an amount", Optimistic, &worthless, claimed(false), None),
        ("denied", Optimistic, &denied, claimed(false), None),
        ("fired", Optimistic, &buyer, fired(claimed(false)), None),
        ("failed", Optimistic, &buyer, failed(), None),
    ];
    for (case, policy, caller, order, copy) in table {
        assert_eq!(told(policy, caller, &order, false, NOW_S), (false, copy, ""), "{case}");
    }
}

#[test]
fn nobody_is_told_of_play_money() {
    let (buyer, held) = (contact("buyer", false), rules(Some(code::SANDBOX_WITHOUT_TEST_CODE)));
    let paid = told_under(&held, Verified, &buyer, &paid(false), false, NOW_S);
    assert_eq!(paid, (true, None, code::SANDBOX_WITHOUT_TEST_CODE));
    let claimed = told_under(&held, Optimistic, &buyer, &claimed(false), false, NOW_S);
    assert_eq!(claimed, (false, None, ""));
}

#[test]
fn a_page_of_another_pixel_fires_nothing() {
    let other = PixelId::parse("555555555555555").unwrap();
    let answer = answer(&rules(None), Verified, &other, &contact("buyer", false), &paid(false), NOW_S);
    assert_eq!((answer.page_copy, answer.suppressed_reason), (None, "withheld"));
}

#[test]
fn a_claim_key_proves_its_own_order_with_any_of_the_secrets() {
    // HMAC-SHA256 of `KB-1` under `new-secret`, made with openssl.
    const KEY: &str = "6b3393a86ffd4516c59de0eb4f72cd090cc268292f00802346b51619eb5db5ea";
    let secrets =
        |list: &[&str]| -> Vec<SecretString> { list.iter().map(|one| SecretString::from(*one)).collect() };
    let (both, old) = (secrets(&["old-secret", "new-secret"]), secrets(&["old-secret"]));
    let (own, other) = (order_id(), OrderId::parse("KB-2").unwrap());
    assert!(is_proven(&own, KEY, &both));
    assert!(is_proven(&own, &KEY.to_uppercase(), &both), "upper-case and lower-case hex are valid");
    assert!(!is_proven(&own, KEY, &old), "another secret");
    assert!(!is_proven(&own, KEY, &[]), "no secret");
    assert!(!is_proven(&other, KEY, &both), "another order");
    for wrong in ["", "00", "no hex", &KEY[2..], &format!("{KEY}00")] {
        assert!(!is_proven(&own, wrong, &both), "{wrong:?}");
    }
}
