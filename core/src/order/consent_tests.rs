//! What is said about advertising use, and what follows from it.

use super::tests::{SALT, contact, decide, order, paid};
use super::*;
use crate::event::{AdsConsent, AdsUse, ConsentRule, Event};
use crate::hash::Sha256Hex;
use crate::page_url::PageUrl;
use AdsConsent::{Denied, Granted, MeasureOnly, Unspecified};

/// A browser's word, with its click.
fn says(fbp: &str, ads: AdsConsent) -> Contact {
    let mut contact = contact(fbp, false);
    contact.consent.ads = ads;
    contact
}

fn proven(proof: ContactProof, fbp: &str, ads: AdsConsent) -> Contact {
    Contact { proof, ..says(fbp, ads) }
}

/// A payment whose order names its browser.
fn named(fbp: &str) -> Payment {
    let mut paid = paid("7", "5");
    paid.user_data.fbp = Some(fbp.into());
    paid
}

fn sent(order: &mut Order) -> Event {
    match decide(order) {
        Decision::Send(event) => *event,
        other => panic!("it should be sent: {other:?}"),
    }
}

#[test]
fn where_consent_is_required_a_payment_alone_sends_nothing_until_somebody_allows_it() {
    let mut order = order();
    order.obey(ConsentRule::Required);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Withhold(_, WithholdReason::ConsentDenied)));
    order.add_contact(&contact("silent", true), &SALT);
    assert_eq!(decide(&mut order), Decision::Nothing, "silence allows nothing");
    let mut stored: Order = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap();
    assert_eq!(stored.must_not_leave(), Some(WithholdReason::ConsentDenied), "nor after a restart");
    stored.add_contact(&Contact { is_claim: true, ..says("buyer", Granted) }, &SALT);
    assert_eq!(sent(&mut stored).user_data.fbp.as_deref(), Some("buyer"));
    // A service of the shop may say it too.
    order.add_contact(&proven(ContactProof::Internal, "", Granted), &SALT);
    assert_eq!(order.ads_use(), AdsUse::Full);
    assert!(!matches!(decide(&mut order), Decision::Nothing | Decision::Withhold(..)));
}

#[test]
fn a_rule_that_changed_counts_for_what_has_not_left() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Send(_)));
    order.obey(ConsentRule::Required);
    assert_eq!(decide(&mut order), Decision::Stop(WithholdReason::ConsentDenied));
    order.obey(ConsentRule::Assumed);
    assert!(matches!(decide(&mut order), Decision::Send(_)));
}

#[test]
fn the_later_word_of_a_browser_counts_and_what_comes_with_it() {
    let mut order = order();
    for (content, ads) in [("view", Denied), ("checkout", Denied), ("payment", Granted)] {
        let mut contact = says("a", ads);
        contact.custom_data.content_name = Some(content.into());
        contact.user_data.fbc = Some(content.into());
        contact.page.event_source_url =
            PageUrl::clean(&format!("https://shop.example/{content}")).map(|(url, _)| url);
        order.add_contact(&contact, &SALT);
    }
    order.pay(paid("7", "5"));
    let event = sent(&mut order);
    assert_eq!(event.user_data.fbc.as_deref(), Some("payment"), "not what came with the refusal");
    assert_eq!(event.custom_data.content_name.as_deref(), Some("payment"));
    assert_eq!(
        event.page.event_source_url.as_ref().map(PageUrl::as_str),
        Some("https://shop.example/payment")
    );
    order.add_contact(&says("a", Denied), &SALT);
    assert_eq!(decide(&mut order), Decision::Stop(WithholdReason::ConsentDenied));
}

#[test]
fn a_browser_that_nothing_recognises_gives_way_to_one_that_may_be_the_same() {
    let agent = |name: &str, fbp: Option<&str>, ads| {
        let mut contact = says("", ads);
        (contact.user_data.fbp, contact.user_data.client_user_agent) =
            (fbp.map(Into::into), Some(name.into()));
        contact
    };
    let withheld = |contacts: &[Contact]| {
        let mut order = order();
        contacts.iter().for_each(|contact| {
            order.add_contact(contact, &SALT);
        });
        order.pay(paid("7", "5"));
        decide(&mut order);
        order.withheld()
    };
    let refusals = [agent("one", None, Denied), agent("one", None, Denied)];
    let then = |last: Contact| withheld(&[refusals[0].clone(), refusals[1].clone(), last]);
    assert_eq!(then(agent("one", Some("a"), Granted)), None);
    assert_eq!(then(agent("two", Some("a"), Granted)), Some(WithholdReason::ConsentConflict));
    let mut elsewhere = agent("one", Some("a"), Granted);
    elsewhere.user_data.client_ip_address = Some("49.36.1.1".parse().unwrap());
    assert_eq!(then(elsewhere), Some(WithholdReason::ConsentConflict), "an address is known, and differs");
}

