//! What the handlers use.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::api::decode::Decoder;
use crate::delivery::{Delivery, PixelState};
use crate::insight::diagnosis::Diagnosis;
use crate::insight::health::Insight;
use crate::orders::Orders;
use crate::outbox::{EventStore, OperatorStore};

#[derive(Debug, Clone)]
pub struct Operations {
    pub insight: Arc<Insight>,
    pub delivery: Delivery,
    pub orders: Arc<Orders>,
    pub operators: Arc<dyn OperatorStore>,
    pub events: Arc<dyn EventStore>,
    pub decoder: Arc<Decoder>,
    pub diagnosis: Arc<Diagnosis>,
    /// Cancelled when the server stops: then streams to watchers end.
    pub closing: CancellationToken,
}

impl Operations {
    /// Pixels that are held or unconfigured, and so hold their events.
    pub(super) fn held_pixels(&self) -> Vec<String> {
        let held = |state| matches!(state, PixelState::Held | PixelState::Unconfigured);
        let board = self.insight.board.all();
        board.into_iter().filter(|(_, s)| held(s.state)).map(|(id, _)| id.as_str().to_owned()).collect()
    }
}
