//! Which caller may call which RPC: tokens, origins, sizes, rates.

use std::collections::HashMap;

use anyhow::Context as _;
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tandem_proto::v1::{
    GetTrackingHealthRequest, Provider, VerifyWebhookRequest, tracking_service_paths as paths,
};
use tandem_tests::cashfree::Webhook;
use tandem_tests::status::expect_code;
use tandem_tests::{INTERNAL_TOKEN, Person, World, messages};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// RPCs that a page may call without a token. Every other RPC is internal.
const PUBLIC: [&str; 4] =
    [paths::CAPTURE_LEAD, paths::TRACK_EVENT, paths::RECORD_PURCHASE, paths::CONFIRM_BROWSER_EVENTS];

/// The path of every RPC in the protocol's descriptors, so that the tests include a new RPC.
fn every_rpc() -> anyhow::Result<Vec<String>> {
    let mut rpcs = Vec::new();
    for file in FileDescriptorSet::decode(tandem_proto::DESCRIPTORS)?.file {
        for service in &file.service {
            let method = |method: &MethodDescriptorProto| {
                format!("/{}.{}/{}", file.package(), service.name(), method.name())
            };
            rpcs.extend(service.method.iter().map(method));
        }
    }
    Ok(rpcs)
}

#[tokio::test]
async fn a_wrong_token_is_refused_everywhere_and_none_where_one_is_needed() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let rpcs = every_rpc()?;
    for path in PUBLIC {
        assert!(rpcs.iter().any(|rpc| rpc == path), "{path} is no RPC: {rpcs:?}");
    }
    for (case, wrong) in [
        ("another token", "Bearer wrong-token".to_owned()),
        ("a longer token", format!("Bearer {INTERNAL_TOKEN}x")),
        ("a shorter token", format!("Bearer {}", &INTERNAL_TOKEN[1..])),
        ("an empty token", "Bearer ".to_owned()),
        ("another scheme", format!("Basic {INTERNAL_TOKEN}")),
    ] {
        let caller = world.stranger()?.with_header("authorization", wrong);
        for rpc in &rpcs {
            expect_code(&format!("{rpc} with {case}"), caller.call_empty(rpc).await, Code::Unauthenticated);
        }
    }
    for rpc in &rpcs {
        let (stranger, internal) =
            (world.stranger()?.call_empty(rpc).await, world.internal()?.call_empty(rpc).await);
        if PUBLIC.contains(&rpc.as_str()) {
            let refused = stranger.is_err_and(|status| status.code() == Code::Unauthenticated);
            assert!(!refused, "{rpc} is for pages, which have no token");
        } else {
            expect_code(&format!("{rpc} without a token"), stranger, Code::Unauthenticated);
        }
        // The server may refuse an empty message, but not its caller.
        let code = internal.map_or_else(|status| status.code(), |()| Code::Ok);
        assert!(
            !matches!(code, Code::Unauthenticated | Code::Unimplemented),
            "{rpc} with the token: {code:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn every_token_of_the_list_is_taken() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_INTERNAL_TOKEN", "a-new-token-of-enough-length,an-old-token-of-enough-length")
        .without_gateway()
        .start()
        .await?;
    for token in ["a-new-token-of-enough-length", "an-old-token-of-enough-length"] {
        let caller = world.stranger()?.with_token(token);
        caller.get_tracking_health(GetTrackingHealthRequest {}).await?;
    }
    let unlisted = world.internal()?.get_tracking_health(GetTrackingHealthRequest {}).await;
    expect_code("a token that is not on the list", unlisted, Code::Unauthenticated);
    Ok(())
}

