//! JSON by the Connect protocol, as curl, a browser and Connect's own clients speak it.

mod clients;
mod hostile;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use prost::Message as _;
use serde_json::{Value, json};
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_tests::cashfree::Webhook;
use tandem_tests::grpc_web::header;
use tandem_tests::{INTERNAL_TOKEN, World};
use tonic_types::pb::BadRequest;

const HEALTH: &str = "/tandem.v1.OperationsService/GetTrackingHealth";

/// An answer in JSON.
#[derive(Debug)]
struct Answer {
    http: u16,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    /// The wrong fields with their codes. The details in binary must say what their JSON says.
    fn fields(&self) -> anyhow::Result<Vec<(String, String)>> {
        let detail = &self.body["details"][0];
        ensure!(detail["type"] == "google.rpc.BadRequest", "no BadRequest in {}", self.body);
        let value = STANDARD_NO_PAD.decode(detail["value"].as_str().context("no value")?)?;
        let read = BadRequest::decode(value.as_slice())?.field_violations;
        let shown = detail["debug"]["fieldViolations"].as_array().context("no debug")?;
        ensure!(shown.len() == read.len(), "{detail}");
        for (read, shown) in read.iter().zip(shown) {
            let is_same =
                shown["field"].as_str().unwrap_or_default() == read.field && shown["reason"] == read.reason;
            ensure!(is_same && shown["description"] == read.description, "{detail}");
        }
        Ok(read.into_iter().map(|violation| (violation.field, violation.reason)).collect())
    }
}

