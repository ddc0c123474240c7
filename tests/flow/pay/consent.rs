//! Consent of an order: who may say what, until when, and what goes to Meta then.

use tandem_proto::v1::{
    AdsConsent, Browser, Consent, EventState, GetOrderRequest, PurchaseState, TrackEventRequest,
};
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::{Person, World, messages};

fn says(ads: AdsConsent) -> Option<Consent> {
    Some(Consent { ads: ads.into(), ..Consent::default() })
}

/// An event that names the order, with a word about consent.
fn event_of(order: &str, name: &str, ads: AdsConsent) -> TrackEventRequest {
    let mut event = messages::event(name, "1499.00");
    order.clone_into(&mut event.order_id);
    event.consent = says(ads);
    event
}

fn purchase_id(order: &str) -> String {
    format!("purchase_{order}")
}

#[tokio::test]
async fn where_consent_is_required_a_webhook_alone_sends_nothing_until_somebody_allows_it()
-> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_CONSENT_REQUIRED", "true").start().await?;
    let (buyer, person) = (world.visitor(), Person::unique());
    let (order, control) = (messages::order_id(), messages::order_id());
    let mut allowed = event_of(&control, "InitiateCheckout", AdsConsent::ConsentGranted);
    allowed.browser = Some(world.visitor().browser());
    world.visitor().track_event(allowed).await?.outcome?;
    world.pay_order(&order, "1499.00", &person).await?;
    world.pay_order(&control, "1.00", &person).await?;
    world.wait_for_server_event("Purchase", &purchase_id(&control)).await?;
    world.wait_for_state("Purchase", &purchase_id(&order), EventState::Suppressed).await?;
    assert!(world.sandbox.server_events_with_id("Purchase", &purchase_id(&order)).await?.is_empty());
    let shown = world.internal()?.get_order(GetOrderRequest { order_id: order.clone() }).await?;
    let shown = shown.order.unwrap_or_default();
    assert_eq!(
        (shown.withheld_reason.as_str(), shown.consent.as_str()),
        ("consent_denied", ""),
        "nobody said it"
    );

    let mut claim = messages::purchase(&order, "1499.00");
    let silent = buyer.claim_purchase(claim.clone()).await?.outcome?;
    assert_eq!((silent.state(), silent.browser_event), (PurchaseState::Verified, None));
    claim.consent = says(AdsConsent::ConsentGranted);
    let told = buyer.claim_purchase(claim).await?.outcome?;
    assert!(told.browser_event.is_some(), "its buyer allowed it");
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_eq!((arrived.match_key("em"), arrived.match_key("fbp")), (&*person.email_hash(), &*buyer.fbp));
    Ok(())
}