#[test]
fn of_a_person_who_refuses_an_order_keeps_what_recognises_the_browser() {
    let mut order = order();
    let mut refusal = says("a", Denied);
    refusal.user_data.set(crate::normalise::MatchKey::Email, Sha256Hex::of_bytes(b"asha@example.com"));
    refusal.user_data.fbc = Some("click".into());
    order.add_contact(&refusal, &SALT);
    order.offer_session(Sha256Hex::of_bytes(b"session"), &refusal, &SALT);
    let stored = serde_json::to_string(&order).unwrap();
    let hash = Sha256Hex::of_bytes(b"asha@example.com").to_hex();
    assert!(!stored.contains(&hash) && !stored.contains("click"), "{stored}");
    order.add_contact(&Contact { consent: says("a", Granted).consent, ..refusal }, &SALT);
    order.pay(paid("7", "5"));
    let event = sent(&mut order);
    assert!(
        event.user_data.get(crate::normalise::MatchKey::Email).is_some() && event.user_data.fbc.is_some()
    );
}

/// A visitor with everything that tells who it is.
fn visitor(ads: AdsConsent) -> Contact {
    let mut contact = says("fb.1.1763942400000.1", ads);
    contact.user_data.set(crate::normalise::MatchKey::Email, Sha256Hex::of_bytes(b"asha@example.com"));
    contact.user_data.fbc = Some("fb.1.1763942400000.click".into());
    contact.user_data.client_ip_address = Some("49.36.1.1".parse().unwrap());
    contact.user_data.client_user_agent = Some("Mozilla/5.0 (Asha)".into());
    contact.page.event_source_url = PageUrl::clean("https://shop.example/?fbclid=click").map(|(url, _)| url);
    contact.custom_data.content_name = Some("Saree".into());
    contact
}

/// What of the visitor stands in an order.
fn kept_of_visitor(order: &Order) -> Vec<&'static str> {
    let stored = serde_json::to_string(order).unwrap();
    let email = Sha256Hex::of_bytes(b"asha@example.com").to_hex();
    let traces = [
        ("em", email.as_str()),
        ("fbp", "fb.1.1763942400000.1"),
        ("click", "click"),
        ("ip", "49.36.1.1"),
        ("agent", "Mozilla"),
    ];
    traces.into_iter().filter(|(_, trace)| stored.contains(trace)).map(|(name, _)| name).collect()
}

#[test]
fn of_a_person_who_refuses_no_identifier_stays_whatever_else_they_say() {
    let session = Sha256Hex::of_bytes(b"session");
    let none = Vec::<&str>::new();
    for words in [
        &[Denied][..],
        &[Denied, Denied],
        &[Denied, Unspecified],
        &[Unspecified, Denied],
        &[Granted, Denied],
        &[MeasureOnly, Denied, Unspecified],
        &[Granted, Denied, Granted, Denied],
    ] {
        for proof in [ContactProof::Nothing, ContactProof::ClaimKey, ContactProof::Internal] {
            let mut order = order();
            for ads in words {
                let contact = Contact { proof, ..visitor(*ads) };
                order.add_contact(&contact, &SALT);
                order.offer_session(session, &contact, &SALT);
            }
            assert_eq!(kept_of_visitor(&order), none, "{words:?} {proof:?}");
            // It is still the same browser, also after a restart, and may change its mind.
            let mut stored: Order = serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap();
            assert!(stored.is_owned_by(&visitor(Unspecified)), "{words:?} {proof:?}");
            let mut without_fbp = visitor(Unspecified);
            without_fbp.user_data.fbp = None;
            assert!(stored.is_owned_by(&without_fbp), "its address and User-Agent are known");
            let mut other = visitor(Unspecified);
            other.user_data.fbp = Some("fb.1.1763942400000.2".into());
            assert!(!stored.is_owned_by(&other));
            stored.add_contact(&Contact { proof, ..visitor(Granted) }, &SALT);
            stored.pay(paid("7", "5"));
            let event = sent(&mut stored);
            assert_eq!(
                event.user_data.key_set(),
                visitor(Granted).user_data.key_set(),
                "{words:?} {proof:?}"
            );
            assert_eq!(event.user_data.fbp, visitor(Granted).user_data.fbp);
        }
    }
}

