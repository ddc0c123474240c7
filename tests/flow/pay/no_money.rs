//! What looks like a payment and is none (cash to be paid at the door), and what is one and
//! counts only when the merchant says so (charges of subscriptions).

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tandem_proto::v1::GetOrderRequest;
use tandem_tests::cashfree::{Webhook, indian_time, now_ms, payment, unique_payment_id};
use tandem_tests::{Person, World, messages};

const UPI: &str =
    r#""payment_method":{"upi":{"channel":"collect","upi_id":"buyer@bank"}},"payment_group":"upi""#;

#[tokio::test]
async fn cash_on_delivery_that_cashfree_calls_success_is_a_placement() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let placed = payment("SUCCESS", &order, &unique_payment_id(), "1399.50", &person)
        .replace(UPI, r#""payment_method":{"cod":{"channel":"link"}},"payment_group":"cash_on_delivery""#);
    assert_eq!(world.post_webhook(&Webhook::signed(placed)).await?, 200);
    let known = world.internal()?.get_order(GetOrderRequest { order_id: order.clone() }).await?;
    let shown = format!("{known:?}");
    assert!(shown.contains("CASH_ON_DELIVERY"), "{shown}");
    // Cash alone says too little: an operator decides.
    let unclear = payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "1399.50", &person)
        .replace(UPI, r#""payment_method":{"cash":{}},"payment_group":"cash""#);
    assert_eq!(world.post_webhook(&Webhook::signed(unclear)).await?, 200);
    world.wait_for_health("a dead letter", |health| health["outbox"]["dead_letters"] == 1).await?;
    let claim = messages::purchase(&order, "1399.50");
    let told = tandem_tests::wait::eventually("an answer", async || {
        let timeout = [("grpc-timeout", "400m".to_owned())];
        let mut claim = claim.clone();
        claim.browser = Some(buyer.browser());
        let path = tandem_proto::v1::tracking_service_paths::RECORD_PURCHASE;
        let answer =
            buyer.call_with::<tandem_proto::v1::RecordPurchaseResponse>(path, &claim, &timeout).await?;
        Ok(answer.outcome.ok())
    })
    .await?;
    assert_eq!(told.browser_event, None, "the page must not fire");
    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());
    Ok(())
}

fn subscription(kind: &str, payment_type: &str, payment_id: &str) -> String {
    let time = indian_time(now_ms() / 1000);
    json!({
        "data": {
            "payment_id": payment_id, "cf_payment_id": unique_payment_id(), "subscription_id": "sub9",
            "cf_subscription_id": "24000009", "payment_type": payment_type, "payment_amount": 299.00,
            "payment_currency": "INR", "payment_initiated_date": time, "retry_attempts": 0,
            "payment_status": "SUCCESS",
        },
        "event_time": time, "type": kind,
    })
    .to_string()
}

#[tokio::test]
async fn charges_of_subscriptions_are_purchases_when_the_merchant_says_so() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let [off, first, second, mandate] = [(); 4].map(|()| messages::order_id());
    let charge = "SUBSCRIPTION_PAYMENT_SUCCESS";
    assert_eq!(world.post_webhook(&Webhook::signed(subscription(charge, "CHARGE", &off))).await?, 200);
    world.restart_server_with(&[("CASHFREE_SUBSCRIPTION_PURCHASES", "true")]).await?;
    for (id, kind) in [(&first, "CHARGE"), (&second, "CHARGE"), (&mandate, "AUTH")] {
        assert_eq!(world.post_webhook(&Webhook::signed(subscription(charge, kind, id))).await?, 200);
    }
    for id in [&first, &second] {
        let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{id}")).await?;
        assert_eq!(arrived.value_minor(), 29_900);
        assert_eq!(arrived.text(&["action_source"]), "system_generated");
        assert_eq!(arrived.match_key("external_id"), hex::encode(Sha256::digest("sub9")));
    }
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events("Purchase").await?.len(), 2, "no mandate, and none from before");
    Ok(())
}
