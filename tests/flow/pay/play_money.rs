//! Play money: what was paid in Cashfree's sandbox is told to nobody as a sale, neither to Meta nor to a page. Here the
//! fake Graph API has the real one's name.

use serde_json::Value;
use tandem_proto::v1::{
    EventState, PauseDeliveryRequest, PurchaseState, ReplayDeadLettersRequest, ResumeDeliveryRequest,
};
use tandem_tests::world::WorldBuilder;
use tandem_tests::{CASHFREE_SECRET, Person, Visitor, World, messages};

use crate::tool::tool;

const PRODUCTION: (&str, &str) = ("CASHFREE_ENVIRONMENT", "PRODUCTION");
const SANDBOX: (&str, &str) = ("CASHFREE_ENVIRONMENT", "SANDBOX");
const TEST_CODE: (&str, &str) = ("FACEBOOK_TEST_EVENT_CODE", "TEST123");
const NO_TEST_CODE: (&str, &str) = ("FACEBOOK_TEST_EVENT_CODE", "");

/// A world whose server believes that it speaks to Meta, and can check the webhooks of both environments.
fn real_meta() -> WorldBuilder {
    World::builder().under_metas_name().server("CASHFREE_CLIENT_SECRET_PRODUCTION", CASHFREE_SECRET)
}

/// What a page is told of an order: its state, whether the page may fire, and why not.
async fn told(visitor: &Visitor, order: &str) -> anyhow::Result<(PurchaseState, bool, String)> {
    let answer = visitor.claim_purchase(messages::purchase(order, "1399.50")).await?.outcome?;
    assert_eq!(answer.browser_event.is_some(), !answer.confirm_key.is_empty(), "one comes with the other");
    Ok((answer.state(), answer.browser_event.is_some(), answer.suppressed_reason))
}

/// The test event codes under which the fake Graph API took Purchases, in the order of their arrival.
async fn purchase_codes(world: &World) -> anyhow::Result<Vec<Value>> {
    let rows = world.sandbox.graph_rows().await?;
    let purchases = rows.into_iter().filter(|row| row["event"]["event_name"] == "Purchase");
    Ok(purchases.map(|mut row| row["test_event_code"].take()).collect())
}

/// Waits until everything that may leave has left, and expects that these Purchases did.
async fn expect_sent(world: &World, codes: &[Value]) -> anyhow::Result<()> {
    world.wait_until_all_is_sent().await?;
    assert_eq!(purchase_codes(world).await?, codes, "the test event codes of the Purchases that left");
    Ok(())
}