#[test]
fn a_digest_of_one_order_or_store_tells_nothing_about_another() {
    let stored = |id: &str, salt: BrowserSalt| {
        let mut order = Order::new(
            crate::id::OrderId::parse(id).unwrap(),
            Environment::Production,
            super::tests::pixel(1),
        );
        order.add_contact(&visitor(Denied), &salt);
        serde_json::to_value(order).unwrap()["owner"]["browser"].clone()
    };
    let one = stored("KB-1", SALT);
    assert!(one["fbp"].is_string() && one == stored("KB-1", SALT));
    for other in [stored("KB-2", SALT), stored("KB-1", BrowserSalt::new([8; 32]))] {
        assert!(one["fbp"] != other["fbp"] && one["visitor"] != other["visitor"]);
    }
}

#[test]
fn a_silent_owners_signals_count_when_a_service_of_the_shop_allows_it() {
    let mut order = order();
    order.obey(ConsentRule::Required);
    order.add_contact(&contact("buyer", false), &SALT);
    let mut service = proven(ContactProof::Internal, "", Granted);
    service.user_data.fbp = None;
    order.add_contact(&service, &SALT);
    order.pay(paid("7", "5"));
    assert_eq!(sent(&mut order).user_data.fbp.as_deref(), Some("buyer"));
}

#[test]
fn the_later_word_of_a_proven_browser_counts_with_and_without_its_proof() {
    let session = Sha256Hex::of_bytes(b"session");
    let words = |spoken: &[(AdsConsent, bool)], tells_first: bool| {
        let mut order = order();
        if tells_first {
            order.confirm_session(session);
        }
        for (ads, with_session) in spoken {
            let contact = says("a", *ads);
            order.add_contact(&contact, &SALT);
            if *with_session {
                order.offer_session(session, &contact, &SALT);
            }
        }
        order.confirm_session(session);
        order.pay(paid("7", "5"));
        decide(&mut order);
        order.withheld()
    };
    let denied = Some(WithholdReason::ConsentDenied);
    for tells_first in [true, false] {
        assert_eq!(words(&[(Denied, true), (Denied, true), (Granted, true)], tells_first), None);
        assert_eq!(words(&[(Denied, true), (Granted, false)], tells_first), None, "{tells_first}");
        assert_eq!(words(&[(Granted, true), (Denied, true)], tells_first), denied);
        assert_eq!(words(&[(Granted, true), (Denied, false)], tells_first), denied, "{tells_first}");
    }
    // Another browser's word is none of the proven one's.
    let mut order = order();
    order.add_contact(&proven(ContactProof::ClaimKey, "a", Denied), &SALT);
    order.add_contact(&says("b", Granted), &SALT);
    assert_eq!(order.consent(), Denied);
}

#[test]
fn measurement_alone_is_sent_as_opted_out_and_no_page_fires_it() {
    let mut order = order();
    order.add_contact(&says("a", MeasureOnly), &SALT);
    order.pay(paid("7", "5"));
    let event = sent(&mut order);
    assert!(event.opt_out);
    assert_eq!(event.user_data.fbp.as_deref(), Some("a"), "Meta may measure by its signals");
    assert_eq!(order.browser_event(super::tests::NOW_S), None);
    // The person changes their mind, and the Purchase has not left.
    order.add_contact(&says("a", Granted), &SALT);
    assert!(!sent(&mut order).opt_out);
    assert!(order.browser_event(super::tests::NOW_S).is_some());
    order.add_contact(&says("a", MeasureOnly), &SALT);
    assert!(sent(&mut order).opt_out);
    order.add_contact(&says("a", Unspecified), &SALT);
    assert_eq!(decide(&mut order), Decision::Nothing, "silence revises nothing");
}

