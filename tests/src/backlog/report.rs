//! What the backlog did.

use std::fmt;
use std::time::Duration;

use super::fresh::Delays;
use super::load::Figures;
use super::memory::Memory;
use super::{Options, RSS_MAX_BYTES};

/// All figures. Shown as a table.
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
    /// Copies that arrived beyond those sent; below zero, those that are missing.
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

    /// What is not as promised.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.peak.peak_bytes > RSS_MAX_BYTES {
            complaints.push(format!(
                "the server had {} MB at its peak; {} MB are allowed",
                self.peak.peak_bytes / 1_000_000,
                RSS_MAX_BYTES / 1_000_000
            ));
        }
        if self.surplus != 0 || self.fresh.missing != 0 {
            complaints.push(format!(
                "{} events more arrived than were sent, and {} fresh ones are missing",
                self.surplus, self.fresh.missing
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
