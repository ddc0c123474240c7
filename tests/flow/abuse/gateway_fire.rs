//! The gateway under load: repeated webhooks, more webhooks than the server can take, and a server that is down.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::Value;
use tandem_proto::v1::{EventState, GetOrderRequest, PurchaseState};
use tandem_tests::cashfree::Webhook;
use tandem_tests::webhook_sender::{WebhookAnswer, WebhookSender};
use tandem_tests::{Person, World, messages};
use tokio::task::JoinSet;

/// The sandbox retries this many times faster than Cashfree: after 2, 10 and 30 s.
const TIME_SCALE: &str = "60";
/// How long the server is frozen.
const OUTAGE: Duration = Duration::from_secs(10);
/// How long the capacity is measured.
const MEASURE: Duration = Duration::from_secs(2);
/// How long webhooks are sent before the outage, during it, and after it. Webhooks that fail together are retried
/// together, so this is short enough for a machine that became slower.
const BLOW: Duration = Duration::from_secs(1);
/// The promised five seconds, and the delay of a busy machine.
const ANSWER_MAX_MS: u64 = 12_000;

#[tokio::test]
async fn five_hundred_copies_of_one_webhook_make_one_purchase() -> anyhow::Result<()> {
    const COPIES: usize = 500;
    let world = World::builder().server("TANDEM_LOG", "info").gateway("TANDEM_LOG", "info").start().await?;
    let order = messages::order_id();
    let webhook = Webhook::paid(&order, "1499.00", &Person::unique());
    let sender = WebhookSender::new(&world.gateway);
    // A machine that cannot answer all within five seconds answers 503, and the test sends those again.
    let (mut waiting, mut rounds) = (COPIES, 0);
    while waiting > 0 && rounds < 5 {
        let mut copies = JoinSet::new();
        for _ in 0..waiting {
            let (sender, webhook) = (sender.clone(), webhook.clone());
            copies.spawn(async move { sender.post(&webhook).await });
        }
        let answers = copies.join_all().await;
        let is_told_to_come_again = |sent: &&WebhookAnswer| sent.status == 503 && sent.has_retry_after;
        let taken = answers.iter().filter(|sent| sent.status == 200).count();
        waiting = answers.iter().filter(is_told_to_come_again).count();
        assert_eq!(taken + waiting, answers.len(), "another answer: {answers:?}");
        rounds += 1;
    }
    eprintln!("{COPIES} copies were taken in {rounds} rounds");
    assert_eq!(waiting, 0, "each copy is answered with 200");

    let id = format!("purchase_{order}");
    world.wait_for_server_event("Purchase", &id).await?;
    world.wait_until_all_is_sent().await?;
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    assert_eq!(arrived.value_minor(), 149_900);
    world.wait_for_health("one purchase", |health| health["last_24h"]["purchase_events"] == 1).await?;

    let shown = world.internal()?.get_order(GetOrderRequest { order_id: order.clone() }).await?;
    let summary = shown.order.expect("there is an order");
    assert_eq!((summary.state(), summary.payments), (PurchaseState::Verified, 1));
    assert_eq!(summary.proof, "webhook");
    let heard: Vec<(&str, &str)> =
        shown.notes.iter().map(|note| (note.kind.as_str(), note.status.as_str())).collect();
    assert_eq!(heard, [("payment", "SUCCESS")], "the history must have one payment");
    let events: Vec<(&str, EventState)> =
        shown.events.iter().map(|event| (event.event_id.as_str(), event.state())).collect();
    assert_eq!(events, [(id.as_str(), EventState::Delivered)], "the history must have one Purchase");
    Ok(())
}

