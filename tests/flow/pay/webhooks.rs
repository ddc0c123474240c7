//! The gateway: Cashfree's webhooks over HTTP.

use std::time::{Duration, Instant};

use tandem_tests::cashfree::{Webhook, now_ms, payment, sign, unique_payment_id};
use tandem_tests::{CASHFREE_SECRET, INTERNAL_TOKEN, Person, World, http, messages};

/// A webhook of a successful payment, with a new order.
fn paid() -> Webhook {
    Webhook::paid(&messages::order_id(), "1499.00", &Person::unique())
}

#[tokio::test]
async fn a_signed_webhook_is_received_and_a_changed_one_is_not() -> anyhow::Result<()> {
    let world = World::start().await?;
    let webhook = paid();
    let headers =
        [("x-webhook-signature", webhook.signature.as_str()), ("x-webhook-timestamp", &webhook.timestamp)];
    let response = world.post_to_gateway(&headers, webhook.body.clone()).await?;
    assert_eq!(response.status(), 200);
    let body: serde_json::Value = response.json().await?;
    assert_eq!(body["status"], "received");

    // Changes one bit of one byte: at the ends, in the amount, in the order, and between.
    let amount =
        webhook.body.windows(7).position(|part| part == b"1499.00").expect("the body has the amount");
    for place in [0, 1, 40, amount, amount + 6, webhook.body.len() / 2, webhook.body.len() - 1] {
        let mut changed = webhook.clone();
        changed.body[place] ^= 1;
        assert_eq!(world.post_webhook(&changed).await?, 401, "byte {place} changed");
    }
    let mut longer = webhook.clone();
    longer.body.push(b'\n');
    assert_eq!(world.post_webhook(&longer).await?, 401, "a newline added");
    let mut shorter = webhook.clone();
    shorter.body.pop();
    assert_eq!(world.post_webhook(&shorter).await?, 401, "cut short");
    let rewritten: serde_json::Value = serde_json::from_slice(&webhook.body)?;
    let rewritten = Webhook { body: rewritten.to_string().into_bytes(), ..webhook.clone() };
    assert_eq!(world.post_webhook(&rewritten).await?, 401, "the same JSON written anew");
    let later = Webhook { timestamp: (webhook.timestamp.parse::<u64>()? + 1).to_string(), ..webhook.clone() };
    assert_eq!(world.post_webhook(&later).await?, 401, "another timestamp");
    let padded = Webhook { timestamp: format!("0{}", webhook.timestamp), ..webhook };
    assert_eq!(world.post_webhook(&padded).await?, 401, "the same number written differently");
    Ok(())
}

#[tokio::test]
async fn signatures_in_other_spellings_are_wrong() -> anyhow::Result<()> {
    let world = World::start().await?;
    // A signature in which both base64 alphabets differ, so that each spelling is another text.
    let webhook = (0..)
        .map(|_| paid())
        .find(|webhook| webhook.signature.contains('+') && webhook.signature.contains('/'))
        .expect("an endless supply");
    let with_dot = sign(CASHFREE_SECRET, &format!("{}.", webhook.timestamp), &webhook.body);
    for (case, signature) in [
        ("another secret", sign("another secret", &webhook.timestamp, &webhook.body)),
        ("a dot between timestamp and body", with_dot),
        ("the URL-safe alphabet", webhook.signature.replace('+', "-").replace('/', "_")),
        ("no padding", webhook.signature.trim_end_matches('=').to_owned()),
        ("empty", String::new()),
        ("no base64", "not base64 at all!".to_owned()),
        ("cut short", webhook.signature[..20].to_owned()),
    ] {
        let forged = Webhook { signature, ..webhook.clone() };
        assert_eq!(world.post_webhook(&forged).await?, 401, "{case}");
    }
    assert_eq!(world.post_webhook(&webhook).await?, 200, "the right one");
    Ok(())
}