#[tokio::test]
async fn a_forged_origin_is_refused() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_ALLOWED_ORIGINS", "https://shop.example, https://www.shop.example:8443")
        .without_gateway()
        .start()
        .await?;
    let mut visitor = world.visitor();
    let refused = [
        "https://evil.example",
        "https://shop.example.evil.example",
        "https://evilshop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "http://127.0.0.1:3000",
        "https://shop.example/?email=asha@example.com",
        "https://shop.example:443",
        "null",
        "",
    ];
    for origin in refused {
        visitor.origin = Some(origin.to_owned());
        let answer = visitor.capture_lead(messages::lead(&Person::unique())).await?;
        let is_origin = !origin.contains("/?") && !origin.ends_with(":443") && origin.starts_with("http");
        let named = if is_origin { origin } else { "" };
        assert_eq!(answer.header("access-control-allow-origin"), named, "{origin:?} may read its refusal");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{origin:?}");
        let status = answer.outcome.err().with_context(|| format!("{origin:?} was accepted"))?;
        assert_eq!(status.code(), Code::PermissionDenied, "gRPC-web from {origin:?}");
        assert!(status.message().contains("TANDEM_ALLOWED_ORIGINS"), "{status}");
        assert_eq!(is_origin, status.message().starts_with(&format!("{origin} ")), "{status}");
        assert!(!status.message().contains("asha@example.com"), "{status}");
        let native = world.stranger()?.with_header("origin", origin.to_owned());
        let outcome = native.capture_lead(messages::lead(&Person::unique())).await;
        expect_code(&format!("gRPC from {origin:?}"), outcome, Code::PermissionDenied);
    }
    for origin in [Some("https://shop.example"), Some("https://www.shop.example:8443"), None] {
        visitor.origin = origin.map(str::to_owned);
        visitor.capture_lead(messages::lead(&Person::unique())).await?.outcome?;
    }
    world.wait_for_health("three leads", |health| health["last_24h"]["lead_events"] == 3).await?;
    Ok(())
}

#[tokio::test]
async fn a_wildcard_stands_for_one_label() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_ALLOWED_ORIGINS", "https://shop.example,https://*.example.in")
        .without_gateway()
        .start()
        .await?;
    let mut visitor = world.visitor();
    for origin in
        ["https://example.in", "https://a.b.example.in", "https://evilexample.in", "http://www.example.in"]
    {
        visitor.origin = Some(origin.to_owned());
        let answer = visitor.capture_lead(messages::lead(&Person::unique())).await?;
        expect_code(origin, answer.outcome, Code::PermissionDenied);
    }
    for origin in ["https://shop.example", "https://www.example.in", "https://m.example.in"] {
        visitor.origin = Some(origin.to_owned());
        let mut lead = messages::lead(&Person::unique());
        let page = format!("{origin}/offer?x=1");
        lead.browser.get_or_insert_default().event_source_url = Some(page.clone());
        let answer = visitor.capture_lead(lead).await?;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        let arrived = world.wait_for_server_event("Lead", &answer.outcome?.event_id).await?;
        assert_eq!(
            arrived.field(&["event_source_url"]),
            &serde_json::json!(page),
            "its pages are the shop's"
        );
    }
    Ok(())
}