#[tokio::test]
async fn where_senders_are_listed_a_trusted_proxy_says_who_sends() -> anyhow::Result<()> {
    let world = World::builder()
        .gateway("CASHFREE_ALLOWED_ADDRESSES", "52.66.101.190, 3.109.102.0/24")
        .gateway("TANDEM_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
        .start()
        .await?;
    for (forwarded, status) in [
        ("52.66.101.190", 200),
        ("3.109.102.7, 10.1.2.3", 200),
        ("52.66.101.190, 203.0.113.9", 403),
        ("203.0.113.9", 403),
        ("", 403),
    ] {
        let webhook = Webhook::paid(&messages::order_id(), "1.00", &Person::unique());
        let headers = [
            ("x-webhook-signature", webhook.signature.as_str()),
            ("x-webhook-timestamp", &webhook.timestamp),
            ("x-forwarded-for", forwarded),
        ];
        let response = world.post_to_gateway(&headers, webhook.body.clone()).await?;
        assert_eq!(response.status(), status, "{forwarded:?}");
    }
    Ok(())
}

/// A world with few log lines, because its speed matters.
async fn quiet_world() -> anyhow::Result<World> {
    World::builder()
        .server("TANDEM_LOG", "warn")
        // Without this, a call to Meta that is under way when the server freezes would time out afterwards and be
        // repeated. That is correct, but this test does not count it.
        .server("META_TIMEOUT", "60s")
        .gateway("TANDEM_LOG", "error")
        .sandbox("TANDEM_SANDBOX_TIME_SCALE", TIME_SCALE)
        .start()
        .await
}

/// Webhooks per second that the server answers, with as many waiting as it takes at once.
async fn capacity(world: &World) -> f64 {
    let sender = WebhookSender::new(&world.gateway);
    let started = Instant::now();
    let webhooks = futures_util::stream::iter(0..)
        .take_while(|_| std::future::ready(started.elapsed() < MEASURE))
        .map(|_| {
            let webhook = Webhook::paid(&messages::order_id(), "1.00", &Person::unique());
            let sender = sender.clone();
            async move { sender.post(&webhook).await }
        });
    let answered: Vec<WebhookAnswer> = webhooks.buffer_unordered(64).collect().await;
    assert!(answered.iter().all(|sent| sent.status == 200), "the gateway takes 64 webhooks at once");
    answered.len() as f64 / started.elapsed().as_secs_f64()
}

/// Buyers pay these orders at this rate, and the fake Cashfree sends the webhooks.
async fn pay_at(world: &World, orders: &[String], per_second: f64) -> anyhow::Result<()> {
    let (started, mut payments) = (Instant::now(), JoinSet::new());
    for (number, order) in orders.iter().enumerate() {
        let due = Duration::from_secs_f64(number as f64 / per_second);
        tokio::time::sleep(due.saturating_sub(started.elapsed())).await;
        let (sandbox, order) = (world.sandbox.clone(), order.clone());
        payments.spawn(async move { sandbox.pay(&order, "success").await });
    }
    while let Some(paid) = payments.join_next().await {
        paid??;
    }
    Ok(())
}

/// Expects 503 with `Retry-After` for a webhook while the server does not answer.
async fn assert_told_to_come_again(world: &World) -> anyhow::Result<()> {
    let webhook = Webhook::signed(r#"{"type":"TEST_OF_NOTHING","data":{}}"#);
    let headers =
        [("x-webhook-signature", webhook.signature.as_str()), ("x-webhook-timestamp", &webhook.timestamp)];
    let response = world.post_to_gateway(&headers, webhook.body.clone()).await?;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"), "503 must have Retry-After");
    Ok(())
}

#[tokio::test]
async fn more_than_the_server_bears_and_ten_seconds_without_it_lose_nothing() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let capacity = capacity(&world).await;
    let rate = 1.5 * capacity;
    let count = (rate * BLOW.as_secs_f64()) as usize;
    let orders: Vec<String> = (0..3 * count).map(|_| messages::order_id()).collect();
    let person = Person::unique();
    let created = futures_util::stream::iter(&orders)
        .map(|order| world.sandbox.create_order(order, "10.00", &person))
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await;
    created.into_iter().collect::<anyhow::Result<Vec<()>>>()?;

    pay_at(&world, &orders[..count], rate).await?;
    world.freeze_server()?;
    let frozen = Instant::now();
    pay_at(&world, &orders[count..2 * count], rate).await?;
    assert_told_to_come_again(&world).await?;
    tokio::time::sleep(OUTAGE.saturating_sub(frozen.elapsed())).await;
    world.thaw_server()?;
    pay_at(&world, &orders[2 * count..], rate).await?;

    // Cashfree retries each webhook until the gateway accepts it. It would have given up the last one after 42 s.
    let webhooks = world
        .eventually_within(Duration::from_secs(120), "each webhook to be taken", async || {
            let webhooks = world.sandbox.webhooks().await?;
            let is_taken = |row: &Value| {
                row["attempts"]
                    .as_array()
                    .and_then(|all| all.last())
                    .is_some_and(|last| last["status"] == 200)
            };
            Ok((webhooks.len() == orders.len() && webhooks.iter().all(is_taken)).then_some(webhooks))
        })
        .await?;
    let (mut by_status, mut slowest_ms) = (BTreeMap::<u64, u32>::new(), 0);
    for attempt in webhooks.iter().filter_map(|row| row["attempts"].as_array()).flatten() {
        *by_status.entry(attempt["status"].as_u64().unwrap_or_default()).or_default() += 1;
        slowest_ms = slowest_ms.max(attempt["took_ms"].as_u64().unwrap_or(u64::MAX));
    }
    eprintln!(
        "capacity {capacity:.0}/s, {} orders, answers {by_status:?}, slowest {slowest_ms} ms",
        orders.len()
    );
    assert!(by_status.keys().all(|status| [200, 503].contains(status)), "{by_status:?}");
    assert!(
        by_status.get(&503).is_some_and(|count| *count > 0),
        "the outage must have caused 503: {by_status:?}"
    );
    assert!(slowest_ms < ANSWER_MAX_MS, "an answer took {slowest_ms} ms");

    world
        .eventually_within(Duration::from_secs(60), "an empty outbox", async || {
            let health = world.health().await?;
            Ok((health["outbox"]["pending"] == 0).then_some(()))
        })
        .await?;
    let mut arrived = BTreeMap::<String, u32>::new();
    for event in world.sandbox.server_events("Purchase").await? {
        *arrived.entry(event.event_id().to_owned()).or_default() += 1;
    }
    for order in &orders {
        assert_eq!(arrived.get(&format!("purchase_{order}")), Some(&1), "the Purchase of {order}");
    }
    Ok(())
}