#[tokio::test]
async fn where_consent_is_required_a_report_counts_only_with_a_word_that_allows() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_CONSENT_REQUIRED", "true").without_gateway().start().await?;
    let (internal, person) = (world.internal()?, Person::unique());
    let (silent, allowed) = (messages::order_id(), messages::order_id());
    let mut report = messages::purchase(&silent, "1499.00");
    report.user = Some(person.user());
    let told = internal.record_purchase(report.clone()).await?;
    assert_eq!((told.state(), told.suppressed_reason.as_str()), (PurchaseState::Verified, "consent_denied"));
    report.order_id.clone_from(&allowed);
    report.consent = says(AdsConsent::ConsentGranted);
    internal.record_purchase(report).await?;
    world.wait_for_server_event("Purchase", &purchase_id(&allowed)).await?;
    assert!(world.sandbox.server_events_with_id("Purchase", &purchase_id(&silent)).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_later_word_of_the_same_browser_counts_until_the_purchase_left() -> anyhow::Result<()> {
    let world = World::start().await?;
    let person = Person::unique();
    use AdsConsent::{ConsentDenied as Denied, ConsentGranted as Granted};
    // Before its banner is answered a browser has no cookies. Behind a proxy that nobody named to the server,
    // all visitors have the proxy's address, which counts for nothing.
    for (case, has_cookies, is_behind_proxy) in [
        ("with cookies", true, false),
        ("with cookies only since", false, false),
        ("the same, behind a proxy", false, true),
    ] {
        let (mut buyer, order) = (world.visitor(), messages::order_id());
        if is_behind_proxy {
            buyer.address = "10.1.2.3".to_owned();
        }
        let words = [("ViewContent", Denied), ("InitiateCheckout", Denied), ("AddPaymentInfo", Granted)];
        for (name, ads) in words {
            let mut event = event_of(&order, name, ads);
            if ads == Denied && !has_cookies {
                let page = Some(buyer.page.clone());
                event.browser = Some(Browser { event_source_url: page, ..Browser::default() });
            }
            buyer.track_event(event).await?.outcome?;
        }
        world.pay_order(&order, "1499.00", &person).await?;
        let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
        assert_eq!(arrived.match_key("fbp"), buyer.fbp, "{case}");
        assert_eq!(arrived.match_key("fbc"), buyer.fbc, "{case}");
    }
    let (buyer, order) = (world.visitor(), messages::order_id());
    buyer.track_event(event_of(&order, "ViewContent", Granted)).await?.outcome?;
    buyer.track_event(event_of(&order, "AddPaymentInfo", Denied)).await?.outcome?;
    world.pay_order(&order, "1499.00", &person).await?;
    world.wait_for_state("Purchase", &purchase_id(&order), EventState::Suppressed).await?;
    Ok(())
}

#[tokio::test]
async fn the_orders_tags_are_signals() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, stranger) = (world.visitor(), world.visitor());
    let (person, order, alone) = (Person::unique(), messages::order_id(), messages::order_id());
    let tagged = |order: &str| {
        let tags = format!(r#""order_tags":{{"fbp":"{}","fbc":"{}","note":"x"}}"#, buyer.fbp, buyer.fbc);
        let body = payment("SUCCESS", order, &unique_payment_id(), "1499.00", &person);
        Webhook::signed(body.replace(r#""order_tags":null"#, &tags))
    };
    assert_eq!(world.post_webhook(&tagged(&alone)).await?, 200);
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&alone)).await?;
    assert_eq!((arrived.match_key("fbp"), arrived.match_key("fbc")), (&*buyer.fbp, &*buyer.fbc));

    // Who came first is another browser than the one that the shop named to Cashfree.
    stranger.track_event(event_of(&order, "InitiateCheckout", AdsConsent::ConsentDenied)).await?.outcome?;
    assert_eq!(world.post_webhook(&tagged(&order)).await?, 200);
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_eq!((arrived.match_key("fbp"), arrived.match_key("fbc")), (&*buyer.fbp, &*buyer.fbc));
    assert_eq!(arrived.match_key("client_user_agent"), "", "nothing of the stranger's");
    let told = buyer.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert!(told.browser_event.is_some(), "the browser that the shop named is the buyer's");
    let told = stranger.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert_eq!(told.browser_event, None);
    Ok(())
}

#[tokio::test]
async fn nothing_is_paid_by_a_payment_of_zero() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let body = payment("SUCCESS", &order, &unique_payment_id(), "1499.00", &person)
        .replace(r#""payment_amount":1499.00"#, r#""payment_amount":0"#);
    assert_eq!(world.post_webhook(&Webhook::signed(body)).await?, 200);
    let shown = world.internal()?.get_order(GetOrderRequest { order_id: order.clone() }).await?;
    assert_eq!(shown.order.unwrap_or_default().state(), PurchaseState::Pending);
    assert!(shown.notes.iter().any(|note| note.status == "ZERO"), "{:?}", shown.notes);
    let told = buyer.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert_eq!((told.state(), told.browser_event), (PurchaseState::Pending, None));
    world.pay_order(&order, "1499.00", &person).await?;
    world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    Ok(())
}

#[tokio::test]
async fn measurement_alone_is_sent_as_opted_out_and_no_page_fires_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let mut lead = messages::lead(&person);
    lead.consent = says(AdsConsent::ConsentMeasureOnly);
    for duplicate in [false, true] {
        let told = buyer.capture_lead(lead.clone()).await?.outcome?;
        assert_eq!((told.duplicate, told.browser_event), (duplicate, None));
        assert_eq!(told.suppressed_reason, "measure_only");
    }
    let arrived = world.wait_for_server_event("Lead", &lead.client_event_id).await?;
    assert_eq!(arrived.field(&["opt_out"]), true);
    assert_eq!(arrived.match_key("fbp"), buyer.fbp, "measured by its signals");

    let checkout = event_of(&order, "InitiateCheckout", AdsConsent::ConsentMeasureOnly);
    let told = buyer.track_event(checkout).await?.outcome?;
    assert_eq!((told.browser_event, told.suppressed_reason.as_str()), (None, "measure_only"));
    world.pay_order(&order, "1499.00", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_eq!(arrived.field(&["opt_out"]), true, "the Purchase has its buyer's word");
    let told = buyer.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert_eq!((told.state(), told.browser_event), (PurchaseState::Verified, None));
    assert_eq!(told.suppressed_reason, "measure_only");
    let shown = world.internal()?.get_order(GetOrderRequest { order_id: order.clone() }).await?;
    assert_eq!(shown.order.unwrap_or_default().consent, "measure_only");
    // No copy of a page is missing, so the deduplication rate does not fall.
    let health = world.health().await?;
    assert!(health["last_24h"]["deduplication_rate"].is_null(), "{health}");
    Ok(())
}
