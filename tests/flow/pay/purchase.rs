//! A purchase: the browser claims it, the payment webhook proves it, and the server sends one event.

use std::time::{Duration, Instant};

use tandem_proto::v1::{AdsConsent, Consent, EventState, PurchaseState};
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::sandbox::{ServerEvent, minor};
use tandem_tests::{Person, SHOP_URL, Visitor, World, messages};

fn purchase_id(order_id: &str) -> String {
    format!("purchase_{order_id}")
}

/// Expects the match keys of the paying person's browser on the Purchase.
#[track_caller]
fn assert_signals_of(event: &ServerEvent, visitor: &Visitor) {
    assert_eq!(event.match_key("fbp"), visitor.fbp);
    assert_eq!(event.match_key("fbc"), visitor.fbc);
    assert_eq!(event.match_key("client_ip_address"), visitor.address);
    assert_eq!(event.match_key("client_user_agent"), visitor.user_agent);
}

#[tokio::test]
async fn a_claim_then_the_payment_makes_one_purchase() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (visitor, person, order) = (world.visitor(), Person::unique(), messages::order_id());

    // The claim has another price and another person. Both are only hints.
    let mut claim = messages::purchase(&order, "1.00");
    claim.user = Some(Person::unique().user());
    let pending = visitor.claim_purchase(claim.clone()).await?.outcome?;
    assert_eq!(pending.event_id, purchase_id(&order));
    assert_eq!(pending.state(), PurchaseState::Pending);
    assert_eq!(pending.browser_event, None, "the page must not fire before the payment is known");

    world.sandbox.create_order(&order, "1399.50", &person).await?;
    world.sandbox.pay(&order, "success").await?;
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_eq!(arrived.value_minor(), 139_950, "the paid amount wins");
    assert_eq!(arrived.text(&["custom_data", "currency"]), "INR");
    assert_eq!(arrived.text(&["custom_data", "order_id"]), order);
    assert_eq!(
        arrived.field(&["custom_data", "content_ids"])[0],
        "deck",
        "the contents must come from the browser"
    );
    assert_eq!(arrived.match_key("em"), person.email_hash(), "the paying customer wins");
    assert_eq!(arrived.match_key("ph"), person.phone_hash());
    assert_eq!(arrived.match_key("fn"), person.first_name_hash());
    assert_eq!(arrived.match_key("ln"), person.last_name_hash());
    assert_eq!(arrived.text(&["event_source_url"]), visitor.page);
    assert_eq!(arrived.text(&["action_source"]), "website");
    assert_signals_of(&arrived, &visitor);
    world
        .eventually("the share of Purchases with signals", async || {
            let metrics = world.get("/metrics").await?.text().await?;
            let claimed = metrics.contains("tandem_purchases_last_24h{signals=\"claim\"} 1\n");
            Ok((claimed && metrics.contains("{signals=\"none\"} 0\n")).then_some(()))
        })
        .await?;

    // A second call tells the page to fire the same event. After the page has confirmed FIRED, it is told no more.
    let verified = visitor.claim_purchase(claim.clone()).await?.outcome?;
    assert_eq!(verified.state(), PurchaseState::Verified);
    assert!(verified.duplicate);
    let to_fire = verified.browser_event.expect("the page must be told to fire now");
    assert_eq!((to_fire.event_name.as_str(), to_fire.event_id), ("Purchase", purchase_id(&order)));
    let fired = to_fire.custom_data.unwrap_or_default();
    let value = fired.value.unwrap_or_default();
    assert_eq!(minor(&value.amount.into()), Some(139_950));
    assert_eq!(value.currency_code, "INR");
    assert_eq!(world.confirm_purchase(&visitor, &order, &verified.confirm_key).await?, (1, 0));
    let once = visitor.claim_purchase(claim).await?.outcome?;
    assert_eq!(once.state(), PurchaseState::Verified);
    assert_eq!(once.browser_event, None, "a reload must not fire again");

    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    world.wait_for_health("one purchase", |health| health["last_24h"]["purchase_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn the_payment_then_a_claim_makes_one_purchase() -> anyhow::Result<()> {
    // The wait is long enough that the claim arrives during it.
    let world = World::builder().server("TANDEM_JOIN_WAIT", "60s").start().await?;
    let (visitor, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    world.pay_order(&order, "1499.00", &person).await?;
    world.wait_for_state("Purchase", &purchase_id(&order), EventState::WaitingJoin).await?;

    let claimed = visitor.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert_eq!(claimed.state(), PurchaseState::Verified);
    assert!(claimed.browser_event.is_some(), "the page must be told to fire at once");
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_eq!(arrived.value_minor(), 149_900);
    assert_signals_of(&arrived, &visitor);
    Ok(())
}

#[tokio::test]
async fn a_claim_that_waits_is_answered_when_the_payment_comes() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (visitor, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let claim = visitor.claim_purchase(messages::purchase(&order, "1499.00"));
    let payment = async {
        world.wait_for_claim(&order).await?;
        world.pay_order(&order, "1499.00", &person).await
    };
    let started = Instant::now();
    let (claimed, paid) = tokio::join!(claim, payment);
    paid?;
    let claimed = claimed?.outcome?;
    assert_eq!(claimed.state(), PurchaseState::Verified, "after {:?}", started.elapsed());
    assert!(claimed.browser_event.is_some());
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_signals_of(&arrived, &visitor);
    Ok(())
}

#[tokio::test]
async fn a_claims_wait_ends_with_the_callers_deadline() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let hasty = world.stranger()?.with_deadline(Duration::from_millis(1500));
    let started = Instant::now();
    let answer = hasty.record_purchase(messages::purchase(&messages::order_id(), "1.00")).await?;
    assert_eq!(answer.state(), PurchaseState::Pending);
    assert!(started.elapsed() < Duration::from_millis(1500), "answered within the deadline");
    Ok(())
}

#[tokio::test]
async fn the_payment_alone_leaves_after_the_wait_and_a_claim_alone_never() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (visitor, person) = (world.visitor(), Person::unique());
    let (claimed, paid) = (messages::order_id(), messages::order_id());
    let answer = visitor.claim_purchase(messages::purchase(&claimed, "1499.00")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Pending);

    world.pay_order(&paid, "249.00", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&paid)).await?;
    assert_eq!(arrived.value_minor(), 24_900);
    assert_eq!(arrived.match_key("em"), person.email_hash());
    assert_eq!(
        arrived.text(&["event_source_url"]),
        SHOP_URL,
        "no page was seen: the shop's address stands in"
    );
    for key in ["fbp", "fbc", "client_ip_address", "client_user_agent"] {
        let value = arrived.field(&["user_data", key]);
        assert!(value.is_null(), "{key} would be Cashfree's or the gateway's: {value}");
    }
    // The claim is older than the payment, which waited and was sent.
    assert!(world.sandbox.server_events_with_id("Purchase", &purchase_id(&claimed)).await?.is_empty());
    world.wait_for_health("one purchase", |health| health["last_24h"]["purchase_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn the_checkouts_signals_serve_a_buyer_who_never_returns() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let mut checkout = messages::event("InitiateCheckout", "1499.00");
    checkout.order_id.clone_from(&order);
    buyer.track_event(checkout).await?.outcome?;

    // A stranger guesses the order's number. The server uses the signals of the earliest contact.
    let meddler = world.visitor();
    meddler.claim_purchase(messages::purchase(&order, "1.00")).await?.outcome?;

    world.pay_order(&order, "1499.00", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_signals_of(&arrived, &buyer);
    assert_eq!(arrived.field(&["custom_data", "content_ids"])[0], "deck");
    Ok(())
}

#[tokio::test]
async fn however_often_the_payment_is_told_one_purchase_leaves() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (person, order) = (Person::unique(), messages::order_id());
    let first = Webhook::paid(&order, "1499.00", &person);
    for round in 0..3 {
        assert_eq!(world.post_webhook(&first).await?, 200, "round {round}");
    }
    // The same payment with a new signature, as in a later retry. Then a second payment of the same order, and a late
    // failure of a first attempt.
    let again = Webhook::signed_at(first.body.clone(), first.timestamp.parse::<u64>()? + 120_000);
    assert_eq!(world.post_webhook(&again).await?, 200);
    assert_eq!(world.post_webhook(&Webhook::paid(&order, "1499.00", &person)).await?, 200);
    let failed = payment("FAILED", &order, &unique_payment_id(), "1499.00", &person);
    assert_eq!(world.post_webhook(&Webhook::signed(failed)).await?, 200);

    world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    world.wait_for_health("one purchase", |health| health["last_24h"]["purchase_events"] == 1).await?;
    let answer = world.visitor().claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Verified, "a late failure does not undo a payment");
    Ok(())
}

