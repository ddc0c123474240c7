//! gRPC-web and CORS, as a browser meets them.

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

    for stranger in ["https://evil.example", "null"] {
        visitor.origin = Some(stranger.to_owned());
        let answer = visitor.preflight(paths::CAPTURE_LEAD, "content-type,x-grpc-web").await?;
        assert_eq!(header(answer.headers(), "access-control-allow-origin"), "", "{stranger}");
        assert!(parts(&header(answer.headers(), "vary")).contains(&"origin".to_owned()), "{stranger}");
    }
    Ok(())
}