/// Posts a body as JSON.
async fn post(
    world: &World,
    path: &str,
    body: impl Into<Vec<u8>>,
    headers: &[(&str, &str)],
) -> anyhow::Result<Answer> {
    let request = tandem_tests::http::client().post(format!("{}{path}", world.grpc));
    let mut request = request.header("content-type", "application/json").body(body.into());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await?;
    let (http, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await?;
    let body = serde_json::from_str(&text).with_context(|| format!("{http}: {text:?} is no JSON"))?;
    ensure!(header(&headers, "content-type") == "application/json", "{headers:?}");
    Ok(Answer { http, headers, body })
}

async fn post_json(world: &World, path: &str, body: &Value) -> anyhow::Result<Answer> {
    post(world, path, body.to_string(), &[]).await
}

fn token() -> (&'static str, String) {
    ("authorization", format!("Bearer {INTERNAL_TOKEN}"))
}

#[tokio::test]
async fn every_public_rpc_and_an_internal_one_are_answered() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (name, secret) = token();
    let internal = [(name, secret.as_str())];
    let id = uuid::Uuid::now_v7().to_string();
    // Both spellings of names, an enum by its name and by its number, a time.
    let lead = json!({
        "user": { "email": "asha.json@example.com", "first_name": "Asha" },
        "customData": { "value": { "amount": "1499.00", "currencyCode": "INR" }, "num_items": 2 },
        "consent": { "ads": "CONSENT_GRANTED" },
        "clientEventId": id,
        "occurredAt": null,
    });
    let first = post_json(&world, paths::CAPTURE_LEAD, &lead).await?;
    assert_eq!(first.http, 200, "{:?}", first.body);
    assert_eq!(first.body["eventId"], id);
    assert_eq!(first.body["leadId"], format!("lead_{id}"));
    assert_eq!(first.body["browserEvent"]["customData"]["value"]["amount"], "1499.00");
    assert_eq!(first.body.get("duplicate"), None, "proto3 JSON leaves out what is false");
    let again = post_json(&world, paths::CAPTURE_LEAD, &lead).await?;
    assert_eq!(again.body["duplicate"], true);
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(arrived.value_minor(), 149_900);

    let event = json!({ "eventName": "AddToCart", "consent": { "ads": 1 }, "custom_data": { "contentIds": ["deck"] } });
    let event = post(
        &world,
        paths::TRACK_EVENT,
        event.to_string(),
        &[("content-type", "application/json; charset=utf-8")],
    );
    let event = event.await?;
    assert_eq!(event.body["browserEvent"]["customData"]["contentIds"], json!(["deck"]), "{event:?}");

    let claim =
        post(&world, paths::RECORD_PURCHASE, r#"{"orderId":"json-1"}"#, &[("connect-timeout-ms", "600")])
            .await?;
    assert_eq!((claim.http, &claim.body["state"]), (200, &json!("PURCHASE_STATE_PENDING")), "{claim:?}");
    let report = json!({ "orderId": "json-1", "customData": { "value": { "amount": "20.00" } } });
    let report = post(&world, paths::RECORD_PURCHASE, report.to_string(), &internal).await?;
    assert_eq!(report.body["state"], "PURCHASE_STATE_VERIFIED", "{report:?}");

    let confirmations =
        json!({ "confirmations": [{ "eventName": "Lead", "eventId": id, "outcome": "OUTCOME_FIRED" }] });
    let confirmed = post_json(&world, paths::CONFIRM_BROWSER_EVENTS, &confirmations).await?;
    assert_eq!((confirmed.http, &confirmed.body["accepted"]), (200, &json!(1)), "{confirmed:?}");

    let signed = Webhook::signed(r#"{"type":"SOMETHING_NEW","data":{}}"#.to_owned());
    let webhook = json!({
        "provider": "PROVIDER_CASHFREE",
        "rawBody": STANDARD.encode(&signed.body),
        "headers": { "x-webhook-signature": signed.signature, "x-webhook-timestamp": signed.timestamp },
    });
    let webhook = post(&world, paths::VERIFY_WEBHOOK, webhook.to_string(), &internal).await?;
    assert_eq!(webhook.body["verdict"], "VERDICT_IGNORED", "{webhook:?}");

    let health = post(&world, HEALTH, "{}", &internal).await?;
    assert_eq!(health.body["last24h"]["leadEvents"], "1", "{health:?}");
    let check = post(&world, "/grpc.health.v1.Health/Check", "{}", &[]).await?;
    assert_eq!((check.http, &check.body), (200, &json!({ "status": "SERVING" })));
    Ok(())
}

/// Its name, the path, the headers, and the status and code of the answer.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16, &'a str);

#[tokio::test]
async fn callers_and_headers_are_judged_as_connect_says() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_ALLOWED_ORIGINS", "https://shop.example")
        .without_gateway()
        .start()
        .await?;
    let lead = || json!({ "user": { "email": "asha@example.com" } }).to_string();
    let (name, secret) = token();
    let stream = "/tandem.v1.OperationsService/WatchEvents";
    let cases: [Case<'_>; 11] = [
        ("no token", HEALTH, &[], 401, "unauthenticated"),
        ("a wrong token", paths::CAPTURE_LEAD, &[("authorization", "Bearer wrong")], 401, "unauthenticated"),
        (
            "another origin",
            paths::CAPTURE_LEAD,
            &[("origin", "https://evil.example")],
            403,
            "permission_denied",
        ),
        ("no such RPC", "/tandem.v1.TrackingService/Nope", &[], 404, "unimplemented"),
        ("no such service", "/nope", &[], 404, "unimplemented"),
        ("a stream", stream, &[(name, &secret)], 501, "unimplemented"),
        ("compressed", paths::CAPTURE_LEAD, &[("content-encoding", "gzip")], 501, "unimplemented"),
        (
            "a later version",
            paths::CAPTURE_LEAD,
            &[("connect-protocol-version", "2")],
            400,
            "invalid_argument",
        ),
        ("no time", paths::CAPTURE_LEAD, &[("connect-timeout-ms", "soon")], 400, "invalid_argument"),
        ("no time left", paths::CAPTURE_LEAD, &[("connect-timeout-ms", "0")], 504, "deadline_exceeded"),
        (
            "no such event",
            "/tandem.v1.OperationsService/GetEvent",
            &[(name, &secret)],
            400,
            "invalid_argument",
        ),
    ];
    for (case, path, headers, http, code) in cases {
        let body = if path == paths::CAPTURE_LEAD { lead() } else { "{}".to_owned() };
        let answer = post(&world, path, body, headers).await?;
        assert_eq!((answer.http, &answer.body["code"]), (http, &json!(code)), "{case}: {:?}", answer.body);
    }
    for headers in [
        &[("connect-protocol-version", "1")][..],
        &[("content-encoding", "identity")],
        &[("origin", "https://shop.example")],
    ] {
        let answer = post(&world, paths::CAPTURE_LEAD, lead(), headers).await?;
        assert_eq!(answer.http, 200, "{headers:?}: {answer:?}");
    }

    let evil = post(&world, paths::CAPTURE_LEAD, lead(), &[("origin", "https://evil.example")]).await?;
    assert_eq!(
        header(&evil.headers, "access-control-allow-origin"),
        "https://evil.example",
        "it may read why"
    );
    let message = evil.body["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("https://evil.example") && message.contains("TANDEM_ALLOWED_ORIGINS"),
        "{message}"
    );
    let nobody = post(&world, paths::CAPTURE_LEAD, lead(), &[("origin", "null")]).await?;
    assert_eq!((nobody.http, header(&nobody.headers, "access-control-allow-origin").as_str()), (403, ""));

    let client = tandem_tests::http::client();
    let url = format!("{}{}", world.grpc, paths::CAPTURE_LEAD);
    for content_type in
        ["text/plain", "application/json; charset=latin1", "application/connect+json", "application/proto"]
    {
        let answer = client.post(&url).header("content-type", content_type).body(lead()).send().await?;
        assert_eq!(answer.status(), 415, "{content_type}");
        assert!(header(answer.headers(), "accept-post").contains("application/json"), "{content_type}");
    }
    let got = client.get(&url).header("content-type", "application/json").send().await?;
    assert_eq!((got.status().as_u16(), header(got.headers(), "allow").as_str()), (405, "POST"));
    Ok(())
}

#[tokio::test]
async fn sizes_rates_and_figures_are_those_of_grpc() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let padded = |bytes: usize| {
        json!({ "user": { "email": "asha@example.com" }, "customData": { "searchString": "x".repeat(bytes) } }).to_string()
    };
    let (name, secret) = token();
    let internal = [(name, secret.as_str())];
    for (case, bytes, headers, http, code) in [
        ("a stranger's", 65 << 10, &[][..], 400, "out_of_range"),
        ("a large one of a stranger", 2 << 20, &[][..], 400, "out_of_range"),
        ("that fits", 60 << 10, &[][..], 400, "invalid_argument"),
        ("the shop's own", 200 << 10, &internal[..], 400, "invalid_argument"),
        ("a large one of the shop's own", 300 << 10, &internal[..], 400, "out_of_range"),
    ] {
        let answer = post(&world, paths::CAPTURE_LEAD, padded(bytes), headers).await?;
        assert_eq!(
            (answer.http, &answer.body["code"]),
            (http, &json!(code)),
            "{case}: {:?}",
            answer.body["message"]
        );
    }
    // The same address limit as gRPC's, with the time to wait.
    let world =
        World::builder().without_gateway().server("TANDEM_RATE_LIMIT", "1/s burst 12").start().await?;
    let mut seen = BTreeSet::new();
    let mut last = None;
    for _ in 0..30 {
        let answer = post(&world, paths::CAPTURE_LEAD, padded(1), &[]).await?;
        seen.insert(answer.http);
        if answer.http == 429 {
            last = Some(answer);
        }
    }
    let refused = last.context("the limit of an address must hold")?;
    assert!(seen.contains(&200), "{seen:?}");
    assert_eq!(refused.body["details"][0]["type"], "google.rpc.RetryInfo", "{:?}", refused.body);
    assert!(refused.body["details"][0]["debug"]["retryDelay"].is_string(), "{:?}", refused.body);
    let metrics = reqwest::Client::builder().no_proxy().build()?.get(format!("{}/metrics", world.http_url));
    let metrics = metrics.send().await?.text().await?;
    let counted = |status: &str| {
        metrics.lines().any(|line| line.contains("CaptureLead") && line.contains(&format!("\"{status}\"")))
    };
    for status in ["ok", "resource_exhausted"] {
        assert!(counted(status), "{status} is not counted:\n{metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_the_wait_is_within_it() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let started = Instant::now();
    let pending =
        post(&world, paths::RECORD_PURCHASE, r#"{"orderId":"late-1"}"#, &[("connect-timeout-ms", "1000")])
            .await?;
    assert_eq!(pending.body["state"], "PURCHASE_STATE_PENDING", "the claim knows how long its caller waits");
    assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    let late =
        post(&world, paths::RECORD_PURCHASE, r#"{"orderId":"late-2"}"#, &[("connect-timeout-ms", "1")])
            .await?;
    assert_eq!((late.http, &late.body["code"]), (504, &json!("deadline_exceeded")), "{late:?}");
    Ok(())
}
