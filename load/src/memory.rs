//! The server's memory, as the kernel counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

/// Interval between two readings.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Memory of a process in bytes (proc(5), `/proc/[pid]/status`).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Current memory (`VmRSS`).
    pub(crate) rss_bytes: u64,
    /// The part of it that is not mapped from files (`RssAnon`).
    pub(crate) anon_bytes: u64,
    /// Largest memory so far (`VmHWM`).
    pub(crate) peak_bytes: u64,
}

impl Memory {
    /// Zero if the process has ended.
    fn of(process: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            kilobytes.unwrap_or_default() * 1024
        };
        Self { rss_bytes: field("VmRSS"), anon_bytes: field("RssAnon"), peak_bytes: field("VmHWM") }
    }
}

/// Largest memory of a process so far, in bytes. Zero if the process has ended.
pub(crate) fn peak_bytes(process: u32) -> u64 {
    Memory::of(process).peak_bytes
}

/// Reads a process's memory at a fixed interval.
#[derive(Debug)]
pub(crate) struct Watch {
    process: u32,
    peak: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn start(process: u32) -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&peak);
        let task = tokio::spawn(async move {
            let mut look = tokio::time::interval(LOOK_EVERY);
            loop {
                look.tick().await;
                seen.fetch_max(Memory::of(process).rss_bytes, Ordering::Relaxed);
            }
        });
        Self { process, peak, task }
    }

    pub(crate) fn now(&self) -> Memory {
        Memory::of(self.process)
    }

    /// Largest memory since the last call, in bytes.
    pub(crate) fn peak_since_last(&self) -> u64 {
        self.peak.swap(0, Ordering::Relaxed).max(self.now().rss_bytes)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
