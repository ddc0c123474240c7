//! Response times and errors of `TrackingService` over the last 24 hours: one histogram per hour,
//! in memory. A restart loses them. The store's counts of events survive it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

const HOURS: usize = 24;
/// Longest time that is measured, microseconds: one minute.
const LONGEST_US: u64 = 60_000_000;

#[derive(Debug)]
struct Hour {
    hour: i64,
    micros: Histogram<u32>,
    /// Answers without a time.
    unhandled: u64,
    errors: u64,
}

#[derive(Debug, Default)]
pub struct ResponseTimes(Mutex<Vec<Hour>>);

/// Figures of the last 24 hours.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ResponseFigures {
    pub answers: u64,
    /// Number of answers that are failures of the server, overload included.
    pub errors: u64,
    /// Mean, milliseconds.
    pub mean_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
}

impl ResponseFigures {
    /// Errors ÷ answers; 0 without answers.
    pub fn error_rate(&self) -> f64 {
        if self.answers == 0 { 0.0 } else { self.errors as f64 / self.answers as f64 }
    }
}

impl ResponseTimes {
    /// Records an answer given at `now_ms` (Unix milliseconds) after `took`.
    pub fn note(&self, now_ms: i64, took: Duration, is_error: bool) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US).clamp(1, LONGEST_US);
        self.with_hour(now_ms, |hour| {
            hour.micros.saturating_record(micros);
            hour.errors += u64::from(is_error);
        });
    }

    /// Records an answer without a time: no handler gave it.
    pub fn note_unhandled(&self, now_ms: i64, is_error: bool) {
        self.with_hour(now_ms, |hour| {
            hour.unhandled += 1;
            hour.errors += u64::from(is_error);
        });
    }

    fn with_hour(&self, now_ms: i64, note: impl FnOnce(&mut Hour)) {
        let hour = now_ms.div_euclid(3_600_000);
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hours.last().is_none_or(|last| last.hour != hour) {
            if hours.len() >= HOURS {
                hours.remove(0);
            }
            let Ok(micros) = Histogram::new_with_bounds(1, LONGEST_US, 2) else { return };
            hours.push(Hour { hour, micros, unhandled: 0, errors: 0 });
        }
        if let Some(last) = hours.last_mut() {
            note(last);
        }
    }

    /// Figures of the 24 hours before `now_ms`, Unix milliseconds.
    pub fn figures(&self, now_ms: i64) -> ResponseFigures {
        let first = now_ms.div_euclid(3_600_000) - (HOURS as i64 - 1);
        let hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(mut all) = Histogram::<u32>::new_with_bounds(1, LONGEST_US, 2) else {
            return ResponseFigures::default();
        };
        let (mut unhandled, mut errors) = (0, 0);
        for hour in hours.iter().filter(|hour| hour.hour >= first) {
            // All histograms have the same bounds, so adding them cannot fail.
            all.add(&hour.micros).unwrap_or_default();
            unhandled += hour.unhandled;
            errors += hour.errors;
        }
        ResponseFigures {
            answers: all.len() + unhandled,
            errors,
            mean_ms: if all.is_empty() { 0.0 } else { all.mean() / 1000.0 },
            p99_ms: if all.is_empty() { 0.0 } else { all.value_at_quantile(0.99) as f64 / 1000.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_roll_out_of_the_window() {
        let times = ResponseTimes::default();
        times.note(0, Duration::from_millis(10), true);
        times.note(3_600_000, Duration::from_millis(20), false);
        let figures = times.figures(3_600_000);
        assert_eq!((figures.answers, figures.errors), (2, 1));
        assert!((figures.error_rate() - 0.5).abs() < 1e-9);
        assert!((figures.mean_ms - 15.0).abs() < 1.0);
        let later = times.figures(24 * 3_600_000);
        assert_eq!((later.answers, later.errors), (1, 0));
        assert_eq!(times.figures(100 * 3_600_000).answers, 0);
    }
}
