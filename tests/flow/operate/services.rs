//! The standard gRPC services: health and reflection.

use std::collections::HashMap;

use anyhow::Context as _;
use tandem_proto::v1::{EventState, GetTrackingHealthRequest, HealthStatus, ListEventsRequest};
use tandem_tests::status::expect_code;
use tandem_tests::{INTERNAL_TOKEN, Person, World, messages};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const SERVICES: [&str; 2] = ["tandem.v1.TrackingService", "tandem.v1.OperationsService"];

#[tokio::test]
async fn health_and_reflection_speak_for_both_services() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let channel = world.stranger()?.channel();
    let mut health = HealthClient::new(channel.clone());
    for service in ["", SERVICES[0], SERVICES[1]] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer =
            health.check(request).await.with_context(|| format!("health of {service:?}"))?.into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }

    let mut reflection = ServerReflectionClient::new(channel);
    let ask = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        Request::new(tokio_stream::once(ServerReflectionRequest { host: String::new(), message_request }))
    };
    let stranger = reflection.server_reflection_info(ask()).await;
    expect_code("reflection for a stranger", stranger, Code::Unauthenticated);
    let mut internal = ask();
    internal.metadata_mut().insert("authorization", format!("Bearer {INTERNAL_TOKEN}").parse()?);
    let mut answers = reflection.server_reflection_info(internal).await?.into_inner();
    let answer = answers.next().await.context("an answer")??;
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        anyhow::bail!("reflection answered {answer:?}");
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    for service in SERVICES {
        assert!(names.iter().any(|name| name == service), "{service} is not among {names:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_operator_sees_events_and_their_attempts() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.capture_lead(&visitor, &Person::unique()).await?.event_id);
    }
    let mut cart = messages::event("AddToCart", "10.00");
    cart.order_id = "KB-77".to_owned();
    let cart_id = visitor.track_event(cart).await?.outcome?.event_id;
    for id in &ids {
        world.wait_for_state("Lead", id, EventState::Delivered).await?;
    }
    world.wait_for_state("AddToCart", &cart_id, EventState::Delivered).await?;

    let internal = world.internal()?;
    let listed = world.events("Lead", EventState::Delivered).await?;
    let newest_first: Vec<&str> = listed.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(newest_first, ids.iter().rev().map(String::as_str).collect::<Vec<_>>());
    let by_order = ListEventsRequest { order_id: "KB-77".to_owned(), ..ListEventsRequest::default() };
    let by_order = internal.list_events(by_order).await?.events;
    assert_eq!(by_order.len(), 1);
    assert_eq!(by_order[0].event_id, cart_id);

    // Pages of two events must list all four events once.
    let (mut seen, mut page_token) = (HashMap::<String, u32>::new(), String::new());
    loop {
        let request = ListEventsRequest { page_size: 2, page_token, ..ListEventsRequest::default() };
        let page = internal.list_events(request).await?;
        assert!(page.events.len() <= 2);
        for event in page.events {
            *seen.entry(event.event_id).or_default() += 1;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");

    let event = world.event("Lead", &ids[0]).await?;
    let summary = event.event.context("GetEvent has an event")?;
    assert_eq!(summary.state(), EventState::Delivered);
    for key in ["em", "ph", "fn", "ln", "fbp", "fbc"] {
        assert!(
            summary.match_keys.iter().any(|name| name == key),
            "{key} is not among {:?}",
            summary.match_keys
        );
    }
    assert_eq!(event.attempts.len(), 1);
    assert_eq!((event.attempts[0].result.as_str(), event.attempts[0].http_status), ("delivered", 200));
    assert_ne!(event.attempts[0].fbtrace_id, "", "Meta's trace ID is kept");

    let health = internal.get_tracking_health(GetTrackingHealthRequest {}).await?;
    assert_eq!(health.status(), HealthStatus::Healthy, "{:?}", health.reasons);
    assert_eq!(health.last_24h.context("figures")?.lead_events, 3);
    Ok(())
}