#[tokio::test]
async fn headers_must_be_there_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let webhook = paid();
    let (signature, timestamp) = (
        ("x-webhook-signature", webhook.signature.as_str()),
        ("x-webhook-timestamp", webhook.timestamp.as_str()),
    );
    let cases: [(&str, &[(&str, &str)]); 5] = [
        ("neither", &[]),
        ("no timestamp", &[signature]),
        ("no signature", &[timestamp]),
        ("two signatures", &[signature, signature, timestamp]),
        ("two timestamps", &[signature, timestamp, timestamp]),
    ];
    for (case, headers) in cases {
        let response = world.post_to_gateway(headers, webhook.body.clone()).await?;
        assert_eq!(response.status(), 401, "{case}");
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_is_cut_elsewhere_is_not_genuine_and_is_told_without_its_content() -> anyhow::Result<()>
{
    let world = World::start().await?;
    let webhook = paid();
    // The signed bytes are the same: three digits moved from the timestamp into the body. Ten are a time in seconds.
    let (seconds, digits) = webhook.timestamp.split_at(10);
    let recut = Webhook {
        timestamp: seconds.to_owned(),
        body: [digits.as_bytes(), &webhook.body].concat(),
        ..webhook.clone()
    };
    assert_eq!(world.post_webhook(&recut).await?, 401);
    let health = world.health().await?;
    assert_eq!(health["outbox"]["dead_letters"], 0, "it left nothing");
    let warned =
        |log: &str| log.lines().any(|line| line.contains("WARN") && line.contains("signature_recut"));
    assert!(warned(&world.server_log()), "{}", world.server_log());
    for file in world.product_logs() {
        let log = std::fs::read_to_string(file)?;
        assert!(!log.contains(&webhook.signature) && !log.contains("payment_amount"), "{log}");
    }
    assert_eq!(world.post_webhook(&webhook).await?, 200, "the right one");
    Ok(())
}

#[tokio::test]
async fn age_is_limited_in_both_directions() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (hour, now) = (3_600_000, now_ms());
    let at = |timestamp_ms: u64| {
        let body = payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "5.00", &Person::unique());
        Webhook::signed_at(body, timestamp_ms)
    };
    for (case, timestamp_ms, status) in [
        ("73 hours old", now - 73 * hour, 401),
        ("71 hours old", now - 71 * hour, 200),
        ("nine minutes ahead", now + 9 * 60_000, 200),
        ("twelve minutes ahead", now + 12 * 60_000, 401),
    ] {
        assert_eq!(world.post_webhook(&at(timestamp_ms)).await?, status, "{case}");
    }
    Ok(())
}

