//! gRPC-web and CORS as a browser uses them.

use reqwest::StatusCode;
use tandem_proto::v1::{CaptureLeadResponse, TrackEventRequest, tracking_service_paths as paths};
use tandem_tests::grpc_web::{Framing, header};
use tandem_tests::status::expect_fields;
use tandem_tests::{Person, World, messages};

/// The parts of a comma-separated header, in lower case.
fn parts(value: &str) -> Vec<String> {
    value.split(',').map(|part| part.trim().to_ascii_lowercase()).filter(|part| !part.is_empty()).collect()
}

#[tokio::test]
async fn both_framings_carry_answers_and_errors() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut visitor = world.visitor();
    for framing in [Framing::Binary, Framing::Text] {
        visitor.framing = framing;
        let request = messages::lead(&Person::unique());
        let proposed = request.client_event_id.clone();
        let answer = visitor.capture_lead(request).await?;
        assert_eq!(answer.http_status, 200, "{framing:?}");
        assert_eq!(answer.outcome?.event_id, proposed, "{framing:?}");
        world.wait_for_server_event("Lead", &proposed).await?;

        let mut broken = messages::lead(&Person::unique());
        broken.user.get_or_insert_default().phone = Some("12".to_owned());
        let answer = visitor.capture_lead(broken).await?;
        expect_fields(&format!("{framing:?}"), answer.outcome, &["user.phone"]);
    }
    Ok(())
}

#[tokio::test]
async fn answers_and_errors_may_be_read_by_the_page() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let origin = visitor.origin.clone().unwrap_or_default();
    let fine = visitor.capture_lead(messages::lead(&Person::unique())).await?;
    assert!(fine.outcome.is_ok());
    let refused = visitor.track_event(TrackEventRequest::default()).await?;
    assert!(refused.outcome.is_err());
    let unknown = visitor
        .call::<CaptureLeadResponse>(
            "/tandem.v1.TrackingService/NoSuchMethod",
            &messages::lead(&Person::unique()),
        )
        .await?;
    assert!(unknown.outcome.is_err());
    for (case, headers) in
        [("an answer", &fine.headers), ("an error", &refused.headers), ("no such method", &unknown.headers)]
    {
        assert_eq!(header(headers, "access-control-allow-origin"), origin, "{case}");
        assert!(parts(&header(headers, "vary")).contains(&"origin".to_owned()), "{case}: Vary");
        let exposed = parts(&header(headers, "access-control-expose-headers"));
        for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
            assert!(exposed.contains(&name.to_owned()), "{case}: {name} is not among {exposed:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn preflights_allow_what_a_page_needs_and_no_more() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut visitor = world.visitor();
    let origin = visitor.origin.clone().unwrap_or_default();
    let wanted = "content-type,x-grpc-web,x-user-agent,grpc-timeout,authorization";
    let answer = visitor.preflight(paths::CAPTURE_LEAD, wanted).await?;
    assert!(matches!(answer.status(), StatusCode::OK | StatusCode::NO_CONTENT), "{}", answer.status());
    let headers = answer.headers();
    assert_eq!(header(headers, "access-control-allow-origin"), origin);
    assert_eq!(header(headers, "access-control-max-age"), "7200");
    assert_eq!(header(headers, "access-control-allow-credentials"), "", "no cookies are needed");
    assert!(parts(&header(headers, "vary")).contains(&"origin".to_owned()));
    assert!(parts(&header(headers, "access-control-allow-methods")).contains(&"post".to_owned()));
    let allowed = parts(&header(headers, "access-control-allow-headers"));
    for name in ["content-type", "x-grpc-web", "grpc-timeout"] {
        assert!(allowed.contains(&name.to_owned()), "{name} is not among {allowed:?}");
    }
    for name in ["authorization", "*"] {
        assert!(!allowed.contains(&name.to_owned()), "{name} is among {allowed:?}");
    }

    for name in ["connect-protocol-version", "connect-timeout-ms"] {
        assert!(allowed.contains(&name.to_owned()), "{name} is not among {allowed:?}");
    }
    // A page of another origin gets as far as the refusal, so that its developer can read it.
    let long = format!("https://{}.example", "a".repeat(300));
    for (stranger, named) in [
        ("https://evil.example", "https://evil.example"),
        ("null", ""),
        ("https://evil.example/x", ""),
        (&long, ""),
    ] {
        visitor.origin = Some(stranger.to_owned());
        let answer = visitor.preflight(paths::CAPTURE_LEAD, "content-type,x-grpc-web").await?;
        assert_eq!(header(answer.headers(), "access-control-allow-origin"), named, "{stranger}");
        assert_eq!(header(answer.headers(), "access-control-allow-credentials"), "", "{stranger}");
        assert!(parts(&header(answer.headers(), "vary")).contains(&"origin".to_owned()), "{stranger}");
    }
    Ok(())
}

#[tokio::test]
async fn garbage_is_answered_and_survived() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let lead = format!("{}{}", world.grpc, paths::CAPTURE_LEAD);
    let cases: [(&str, &str, &[u8]); 9] = [
        ("nothing", "application/grpc-web+proto", b""),
        ("half a head", "application/grpc-web+proto", &[0, 0, 0]),
        ("less than announced", "application/grpc-web+proto", &[0, 0, 0, 0, 9, 1, 2]),
        ("four gigabytes announced", "application/grpc-web+proto", &[0, 255, 255, 255, 255, 1, 2]),
        ("no protobuf", "application/grpc-web+proto", &[0, 0, 0, 0, 3, 255, 255, 255]),
        ("compressed by nothing", "application/grpc-web+proto", &[1, 0, 0, 0, 1, 1]),
        ("no base64", "application/grpc-web-text", b"!!!not base64!!!"),
        ("JSON without a person", "application/json", b"{\"user\":{}}"),
        ("a form", "application/x-www-form-urlencoded", b"user=x"),
    ];
    for (case, kind, body) in cases {
        let request = tandem_tests::http::client()
            .post(&lead)
            .header("content-type", kind)
            .header("x-grpc-web", "1")
            .body(body.to_vec());
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await?;
        // The trailers of an error have a status other than 0.
        let text = String::from_utf8_lossy(&body).to_lowercase();
        let in_trailers = text.contains("grpc-status") && !text.contains("grpc-status:0");
        let in_headers = !matches!(header(&headers, "grpc-status").as_str(), "" | "0");
        let in_base64 = kind == "application/grpc-web-text" && !body.is_empty();
        let refused = status.is_client_error() || in_headers || in_trailers || in_base64;
        assert!(refused, "{case}: {status}, {headers:?}, {text:?}");
    }
    visitor.capture_lead(messages::lead(&Person::unique())).await?.outcome?;
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events("").await?.len(), 2, "only the two whole leads count");
    Ok(())
}
