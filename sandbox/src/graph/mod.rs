//! A strict fake of Meta's Graph API: `POST /graph/{version}/{pixel}/events`, and `debug_token`.
//!
//! Like Meta, it refuses the whole request if one event is unusable. It checks in this order: version, token, pixel,
//! proof of the app secret, request, then each event.

mod checks;
mod custom_data;
mod debug_token;
mod refusal;
mod reply;
mod request;
mod user_data;

#[cfg(test)]
mod event_tests;
#[cfg(test)]
mod request_tests;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, Uri};

use crate::clock::now_ms;
use crate::faults::{Subject, Target};
use crate::graph::reply::GraphError;
use crate::graph::request::EventsRequest;
use crate::records::{GraphEvent, GraphRequest};
use crate::state::Sandbox;

/// Largest request body. Meta publishes no figure; a thousand full events stay below this.
const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;

pub fn routes() -> Router<Sandbox> {
    let graph = Router::new()
        .route("/{version}/{pixel_id}/events", post(post_events).fallback(unsupported))
        .route("/{version}/debug_token", get(debug_token::debug_token))
        .fallback(unknown_path)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES));
    Router::new().nest("/graph", graph)
}

async fn post_events(
    State(sandbox): State<Sandbox>,
    Path((version, pixel_id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let at_ms = now_ms();
    let request = EventsRequest::read(&headers, query.as_deref(), &body);
    let fault = sandbox.faults.take(Target::Graph, Subject { pixel: &pixel_id, body: &body });
    if let Some(fault) = &fault {
        fault.delay().await;
        if let Some(status) = fault.status(StatusCode::UNAUTHORIZED) {
            let accepted = fault.accept
                && take_events(&sandbox, &version, &pixel_id, &request, at_ms, true)
                    .is_ok_and(|accepted| accepted.events > 0);
            sandbox.journal().add_graph_request(GraphRequest {
                at_ms,
                pixel_id: pixel_id.clone(),
                status,
                events: request.event_count(),
                code: None,
                error_subcode: None,
                reason: Some(
                    if accepted { "scripted fault, events taken in" } else { "scripted fault" }.to_owned(),
                ),
                fbtrace_id: None,
                fault: true,
            });
        }
        if let Some(response) = fault.disrupt(|| GraphError::expired_token().into_response()).await {
            return response;
        }
    }
    let outcome = take_events(&sandbox, &version, &pixel_id, &request, at_ms, false);
    let trace = reply::trace_id();
    let mut record = GraphRequest {
        at_ms,
        pixel_id,
        status: StatusCode::OK.as_u16(),
        events: request.event_count(),
        code: None,
        error_subcode: None,
        reason: None,
        fbtrace_id: Some(trace.clone()),
        fault: false,
    };
    let response = match outcome {
        Ok(accepted) => reply::accepted(accepted.events, &accepted.messages, &trace),
        Err(error) => {
            record.status = error.status.as_u16();
            record.code = Some(error.code);
            record.error_subcode = error.subcode;
            record.reason = Some(error.explanation());
            error.respond(&trace)
        }
    };
    sandbox.journal().add_graph_request(record);
    response
}

/// The answer to an accepted request.
struct Accepted {
    events: usize,
    messages: Vec<String>,
}

/// `lost`: a scripted fault hides from the caller that the events were accepted.
fn take_events(
    sandbox: &Sandbox,
    version: &str,
    pixel_id: &str,
    request: &EventsRequest,
    at_ms: i64,
    lost: bool,
) -> Result<Accepted, GraphError> {
    let live = sandbox.live();
    request::check_version(version)?;
    let token = request.check_token(&live, at_ms)?;
    if !live.knows_pixel(pixel_id) || !live.is_token_of(token, pixel_id) {
        return Err(GraphError::unknown_object(pixel_id));
    }
    if !live.may_send() {
        return Err(GraphError::missing_permission());
    }
    request.check_proof(sandbox.settings.app_secret.as_deref(), token)?;
    let batch = request.batch()?;
    let mut messages = Vec::new();
    for (index, event) in batch.events.iter().enumerate() {
        checks::check_event(event, at_ms, sandbox.settings.require_user_agent)
            .map_err(|refusal| GraphError::refused(index, refusal))?;
        messages.extend(checks::advice(event).into_iter().map(|text| format!("data[{index}]: {text}")));
    }
    let mut journal = sandbox.journal();
    for event in batch.events {
        if !live.keeps_event(event["event_name"].as_str().unwrap_or_default()) {
            journal.count_graph_event();
            continue;
        }
        journal.add_graph_event(GraphEvent {
            number: 0,
            lost,
            received_at_ms: at_ms,
            pixel_id: pixel_id.to_owned(),
            test_event_code: batch.test_event_code.clone(),
            appsecret_proof: request.proof().map(str::to_owned),
            event: event.clone(),
        });
    }
    Ok(Accepted { events: batch.events.len(), messages })
}

async fn unsupported(Path((_, pixel_id)): Path<(String, String)>) -> Response {
    GraphError::unknown_object(&pixel_id).into_response()
}

async fn unknown_path(uri: Uri) -> Response {
    GraphError::unknown_path(uri.path()).into_response()
}
