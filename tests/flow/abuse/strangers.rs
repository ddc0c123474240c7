//! Forged claims cannot steal signals, withhold a Purchase, reveal an amount or a refund, use up the requests to the
//! payment provider, or make the store grow.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tandem_proto::v1::tracking_service_paths::RECORD_PURCHASE;
use tandem_proto::v1::{
    AdsConsent, Confirmation, Consent, Outcome, PurchaseState, RecordPurchaseRequest, RecordPurchaseResponse,
};
use tandem_tests::cashfree::{Webhook, indian_time, now_ms, payment, unique_payment_id};
use tandem_tests::{Person, Visitor, World, http, messages};
use tonic::Code;

/// A claim that does not wait for the verdict: the server reserves a quarter of a second for the way back. If a busy
/// machine needs longer, this repeats the claim.
async fn claim_in_passing(
    visitor: &Visitor,
    mut claim: RecordPurchaseRequest,
) -> anyhow::Result<RecordPurchaseResponse> {
    claim.browser = Some(visitor.browser());
    loop {
        let timeout = [("grpc-timeout", "250m".to_owned())];
        let answer = visitor.call_with(RECORD_PURCHASE, &claim, &timeout).await?;
        match answer.outcome {
            Err(status) if status.code() == Code::Cancelled => {}
            outcome => return Ok(outcome?),
        }
    }
}

fn denied() -> Option<Consent> {
    Some(Consent { ads: AdsConsent::ConsentDenied.into(), ..Consent::default() })
}

async fn check_out(buyer: &Visitor, order: &str) -> anyhow::Result<()> {
    let mut checkout = messages::event("InitiateCheckout", "1399.50");
    checkout.order_id = order.to_owned();
    buyer.track_event(checkout).await?.outcome?;
    Ok(())
}

/// A world whose server queries the fake Orders API.
async fn world_that_asks() -> anyhow::Result<World> {
    let mut world = World::start().await?;
    let api = format!("{}/cashfree/pg", world.sandbox.url);
    let settings = [("CASHFREE_CLIENT_ID", "TEST_sandbox_client"), ("CASHFREE_API_URL", api.as_str())];
    world.restart_server_with(&settings).await?;
    Ok(world)
}

/// Paths of the requests that the fake Orders API received.
async fn questions(world: &World) -> anyhow::Result<Vec<String>> {
    let url = format!("{}/control/cashfree/requests", world.sandbox.url);
    let rows: Vec<Value> = http::client().get(url).send().await?.json().await?;
    Ok(rows.iter().map(|row| row["path"].as_str().unwrap_or_default().to_owned()).collect())
}

#[tokio::test]
async fn a_forged_claim_neither_steals_signals_nor_keeps_a_purchase_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let id = format!("purchase_{order}");
    check_out(&buyer, &order).await?;

    // The forger has the buyer's network and kind of browser.
    let mut forger = world.visitor();
    (forger.address, forger.user_agent) = (buyer.address.clone(), buyer.user_agent.clone());
    let mut claim = messages::purchase(&order, "1.00");
    claim.consent = denied();
    claim_in_passing(&forger, claim).await?;
    let mut event = messages::event("AddPaymentInfo", "1.00");
    (event.order_id, event.consent) = (order.clone(), denied());
    forger.track_event(event).await?.outcome?;
    // The forger's page reports that the Purchase fired in 1970, so that the copies would never be merged.
    let fired = |at: i64| Confirmation {
        event_name: "Purchase".to_owned(),
        event_id: id.clone(),
        outcome: Outcome::Fired.into(),
        occurred_at: Some(prost_types::Timestamp { seconds: at, nanos: 0 }),
        ..Confirmation::default()
    };
    forger.confirm(vec![fired(0)]).await?.outcome?;

    world.pay_order(&order, "1399.50", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    assert_eq!(arrived.value_minor(), 139_950);
    assert_eq!(arrived.match_key("fbp"), buyer.fbp);
    assert_eq!(arrived.match_key("fbc"), buyer.fbc);
    assert_eq!(arrived.match_key("client_user_agent"), buyer.user_agent);
    assert_eq!(arrived.text(&["event_source_url"]), buyer.page);
    Ok(())
}

