//! `ListEvents`, `GetEvent` and `WatchEvents`.

use std::sync::Arc;

use prost_types::Timestamp;
use tandem_core::field_code::FieldCode;
use tandem_core::id::EventId;
use tandem_proto::v1;
use tokio::sync::broadcast::error::RecvError;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::service::Operations;
use super::wire::{Stream, millis, next_page, page, timestamp};
use crate::api::Reject;
use crate::outbox::{AttemptView, EventFilter, EventKey, EventView, State};

/// Most events that are buffered for a watcher that reads slowly.
const WATCH_BUFFER: usize = 256;

impl Operations {
    pub(super) async fn events(
        &self,
        request: v1::ListEventsRequest,
    ) -> Result<v1::ListEventsResponse, Reject> {
        let state = match request.state() {
            v1::EventState::Unspecified => None,
            v1::EventState::Pending => Some(State::Pending),
            v1::EventState::InFlight => Some(State::InFlight),
            v1::EventState::Delivered => Some(State::Delivered),
            v1::EventState::Held => Some(State::Held),
            v1::EventState::DeadLetter => Some(State::DeadLetter),
            v1::EventState::Suppressed => Some(State::Suppressed),
            v1::EventState::WaitingJoin => Some(State::WaitingJoin),
        };
        let page = page(&request.page_token, request.page_size)?;
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let held_pixels = self.held_pixels();
        let filter = EventFilter {
            name: text(request.event_name),
            state,
            order_id: text(request.order_id),
            pixel: text(request.pixel_id),
            received_from_ms: request.received_after.map(millis),
            received_before_ms: request.received_before.map(millis),
            held_pixels: held_pixels.clone(),
            ..EventFilter::default()
        };
        let events = self.operators.list(filter, page).await?;
        let next = next_page(&events, page);
        Ok(v1::ListEventsResponse {
            events: events.into_iter().map(|event| summary(event, &held_pixels)).collect(),
            next_page_token: next,
        })
    }

    pub(super) async fn event(&self, request: v1::GetEventRequest) -> Result<v1::GetEventResponse, Reject> {
        let id =
            EventId::parse(&request.event_id).map_err(|error| Reject::field("event_id", error.into()))?;
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let key = EventKey { id, name: text(request.event_name), pixel: text(request.pixel_id) };
        let mut found = self.operators.find(key).await?;
        if found.len() > 1 {
            let text = "Several events carry this ID. Give event_name and pixel_id too.";
            return Err(Reject::field_with("event_name", FieldCode::Required, text));
        }
        let (event, attempts) = found.pop().ok_or(Reject::NotFound)?;
        Ok(v1::GetEventResponse {
            event: Some(summary(event, &self.held_pixels())),
            attempts: attempts.into_iter().map(attempt).collect(),
        })
    }

    /// Sends event changes until the caller disconnects or falls behind.
    pub(super) fn watch(&self, request: v1::WatchEventsRequest) -> Stream<v1::WatchEventsResponse> {
        let (send, receive) = tokio::sync::mpsc::channel(WATCH_BUFFER);
        let mut changes = self.operators.watch();
        let operations = self.clone();
        tokio::spawn(async move {
            loop {
                let seqs: Arc<[u64]> = tokio::select! {
                    () = send.closed() => return,
                    () = operations.closing.cancelled() => return,
                    changed = changes.recv() => match changed {
                        Ok(seqs) => seqs,
                        Err(RecvError::Closed) => return,
                        Err(RecvError::Lagged(_)) => {
                            let error = Status::data_loss("this watcher fell behind; list the events and watch again");
                            drop(send.send(Err(error)).await);
                            return;
                        }
                    },
                };
                let events = match operations.operators.at(seqs).await {
                    Ok(events) => events,
                    Err(error) => {
                        drop(send.send(Err(Reject::from(error).into())).await);
                        return;
                    }
                };
                let held = operations.held_pixels();
                for event in events {
                    let named = request.event_name.is_empty() || event.name.as_str() == request.event_name;
                    let wanted = request.state();
                    let in_state = wanted == v1::EventState::Unspecified || state_of(&event, &held) == wanted;
                    let event = Some(summary(event, &held));
                    if named && in_state && send.send(Ok(v1::WatchEventsResponse { event })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Box::pin(ReceiverStream::new(receive))
    }
}

/// The state as operators see it. Events that wait for a held pixel count as held.
pub(super) fn state_of(event: &EventView, held_pixels: &[String]) -> v1::EventState {
    match event.state {
        State::Pending if held_pixels.iter().any(|id| id == event.pixel.as_str()) => v1::EventState::Held,
        State::Pending => v1::EventState::Pending,
        State::InFlight => v1::EventState::InFlight,
        State::Delivered => v1::EventState::Delivered,
        State::Held => v1::EventState::Held,
        State::DeadLetter => v1::EventState::DeadLetter,
        State::Suppressed => v1::EventState::Suppressed,
        State::WaitingJoin => v1::EventState::WaitingJoin,
    }
}

pub(super) fn summary(event: EventView, held_pixels: &[String]) -> v1::EventSummary {
    let waits = matches!(event.state, State::Pending | State::WaitingJoin);
    v1::EventSummary {
        sequence: event.seq,
        state: state_of(&event, held_pixels).into(),
        pixel_id: event.pixel.into(),
        event_name: event.name.into(),
        event_id: event.id.into(),
        order_id: event.order_id.unwrap_or_default(),
        event_time: Some(Timestamp { seconds: event.time_s, nanos: 0 }),
        received_at: Some(timestamp(event.received_ms)),
        attempts: event.attempts,
        code: event.code.unwrap_or_default(),
        match_keys: event.keys.names().into_iter().map(str::to_owned).collect(),
        browser_outcome: event.browser.map(|outcome| outcome.name().to_owned()).unwrap_or_default(),
        browser_fired_at: event.fired_s.map(|seconds| Timestamp { seconds, nanos: 0 }),
        finished_at: event.finished_ms.map(timestamp),
        next_attempt_at: event.due_ms.filter(|_| waits).map(timestamp),
    }
}

pub(super) fn attempt(attempt: AttemptView) -> v1::DeliveryAttempt {
    v1::DeliveryAttempt {
        attempt_no: attempt.attempt_no,
        started_at: Some(timestamp(attempt.started_ms)),
        duration_ms: attempt.duration_ms,
        result: attempt.result,
        code: attempt.code,
        http_status: attempt.http_status.into(),
        meta_code: attempt.meta_code,
        meta_subcode: attempt.meta_subcode,
        fbtrace_id: attempt.fbtrace_id,
        batch_size: attempt.batch_size,
        blamed_path: attempt.blamed_path,
    }
}