#[tokio::test]
async fn a_failed_payment_makes_none_and_the_next_one_does() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (visitor, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    world.sandbox.create_order(&order, "75.00", &person).await?;
    for outcome in ["failed", "dropped"] {
        world.sandbox.pay(&order, outcome).await?;
    }
    world
        .eventually("both webhooks to be answered", async || {
            let sent = world.sandbox.webhooks().await?;
            let answered = sent.iter().filter(|row| row["attempts"][0]["status"] == 200).count();
            Ok((answered == 2).then_some(()))
        })
        .await?;
    let answer = visitor.claim_purchase(messages::purchase(&order, "75.00")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Pending, "strangers must not learn of failures");
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());

    world.sandbox.pay(&order, "success").await?;
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_eq!(arrived.value_minor(), 7_500);
    assert_signals_of(&arrived, &visitor);
    Ok(())
}

#[tokio::test]
async fn a_buyer_who_denied_consent_is_not_reported() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (visitor, person) = (world.visitor(), Person::unique());
    let (denied, control) = (messages::order_id(), messages::order_id());
    let mut claim = messages::purchase(&denied, "1499.00");
    claim.consent = Some(Consent { ads: AdsConsent::ConsentDenied.into(), ..Consent::default() });
    visitor.claim_purchase(claim.clone()).await?.outcome?;
    world.pay_order(&denied, "1499.00", &person).await?;
    world.pay_order(&control, "1.00", &person).await?;

    world.wait_for_server_event("Purchase", &purchase_id(&control)).await?;
    assert!(world.sandbox.server_events_with_id("Purchase", &purchase_id(&denied)).await?.is_empty());
    world.wait_for_state("Purchase", &purchase_id(&denied), EventState::Suppressed).await?;
    let answer = visitor.claim_purchase(claim).await?.outcome?;
    assert_eq!(answer.browser_event, None);
    assert_eq!(answer.suppressed_reason, "consent_denied");
    Ok(())
}

