//! The results of webhooks of each kind and edition.

use std::collections::HashMap;

use serde_json::json;
use tandem_proto::v1::{
    EventState, GetOrderRequest, PauseDeliveryRequest, Provider, ResumeDeliveryRequest, Verdict,
    VerifyWebhookRequest,
};
use tandem_tests::cashfree::{Webhook, indian_time, now_ms, payment, payment_at, unique_payment_id};
use tandem_tests::{Person, World, messages};

#[tokio::test]
async fn what_is_genuine_is_received_even_if_useless() -> anyhow::Result<()> {
    let world = World::start().await?;
    let dead_letters = async |what: &str, count: u64| {
        world.wait_for_health(what, |health| health["outbox"]["dead_letters"] == count).await.map(drop)
    };
    let ping = json!({"data": {"test_object": {"test_key": "test_value"}}, "type": "WEBHOOK", "event_time": "2025-11-24T10:30:00.000Z"});
    assert_eq!(world.sandbox.send_webhook(&ping.to_string()).await?, 200, "a test ping");
    let unknown =
        json!({"data": {}, "type": "SOMETHING_CASHFREE_INVENTED", "event_time": "2025-11-24T10:30:00Z"});
    assert_eq!(world.sandbox.send_webhook(&unknown.to_string()).await?, 200, "an unknown type");
    let charges = payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "5.00", &Person::unique())
        .replace("PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_CHARGES_WEBHOOK");
    assert_eq!(world.post_webhook(&Webhook::signed(charges)).await?, 200, "fees are no payment");

    assert_eq!(world.sandbox.send_webhook("a signed body that is not JSON").await?, 200);
    dead_letters("one dead letter, which is not JSON", 1).await?;
    let (person, order) = (Person::unique(), messages::order_id());
    let precise = payment("SUCCESS", &order, &unique_payment_id(), "1.005", &person);
    assert_eq!(world.post_webhook(&Webhook::signed(precise)).await?, 200);
    dead_letters("a second one, with more decimals than rupees have", 2).await?;
    let torn = payment("SUCCESS", &order, &unique_payment_id(), "1.00", &person)
        .replace(r#""payment_status":"SUCCESS""#, r#""payment_status":"FAILED""#);
    assert_eq!(world.post_webhook(&Webhook::signed(torn)).await?, 200);
    dead_letters("a third one, whose type and status disagree", 3).await?;

    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());
    Ok(())
}

/// The sandbox has its own idea of each kind, so this is a second opinion about their shapes.
#[tokio::test]
async fn every_kind_that_the_sandbox_signs_is_understood_and_none_is_a_second_purchase() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let (order, person) = (messages::order_id(), Person::unique());
    world.sandbox.create_order(&order, "1499.50", &person).await?;
    world.sandbox.pay(&order, "success").await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    let kinds = [
        "PAYMENT_CHARGES_WEBHOOK",
        "DISPUTE_CREATED",
        "DISPUTE_UPDATED",
        "PAYMENT_LINK_EVENT",
        "PAYMENT_FORM_ORDER_WEBHOOK",
        "SETTLEMENT_INITIATED",
        "SETTLEMENT_SUCCESS",
        "SETTLEMENT_FAILED",
        "SETTLEMENT_REVERSED",
        "SUBSCRIPTION_AUTH_STATUS",
        "SUBSCRIPTION_PAYMENT_SUCCESS",
        "SUBSCRIPTION_PAYMENT_FAILED",
        "SUBSCRIPTION_PAYMENT_CANCELLED",
        "SUBSCRIPTION_REFUND_STATUS",
        "WEBHOOK",
        "AUTO_REFUND_STATUS_WEBHOOK",
        "DISPUTE_CLOSED",
    ];
    for kind in kinds {
        world.sandbox.change_order(&order, "webhook", json!({ "kind": kind })).await?;
    }
    world.sandbox.change_order(&order, "refund", json!({ "amount": "9.50" })).await?;
    world
        .eventually("every webhook to be answered 200 at once", async || {
            let sent = world.sandbox.webhooks().await?;
            let is_taken = |webhook: &serde_json::Value| webhook["attempts"][0]["status"] == 200;
            Ok((sent.len() == kinds.len() + 2 && sent.iter().all(is_taken)).then_some(()))
        })
        .await?;
    assert_eq!(world.health().await?["outbox"]["dead_letters"], 0, "{}", world.server_log());
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events("Purchase").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_payment_too_old_for_meta_is_kept_and_given_up() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (order, person) = (messages::order_id(), Person::unique());
    // Signed now, as a resend from Cashfree's dashboard is, for a payment eight days ago.
    let eight_days_ago_s = now_ms() / 1000 - 8 * 86_400;
    let body = payment_at(eight_days_ago_s, "SUCCESS", &order, &unique_payment_id(), "1499.00", &person);
    assert_eq!(world.post_webhook(&Webhook::signed(body)).await?, 200);
    let id = format!("purchase_{order}");
    let letter = world.wait_for_state("Purchase", &id, EventState::DeadLetter).await?;
    assert_eq!(letter.code, "too_old");
    let told = |line: &str| line.contains("dead letter") && line.contains(&id) && line.contains("too_old");
    assert!(world.server_log().lines().any(told), "{}", world.server_log());
    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_webhook_told_ten_times_at_once_counts_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let order = messages::order_id();
    let webhook = Webhook::paid(&order, "1499.00", &Person::unique());
    let posts = (0..10).map(|_| world.post_webhook(&webhook));
    for status in futures_util::future::try_join_all(posts).await? {
        assert_eq!(status, 200);
    }
    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    world.wait_for_health("one purchase", |health| health["last_24h"]["purchase_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn two_editions_of_one_webhook_are_one_payment() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (order, payment_id, person) = (messages::order_id(), unique_payment_id(), Person::unique());
    // Up to edition 2022-09-01 the payment's ID is a number, later a text. The bytes differ, but the payment is the
    // same.
    let newer = payment("SUCCESS", &order, &payment_id, "99.50", &person);
    let older = newer.replace(&format!("\"{payment_id}\""), &payment_id);
    assert_ne!(newer, older);
    for (body, verdict) in [(newer, Verdict::Accepted), (older, Verdict::Duplicate)] {
        let signed = Webhook::signed(body);
        let headers = HashMap::from([
            ("x-webhook-signature".to_owned(), signed.signature),
            ("x-webhook-timestamp".to_owned(), signed.timestamp),
        ]);
        let request = VerifyWebhookRequest {
            provider: Provider::Cashfree.into(),
            raw_body: signed.body,
            headers,
            ..VerifyWebhookRequest::default()
        };
        let answer = world.internal()?.verify_webhook(request).await?;
        assert_eq!(answer.verdict(), verdict);
        assert_eq!(
            (answer.order_id.as_str(), answer.event_id),
            (order.as_str(), format!("purchase_{order}"))
        );
        assert_eq!(answer.webhook_type, "PAYMENT_SUCCESS_WEBHOOK");
    }
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.value_minor(), 9_950);
    Ok(())
}

