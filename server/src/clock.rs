//! The server's clock. Passed in, so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells Unix time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    fixed_ms: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `unix_ms` until [`Clock::set_ms`] moves it.
    pub fn fixed(unix_ms: i64) -> Self {
        Self { fixed_ms: Some(Arc::new(AtomicI64::new(unix_ms))) }
    }

    /// Moves a fixed clock; the machine's cannot be moved.
    pub fn set_ms(&self, unix_ms: i64) {
        if let Some(fixed) = &self.fixed_ms {
            fixed.store(unix_ms, Ordering::Relaxed);
        }
    }

    /// Unix time, milliseconds.
    pub fn now_ms(&self) -> i64 {
        match &self.fixed_ms {
            Some(fixed) => fixed.load(Ordering::Relaxed),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// Unix time, whole seconds.
    pub fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }
}