#[tokio::test]
async fn optimistic_pages_fire_at_once() -> anyhow::Result<()> {
    let world =
        World::builder().server("TANDEM_BROWSER_POLICY", "optimistic").without_gateway().start().await?;
    let order = messages::order_id();
    let started = Instant::now();
    let answer = world.visitor().claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    assert!(answer.browser_event.is_some());
    assert!(started.elapsed() < Duration::from_secs(4), "without waiting for the payment");
    world.wait_until_all_is_sent().await?;
    assert!(
        world.sandbox.server_events("Purchase").await?.is_empty(),
        "the server still waits for the payment"
    );
    Ok(())
}

#[tokio::test]
async fn later_contacts_fill_blanks_of_the_same_browser_only() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (person, order) = (Person::unique(), messages::order_id());
    let buyer = world.visitor();
    let mut checkout = messages::event("InitiateCheckout", "1499.00");
    checkout.order_id.clone_from(&order);
    let mut without_click = buyer.browser();
    without_click.fbc = None;
    checkout.browser = Some(without_click);
    buyer.track_event(checkout).await?.outcome?;

    // The stranger's click must not be credited. The buyer's own click, which comes later, must be.
    world.visitor().claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    buyer.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    world.pay_order(&order, "1499.00", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &purchase_id(&order)).await?;
    assert_signals_of(&arrived, &buyer);
    Ok(())
}