#[tokio::test]
async fn a_sandbox_purchase_is_told_to_nobody_and_going_live_does_not_release_it() -> anyhow::Result<()> {
    let mut world = real_meta().start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    let id = format!("purchase_{order}");
    let sandbox_reason = "sandbox_without_test_code";
    assert_eq!(told(&buyer, &order).await?, (PurchaseState::Pending, false, String::new()));
    world.pay_order(&order, "1399.50", &person).await?;
    assert_eq!(told(&buyer, &order).await?, (PurchaseState::Verified, false, sandbox_reason.to_owned()));
    assert_eq!(world.wait_for_state("Purchase", &id, EventState::Held).await?.code, sandbox_reason);
    expect_sent(&world, &[]).await?;

    // The shop goes live with the same data. Nobody has paid this order in real money.
    world.restart_server_with(&[PRODUCTION]).await?;
    expect_sent(&world, &[]).await?;
    let held = world.events("Purchase", EventState::Held).await?;
    let held: Vec<_> = held.iter().map(|event| (event.event_id.as_str(), event.code.as_str())).collect();
    assert_eq!(held, [(id.as_str(), sandbox_reason)]);
    for command in [&["events", "list", "--state", "held"][..], &["orders", "show", &order]] {
        let shown = tool(&world, command).await?.out;
        assert!(shown.contains(&id) && shown.contains("held"), "{command:?}: {shown}");
    }
    assert_eq!(told(&buyer, &order).await?, (PurchaseState::Pending, false, String::new()));

    // A real payment of the same order ID is a sale of its own.
    world.pay_order(&order, "1399.50", &person).await?;
    assert_eq!(told(&buyer, &order).await?, (PurchaseState::Verified, true, String::new()));
    expect_sent(&world, &[Value::Null]).await?;
    let shown = tool(&world, &["orders", "show", &order]).await?.out;
    assert!(["PRODUCTION", "delivered", sandbox_reason].iter().all(|word| shown.contains(word)), "{shown}");

    // Back in the sandbox, with a test code: play money is told as a test.
    world.restart_server_with(&[SANDBOX, TEST_CODE]).await?;
    expect_sent(&world, &[Value::Null, TEST_CODE.1.into()]).await?;
    assert!(world.events("Purchase", EventState::Held).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn nor_does_an_optimistic_page_fire_for_play_money() -> anyhow::Result<()> {
    let world = real_meta().server("TANDEM_BROWSER_POLICY", "optimistic").start().await?;
    let (buyer, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    assert_eq!(told(&buyer, &order).await?, (PurchaseState::Pending, false, String::new()));
    world.pay_order(&order, "1399.50", &person).await?;
    let reason = "sandbox_without_test_code".to_owned();
    assert_eq!(told(&buyer, &order).await?, (PurchaseState::Verified, false, reason));
    expect_sent(&world, &[]).await
}

/// A Purchase waits as a test, and the server starts with other settings: it is held under `code`, is held in the
/// sandbox without a test code too, and leaves as a test once there is one again.
async fn held_until_it_is_a_test_again(settings: &[(&str, &str)], code: &str) -> anyhow::Result<()> {
    let mut world = real_meta().server(TEST_CODE.0, TEST_CODE.1).start().await?;
    let (person, order) = (Person::unique(), messages::order_id());
    let id = format!("purchase_{order}");
    world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?;
    world.pay_order(&order, "1399.50", &person).await?;
    world.wait_for_state("Purchase", &id, EventState::WaitingJoin).await?;
    for (settings, code) in [(settings, code), (&[SANDBOX], "sandbox_without_test_code")] {
        world.restart_server_with(settings).await?;
        world.internal()?.resume_delivery(ResumeDeliveryRequest::default()).await?;
        expect_sent(&world, &[]).await?;
        assert_eq!(world.wait_for_state("Purchase", &id, EventState::Held).await?.code, code);
    }
    world.restart_server_with(&[TEST_CODE]).await?;
    expect_sent(&world, &[TEST_CODE.1.into()]).await
}

#[tokio::test]
async fn what_waited_as_a_test_is_held_once_the_test_code_is_gone() -> anyhow::Result<()> {
    held_until_it_is_a_test_again(&[NO_TEST_CODE], "sandbox_without_test_code").await
}

#[tokio::test]
async fn what_waited_as_a_test_is_held_by_going_live_and_on_the_way_back() -> anyhow::Result<()> {
    held_until_it_is_a_test_again(&[PRODUCTION, NO_TEST_CODE], "other_environment").await
}

#[tokio::test]
async fn a_replayed_sandbox_purchase_stays_play_money() -> anyhow::Result<()> {
    let mut world = real_meta().server(TEST_CODE.0, TEST_CODE.1).start().await?;
    let (person, order) = (Person::unique(), messages::order_id());
    let id = format!("purchase_{order}");
    world.sandbox.refuse_event(&id).await?;
    world.pay_order(&order, "1399.50", &person).await?;
    world.wait_for_state("Purchase", &id, EventState::DeadLetter).await?;
    world.sandbox.heal().await?;
    world.restart_server_with(&[PRODUCTION, NO_TEST_CODE]).await?;
    let replay = ReplayDeadLettersRequest { all: true, ..ReplayDeadLettersRequest::default() };
    world.internal()?.replay_dead_letters(replay).await?;
    expect_sent(&world, &[]).await?;
    let held = world.wait_for_state("Purchase", &id, EventState::Held).await?;
    assert_eq!(held.code, "other_environment");

    world.restart_server_with(&[SANDBOX]).await?;
    expect_sent(&world, &[]).await?;
    world.restart_server_with(&[TEST_CODE]).await?;
    expect_sent(&world, &[TEST_CODE.1.into()]).await
}