#[tokio::test]
async fn the_shops_key_beats_whoever_was_first() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_CLAIM_SECRET", "claims-are-signed-with-this").start().await?;
    let (buyer, forger, person, order) =
        (world.visitor(), world.visitor(), Person::unique(), messages::order_id());
    // The forger guessed the number before the order existed.
    let mut early = messages::event("InitiateCheckout", "1.00");
    (early.order_id, early.consent) = (order.clone(), denied());
    forger.track_event(early).await?.outcome?;
    let without_key = claim_in_passing(&forger, messages::purchase(&order, "1.00")).await?;
    assert_eq!(without_key.state(), PurchaseState::Pending);

    let mut claim = messages::purchase(&order, "1399.50");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"claims-are-signed-with-this")?;
    mac.update(order.as_bytes());
    claim.claim_key = hex::encode(mac.finalize().into_bytes());
    claim_in_passing(&buyer, claim).await?;
    world.pay_order(&order, "1399.50", &person).await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.match_key("fbp"), buyer.fbp);
    assert_eq!(arrived.match_key("client_ip_address"), buyer.address);
    Ok(())
}

#[tokio::test]
async fn a_stranger_learns_neither_amounts_nor_refunds_nor_failures() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, stranger, person) = (world.visitor(), world.visitor(), Person::unique());
    let (paid, failed, unknown) = (messages::order_id(), messages::order_id(), messages::order_id());
    check_out(&buyer, &paid).await?;
    let payment_id = unique_payment_id();
    let success = payment("SUCCESS", &paid, &payment_id, "1399.50", &person);
    assert_eq!(world.post_webhook(&Webhook::signed(success)).await?, 200);
    let failure = payment("FAILED", &failed, &unique_payment_id(), "75.00", &person);
    assert_eq!(world.post_webhook(&Webhook::signed(failure)).await?, 200);
    let told = async |order: &str| claim_in_passing(&stranger, messages::purchase(order, "1.00")).await;

    told(&paid).await?;
    let before = told(&paid).await?;
    assert_eq!((before.state(), before.browser_event.as_ref()), (PurchaseState::Verified, None));
    assert!(!format!("{before:?}").contains("1399"));
    let refund = json!({
        "data": { "refund": {
            "cf_refund_id": 9_100_001, "cf_payment_id": payment_id.parse::<u64>()?, "refund_id": "rf", "order_id": paid,
            "refund_amount": 1399.50, "refund_currency": "INR", "refund_status": "SUCCESS", "refund_type": "MERCHANT_INITIATED",
        }},
        "event_time": indian_time(now_ms() / 1000), "type": "REFUND_STATUS_WEBHOOK",
    });
    assert_eq!(world.post_webhook(&Webhook::signed(refund.to_string())).await?, 200);
    assert_eq!(told(&paid).await?, before, "a refund changes nothing that a stranger sees");

    for order in [&failed, &unknown] {
        told(order).await?;
    }
    let (mut of_failed, of_unknown) = (told(&failed).await?, told(&unknown).await?);
    of_failed.event_id.clone_from(&of_unknown.event_id);
    assert_eq!(of_failed, of_unknown, "a failed order must look like an unknown one");
    assert_eq!(of_unknown.state(), PurchaseState::Pending);
    Ok(())
}

