//! The figures of the backlog, and their limits.

use std::fmt;
use std::time::Duration;

use super::Options;
use super::fresh::Delays;
use super::load::Figures;
use crate::memory::Memory;

/// Largest memory that the server may have, in bytes.
const RSS_MAX_BYTES: u64 = 300_000_000;
/// Smallest rate of ingest with a full outbox, as a share of the rate with an empty one.
const RATE_RATIO_MIN: f64 = 0.7;
/// How many times longer the 99th percentile of ingest may be with a full outbox than with an empty one.
const P99_RATIO_MAX: u32 = 2;
/// How long a fresh event may take while a backlog drains. An event that waits behind the backlog takes minutes.
const FRESH_MAX: Duration = Duration::from_secs(5);

/// All figures, shown as a table.
#[derive(Debug)]
pub struct Report {
    pub(super) options: Options,
    pub(super) empty: Figures,
    pub(super) full: Figures,
    pub(super) fill_took: Duration,
    pub(super) rss_at_start: u64,
    pub(super) rss_filling: u64,
    pub(super) rss_asked: u64,
    pub(super) rss_draining: u64,
    pub(super) peak: Memory,
    pub(super) health_took: Vec<Duration>,
    pub(super) dashboard_took: Vec<Duration>,
    pub(super) store_bytes: u64,
    pub(super) drained: u64,
    pub(super) drain_took: Duration,
    pub(super) fresh: Delays,
    /// Copies that arrived beyond the events sent. Below zero: copies that are missing.
    pub(super) surplus: i128,
}

impl Report {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            empty: Figures::default(),
            full: Figures::default(),
            fill_took: Duration::ZERO,
            rss_at_start: 0,
            rss_filling: 0,
            rss_asked: 0,
            rss_draining: 0,
            peak: Memory::default(),
            health_took: Vec::new(),
            dashboard_took: Vec::new(),
            store_bytes: 0,
            drained: 0,
            drain_took: Duration::ZERO,
            fresh: Delays::default(),
            surplus: 0,
        }
    }

    /// One sentence for each figure beyond its limit.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let mut complaints = Vec::new();
        if self.peak.peak_bytes > RSS_MAX_BYTES {
            complaints.push(format!(
                "the server had {} MB at its peak; {} MB are allowed",
                self.peak.peak_bytes / 1_000_000,
                RSS_MAX_BYTES / 1_000_000
            ));
        }
        if self.full.per_s <= RATE_RATIO_MIN * self.empty.per_s {
            complaints.push(format!(
                "ingest takes {:.0}/s at a full outbox and {:.0}/s at an empty one; at least {RATE_RATIO_MIN} of it is required",
                self.full.per_s, self.empty.per_s
            ));
        }
        if self.full.p99 > P99_RATIO_MAX * self.empty.p99 {
            complaints.push(format!(
                "the 99th percentile of ingest is {} at a full outbox and {} at an empty one; {P99_RATIO_MAX} times as long is allowed",
                ms(self.full.p99), ms(self.empty.p99)
            ));
        }
        if self.fresh.events == 0 || self.fresh.max > FRESH_MAX {
            complaints.push(format!(
                "of {} fresh events the slowest took {} during the drain; {} is allowed",
                self.fresh.events,
                ms(self.fresh.max),
                ms(FRESH_MAX)
            ));
        }
        if self.surplus != 0 || self.fresh.missing != 0 || self.fresh.doubled != 0 {
            complaints.push(format!(
                "{} copies more arrived than events were sent; of the fresh events {} are missing and {} came again",
                self.surplus, self.fresh.missing, self.fresh.doubled
            ));
        }
        complaints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, figure: &str| writeln!(f, "{what:<40} {figure}");
        let megabytes = |bytes: u64| format!("{:.0} MB", bytes as f64 / 1e6);
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let slowest = |times: &[Duration]| ms(times.iter().max().copied().unwrap_or_default());
        row("events waiting", &format!("{} ({:?})", self.options.events, self.options.hold))?;
        row("callers at once", &self.options.callers.to_string())?;
        row("ingest, empty outbox", &self.empty.to_string())?;
        row("ingest, full outbox", &self.full.to_string())?;
        row(
            "full / empty",
            &format!(
                "rate {:.2}, p50 {:.2}, p99 {:.2}",
                self.full.per_s / self.empty.per_s,
                self.full.p50.as_secs_f64() / self.empty.p50.as_secs_f64(),
                self.full.p99.as_secs_f64() / self.empty.p99.as_secs_f64()
            ),
        )?;
        row("filling took", &format!("{:.1} s", self.fill_took.as_secs_f64()))?;
        row("RSS, empty outbox", &megabytes(self.rss_at_start))?;
        row("RSS at most, filling", &megabytes(self.rss_filling))?;
        row("RSS at most, health and dashboard", &megabytes(self.rss_asked))?;
        row("RSS at most, draining", &megabytes(self.rss_draining))?;
        row(
            "RSS at the end (of it no file's)",
            &format!("{} ({})", megabytes(self.peak.rss_bytes), megabytes(self.peak.anon_bytes)),
        )?;
        row("VmHWM", &megabytes(self.peak.peak_bytes))?;
        row("/api/tracking-health, slowest", &slowest(&self.health_took))?;
        row("dashboard, slowest", &slowest(&self.dashboard_took))?;
        let each = self.store_bytes / self.options.events.max(1);
        row("store", &format!("{} ({each} bytes per event)", megabytes(self.store_bytes)))?;
        let drain_s = self.drain_took.as_secs_f64();
        row(
            "drained",
            &format!("{} in {drain_s:.1} s, {:.0}/s", self.drained, self.drained as f64 / drain_s),
        )?;
        row(
            "fresh events sent into the drain",
            &format!("{}, p50 {}, slowest {}", self.fresh.events, ms(self.fresh.p50), ms(self.fresh.max)),
        )?;
        row("copies more or less than were sent", &self.surplus.to_string())?;
        for complaint in self.complaints() {
            row("COMPLAINT", &complaint)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backlog::Hold;

    fn report(change: impl FnOnce(&mut Report)) -> Vec<String> {
        let mut report =
            Report::new(Options { events: 1000, measured: 100, callers: 1, hold: Hold::Refused });
        report.empty = Figures { per_s: 1000.0, p99: Duration::from_millis(10), ..Figures::default() };
        report.full = report.empty;
        report.fresh = Delays { events: 3, max: Duration::from_secs(1), ..Delays::default() };
        change(&mut report);
        report.complaints()
    }

    #[test]
    fn what_is_as_promised_has_no_complaint() {
        assert_eq!(report(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_is_one_complaint() {
        type Change = fn(&mut Report);
        let broken: [(&str, Change); 9] = [
            ("at its peak", |report| report.peak.peak_bytes = RSS_MAX_BYTES + 1),
            ("699/s at a full", |report| report.full.per_s = 699.0),
            ("0/s at a full", |report| (report.full.per_s, report.empty.per_s) = (0.0, 0.0)),
            ("99th percentile", |report| report.full.p99 = Duration::from_millis(21)),
            ("slowest took 5001.0 ms", |report| report.fresh.max = Duration::from_millis(5001)),
            ("of 0 fresh events", |report| report.fresh.events = 0),
            ("-1 copies more", |report| report.surplus = -1),
            ("1 are missing", |report| report.fresh.missing = 1),
            ("1 came again", |report| report.fresh.doubled = 1),
        ];
        for (said, change) in broken {
            let complaints = report(change);
            assert!(matches!(&complaints[..], [only] if only.contains(said)), "{said}: {complaints:?}");
        }
    }
}
