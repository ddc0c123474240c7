//! The part of `OperationsService` that changes something, and the part that follows
//! changes: pause and resume, erasure, watching. Dead letters have a file of their own.

use std::sync::Arc;

use tandem_core::hash::Sha256Hex;
use tandem_core::id::PixelId;
use tandem_core::normalise::MatchKey;
use tandem_core::personal::Raw;
use tandem_proto::v1;
use tokio::sync::broadcast::error::RecvError;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::operations::{Operations, Stream, state_of, summary};
use crate::ingest::{Reject, UserReader};

/// Events that may wait for a watcher that reads slowly.
const WATCH_BUFFER: usize = 256;

impl Operations {
    pub(super) async fn pause(
        &self,
        request: v1::PauseDeliveryRequest,
    ) -> Result<v1::PauseDeliveryResponse, Reject> {
        self.set_paused(&request.pixel_id, true).await.map(|pixels| v1::PauseDeliveryResponse { pixels })
    }

    pub(super) async fn resume(
        &self,
        request: v1::ResumeDeliveryRequest,
    ) -> Result<v1::ResumeDeliveryResponse, Reject> {
        self.set_paused(&request.pixel_id, false).await.map(|pixels| v1::ResumeDeliveryResponse { pixels })
    }

    async fn set_paused(&self, pixel_id: &str, paused: bool) -> Result<u32, Reject> {
        let chosen: Vec<PixelId> = self
            .delivery
            .pixels()
            .filter(|id| pixel_id.is_empty() || id.as_str() == pixel_id)
            .cloned()
            .collect();
        if chosen.is_empty() {
            return Err(Reject::field("pixel_id", "is not one of the configured pixels"));
        }
        for pixel in &chosen {
            self.insight.outbox().operators.set_paused(pixel.clone(), paused).await?;
            self.delivery.set_paused(pixel, paused);
            tracing::info!(pixel.id = pixel.as_str(), paused, "an operator paused or resumed delivery");
        }
        Ok(u32::try_from(chosen.len()).unwrap_or(u32::MAX))
    }

    pub(super) async fn erase(
        &self,
        request: v1::ErasePersonRequest,
    ) -> Result<v1::ErasePersonResponse, Reject> {
        let given = [
            (MatchKey::Email, request.email),
            (MatchKey::Phone, request.phone),
            (MatchKey::ExternalId, request.external_id),
        ];
        let values: Vec<(MatchKey, Raw)> =
            given.into_iter().filter_map(|(key, value)| Some((key, Raw::new(value?)))).collect();
        let reader = UserReader {
            default_country: self.country,
            now_s: self.insight.now_s(),
            metrics: &self.insight.metrics,
        };
        let (user_data, faults) = reader.read(values);
        if let Some((key, what)) = faults.into_iter().next() {
            return Err(Reject::field(key.field().trim_start_matches("user."), what));
        }
        let digests: Vec<Sha256Hex> = user_data.hashed().map(|(_, digest)| digest).collect();
        if digests.is_empty() {
            return Err(Reject::field("email", "or phone or external_id is required"));
        }
        // What waits in memory must be where erasure looks.
        self.delivery.put_back().await;
        let erased = self.insight.outbox().events.erase(digests).await?;
        tracing::info!(events = erased.events, orders = erased.orders, "a person was erased");
        Ok(v1::ErasePersonResponse { events: erased.events, orders: erased.orders })
    }

    /// Follows events until the caller leaves, or falls behind.
    pub(super) fn watch(&self, request: v1::WatchEventsRequest) -> Stream<v1::WatchEventsResponse> {
        let (send, receive) = tokio::sync::mpsc::channel(WATCH_BUFFER);
        let mut changes = self.insight.outbox().operators.watch();
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
                            let fault = Status::data_loss("this watcher fell behind; list the events and watch again");
                            drop(send.send(Err(fault)).await);
                            return;
                        }
                    },
                };
                let events = match operations.insight.outbox().operators.at(seqs).await {
                    Ok(events) => events,
                    Err(fault) => {
                        drop(send.send(Err(Reject::from(fault).into())).await);
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