#[tokio::test]
async fn one_forger_cannot_use_up_the_questions() -> anyhow::Result<()> {
    let world = world_that_asks().await?;
    let forger = world.visitor();
    // The server does not query orders that Cashfree cannot have, and queries no order twice.
    for odd in ["KB", "KB 7", "../payments", "KB/7?x=1", "दीया-७७", &"x".repeat(46)] {
        claim_in_passing(&forger, messages::purchase(odd, "1.00")).await?;
    }
    let repeated = messages::order_id();
    for _ in 0..30 {
        claim_in_passing(&forger, messages::purchase(&repeated, "1.00")).await?;
    }
    let flood: Vec<String> = (0..150).map(|_| messages::order_id()).collect();
    futures_util::stream::iter(&flood)
        .map(|order| claim_in_passing(&forger, messages::purchase(order, "1.00")))
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await?;

    // A buyer whose webhook is lost still gets the answer within the call.
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    world.sandbox.create_order(&order, "1399.50", &person).await?;
    world.sandbox.pay_in_silence(&order).await?;
    let answer = buyer.claim_purchase(messages::purchase(&order, "1399.50")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Verified);
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;

    let asked = questions(&world).await?;
    let of_others = asked.iter().filter(|path| !path.contains(&order)).count();
    assert!((1..=20).contains(&of_others), "one address caused {of_others} requests");
    let distinct: HashSet<&String> = asked.iter().collect();
    assert_eq!(distinct.len(), asked.len(), "no order may be queried twice: {asked:?}");
    assert!(asked.iter().all(|path| path.contains("KB-")), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn many_forgers_leave_questions_for_orders_that_cashfree_spoke_of() -> anyhow::Result<()> {
    let world = world_that_asks().await?;
    let forgers = (0..120).map(|_| (world.visitor(), messages::order_id()));
    futures_util::stream::iter(forgers)
        .map(async |(forger, order)| claim_in_passing(&forger, messages::purchase(&order, "1.00")).await)
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    world.sandbox.create_order(&order, "1399.50", &person).await?;
    // A first attempt failed with a webhook. The second succeeded without one.
    let failure = payment("FAILED", &order, &unique_payment_id(), "1399.50", &person);
    assert_eq!(world.post_webhook(&Webhook::signed(failure)).await?, 200);
    world.sandbox.pay_in_silence(&order).await?;
    let answer = buyer.claim_purchase(messages::purchase(&order, "1399.50")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Verified);
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.match_key("fbp"), buyer.fbp);
    let others = questions(&world).await?.iter().filter(|path| !path.contains(&order)).count();
    assert!(others <= 40, "strangers caused {others} requests in a minute");
    Ok(())
}

#[tokio::test]
async fn one_address_cannot_fill_the_store_with_orders() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (forger, person) = (world.visitor(), Person::unique());
    let orders: Vec<String> = (0..640).map(|_| messages::order_id()).collect();
    for part in orders.chunks(16) {
        let claims = part.iter().map(|order| claim_in_passing(&forger, messages::purchase(order, "1.00")));
        for answer in futures_util::future::try_join_all(claims).await? {
            assert_eq!(answer.state(), PurchaseState::Pending);
        }
    }
    let metrics = world.get("/metrics").await?.text().await?;
    assert!(metrics.contains("tandem_ingest_orders_passed_over_total 40\n"), "{metrics}");
    let buyer = world.visitor();
    let bought = messages::order_id();
    claim_in_passing(&buyer, messages::purchase(&bought, "1.00")).await?;
    // The Purchase shows what the server stored of a claim.
    for (order, fbp) in [(&orders[0], &forger.fbp), (&orders[639], &String::new()), (&bought, &buyer.fbp)] {
        world.pay_order(order, "10.00", &person).await?;
        let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
        assert_eq!(arrived.match_key("fbp"), fbp);
    }
    // The address has used up its claims of unknown orders, but may still claim an order that the server knows.
    let known = claim_in_passing(&forger, messages::purchase(&orders[639], "1.00")).await?;
    assert_eq!(known.state(), PurchaseState::Verified);
    Ok(())
}

#[tokio::test]
async fn the_payment_session_beats_whoever_was_first() -> anyhow::Result<()> {
    let world = world_that_asks().await?;
    let (buyer, forger, person, order) =
        (world.visitor(), world.visitor(), Person::unique(), messages::order_id());
    let session = world.sandbox.create_tagged_order(&order, "1399.50", &person, json!({})).await?;
    let checkout = |session: &str| {
        let mut event = messages::event("InitiateCheckout", "1399.50");
        (event.order_id, event.payment_session_id) = (order.clone(), session.to_owned());
        event
    };
    let mut forged = checkout("session_guessed");
    forged.consent = denied();
    forger.track_event(forged).await?.outcome?;
    world
        .eventually("the first question", async || Ok((!questions(&world).await?.is_empty()).then_some(())))
        .await?;
    buyer.track_event(checkout(&session)).await?.outcome?;
    world.sandbox.pay(&order, "success").await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.match_key("fbp"), buyer.fbp);
    assert_eq!(arrived.match_key("client_ip_address"), buyer.address);
    Ok(())
}
