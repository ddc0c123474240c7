//! Traps of Cashfree's webhooks that only appear when all programs run together, and the table of all traps
//! (`docs/cashfree-traps.md`).

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tandem_tests::binaries::workspace_root;
use tandem_tests::cashfree::{Webhook, sign};
use tandem_tests::sandbox::ServerEvent;
use tandem_tests::{CASHFREE_SECRET, Person, World, messages};

/// Number of traps in the table.
const TRAPS: usize = 40;
/// The gateway refuses a webhook after five seconds.
const ANSWER_MAX: Duration = Duration::from_secs(5);

async fn post(world: &World, webhook: &Webhook, more: &[(&str, &str)]) -> anyhow::Result<u16> {
    let mut headers = vec![
        ("x-webhook-signature", webhook.signature.as_str()),
        ("x-webhook-timestamp", &webhook.timestamp),
    ];
    headers.extend(more);
    Ok(world.post_to_gateway(&headers, webhook.body.clone()).await?.status().as_u16())
}

async fn purchase(world: &World, order: &str) -> anyhow::Result<ServerEvent> {
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await
}

#[tokio::test]
async fn trap_21_a_webhook_of_an_unknown_edition_is_read_by_its_shape() -> anyhow::Result<()> {
    let world = World::start().await?;
    // `post_to_gateway` already sends the 2025 edition, so a second value makes the header a list.
    for version in ["2026-01-01", "2031-12-31", "2021-09-21", "", "nonsense"] {
        let order = messages::order_id();
        let webhook = Webhook::paid(&order, "12.50", &Person::unique());
        assert_eq!(post(&world, &webhook, &[("x-webhook-version", version)]).await?, 200, "{version:?}");
        assert_eq!(purchase(&world, &order).await?.value_minor(), 1_250, "{version:?}");
    }
    Ok(())
}

#[tokio::test]
async fn trap_25_and_26_nobody_and_everybody_are_no_match_keys() -> anyhow::Result<()> {
    let world = World::start().await?;
    let somebody = Person::unique();
    for (email, phone) in [
        (json!("NA"), json!("NA")),
        (json!("null"), json!("")),
        (json!(""), json!(null)),
        (json!("noreply@cashfree.com"), json!("9999999999")),
        (json!("none@none.com"), json!("9876501234 / 9123456780")),
        (json!("{{email}}"), json!("+91 9876S 01234")),
    ] {
        let order = messages::order_id();
        let paid = Webhook::paid(&order, "5.00", &somebody);
        let body = String::from_utf8(paid.body)?
            .replace(&json!(somebody.email).to_string(), &email.to_string())
            .replace(&json!(somebody.phone).to_string(), &phone.to_string());
        assert!(!body.contains(&somebody.email), "the body was changed");
        assert_eq!(world.post_webhook(&Webhook::signed(body)).await?, 200);
        let arrived = purchase(&world, &order).await?;
        for key in ["em", "ph"] {
            let value = arrived.field(&["user_data", key]);
            assert!(value.is_null(), "{key} of {email} and {phone}: {value}");
        }
        assert!(!arrived.match_key("fn").is_empty(), "the buyer's name must still be a match key");
    }
    Ok(())
}

#[tokio::test]
async fn trap_27_each_spelling_of_a_phone_is_one_hash() -> anyhow::Result<()> {
    let world = World::start().await?;
    let person = Person::unique();
    let national = person.phone.trim_start_matches("+91").trim_start_matches('0').to_owned();
    assert_eq!(national.len(), 10, "an Indian mobile number");
    for phone in
        [national.clone(), format!("+91{national}"), format!("91{national}"), format!("+91 {national}")]
    {
        let order = messages::order_id();
        let paid = Webhook::paid(&order, "5.00", &person);
        let body = String::from_utf8(paid.body)?
            .replace(&json!(person.phone).to_string(), &json!(phone).to_string());
        assert_eq!(world.post_webhook(&Webhook::signed(body)).await?, 200);
        assert_eq!(purchase(&world, &order).await?.match_key("ph"), person.phone_hash(), "{phone}");
    }
    Ok(())
}

