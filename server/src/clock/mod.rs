//! The server's clock. It is passed in, so that tests can set it.
//!
//! It has two readings. Wall time dates events; an administrator may set it back or forward while the server
//! runs. Steady time measures waits and never jumps.
//!
//! A wrong clock must destroy nothing. So whatever deletes or gives up by the wall's time takes a [`TrustedTime`],
//! which the clock gives only while nothing speaks against the wall ([`trust`]).

mod trust;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tandem_core::event::oldest_time_s;

use trust::Trust;
pub use trust::{Doubt, Reading, TrustRecord, TrustView};

/// Where the machine's steady time begins.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Longest span between two readings for them to count as one moment's, milliseconds.
const MOMENT_MS: i64 = 50;
/// Readings after which the clock takes what it has: a machine this busy reads a little wrong.
const READINGS_MAX: usize = 5;

#[derive(Debug, Clone, Default)]
pub struct Clock {
    fixed: Option<Arc<Fixed>>,
    /// Shared by all clones; begins at the first look.
    trust: Arc<Mutex<Option<Trust>>>,
}

/// The wall's time while it is trusted. Only a [`Clock`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedTime {
    now_ms: i64,
}

impl TrustedTime {
    /// Unix time, milliseconds.
    pub fn now_ms(self) -> i64 {
        self.now_ms
    }

    /// Time of the oldest event that Meta still takes, Unix seconds.
    pub fn oldest_event_s(self) -> i64 {
        oldest_time_s(self.now_ms.div_euclid(1000))
    }
}

#[derive(Debug)]
struct Fixed {
    wall_ms: AtomicI64,
    /// How far the wall's time has been set since the start.
    jumped_ms: AtomicI64,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `unix_ms` until it is moved.
    pub fn fixed(unix_ms: i64) -> Self {
        let fixed = Fixed { wall_ms: AtomicI64::new(unix_ms), jumped_ms: AtomicI64::new(0) };
        Self { fixed: Some(Arc::new(fixed)), trust: Arc::default() }
    }

    /// Lets time pass on a fixed clock until it shows `unix_ms`. The machine's cannot be
    /// moved.
    pub fn set_ms(&self, unix_ms: i64) {
        if let Some(fixed) = &self.fixed {
            fixed.wall_ms.store(unix_ms, Ordering::Relaxed);
        }
    }

    /// Sets a fixed clock forward or back, as an administrator does: no time passes.
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
        self.reading().offset_ms()
    }

    /// Both times of one moment.
    pub fn reading(&self) -> Reading {
        let mut reading = Reading { wall_ms: self.now_ms(), steady_ms: self.steady_ms() };
        for _ in 1..READINGS_MAX {
            let (wall_ms, steady_ms) = (self.now_ms(), self.steady_ms());
            let took_ms = steady_ms - reading.steady_ms;
            reading = Reading { wall_ms, steady_ms };
            if took_ms <= MOMENT_MS {
                break;
            }
        }
        reading
    }
}

impl Clock {
    /// The time, as far as it may destroy or give up. `None`: it is not trusted.
    pub fn trusted(&self) -> Option<TrustedTime> {
        let (reading, doubt) = self.look(|_, _| ());
        doubt.is_none().then_some(TrustedTime { now_ms: reading.wall_ms })
    }

    /// Begins with what the store remembers of an earlier start.
    pub fn recall(&self, record: TrustRecord) {
        self.look(|trust, reading| *trust = Trust::recall(record, reading));
    }

    /// What the store is to remember.
    pub fn trust_record(&self) -> TrustRecord {
        let mut record = TrustRecord::default();
        self.look(|trust, reading| record = trust.record(reading));
        record
    }

    /// Whether and why the time is doubted, for operators.
    pub fn trust_view(&self) -> TrustView {
        let mut view = None;
        let (reading, _) = self.look(|trust, reading| view = Some(trust.view(reading)));
        view.unwrap_or_else(|| Trust::new(reading).view(reading))
    }

    /// An answer of the Graph API says that it is `meta_s` (Unix seconds).
    pub fn hear_meta(&self, meta_s: i64) {
        self.look(|trust, reading| trust.hear_meta(reading, meta_s));
    }

    /// An operator says that the wall's time is right.
    pub fn confirm(&self) {
        self.look(Trust::confirm);
    }

    /// Looks at the clock, then does something with what is known of it. Returns the reading and the doubt after it.
    fn look(&self, act: impl FnOnce(&mut Trust, Reading)) -> (Reading, Option<Doubt>) {
        let mut trust = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = self.reading();
        let trust = trust.get_or_insert_with(|| Trust::new(reading));
        let before = trust.doubt();
        trust.observe(reading);
        act(trust, reading);
        let doubt = trust.doubt();
        match (before, doubt) {
            (None, Some(doubt)) => {
                tracing::warn!(
                    ?doubt,
                    code = tandem_core::code::CLOCK_UNTRUSTED,
                    "the machine's time is not trusted; nothing is given up or deleted until it is"
                );
            }
            (Some(_), None) => tracing::info!("the machine's time is trusted again"),
            _ => {}
        }
        (reading, doubt)
    }
}

/// A time span in whole milliseconds; the longest that fits when it does not.
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
        assert_eq!(clock.steady_ms(), steady_ms + 200, "time passes on both");
    }

    #[test]
    fn the_machines_steady_time_goes_on() {
        let clock = Clock::system();
        let first = clock.steady_ms();
        assert!(clock.steady_ms() >= first && clock.now_ms() > 1_600_000_000_000);
    }
}
