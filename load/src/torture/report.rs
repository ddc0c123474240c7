//! The figures and complaints of a torture.

use std::fmt;
use std::time::Duration;

use super::Options;
use crate::meta_fault::MetaFault;

/// How many complaints are printed. There may be one for each event.
const SHOWN_MAX: usize = 20;

/// Figures and complaints, shown as a table.
#[derive(Debug)]
pub struct Report {
    pub(super) options: Options,
    pub(super) loaded: Duration,
    pub(super) took: Duration,
    pub(super) faults: [u32; MetaFault::ALL.len()],
    pub(super) stores_checked: u32,
    pub(super) answered: u64,
    pub(super) failed: u64,
    pub(super) given_up: u64,
    pub(super) duplicates: u64,
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    pub(super) purchases: u64,
    pub(super) fired: u64,
    pub(super) lost: u64,
    pub(super) delivered: u64,
    pub(super) dead_letters: u64,
    pub(super) arrivals: u64,
    pub(super) resent_killed: u64,
    pub(super) resent_lost: u64,
    pub(super) resent_unexplained: u64,
    pub(super) complaints: Vec<String>,
}

impl Report {
    pub(super) fn new(options: Options, loaded: Duration, took: Duration) -> Self {
        Self {
            options,
            loaded,
            took,
            faults: [0; MetaFault::ALL.len()],
            stores_checked: 0,
            answered: 0,
            failed: 0,
            given_up: 0,
            duplicates: 0,
            sent: 0,
            acknowledged: 0,
            purchases: 0,
            fired: 0,
            lost: 0,
            delivered: 0,
            dead_letters: 0,
            arrivals: 0,
            resent_killed: 0,
            resent_lost: 0,
            resent_unexplained: 0,
            complaints: Vec::new(),
        }
    }

    pub(super) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    /// Whether nothing was lost, nothing was repeated without a reason, nothing else was wrong, and something was
    /// delivered.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complaints.is_empty() && self.lost == 0 && self.resent_unexplained == 0 && self.delivered > 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, figure: &dyn fmt::Display| writeln!(f, "{what:<44} {figure:>12}");
        row("SIGKILLs under load", &self.options.kills)?;
        row("callers at once", &self.options.clients)?;
        row("seed", &self.options.seed)?;
        row("seconds under load", &format!("{:.1}", self.loaded.as_secs_f64()))?;
        row(
            "seconds until the outbox was empty",
            &format!("{:.1}", (self.took - self.loaded).as_secs_f64()),
        )?;
        for fault in MetaFault::ALL {
            row(&format!("phases with Meta {}", fault.name()), &self.faults[fault as usize])?;
        }
        row("calls answered with OK", &self.answered)?;
        row("calls failed, then repeated or given up", &self.failed)?;
        row("calls given up", &self.given_up)?;
        row("events sent", &self.sent)?;
        row("events acknowledged", &self.acknowledged)?;
        row("  of them Purchases, one per order", &self.purchases)?;
        row("reports of the pixel acknowledged", &self.fired)?;
        row("repeats known as duplicates", &self.duplicates)?;
        row("delivered", &self.delivered)?;
        row("dead letters (poison)", &self.dead_letters)?;
        row("copies that arrived", &self.arrivals)?;
        row("acknowledged and lost", &self.lost)?;
        let share = percent(self.resent_killed, self.delivered);
        row("sent again: under way at a kill", &format!("{} ({share})", self.resent_killed))?;
        let per_kill = self.resent_killed as f64 / f64::from(self.options.kills.max(1));
        row("  of them per kill", &format!("{per_kill:.1}"))?;
        row("sent again: answer lost by Meta's fault", &self.resent_lost)?;
        row("sent again for no reason", &self.resent_unexplained)?;
        row("stores looked into after a kill, all sound", &self.stores_checked)?;
        row("complaints", &self.complaints.len())?;
        for complaint in self.complaints.iter().take(SHOWN_MAX) {
            writeln!(f, "  {complaint}")?;
        }
        Ok(())
    }
}

fn percent(part: u64, whole: u64) -> String {
    // Thousandths of a percent, without a float.
    let share = part.saturating_mul(100_000).checked_div(whole).unwrap_or_default();
    format!("{}.{:03} %", share / 1000, share % 1000)
}