#[tokio::test]
async fn trap_32_200_is_durable_and_waits_for_nobody_at_meta() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    world.sandbox.fault("graph", None, json!("hang")).await?;
    let order = messages::order_id();
    let webhook = Webhook::paid(&order, "1499.00", &Person::unique());
    let started = Instant::now();
    assert_eq!(world.post_webhook(&webhook).await?, 200);
    assert!(started.elapsed() < ANSWER_MAX, "answered after {:?}", started.elapsed());
    // Killed at once: the server loses what is not on disk now.
    world.kill_server();
    world.sandbox.heal().await?;
    world.restart_server().await?;
    assert_eq!(purchase(&world, &order).await?.value_minor(), 149_900);
    Ok(())
}

#[tokio::test]
async fn trap_34_the_idempotency_key_neither_doubles_nor_hides_a_payment() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (first, second) = (messages::order_id(), messages::order_id());
    let known = Webhook::paid(&first, "10.00", &Person::unique());
    // The same body with new idempotency keys is still one payment.
    for key in ["key-1", "key-2", "key-3"] {
        assert_eq!(post(&world, &known, &[("x-idempotency-key", key)]).await?, 200);
    }
    // Another body with a known idempotency key is another payment.
    let other = Webhook::paid(&second, "20.00", &Person::unique());
    assert_eq!(post(&world, &other, &[("x-idempotency-key", "key-1")]).await?, 200);
    assert_eq!(purchase(&world, &second).await?.value_minor(), 2_000);
    world.wait_until_all_is_sent().await?;
    assert_eq!(purchase(&world, &first).await?.value_minor(), 1_000);
    world.wait_for_health("two purchases", |health| health["last_24h"]["purchase_events"] == 2).await?;
    Ok(())
}

#[tokio::test]
async fn trap_40_only_the_secret_of_its_environment_makes_a_webhook_genuine() -> anyhow::Result<()> {
    const LIVE: &str = "cfsk_ma_prod_secret_of_the_suites";
    for (environment, mine, other) in
        [("SANDBOX", CASHFREE_SECRET, LIVE), ("PRODUCTION", LIVE, CASHFREE_SECRET)]
    {
        let world = World::builder()
            .server("CASHFREE_ENVIRONMENT", environment)
            .server("CASHFREE_CLIENT_SECRET_PRODUCTION", LIVE)
            .start()
            .await?;
        let (refused, taken) = (messages::order_id(), messages::order_id());
        for (order, secret, status) in [(&refused, other, 401), (&taken, mine, 200)] {
            let mut webhook = Webhook::paid(order, "10.00", &Person::unique());
            webhook.signature = sign(secret, &webhook.timestamp, &webhook.body);
            assert_eq!(world.post_webhook(&webhook).await?, status, "{environment}");
        }
        purchase(&world, &taken).await?;
        world.wait_until_all_is_sent().await?;
        let id = format!("purchase_{refused}");
        assert!(world.sandbox.server_events_with_id("Purchase", &id).await?.is_empty(), "{environment}");
    }
    Ok(())
}

/// `cargo xtask tidy` checks that each test named in a document is in its file. This checks that a test of this suite
/// also runs, because a file that no module declares has no running tests.
#[test]
fn each_trap_has_its_row_and_its_flow_tests_run() -> anyhow::Result<()> {
    let table = std::fs::read_to_string(workspace_root().join("docs/cashfree-traps.md"))?;
    let listed = Command::new(std::env::current_exe()?).args(["--list", "--format", "terse"]).output()?;
    let listed = String::from_utf8(listed.stdout)?;
    let mut numbers = Vec::new();
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, _, tests] = cells[..] else { panic!("four cells: {row}") };
        numbers.push(number.parse::<usize>()?);
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "trap {number} has no test");
        for test in named {
            let (file, name) = test.split_once(".rs::").unwrap_or_else(|| panic!("file::name, not {test}"));
            if let Some(module) = file.strip_prefix("tests/flow/") {
                let path = format!("{}::{name}: test", module.replace('/', "::"));
                assert!(listed.lines().any(|line| line == path), "trap {number}: {path} does not run");
            }
        }
    }
    assert_eq!(numbers, (1..=TRAPS).collect::<Vec<_>>(), "each trap has its row");
    Ok(())
}
