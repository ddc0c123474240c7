//! What strangers cannot do to an order.

use super::tests::{contact, decide, order, paid};
use super::*;

#[test]
fn a_proof_takes_the_order_over_from_whoever_was_first() {
    let mut order = order();
    let mut thief = contact("thief", true);
    thief.consent.denied = true;
    order.contact(&thief);
    assert_eq!(order.trust_level(), TrustLevel::Claimed);
    order.proven_contact(&contact("buyer", true));
    assert_eq!(order.trust_level(), TrustLevel::Attested);
    order.contact(&contact("another", true));
    order.proven_contact(&contact("second proof", true));
    order.pay(paid("7", "5"));
    let Decision::Send(event) = decide(&mut order) else { panic!("the refusal was not the buyer's") };
    assert_eq!(event.user_data.fbp.as_deref(), Some("buyer"), "the first with a proof");
    assert_eq!(event.custom_data.content_name.as_deref(), Some("buyer"));
}

#[test]
fn a_service_of_the_shop_knows_whose_order_it_is() {
    let mut order = order();
    order.contact(&contact("thief", false));
    assert_eq!(order.trust_level(), TrustLevel::CheckedOut);
    let service = |fbp: Option<&str>| {
        let mut service = contact("", false);
        service.is_internal = true;
        service.user_data.fbp = fbp.map(Into::into);
        service.user_data.client_user_agent = Some("agent".into());
        service
    };
    let owner = |order: &Order| order.owner().and_then(|owner| owner.user_data.fbp.clone());
    order.contact(&service(None));
    assert_eq!(owner(&order).as_deref(), Some("thief"), "it names no browser");
    order.contact(&service(Some("buyer")));
    assert_eq!(owner(&order).as_deref(), Some("buyer"));
}

#[test]
fn questions_and_repetitions_teach_nothing() {
    let mut order = order();
    order.contact(&contact("a", true));
    let before = order.clone();
    order.mark_asked(9);
    order.contact(&contact("a", true));
    assert!(order != before && !order.has_learnt_since(&before));
    order.fail();
    assert!(order.has_learnt_since(&before));
    assert_eq!(order.trust_level(), TrustLevel::Attested, "the provider spoke of it");
}
