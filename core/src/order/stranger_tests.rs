//! What strangers cannot do to an order.

use super::tests::{SALT, contact, decide, order, paid, pixel};
use super::*;
use crate::event::AdsConsent;
use crate::id::PixelId;

/// A claim of a page that holds the shop's key.
fn keyed(fbp: &str) -> Contact {
    Contact { proof: ContactProof::ClaimKey, ..contact(fbp, true) }
}

#[test]
fn a_proof_takes_the_order_over_from_whoever_was_first() {
    let mut order = order();
    let mut thief = contact("thief", true);
    thief.consent.ads = AdsConsent::Denied;
    order.add_contact(&thief, &SALT);
    assert_eq!(order.trust_level(), TrustLevel::Claimed);
    order.add_contact(&keyed("buyer"), &SALT);
    assert_eq!(order.trust_level(), TrustLevel::Attested);
    order.add_contact(&contact("another", true), &SALT);
    order.add_contact(&keyed("second proof"), &SALT);
    order.pay(paid("7", "5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("the refusal was not the buyer's") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("buyer"), "the first with a proof");
    assert_eq!(event.custom_data.content_name.as_deref(), Some("buyer"));
}

#[test]
fn a_service_of_the_shop_knows_whose_order_it_is() {
    let mut order = order();
    order.add_contact(&contact("thief", false), &SALT);
    assert_eq!(order.trust_level(), TrustLevel::CheckedOut);
    let service = |fbp: Option<&str>| {
        let mut service = contact("", false);
        service.proof = ContactProof::Internal;
        service.user_data.fbp = fbp.map(Into::into);
        service.user_data.client_user_agent = Some("agent".into());
        service
    };
    let owner = |order: &Order| order.owner().and_then(|owner| owner.user_data.fbp.clone());
    order.add_contact(&service(None), &SALT);
    assert_eq!(owner(&order).as_deref(), Some("thief"), "it names no browser");
    order.add_contact(&service(Some("buyer")), &SALT);
    assert_eq!(owner(&order).as_deref(), Some("buyer"));
}

#[test]
fn without_a_proof_a_browser_that_refused_loses_the_order_to_one_that_claims_it_after_payment() {
    let owner = |order: &Order| order.owner().unwrap().user_data.fbp.clone().unwrap();
    let mut order = order();
    let mut thief = contact("thief", false);
    thief.consent.ads = AdsConsent::Denied;
    order.add_contact(&thief, &SALT);
    order.add_contact(&contact("early", true), &SALT);
    assert!(order.is_owned_by(&thief), "nothing is paid yet");
    order.pay(paid("7", "5"));
    assert!(matches!(decide(&mut order), Decision::Withhold(_, WithholdReason::ConsentDenied)));
    let mut buyer = contact("buyer", true);
    buyer.consent.ads = AdsConsent::Granted;
    order.add_contact(&buyer, &SALT);
    let Decision::Send(event) = decide(&mut order) else { panic!("its buyer allowed it") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("buyer"));
    assert!(order.has_consent_conflict(), "and the operator sees that somebody refused");
    order.add_contact(&contact("later", true), &SALT);
    assert_eq!(owner(&order), "buyer", "one that did not refuse keeps the order");
    buyer.consent.ads = AdsConsent::Denied;
    order.add_contact(&buyer, &SALT);
    assert_eq!(decide(&mut order), Decision::Stop(WithholdReason::ConsentDenied), "and may revise it");
}

#[test]
fn a_page_moves_a_purchase_to_another_pixel_only_with_a_proof() {
    let named = |n| Some(pixel(n));
    let pixel_of = |contacts: &[Contact], report: Option<PixelId>| {
        let mut order = order();
        for contact in contacts {
            order.add_contact(contact, &SALT);
        }
        order.pay(Payment { pixel: report, ..paid("7", "5") });
        decide(&mut order);
        order.pixel().clone()
    };
    let owner = Contact { pixel: named(2), ..contact("owner", false) };
    let other = Contact { pixel: named(3), ..contact("other", true) };
    let proven = Contact { pixel: named(4), ..keyed("buyer") };
    assert_eq!(pixel_of(&[], None), pixel(1), "the default");
    assert_eq!(pixel_of(&[owner.clone(), other.clone()], None), pixel(2), "its page may report to it");
    assert_eq!(pixel_of(&[owner.clone(), other.clone(), proven.clone()], None), pixel(4));
    assert_eq!(pixel_of(&[owner, other, proven], named(5)), pixel(5), "the shop says so");
}

#[test]
fn what_strangers_say_of_consent_is_shown_and_decides_nothing() {
    let says = |fbp: &str, ads| {
        let mut contact = contact(fbp, false);
        contact.consent.ads = ads;
        contact
    };
    let withheld = |contacts: &[Contact]| {
        let mut order = order();
        for contact in contacts {
            order.add_contact(contact, &SALT);
        }
        order.pay(paid("7", "5"));
        decide(&mut order);
        (order.withheld(), order.has_consent_conflict())
    };
    use AdsConsent::{Denied, Granted, Unspecified};
    let after_payment = |ads| {
        let mut order = order();
        order.add_contact(&says("a", Granted), &SALT);
        order.pay(paid("7", "5"));
        order.add_contact(&Contact { is_claim: true, ..says("b", ads) }, &SALT);
        decide(&mut order);
        (order.withheld(), order.has_consent_conflict())
    };
    assert_eq!(after_payment(Denied), (Some(WithholdReason::ConsentConflict), true));
    assert_eq!(after_payment(AdsConsent::Unspecified), (None, false));
    let denied = Some(WithholdReason::ConsentDenied);
    let conflict = Some(WithholdReason::ConsentConflict);
    let proven = |ads| Contact { proof: ContactProof::ClaimKey, ..says("buyer", ads) };
    let internal = |ads| Contact { proof: ContactProof::Internal, ..says("", ads) };
    assert_eq!(withheld(&[says("a", Granted), says("b", Denied)]), (None, true));
    assert_eq!(withheld(&[says("a", Denied), says("b", Granted)]), (conflict, true));
    assert_eq!(withheld(&[says("a", Denied), says("a", Granted)]), (None, false), "the owner revised it");
    assert_eq!(withheld(&[says("a", Denied), proven(Granted)]), (None, false));
    assert_eq!(withheld(&[says("a", Granted), proven(Denied)]), (denied, false));
    assert_eq!(withheld(&[proven(Granted), internal(Denied)]), (conflict, true));
    assert_eq!(withheld(&[proven(Granted), internal(Unspecified)]), (None, false), "the service did not ask");
}

#[test]
fn a_denial_that_does_not_count_drops_the_denying_browsers_signals() {
    let mut order = order();
    let mut thief = contact("thief", false);
    thief.consent.ads = AdsConsent::Denied;
    order.add_contact(&thief, &SALT);
    let mut service = Contact { proof: ContactProof::Internal, ..contact("", false) };
    (service.consent.ads, service.user_data.fbp) = (AdsConsent::Granted, None);
    order.add_contact(&service, &SALT);
    order.pay(paid("7", "5"));
    let Decision::Hold(event, _) = decide(&mut order) else { panic!("it waits for the buyer") };
    assert_eq!((event.user_data.fbp, event.custom_data.content_name), (None, None));
}

#[test]
fn a_refusal_that_withholds_nothing_takes_the_refusers_signals_off_what_waits_to_leave() {
    let says = |proof, fbp: Option<&str>, ads| {
        let mut contact = Contact { proof, ..contact("", true) };
        contact.user_data.fbp = fbp.map(Into::into);
        contact.user_data.client_ip_address = fbp.map(|_| "49.36.1.1".parse().unwrap());
        contact.consent.ads = ads;
        contact
    };
    use AdsConsent::{Denied, Granted};
    for (proof, refuses_with_fbp) in [
        (ContactProof::Nothing, true),
        (ContactProof::Nothing, false),
        (ContactProof::ClaimKey, false),
        (ContactProof::Internal, true),
    ] {
        let mut order = order();
        order.add_contact(&says(ContactProof::Internal, None, Granted), &SALT);
        order.add_contact(&says(proof, Some("buyer"), Granted), &SALT);
        order.pay(paid("7", "5"));
        let Decision::Send(event) = decide(&mut order) else { panic!("it has signals") };
        assert!(event.user_data.has_browser_signals());
        let mut refusal = says(ContactProof::Nothing, Some("buyer"), Denied);
        refusal.user_data.fbp = refusal.user_data.fbp.filter(|_| refuses_with_fbp);
        order.add_contact(&refusal, &SALT);
        let Decision::Send(event) = decide(&mut order) else { panic!("{proof:?}: it is placed anew") };
        assert!(!event.user_data.has_browser_signals(), "{proof:?}: {event:?}");
        order.add_contact(&refusal, &SALT);
        assert_eq!(decide(&mut order), Decision::Nothing, "a repetition teaches nothing");
        order.add_contact(&says(ContactProof::Nothing, Some("buyer"), Granted), &SALT);
        let Decision::Send(event) = decide(&mut order) else { panic!("{proof:?}: its browser allows it") };
        assert_eq!(event.user_data.fbp.as_deref(), Some("buyer"));
    }
}

#[test]
fn where_the_payment_names_the_browser_one_without_fbp_is_none_of_the_buyers() {
    use AdsConsent::{Denied, Granted, Unspecified};
    let paid_by = || {
        let mut paid = paid("7", "5");
        paid.user_data.fbp = Some("buyer".into());
        paid
    };
    let thief = |ads| {
        let mut thief = Contact { pixel: Some(pixel(2)), ..contact("thief", true) };
        (thief.user_data.fbp, thief.user_data.fbc) = (None, Some("stolen".into()));
        thief.user_data.client_user_agent = Some("agent".into());
        thief.consent.ads = ads;
        thief
    };
    let buyer = |ads| {
        let mut buyer = contact("buyer", true);
        buyer.user_data.client_user_agent = Some("agent".into());
        buyer.consent.ads = ads;
        buyer
    };
    for owns in [false, true] {
        let mut order = order();
        order.pay(paid_by());
        if owns {
            order.add_contact(&buyer(Unspecified), &SALT);
        }
        order.add_contact(&thief(Denied), &SALT);
        assert!(matches!(decide(&mut order), Decision::Send(_)), "it withholds nothing");
        assert!(!order.is_owned_by(&thief(Denied)) && order.has_consent_conflict());
        order.add_contact(&buyer(Denied), &SALT);
        assert!(order.must_not_leave().is_some(), "the buyer may refuse");
        order.add_contact(&thief(Granted), &SALT);
        assert!(order.must_not_leave().is_some(), "it releases nothing");
    }
    // It was first, and the buyer's page has the same User-Agent.
    let mut order = order();
    order.add_contact(&thief(Denied), &SALT);
    order.pay(paid_by());
    for says in [None, Some(buyer(Unspecified))] {
        says.map(|buyer| order.add_contact(&buyer, &SALT));
        let Decision::Send(event) = decide(&mut order) else { panic!("the refusal is not the buyer's") };
        assert_eq!((event.user_data.fbp.as_deref(), event.user_data.fbc), (Some("buyer"), None));
        assert_eq!(
            (event.pixel, event.custom_data.content_name.as_deref() == Some("thief")),
            (pixel(1), false)
        );
    }
}

#[test]
fn where_the_payment_names_the_browser_its_address_and_user_agent_still_recognise_it() {
    let mut buyer = contact("buyer", true);
    buyer.user_data.client_ip_address = Some("49.36.1.1".parse().unwrap());
    buyer.user_data.client_user_agent = Some("agent".into());
    let mut order = order();
    let mut proof = paid("7", "5");
    proof.user_data.fbp = Some("buyer".into());
    order.pay(proof);
    order.add_contact(&buyer, &SALT);
    // It refuses, and its page deleted the cookies.
    (buyer.user_data.fbp, buyer.consent.ads) = (None, AdsConsent::Denied);
    assert!(order.is_owned_by(&buyer));
    order.add_contact(&buyer, &SALT);
    assert_eq!(order.must_not_leave(), Some(WithholdReason::ConsentDenied));
}

#[test]
fn an_fbp_with_another_subdomain_index_or_an_appendix_is_the_same_browsers() {
    use AdsConsent::{Denied, Unspecified};
    let (plain, of_server, other) =
        ("fb.1.1763942400000.42", "fb.2.1763942400000.42.AQQAAQMC", "fb.1.1763942400000.43.AQQAAQMC");
    let says = |fbp: &str, ads| {
        let mut contact = contact(fbp, true);
        contact.consent.ads = ads;
        contact
    };
    for (named, page) in [(of_server, plain), (plain, of_server)] {
        for (fbp, is_buyers) in [(page, true), (other, false)] {
            let mut order = order();
            let mut proof = paid("7", "5");
            proof.user_data.fbp = Some(named.into());
            order.pay(proof);
            assert_eq!(order.is_owned_by(&says(fbp, Unspecified)), is_buyers, "{named} {fbp}");
            order.add_contact(&says(fbp, Denied), &SALT);
            assert_eq!(order.must_not_leave().is_some(), is_buyers, "{named} {fbp}");
            assert_eq!(order.is_owned_by(&says(named, Unspecified)), is_buyers, "its digest is the same");
        }
    }
    let mut order = order();
    order.add_contact(&says(plain, Unspecified), &SALT);
    assert!(
        order.is_owned_by(&says(of_server, Unspecified)) && !order.is_owned_by(&says(other, Unspecified))
    );
}

#[test]
fn questions_and_repetitions_teach_nothing() {
    let mut order = order();
    order.add_contact(&contact("a", true), &SALT);
    let before = order.clone();
    order.mark_asked(9);
    order.add_contact(&contact("a", true), &SALT);
    assert!(order != before && !order.has_learnt_since(&before));
    order.fail();
    assert!(order.has_learnt_since(&before));
    assert_eq!(order.trust_level(), TrustLevel::Attested, "the provider spoke of it");
}
