//! The server's memory, as the kernel counts it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;

/// How often the server's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Memory of a process (proc(5), `/proc/[pid]/status`), bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// What it has now (`VmRSS`).
    pub(crate) rss_bytes: u64,
    /// The part of it that is no file's (`RssAnon`).
    pub(crate) anon_bytes: u64,
    /// The most it ever had (`VmHWM`).
    pub(crate) peak_bytes: u64,
}

impl Memory {
    /// Nothing where the process is gone.
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

/// The most memory that a process ever had, bytes; nothing where it is gone.
pub(crate) fn peak_bytes(process: u32) -> u64 {
    Memory::of(process).peak_bytes
}

/// Looks at a process's memory all the time.
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

    /// What it has now.
    pub(crate) fn now(&self) -> Memory {
        Memory::of(self.process)
    }

    /// The most that was seen since this was last asked, bytes.
    pub(crate) fn peak_since_last(&self) -> u64 {
        self.peak.swap(0, Ordering::Relaxed).max(self.now().rss_bytes)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
