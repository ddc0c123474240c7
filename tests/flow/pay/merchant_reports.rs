//! Purchases that the shop's own services report, and what strangers may learn about them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost_types::Timestamp;
use sha2::Sha256;
use tandem_proto::v1::{Browser, EventState, PurchaseState};
use tandem_tests::cashfree::now_ms;
use tandem_tests::status::expect_code;
use tandem_tests::{Person, World, messages};
use tonic::Code;

#[tokio::test]
async fn a_merchant_report_is_a_purchase_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (internal, person, order) = (world.internal()?, Person::unique(), messages::order_id());
    let id = format!("purchase_{order}");
    let paid_s = i64::try_from(now_ms() / 1000)? - 600;
    let mut report = messages::purchase(&order, "1499.00");
    report.user = Some(person.user());
    report.occurred_at = Some(Timestamp { seconds: paid_s, nanos: 0 });
    report.action_source = "phone_call".to_owned();
    report.browser = Some(Browser { client_ip_address: Some("49.37.9.9".to_owned()), ..Browser::default() });

    let stated = internal.record_purchase(report.clone()).await?;
    assert_eq!((stated.event_id.as_str(), stated.state()), (id.as_str(), PurchaseState::Verified));
    assert!(!stated.duplicate);
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    assert_eq!(arrived.value_minor(), 149_900);
    assert_eq!(arrived.text(&["action_source"]), "phone_call");
    assert_eq!(arrived.field(&["event_time"]), paid_s);
    assert_eq!(arrived.match_key("em"), person.email_hash());
    assert_eq!(arrived.match_key("client_ip_address"), "49.37.9.9");

    // The service reports it again, and so does the payment provider.
    assert!(internal.record_purchase(report.clone()).await?.duplicate);
    world.pay_order(&order, "1499.00", &person).await?;
    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Purchase", &id).await?;

    // A report with another amount is a contradiction, which a person has to resolve.
    report.custom_data = Some(messages::deck("999.00"));
    let outcome = internal.record_purchase(report).await;
    let status = expect_code("another amount", outcome, Code::FailedPrecondition);
    for amount in ["1499", "999"] {
        assert!(status.message().contains(amount), "the error must name both amounts: {}", status.message());
    }
    world.wait_for_health("one purchase", |health| health["last_24h"]["purchase_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn a_merchant_report_that_contradicts_the_payment_is_refused() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (internal, order) = (world.internal()?, messages::order_id());
    world.pay_order(&order, "250.00", &Person::unique()).await?;
    let status = expect_code(
        "a merchant's report of another amount",
        internal.record_purchase(messages::purchase(&order, "249.00")).await,
        Code::FailedPrecondition,
    );
    assert!(status.message().contains("250") && status.message().contains("249"), "{}", status.message());
    let agreed = internal.record_purchase(messages::purchase(&order, "250.00")).await?;
    assert_eq!(agreed.state(), PurchaseState::Verified);
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    Ok(())
}

#[tokio::test]
async fn with_a_claim_secret_guessing_order_numbers_reveals_nothing() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_CLAIM_SECRET", "claims-are-signed-with-this").start().await?;
    let (visitor, order) = (world.visitor(), messages::order_id());
    world.pay_order(&order, "1499.00", &Person::unique()).await?;

    let mut claim = messages::purchase(&order, "1499.00");
    for guess in ["", "00", &"0".repeat(64)] {
        claim.claim_key = guess.to_owned();
        let answer = visitor.claim_purchase(claim.clone()).await?.outcome?;
        assert_eq!(answer.state(), PurchaseState::Pending, "claim key {guess:?}");
        assert_eq!(answer.browser_event, None, "claim key {guess:?}");
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(b"claims-are-signed-with-this")?;
    mac.update(order.as_bytes());
    claim.claim_key = hex::encode(mac.finalize().into_bytes());
    let answer = visitor.claim_purchase(claim).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Verified);
    assert!(answer.browser_event.is_some());
    Ok(())
}

#[tokio::test]
async fn a_missed_webhook_is_made_up_by_the_orders_api() -> anyhow::Result<()> {
    // The API's address is known only when a sandbox runs, so the server starts again.
    let mut world = World::start().await?;
    let api = format!("{}/cashfree/pg", world.sandbox.url);
    world
        .restart_server_with(&[("CASHFREE_CLIENT_ID", "TEST_sandbox_client"), ("CASHFREE_API_URL", &api)])
        .await?;
    let (visitor, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    world.sandbox.create_order(&order, "1399.50", &person).await?;
    world.sandbox.pay_in_silence(&order).await?;
    assert!(world.sandbox.webhooks().await?.is_empty());

    let answer = visitor.claim_purchase(messages::purchase(&order, "1.00")).await?.outcome?;
    assert_eq!(answer.state(), PurchaseState::Verified);
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(arrived.value_minor(), 139_950);
    assert_eq!(arrived.match_key("fbp"), visitor.fbp);
    assert_eq!(arrived.match_key("em"), person.email_hash(), "the customer is the order's");

    // The late webhook changes nothing.
    world.pay_order(&order, "1399.50", &person).await?;
    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    let purchases = world.events("Purchase", EventState::Unspecified).await?;
    assert_eq!(purchases.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_order_id_is_kept_byte_for_byte() -> anyhow::Result<()> {
    let world = World::start().await?;
    let internal = world.internal()?;
    for order in ["kb-1", "KB-1", " KB-1", "KB 7/ü?=%41&#", "दीया-७", &"x".repeat(256)] {
        let mut report = messages::purchase(order, "5.00");
        report.user = Some(Person::unique().user());
        let answer = internal.record_purchase(report).await?;
        assert_eq!(answer.event_id, format!("purchase_{order}"));
        assert!(!answer.duplicate, "{order:?} is an order of its own");
        let arrived = world.wait_for_server_event("Purchase", &answer.event_id).await?;
        assert_eq!(arrived.text(&["custom_data", "order_id"]), order);
    }
    Ok(())
}