#[tokio::test]
async fn only_posts_of_a_bounded_size_are_taken() -> anyhow::Result<()> {
    let world = World::start().await?;
    let url = format!("{}/webhooks/cashfree", world.gateway);
    for method in ["GET", "PUT", "DELETE", "HEAD", "PATCH"] {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let response = http::client().request(method.clone(), &url).send().await?;
        assert_eq!(response.status(), 405, "{method}");
    }
    let large = Webhook::signed(format!(r#"{{"type":"X","pad":"{}"}}"#, "x".repeat(2 << 20)));
    assert_eq!(world.post_webhook(&large).await?, 413);
    let fits = Webhook::signed(format!(r#"{{"type":"X","pad":"{}"}}"#, "x".repeat((1 << 20) - 100)));
    assert_eq!(world.post_webhook(&fits).await?, 200, "just under 1 MiB");
    Ok(())
}

#[tokio::test]
async fn other_senders_are_turned_away_where_senders_are_listed() -> anyhow::Result<()> {
    let listed = "52.66.101.190,3.109.102.144/32";
    let world = World::builder().gateway("CASHFREE_ALLOWED_ADDRESSES", listed).start().await?;
    assert_eq!(world.post_webhook(&paid()).await?, 403);
    let world = World::builder().gateway("CASHFREE_ALLOWED_ADDRESSES", "127.0.0.0/8").start().await?;
    assert_eq!(world.post_webhook(&paid()).await?, 200);
    Ok(())
}

#[tokio::test]
async fn no_server_no_200() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let webhook = paid();
    // The gateway gives up a server that hangs after five seconds.
    world.freeze_server()?;
    let started = Instant::now();
    assert_unavailable(&world, &webhook).await?;
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(4) && waited < Duration::from_secs(9), "gave up after {waited:?}");
    world.thaw_server()?;

    world.stop_server().await?;
    assert_unavailable(&world, &webhook).await?;
    let ready = http::client().get(format!("{}/readyz", world.gateway)).send().await?;
    assert_eq!(ready.status(), 503, "the gateway is not ready without a server");
    let live = http::client().get(format!("{}/livez", world.gateway)).send().await?;
    assert_eq!(live.status(), 200);

    world.restart_server().await?;
    world
        .eventually("the gateway to find the server again", async || {
            Ok((world.post_webhook(&webhook).await? == 200).then_some(()))
        })
        .await?;
    world.stop_gateway().await?;
    Ok(())
}

async fn assert_unavailable(world: &World, webhook: &Webhook) -> anyhow::Result<()> {
    let headers =
        [("x-webhook-signature", webhook.signature.as_str()), ("x-webhook-timestamp", &webhook.timestamp)];
    let response = world.post_to_gateway(&headers, webhook.body.clone()).await?;
    assert_eq!(response.status(), 503);
    let after =
        response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    assert!(after.is_some_and(|seconds| seconds > 0), "503 must have Retry-After");
    Ok(())
}

#[tokio::test]
async fn without_a_secret_nothing_can_be_verified() -> anyhow::Result<()> {
    let world = World::builder().server_without("CASHFREE_CLIENT_SECRET").start().await?;
    assert_unavailable(&world, &paid()).await?;
    Ok(())
}

#[tokio::test]
async fn every_secret_of_the_list_is_tried() -> anyhow::Result<()> {
    let secrets = format!("a-newer-secret,{CASHFREE_SECRET}");
    let world = World::builder().server("CASHFREE_CLIENT_SECRET", secrets).start().await?;
    assert_eq!(world.post_webhook(&paid()).await?, 200, "signed with the oldest key, as Cashfree does");
    let mut newer = paid();
    newer.signature = sign("a-newer-secret", &newer.timestamp, &newer.body);
    assert_eq!(world.post_webhook(&newer).await?, 200);
    Ok(())
}

#[tokio::test]
async fn a_gateway_without_a_token_waits_for_one() -> anyhow::Result<()> {
    let world = World::builder().gateway_without("TANDEM_INTERNAL_TOKEN").start().await?;
    let readyz = format!("{}/readyz", world.gateway);
    let webhook = paid();
    assert_eq!(http::client().get(&readyz).send().await?.status(), 503);
    assert_unavailable(&world, &webhook).await?;

    std::fs::write(world.data_dir().join("internal-token"), format!("{INTERNAL_TOKEN}\n"))?;
    world
        .eventually("the gateway to read the token", async || {
            Ok((http::client().get(&readyz).send().await?.status() == 200).then_some(()))
        })
        .await?;
    assert_eq!(world.post_webhook(&webhook).await?, 200);

    // If the server does not know the gateway's token, that is an error of the gateway, not of Cashfree.
    let world = World::builder().gateway("TANDEM_INTERNAL_TOKEN", "another-token-altogether").start().await?;
    assert_unavailable(&world, &webhook).await?;
    Ok(())
}

#[tokio::test]
async fn server_and_gateway_agree_on_a_token_by_themselves() -> anyhow::Result<()> {
    let world = World::builder()
        .server_without("TANDEM_INTERNAL_TOKEN")
        .gateway_without("TANDEM_INTERNAL_TOKEN")
        .start()
        .await?;
    let file = world.data_dir().join("internal-token");
    let token = std::fs::read_to_string(&file)?;
    assert!(token.trim().len() >= 32, "the token cannot be guessed");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(world.post_webhook(&paid()).await?, 200);
    Ok(())
}

#[tokio::test]
async fn the_sandbox_retries_until_the_server_is_back() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let (person, order) = (Person::unique(), messages::order_id());
    world.sandbox.create_order(&order, "1499.00", &person).await?;
    world.kill_server();
    world.sandbox.pay(&order, "success").await?;
    world
        .eventually("a first attempt that failed", async || {
            let sent = world.sandbox.webhooks().await?;
            Ok(sent.iter().any(|row| row["attempts"][0]["status"] == 503).then_some(()))
        })
        .await?;
    world.restart_server().await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    Ok(())
}
