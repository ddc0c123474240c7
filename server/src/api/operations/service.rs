//! What the handlers stand on.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::api::decode::Decoder;
use crate::delivery::{Delivery, PixelState};
use crate::insight::diagnosis::Diagnosis;
use crate::insight::health::Insight;
use crate::orders::Orders;
use crate::outbox::{EventStore, OperatorStore};

/// The service.
#[derive(Debug, Clone)]
pub struct Operations {
    /// Where the figures come from.
    pub insight: Arc<Insight>,
    /// What is paused and resumed.
    pub delivery: Delivery,
    /// Asks about orders whose webhooks could not be used.
    pub orders: Arc<Orders>,
    /// Lists and chores.
    pub operators: Arc<dyn OperatorStore>,
    /// Erases people.
    pub events: Arc<dyn EventStore>,
    /// Reads match keys.
    pub decoder: Arc<Decoder>,
    /// What the server knows of its own deployment.
    pub diagnosis: Arc<Diagnosis>,
    /// The server is stopping: watchers leave.
    pub closing: CancellationToken,
}

impl Operations {
    /// Pixels whose events are held with them.
    pub(super) fn held_pixels(&self) -> Vec<String> {
        let held = |state| matches!(state, PixelState::Held | PixelState::Unconfigured);
        let board = self.insight.board.all();
        board.into_iter().filter(|(_, s)| held(s.state)).map(|(id, _)| id.as_str().to_owned()).collect()
    }
}
