//! Sends leads from a fixed number of callers, as fast as the server accepts them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tandem_proto::v1::Browser;

use tandem_tests::{Caller, Person, World, messages};

/// Calls that share one connection.
const CALLS_PER_CONNECTION: usize = 16;
/// Longest measured call, in microseconds. Longer calls count as this long.
const LONGEST_US: u64 = 60_000_000;

#[derive(Debug)]
pub(super) struct Load {
    callers: Vec<Caller>,
    browser: Browser,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    /// Calls per second of all callers together.
    pub(super) per_s: f64,
    /// Median.
    pub(super) p50: Duration,
    /// 99th percentile.
    pub(super) p99: Duration,
    pub(super) max: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(
            f,
            "{:.0}/s, p50 {:.1} ms, p99 {:.1} ms, slowest {:.0} ms",
            self.per_s,
            ms(self.p50),
            ms(self.p99),
            ms(self.max)
        )
    }
}

impl Load {
    pub(super) fn new(world: &World, at_once: usize) -> anyhow::Result<Self> {
        let mut callers = Vec::new();
        while callers.len() < at_once {
            let connection = world.internal()?;
            let free = (at_once - callers.len()).min(CALLS_PER_CONNECTION);
            callers.extend(std::iter::repeat_n(connection, free));
        }
        Ok(Self { callers, browser: browser(world) })
    }

    /// Sends this many leads, each of another person.
    ///
    /// # Errors
    /// If the server does not acknowledge a lead.
    pub(super) async fn send(&self, leads: u64) -> anyhow::Result<Figures> {
        let left = Arc::new(AtomicU64::new(leads));
        let began = Instant::now();
        let tasks: Vec<_> = self
            .callers
            .iter()
            .map(|caller| tokio::spawn(call(caller.clone(), self.browser.clone(), Arc::clone(&left))))
            .collect();
        let mut times = histogram()?;
        for task in tasks {
            times.add(task.await??)?;
        }
        let took = began.elapsed();
        let at = |quantile| Duration::from_micros(times.value_at_quantile(quantile));
        Ok(Figures {
            per_s: times.len() as f64 / took.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
            max: Duration::from_micros(times.max()),
        })
    }
}

/// A browser with every field that Meta asks for, so that Meta's answers contain no warning for each event.
pub(super) fn browser(world: &World) -> Browser {
    let visitor = world.visitor();
    Browser { client_user_agent: Some(visitor.user_agent.clone()), ..visitor.browser() }
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).context("a histogram of call times")
}

async fn call(caller: Caller, browser: Browser, left: Arc<AtomicU64>) -> anyhow::Result<Histogram<u64>> {
    let mut times = histogram()?;
    let take_one = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    while take_one().is_ok() {
        let mut lead = messages::lead(&Person::unique());
        lead.browser = Some(browser.clone());
        let began = Instant::now();
        caller.capture_lead(lead).await.context("a lead")?;
        times.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(LONGEST_US));
    }
    Ok(times)
}
