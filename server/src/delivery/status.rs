//! What each pixel's delivery is doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::id::PixelId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelState {
    Delivering,
    /// Meta does not let us use the pixel; a probe goes out from time to time.
    Held,
    /// Too many calls failed in a row, so delivery is paused.
    OpenCircuit,
    /// The pixel has no access token.
    Unconfigured,
}

impl PixelState {
    /// The name that health reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivering => "delivering",
            Self::Held => "held",
            Self::OpenCircuit => "open_circuit",
            Self::Unconfigured => "unconfigured",
        }
    }
}

/// A pixel's state and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelStatus {
    pub state: PixelState,
    /// Stable code of the reason; empty when delivering.
    pub reason: &'static str,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
}

#[derive(Debug, Clone, Default)]
pub struct StatusBoard(Arc<Mutex<BTreeMap<PixelId, PixelStatus>>>);

impl StatusBoard {
    pub fn get(&self, pixel: &PixelId) -> Option<PixelStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(pixel).copied()
    }

    /// The status of every pixel, in the order of their IDs.
    pub fn all(&self) -> Vec<(PixelId, PixelStatus)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(id, s)| (id.clone(), *s)).collect()
    }

    /// Sets a pixel's state. Logs it once when it changes.
    pub(super) fn set(&self, pixel: &PixelId, state: PixelState, reason: &'static str, now_ms: i64) {
        let mut board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let was = board.get(pixel).copied();
        if was.is_some_and(|was| was.state == state && was.reason == reason) {
            return;
        }
        board.insert(pixel.clone(), PixelStatus { state, reason, since_ms: now_ms });
        drop(board);
        let (pixel, state_name) = (pixel.as_str(), state.name());
        match state {
            PixelState::Delivering if was.is_some() => {
                tracing::info!(pixel.id = pixel, "delivery to Meta has resumed");
            }
            PixelState::Delivering => tracing::info!(pixel.id = pixel, "delivering to Meta"),
            _ => tracing::warn!(
                pixel.id = pixel,
                pixel.state = state_name,
                code = reason,
                "delivery to Meta is stopped; events are kept"
            ),
        }
    }
}
