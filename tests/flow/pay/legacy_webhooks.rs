//! The oldest notifications, which are form-encoded. They are off by default, and are only hints.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tandem_proto::v1::{EventState, GetOrderRequest, Provider, PurchaseState, Verdict, VerifyWebhookRequest};
use tandem_tests::{CASHFREE_SECRET, Person, World, http, messages};

/// The test vector of our notes on Cashfree.
const VECTOR: &str = "orderId=KB-2001&orderAmount=499.00&referenceId=8801234&txStatus=SUCCESS&paymentMode=UPI&txMsg=00%3A%3ATransaction+ok&txTime=2025-11-24+11%3A05%3A09&signature=t7VrS6mXSfMUhvSNMXSLX9DyqLuY6urWdrTQh2DyILM%3D";
const VECTOR_SECRET: &str = "legacy_secret_77";

/// A notification with Cashfree's signature, which covers the values one after the other.
fn signed(order: &str, amount: &str, status: &str) -> String {
    let values = [order, amount, "8809999", status, "UPI", "ok", "2026-01-31 11:05:09"];
    let mut mac = Hmac::<Sha256>::new_from_slice(CASHFREE_SECRET.as_bytes()).expect("any key will do");
    mac.update(values.concat().as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let names = ["orderId", "orderAmount", "referenceId", "txStatus", "paymentMode", "txMsg", "txTime"];
    form.extend_pairs(names.into_iter().zip(values)).append_pair("signature", &signature);
    form.finish()
}

/// Posts a form to the gateway. Returns the HTTP status.
async fn post(world: &World, form: &str) -> anyhow::Result<u16> {
    let request = http::client()
        .post(format!("{}/webhooks/cashfree", world.gateway))
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
        .body(form.to_owned());
    Ok(request.send().await?.status().as_u16())
}

/// The server's verdict about a form.
async fn verdict(world: &World, form: &str) -> anyhow::Result<Verdict> {
    let request = VerifyWebhookRequest {
        provider: Provider::Cashfree.into(),
        raw_body: form.as_bytes().to_vec(),
        headers: HashMap::new(),
        content_type: "application/x-www-form-urlencoded".to_owned(),
        ..VerifyWebhookRequest::default()
    };
    Ok(world.internal()?.verify_webhook(request).await?.verdict())
}

/// A world whose server accepts such forms and can query the Orders API.
async fn believing_world() -> anyhow::Result<World> {
    let mut world = World::start().await?;
    let api = format!("{}/cashfree/pg", world.sandbox.url);
    let settings = [
        ("CASHFREE_CLIENT_ID", "TEST_sandbox_client"),
        ("CASHFREE_API_URL", &api),
        ("CASHFREE_CLIENT_SECRET", &format!("{CASHFREE_SECRET},{VECTOR_SECRET}")),
        ("CASHFREE_LEGACY_WEBHOOKS", "true"),
    ];
    world.restart_server_with(&settings).await?;
    Ok(world)
}

#[tokio::test]
async fn they_are_off_by_default() -> anyhow::Result<()> {
    let world = World::start().await?;
    let form = signed(&messages::order_id(), "499.00", "SUCCESS");
    assert_eq!(post(&world, &form).await?, 401);
    assert_eq!(verdict(&world, &form).await?, Verdict::InvalidSignature);
    Ok(())
}

#[tokio::test]
async fn a_notice_counts_once_the_orders_api_confirms_it() -> anyhow::Result<()> {
    let world = believing_world().await?;
    let person = Person::unique();
    // The vector's order, paid at Cashfree with another amount than in the form.
    world.sandbox.create_order("KB-2001", "479.50", &person).await?;
    world.sandbox.pay_in_silence("KB-2001").await?;
    assert_eq!(post(&world, VECTOR).await?, 200);
    let arrived = world.wait_for_server_event("Purchase", "purchase_KB-2001").await?;
    assert_eq!(arrived.value_minor(), 47_950, "the Orders API's amount must be used");
    assert_eq!(arrived.match_key("em"), person.email_hash(), "the customer is the order's");
    assert_eq!(verdict(&world, VECTOR).await?, Verdict::Duplicate);
    let shown = world.internal()?.get_order(GetOrderRequest { order_id: "KB-2001".to_owned() }).await?;
    assert_eq!(shown.order.map(|order| order.proof).as_deref(), Some("orders_api"));

    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Purchase", "purchase_KB-2001").await?;
    Ok(())
}

#[tokio::test]
async fn what_the_orders_api_does_not_confirm_never_counts() -> anyhow::Result<()> {
    let world = believing_world().await?;
    // The same signature fits a message with other field borders, for an order that nobody paid.
    let recut = VECTOR.replace("KB-2001&orderAmount=499.00", "KB-20014&orderAmount=99.00");
    world.sandbox.create_order("KB-20014", "99.00", &Person::unique()).await?;
    assert_eq!(verdict(&world, &recut).await?, Verdict::Accepted, "a genuine notification is only a hint");
    let unknown = signed(&messages::order_id(), "5.00", "SUCCESS");
    assert_eq!(post(&world, &unknown).await?, 200);
    let failed = messages::order_id();
    world.sandbox.create_order(&failed, "5.00", &Person::unique()).await?;
    for expected in [Verdict::Accepted, Verdict::Duplicate] {
        assert_eq!(verdict(&world, &signed(&failed, "5.00", "FAILED")).await?, expected);
    }
    // The server queried this paid order last, and its Purchase has arrived.
    let paid = messages::order_id();
    world.sandbox.create_order(&paid, "7.00", &Person::unique()).await?;
    world.sandbox.pay_in_silence(&paid).await?;
    assert_eq!(verdict(&world, &signed(&paid, "7.00", "SUCCESS")).await?, Verdict::Accepted);
    world.wait_for_server_event("Purchase", &format!("purchase_{paid}")).await?;

    let purchases = world.events("Purchase", EventState::Unspecified).await?;
    assert_eq!(purchases.len(), 1, "{purchases:?}");
    let shown = world.internal()?.get_order(GetOrderRequest { order_id: "KB-20014".to_owned() }).await?;
    assert_eq!(shown.order.map(|order| order.state()), Some(PurchaseState::Pending));
    Ok(())
}

#[tokio::test]
async fn forged_and_broken_notices_are_refused_and_useless_ones_kept() -> anyhow::Result<()> {
    let world = believing_world().await?;
    for forged in [
        VECTOR.replace("499.00", "499.0"),
        VECTOR.replace("%3D", "%3"),
        VECTOR.replace("&signature", "&sig"),
        String::new(),
        "{}".to_owned(),
    ] {
        assert_eq!(post(&world, &forged).await?, 401, "{forged}");
    }
    let odd = signed("with spaces in it", "5.00", "SUCCESS");
    assert_eq!(verdict(&world, &odd).await?, Verdict::DeadLettered, "the Orders API cannot know it");
    let precise = signed(&messages::order_id(), "5.001", "SUCCESS");
    assert_eq!(verdict(&world, &precise).await?, Verdict::DeadLettered);
    // Current webhooks still work.
    world.pay_order(&messages::order_id(), "5.00", &Person::unique()).await
}