#[test]
fn the_stricter_word_of_two_proven_voices_counts() {
    let counts = |page, service| {
        let mut order = order();
        order.add_contact(&proven(ContactProof::ClaimKey, "a", page), &SALT);
        order.add_contact(&proven(ContactProof::Internal, "", service), &SALT);
        (order.consent(), order.has_consent_conflict())
    };
    assert_eq!(counts(Granted, MeasureOnly), (MeasureOnly, true));
    assert_eq!(counts(MeasureOnly, Granted), (MeasureOnly, true));
    assert_eq!(counts(MeasureOnly, Denied), (Denied, true));
    assert_eq!(counts(MeasureOnly, Unspecified), (MeasureOnly, false));
    assert_eq!(counts(Unspecified, Unspecified), (Unspecified, false));
}

#[test]
fn the_browser_that_the_payment_names_is_the_buyers() {
    let mut order = order();
    let mut stranger = says("thief", Denied);
    stranger.pixel = Some(super::tests::pixel(2));
    stranger.user_data.fbc = Some("stolen".into());
    order.add_contact(&stranger, &SALT);
    order.pay(named("buyer"));
    let event = sent(&mut order);
    assert_eq!((event.user_data.fbp.as_deref(), event.user_data.fbc), (Some("buyer"), None));
    assert_eq!((event.pixel, event.custom_data.content_name), (super::tests::pixel(1), None));
    assert_eq!(order.signals_from(), SignalSource::Internal);
    assert!(order.has_consent_conflict(), "the operator sees that somebody refused");
    let mut stripped = order.clone();
    stripped.strip_signals();
    assert_eq!(stripped.must_not_leave(), None, "nor does it when all signals are forgotten");
    let buyer = Contact { is_claim: true, ..says("buyer", Unspecified) };
    assert!(!order.is_owned_by(&stranger));
    order.add_contact(&buyer, &SALT);
    assert!(order.is_owned_by(&buyer) && !order.is_owned_by(&stranger));
    assert_eq!(order.owner().and_then(|owner| owner.user_data.fbp.as_deref()), Some("buyer"));
    order.add_contact(&Contact { is_claim: true, ..says("thief", Denied) }, &SALT);
    assert_eq!(order.must_not_leave(), None);
    order.add_contact(&says("buyer", Denied), &SALT);
    assert_eq!(order.must_not_leave(), Some(WithholdReason::ConsentDenied), "the buyer may refuse");
}

#[test]
fn a_report_that_allows_it_brings_the_match_keys_that_a_refusing_one_left_out() {
    let report = |order: &mut Order, ads: AdsConsent| {
        let source = PaymentSource::Report;
        let mut report = Payment { payment_id: None, source, ..paid("", "5") };
        if ads != Denied {
            report.user_data = visitor(ads).user_data;
            report.page = visitor(ads).page;
        }
        let outcome = order.pay(report);
        let mut service = proven(ContactProof::Internal, "", ads);
        service.user_data.fbp = None;
        order.add_contact(&service, &SALT);
        outcome
    };
    for with_webhook in [false, true] {
        let mut order = order();
        report(&mut order, Denied);
        assert!(matches!(decide(&mut order), Decision::Withhold(..)));
        if with_webhook {
            assert_eq!(order.pay(paid("7", "5")), PaymentOutcome::Duplicate);
        }
        assert_eq!(report(&mut order, Granted), PaymentOutcome::Duplicate);
        let event = sent(&mut order);
        assert_eq!(event.user_data.key_set(), visitor(Granted).user_data.key_set(), "{with_webhook}");
        assert_eq!(event.page, visitor(Granted).page);
        report(&mut order, Granted);
        assert_eq!(decide(&mut order), Decision::Nothing, "a repetition teaches nothing");
    }
}

#[test]
fn an_equal_proof_of_a_payment_adds_what_the_first_lacked() {
    let mut order = order();
    order.pay(paid("7", "5"));
    let Decision::Hold(..) = decide(&mut order) else { panic!("it waits for signals") };
    let mut weaker = Payment { source: PaymentSource::OrdersApi, ..named("buyer") };
    assert_eq!(order.pay(weaker.clone()), PaymentOutcome::Duplicate);
    assert_eq!(sent(&mut order).user_data.fbp.as_deref(), Some("buyer"));
    weaker.user_data.fbp = Some("other".into());
    order.pay(weaker);
    assert_eq!(decide(&mut order), Decision::Nothing, "and replaces nothing");
    let mut other = named("second");
    (other.payment_id, other.user_data.fbc) = (Some("8".into()), Some("click".into()));
    assert_eq!(order.pay(other), PaymentOutcome::SecondPayment);
    assert_eq!(decide(&mut order), Decision::Nothing, "another payment's customer may be another");
}
