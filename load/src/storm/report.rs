//! The figures and complaints of a storm.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::Options;
use super::sender::Times;

/// How many complaints are printed. There may be one for each order.
const SHOWN_MAX: usize = 20;

/// Largest memory that the gateway may have, in bytes. 2,048 webhooks of about 2 kB are little.
const GATEWAY_BYTES_MAX: u64 = 150_000_000;

/// Number of amounts and their sum, in hundredths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) minor: i64,
}

impl Sum {
    /// Adds an amount, unless it is `None`.
    pub(super) fn add(&mut self, minor: Option<i64>) {
        if let Some(minor) = minor {
            self.count += 1;
            self.minor += minor;
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for INR {}.{:02}", self.count, self.minor / 100, self.minor % 100)
    }
}

/// Figures and complaints, shown as a table.
#[derive(Debug)]
pub struct Report {
    options: Options,
    /// Webhooks that were sent, with forged ones and without retries.
    pub(super) webhooks: u64,
    /// Webhooks per second when each answer started the next webhook.
    pub(super) capacity: f64,
    /// Webhooks per second while all was well.
    pub(super) rate: f64,
    pub(super) healthy: Times,
    pub(super) stormy: Times,
    pub(super) by_status: BTreeMap<u16, u64>,
    pub(super) slowest: Duration,
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) given_up: u64,
    pub(super) orders_made: usize,
    pub(super) paid_at_cashfree: Sum,
    pub(super) paid_in_store: Sum,
    pub(super) purchased: Sum,
    pub(super) with_signals: u64,
    /// Paid orders in the store, by the source that proved the payment.
    pub(super) proofs: BTreeMap<String, u64>,
    pub(super) again_killed: u64,
    pub(super) again_lost: u64,
    /// Largest memory of gateway and server, in bytes.
    pub(super) peaks_bytes: [u64; 2],
    pub(super) complaints: Vec<String>,
}

impl Report {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            webhooks: 0,
            capacity: 0.0,
            rate: 0.0,
            healthy: Times::default(),
            stormy: Times::default(),
            by_status: BTreeMap::new(),
            slowest: Duration::ZERO,
            taken: 0,
            refused: 0,
            given_up: 0,
            orders_made: 0,
            paid_at_cashfree: Sum::default(),
            paid_in_store: Sum::default(),
            purchased: Sum::default(),
            with_signals: 0,
            proofs: BTreeMap::new(),
            again_killed: 0,
            again_lost: 0,
            peaks_bytes: [0; 2],
            complaints: Vec::new(),
        }
    }

    pub(super) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    /// Compares the sums, and adds a complaint for each difference.
    pub(super) fn finish(&mut self) {
        if self.orders_made != self.options.orders {
            self.complain(format!("{} orders are at Cashfree", self.orders_made));
        }
        if self.taken + self.refused != self.webhooks || self.given_up > 0 {
            self.complain(format!(
                "of {} webhooks {} were taken, {} forged ones refused and {} given up",
                self.webhooks, self.taken, self.refused, self.given_up
            ));
        }
        let sums = [self.paid_at_cashfree, self.paid_in_store, self.purchased];
        if sums.iter().any(|sum| *sum != sums[0]) || sums[0].count == 0 {
            self.complain(format!(
                "paid at Cashfree: {}; paid in the store: {}; Purchases: {}",
                sums[0], sums[1], sums[2]
            ));
        }
        if self.peaks_bytes[0] > GATEWAY_BYTES_MAX {
            self.complain(format!("the gateway took {} MB", self.peaks_bytes[0] / 1_000_000));
        }
        let p99_ms = self.healthy.percentile_ms(0.99);
        if let Some(p99_ms_max) = self.options.p99_ms_max
            && (p99_ms >= p99_ms_max || self.healthy.count() == 0)
        {
            self.complain(format!("the 99th percentile is {p99_ms:.1} ms when all is well"));
        }
    }

    /// Whether everything adds up.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.complaints.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |what: &str, figure: &dyn fmt::Display| writeln!(f, "{what:<52} {figure:>28}");
        let times =
            |times: &Times| format!("{:.1} / {:.1} ms", times.percentile_ms(0.5), times.percentile_ms(0.99));
        row("seed", &self.options.seed)?;
        row("orders", &self.orders_made)?;
        row("webhooks that set out, retries not counted", &self.webhooks)?;
        row("capacity, webhooks per second", &format!("{:.0}", self.capacity))?;
        row("all well: webhooks per second", &format!("{:.0}", self.rate))?;
        row("all well: webhooks accepted", &self.healthy.count())?;
        row("all well: p50 / p99 through the gateway", &times(&self.healthy))?;
        row("storm: webhooks per second", &format!("{:.0}", self.capacity * super::STORM_SHARE))?;
        row("storm: seconds without the server", &self.options.outage.as_secs_f64())?;
        row("storm: p50 / p99 of accepted ones", &times(&self.stormy))?;
        for (status, count) in &self.by_status {
            let what = if *status == 0 { "no answer".to_owned() } else { format!("HTTP {status}") };
            row(&format!("answers: {what}"), count)?;
        }
        row("slowest answer", &format!("{:.1} s", self.slowest.as_secs_f64()))?;
        row("genuine webhooks accepted", &self.taken)?;
        row("forged webhooks refused", &self.refused)?;
        row("webhooks that Cashfree gave up", &self.given_up)?;
        for (proof, count) in &self.proofs {
            row(&format!("orders proved by {proof}"), count)?;
        }
        row("orders paid at the fake Cashfree", &self.paid_at_cashfree)?;
        row("orders paid in the store", &self.paid_in_store)?;
        row("Purchases at the fake Graph API", &self.purchased)?;
        row("  of them with a browser's signals", &self.with_signals)?;
        row("  sent again: under way at a kill", &self.again_killed)?;
        row("  sent again: answer lost by Meta's fault", &self.again_lost)?;
        for (program, peak) in ["gateway", "server"].iter().zip(self.peaks_bytes) {
            row(&format!("most memory of the {program}"), &format!("{} MB", peak / 1_000_000))?;
        }
        row("complaints", &self.complaints.len())?;
        for complaint in self.complaints.iter().take(SHOWN_MAX) {
            writeln!(f, "  {complaint}")?;
        }
        Ok(())
    }
}
