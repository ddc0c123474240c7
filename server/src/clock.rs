//! The server's clock. It is passed in, so that tests can set it.
//!
//! It has two readings. Wall time dates events; an administrator may set it back or forward while the server
//! runs. Steady time measures waits and never jumps.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the machine's steady time starts.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

#[derive(Debug, Clone, Default)]
pub struct Clock {
    fixed: Option<Arc<Fixed>>,
}

#[derive(Debug)]
struct Fixed {
    wall_ms: AtomicI64,
    /// How far [`Clock::jump_ms`] has set the wall time in all, milliseconds.
    jumped_ms: AtomicI64,
}

impl Clock {
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `unix_ms` until it is moved.
    pub fn fixed(unix_ms: i64) -> Self {
        let fixed = Fixed { wall_ms: AtomicI64::new(unix_ms), jumped_ms: AtomicI64::new(0) };
        Self { fixed: Some(Arc::new(fixed)) }
    }

    /// Lets time pass on a fixed clock until it shows `unix_ms`. Does nothing on the machine's
    /// clock.
    pub fn set_ms(&self, unix_ms: i64) {
        if let Some(fixed) = &self.fixed {
            fixed.wall_ms.store(unix_ms, Ordering::Relaxed);
        }
    }

    /// Sets the wall time of a fixed clock forward or back, as an administrator does. No time
    /// passes.
    pub fn jump_ms(&self, by_ms: i64) {
        if let Some(fixed) = &self.fixed {
            fixed.wall_ms.fetch_add(by_ms, Ordering::Relaxed);
            fixed.jumped_ms.fetch_add(by_ms, Ordering::Relaxed);
        }
    }

    /// Unix time, milliseconds.
    pub fn now_ms(&self) -> i64 {
        match &self.fixed {
            Some(fixed) => fixed.wall_ms.load(Ordering::Relaxed),
            None => millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
        }
    }

    /// Unix time, whole seconds.
    pub fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Milliseconds since an arbitrary moment. Setting the wall time does not change it.
    pub fn steady_ms(&self) -> i64 {
        match &self.fixed {
            Some(fixed) => fixed.wall_ms.load(Ordering::Relaxed) - fixed.jumped_ms.load(Ordering::Relaxed),
            None => millis(ORIGIN.elapsed()),
        }
    }

    /// Wall time minus steady time. It changes only when the wall time is set.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.now_ms() - self.steady_ms()
    }
}

/// A time span in whole milliseconds, or `i64::MAX` when it does not fit.
pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_the_wall_leaves_the_steady_time_alone() {
        let clock = Clock::fixed(1_000);
        let (steady_ms, offset_ms) = (clock.steady_ms(), clock.offset_ms());
        clock.jump_ms(-500);
        assert_eq!((clock.now_ms(), clock.steady_ms()), (500, steady_ms));
        assert_eq!(clock.offset_ms(), offset_ms - 500);
        clock.set_ms(700);
        assert_eq!(clock.steady_ms(), steady_ms + 200, "both readings move");
    }

    #[test]
    fn the_machines_steady_time_goes_on() {
        let clock = Clock::system();
        let first = clock.steady_ms();
        assert!(clock.steady_ms() >= first && clock.now_ms() > 1_600_000_000_000);
    }
}