#[tokio::test]
async fn by_default_only_this_machine_is_the_shop() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut visitor = world.visitor();
    let cases = [
        ("http://localhost:5173", true),
        ("http://127.0.0.1:8090", true),
        ("http://127.1.2.3", true),
        ("http://[::1]:3000", true),
        ("https://localhost", true),
        ("https://shop.example", false),
        ("http://localhost.evil.example", false),
        ("null", false),
    ];
    for (origin, allowed) in cases {
        visitor.origin = Some(origin.to_owned());
        let answer = visitor.capture_lead(messages::lead(&Person::unique())).await?;
        match answer.outcome {
            Ok(_) => assert!(allowed, "{origin} was accepted"),
            Err(status) => {
                assert!(!allowed, "{origin}: {status}");
                assert_eq!(status.code(), Code::PermissionDenied, "{origin}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_message_too_large_is_refused_and_the_connection_kept() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let too_large = |case: &str, status: &Status| {
        let code = status.code();
        assert!(matches!(code, Code::ResourceExhausted | Code::OutOfRange), "{case}: {status}");
    };
    let with_padding = |bytes: usize| {
        let mut request = messages::lead(&Person::unique());
        request.custom_data.get_or_insert_default().search_string = "x".repeat(bytes);
        request
    };

    // One connection, which must stay usable after each refusal.
    let stranger = world.stranger()?;
    for bytes in [1 << 20, 300 << 10, 65 << 10] {
        let status = stranger.capture_lead(with_padding(bytes)).await.expect_err("more than 64 KiB");
        too_large(&format!("gRPC, {bytes} bytes"), &status);
        stranger.capture_lead(messages::lead(&Person::unique())).await?;
    }
    let visitor = world.visitor();
    let answer = visitor.capture_lead(with_padding(1 << 20)).await?;
    too_large("gRPC-web", &answer.outcome.expect_err("more than 64 KiB"));
    let answer = visitor.capture_lead(with_padding(65 << 10)).await?;
    too_large("gRPC-web", &answer.outcome.expect_err("more than 64 KiB"));
    let fits = visitor.capture_lead(with_padding(62 << 10)).await?.outcome;
    assert!(
        !fits.is_err_and(|status| status.code() != Code::InvalidArgument),
        "62 KiB are no size to refuse"
    );
    visitor.capture_lead(messages::lead(&Person::unique())).await?.outcome?;

    // The server's limit for a webhook is 1 MiB and 64 KiB, so that it accepts all that the gateway lets through.
    let internal = world.internal()?;
    let status = internal.capture_lead(with_padding(257 << 10)).await.expect_err("more than 256 KiB");
    too_large("the shop's own", &status);
    let fits = internal.capture_lead(with_padding(250 << 10)).await;
    assert!(!fits.is_err_and(|status| status.code() != Code::InvalidArgument), "250 KiB with the token");
    let webhook = |bytes: usize| {
        let body = format!(r#"{{"type":"SOMETHING_NEW","data":{{"x":"{}"}}}}"#, "y".repeat(bytes));
        let signed = Webhook::signed(body);
        let headers = HashMap::from([
            ("x-webhook-signature".to_owned(), signed.signature),
            ("x-webhook-timestamp".to_owned(), signed.timestamp),
        ]);
        VerifyWebhookRequest {
            provider: Provider::Cashfree.into(),
            raw_body: signed.body,
            headers,
            ..VerifyWebhookRequest::default()
        }
    };
    internal.verify_webhook(webhook((1 << 20) - 200)).await?;
    let status = internal.verify_webhook(webhook(1_200_000)).await.expect_err("more than 1 MiB and 64 KiB");
    too_large("VerifyWebhook", &status);
    internal.capture_lead(messages::lead(&Person::unique())).await?;
    Ok(())
}

#[tokio::test]
async fn strangers_are_slowed_down_by_address() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_RATE_LIMIT", "1/s burst 5").without_gateway().start().await?;
    let (hasty, calm) = (world.visitor(), world.visitor());
    let mut refusals = Vec::new();
    for _ in 0..20 {
        let answer = hasty.capture_lead(messages::lead(&Person::unique())).await?;
        refusals.extend(answer.outcome.err());
    }
    assert!(refusals.len() >= 5, "{} of 20 calls at once were refused", refusals.len());
    assert!(refusals.len() <= 15, "a burst of 5 is allowed");
    for status in &refusals {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert!(retry.is_some_and(|delay| !delay.is_zero()), "the refusal must say when to retry: {status}");
    }
    calm.capture_lead(messages::lead(&Person::unique())).await?.outcome?;

    // A caller with IPv6 has a whole network of addresses, which count as one.
    let mut codes = Vec::new();
    for host in 0..12 {
        let mut neighbour = world.visitor();
        neighbour.address = format!("2401:4900:1c2a:5d0f::{host:x}");
        codes.push(neighbour.capture_lead(messages::lead(&Person::unique())).await?.outcome.err());
    }
    let refused = codes.iter().flatten().filter(|status| status.code() == Code::ResourceExhausted).count();
    assert!((1..=7).contains(&refused), "{refused} of 12 calls from one /64 were refused");
    let internal = world.internal()?;
    for _ in 0..20 {
        internal.capture_lead(messages::lead(&Person::unique())).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stranger_cannot_reach_internal_methods_from_a_page() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let request = VerifyWebhookRequest::default();
    let answer =
        visitor.call::<tandem_proto::v1::VerifyWebhookResponse>(paths::VERIFY_WEBHOOK, &request).await?;
    expect_code("VerifyWebhook from a page", answer.outcome, Code::Unauthenticated);
    Ok(())
}