#[tokio::test]
async fn links_and_forms_prove_payments_too() -> anyhow::Result<()> {
    let world = World::start().await?;
    let person = Person::unique();
    let (time, link, form) = (indian_time(now_ms() / 1000), messages::order_id(), messages::order_id());
    let link_event = json!({
        "data": {
            "cf_link_id": 55001, "link_id": "inv_778", "link_status": "PARTIALLY_PAID", "link_currency": "INR",
            "link_amount": "900.00", "link_amount_paid": "350.00", "link_partial_payments": true,
            "customer_details": {
                "customer_phone": person.phone_international(), "customer_email": person.email, "customer_name": "",
            },
            "order": {
                "order_amount": "150.00", "order_id": link, "order_hash": "h1",
                "transaction_id": 700_100_200_320_u64, "transaction_status": "SUCCESS",
            },
        },
        "type": "PAYMENT_LINK_EVENT", "version": 1, "event_time": time,
    });
    let form_event = json!({
        "data": {
            "form": { "form_id": null, "cf_form_id": 6_100_001, "form_currency": "INR" },
            "order": {
                "order_id": form, "order_amount": "398.00", "transaction_id": 700_100_200_330_u64,
                "order_status": "PAID",
                "customer_details": {
                    "customer_phone": person.phone, "customer_email": person.email, "customer_name": person.full_name(),
                },
            },
        },
        "event_time": time, "type": "PAYMENT_FORM_ORDER_WEBHOOK",
    });
    for event in [link_event, form_event] {
        assert_eq!(world.post_webhook(&Webhook::signed(event.to_string())).await?, 200);
    }
    // For a payment link, the amount of this payment counts, not the total of the link.
    for (order, paid) in [(link, 15_000), (form, 39_800)] {
        let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
        assert_eq!(arrived.value_minor(), paid);
        assert_eq!(arrived.match_key("em"), person.email_hash());
        assert_eq!(arrived.match_key("ph"), person.phone_hash());
    }
    Ok(())
}

#[tokio::test]
async fn the_payment_webhook_decides_what_was_paid_even_if_the_links_came_first() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (person, order, payment_id) = (Person::unique(), messages::order_id(), unique_payment_id());
    let link = json!({
        "data": {
            "cf_link_id": 55002, "link_id": "inv_779", "link_status": "PAID", "link_currency": "INR",
            "link_amount": "150.00", "link_amount_paid": "150.00", "link_partial_payments": false,
            "customer_details": {
                "customer_phone": person.phone_international(), "customer_email": person.email, "customer_name": "",
            },
            "order": {
                "order_amount": "150.00", "order_id": order, "order_hash": "h1",
                "transaction_id": payment_id.parse::<u64>()?, "transaction_status": "SUCCESS",
            },
        },
        "type": "PAYMENT_LINK_EVENT", "version": 1, "event_time": indian_time(now_ms() / 1000),
    });
    // With a fee that the buyer bears, more is paid than the order's amount.
    let paid = payment("SUCCESS", &order, &payment_id, "165.40", &person);
    world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?;
    for body in [link.to_string(), paid] {
        assert_eq!(world.post_webhook(&Webhook::signed(body)).await?, 200);
    }
    world.internal()?.resume_delivery(ResumeDeliveryRequest::default()).await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.value_minor(), 16_540);
    let known = world.internal()?.get_order(GetOrderRequest { order_id: order }).await?.order;
    let known = known.map(|order| (order.payments, order.paid.unwrap_or_default().amount));
    assert_eq!(known, Some((1, "165.40".to_owned())), "one payment, told twice");
    Ok(())
}
