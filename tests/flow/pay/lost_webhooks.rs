//! Webhooks that are lost or unusable. The server queries the Orders API instead.

use anyhow::ensure;
use serde_json::{Value, json};
use tandem_proto::v1::{DeadLetterKind, ListDeadLettersRequest, ReplayVerdict};
use tandem_tests::cashfree::{Webhook, payment};
use tandem_tests::{Person, World, messages};

use crate::tool::tool;

/// The genuine webhook of a payment whose amount cannot be parsed.
fn unreadable(order: &str, payment_id: &str, person: &Person) -> Webhook {
    let body = payment("SUCCESS", order, payment_id, "1399.50", person);
    Webhook::signed(body.replace("1399.50", "\"much\""))
}

/// Makes the server query the fake Orders API from now on.
async fn let_it_ask(world: &mut World) -> anyhow::Result<()> {
    let api = format!("{}/cashfree/pg", world.sandbox.url);
    let settings = [("CASHFREE_CLIENT_ID", "TEST_sandbox_client"), ("CASHFREE_API_URL", api.as_str())];
    world.restart_server_with(&settings).await
}

async fn replay(world: &World, arguments: &[&str]) -> anyhow::Result<Value> {
    let ended = tool(world, &[&["dead-letters", "replay", "--json"], arguments].concat()).await?;
    ensure!(ended.code == Some(0), "replay {arguments:?}: {}", ended.log);
    Ok(serde_json::from_str(&ended.out)?)
}

/// A paid order whose webhook was unusable.
async fn paid_in_vain(world: &World) -> anyhow::Result<(String, Person)> {
    let (order, person) = (messages::order_id(), Person::unique());
    world.sandbox.create_order(&order, "1399.50", &person).await?;
    let payment_id = world.sandbox.pay_in_silence(&order).await?;
    assert_eq!(world.post_webhook(&unreadable(&order, &payment_id, &person)).await?, 200);
    Ok((order, person))
}

#[tokio::test]
async fn a_webhook_that_cannot_be_read_loses_no_purchase() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let_it_ask(&mut world).await?;
    let (order, person) = paid_in_vain(&world).await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.value_minor(), 139_950);
    assert_eq!(arrived.match_key("em"), person.email_hash());
    let dead = world.internal()?.list_dead_letters(ListDeadLettersRequest::default()).await?;
    assert_eq!(dead.webhooks.len(), 1, "the operator must still see the webhook");
    assert_eq!(dead.webhooks[0].code, "bad_amount");
    Ok(())
}

#[tokio::test]
async fn a_dead_webhook_is_replayed_by_asking_about_its_order() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let (order, _) = paid_in_vain(&world).await?;
    let refund = json!({
        "data": { "refund": { "refund_id": "r", "order_id": order, "refund_amount": "much", "refund_status": "SUCCESS" } },
        "type": "REFUND_STATUS_WEBHOOK", "event_time": "2026-11-25T10:00:00+05:30",
    });
    assert_eq!(world.post_webhook(&Webhook::signed(refund.to_string())).await?, 200);

    // Without the Orders API only Cashfree can help.
    let counts = replay(&world, &["--webhooks", "--all"]).await?;
    assert_eq!((&counts["replayed"], &counts["skipped_webhooks"]), (&json!(0), &json!(2)), "{counts}");
    let_it_ask(&mut world).await?;
    let request = ListDeadLettersRequest { kind: DeadLetterKind::Webhooks.into(), ..Default::default() };
    let dead = world.internal()?.list_dead_letters(request.clone()).await?.webhooks;
    let position = |kind: &str| {
        let found = dead.iter().find(|webhook| webhook.webhook_type == kind);
        found.map(|webhook| webhook.sequence.to_string()).unwrap_or_default()
    };
    let (payment, refund) = (position("PAYMENT_SUCCESS_WEBHOOK"), position("REFUND_STATUS_WEBHOOK"));
    for (webhook, verdict, says) in [
        (&payment, ReplayVerdict::Asks, "the server asks Cashfree about its order"),
        (&refund, ReplayVerdict::Webhook, "resend it from Cashfree's dashboard"),
    ] {
        let shown = tool(&world, &["dead-letters", "show", "--webhook", webhook]).await?;
        assert!(shown.out.contains(says), "{}", shown.out);
        let json = tool(&world, &["dead-letters", "show", "--webhook", webhook, "--json"]).await?;
        assert!(json.out.contains(verdict.as_str_name()), "{}", json.out);
    }

    let counts = replay(&world, &["--webhook", &payment, "--dry-run"]).await?;
    assert_eq!(counts["replayed"], 1, "{counts}");
    assert!(world.sandbox.server_events("Purchase").await?.is_empty(), "a dry run changes nothing");
    let counts = replay(&world, &["--webhooks", "--all"]).await?;
    assert_eq!((&counts["replayed"], &counts["skipped_webhooks"]), (&json!(1), &json!(1)), "{counts}");
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    let left = world.internal()?.list_dead_letters(request).await?.webhooks;
    assert_eq!(left.len(), 1, "a replayed webhook is no dead letter any more");
    assert_eq!(left[0].webhook_type, "REFUND_STATUS_WEBHOOK");
    Ok(())
}
