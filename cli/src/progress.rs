//! Long work: a progress line on the terminal, and Ctrl-C, which takes effect between two steps.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// Shortest time between two updates of the line.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// A line on standard error that overwrites itself. Without a terminal there is no line.
pub(crate) struct Line {
    is_seen: bool,
    started: Instant,
    shown_at: Option<Instant>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { is_seen: std::io::stderr().is_terminal(), started: Instant::now(), shown_at: None }
    }

    /// Shows how many are done, and how fast.
    pub(crate) fn count(&mut self, what: &str, done: u64) {
        if self.shown_at.is_none_or(|at| at.elapsed() >= SHOW_EVERY) {
            let text = count(what, done, self.started.elapsed());
            self.show(&text);
        }
    }

    fn show(&mut self, text: &str) {
        if self.is_seen {
            let mut out = std::io::stderr().lock();
            // Carriage return, then the escape sequence that clears the line.
            let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
        }
        self.shown_at = Some(Instant::now());
    }

    pub(crate) fn clear(&mut self) {
        if self.shown_at.take().is_some() {
            self.show("");
            self.shown_at = None;
        }
    }
}

fn count(what: &str, done: u64, took: Duration) -> String {
    let rate = done as f64 / took.as_secs_f64().max(0.001);
    format!("{what} {done}, {rate:.0} a second")
}

/// Waits for a call that reports no progress. A terminal shows the seconds meanwhile.
pub(crate) async fn wait<T>(what: &str, call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    let mut line = Line::new();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            biased;
            answer = &mut call => {
                line.clear();
                return answer;
            }
            _ = seconds.tick() => line.show(&format!("{what}, {} s", line.started.elapsed().as_secs())),
        }
    }
}

/// Handles Ctrl-C. The first lets the current step end; a second stops at once.
pub(crate) struct Interrupt {
    signal: Signal,
    is_heard: bool,
}

impl Interrupt {
    pub(crate) fn new() -> Result<Self, CliError> {
        let signal = signal(SignalKind::interrupt());
        let signal = signal.map_err(|error| CliError::System(format!("a signal handler: {error}")))?;
        Ok(Self { signal, is_heard: false })
    }

    /// Runs a step to its end. `None` when a second Ctrl-C stopped it.
    pub(crate) async fn step<T>(&mut self, call: impl Future<Output = T>) -> Option<T> {
        let mut call = std::pin::pin!(call);
        loop {
            tokio::select! {
                biased;
                _ = self.signal.recv() => {
                    if self.is_heard {
                        return None;
                    }
                    self.is_heard = true;
                }
                answer = &mut call => return Some(answer),
            }
        }
    }

    /// Waits for `answer`. `None` when the operator presses Ctrl-C first.
    pub(crate) async fn or<T>(&mut self, answer: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.signal.recv() => None,
            answer = answer => Some(answer),
        }
    }

    /// Whether to stop before the next step.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_count_and_rate() {
        assert_eq!(count("replayed", 3000, Duration::from_secs(2)), "replayed 3000, 1500 a second");
        assert!(count("replayed", 0, Duration::ZERO).starts_with("replayed 0, 0 a second"));
    }

    #[test]
    fn a_line_that_nobody_sees_keeps_its_pace_and_clears() {
        let mut line = Line { is_seen: false, started: Instant::now(), shown_at: None };
        line.count("replayed", 1);
        assert!(line.shown_at.is_some());
        line.clear();
        assert!(line.shown_at.is_none());
    }
}
