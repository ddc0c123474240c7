//! Counts the batches that are being split. Other batches go out meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts a batch as being split for as long as this value lives.
pub(super) struct Isolating<'a>(&'a AtomicUsize);

impl<'a> Isolating<'a> {
    /// `wake`: the worker, which may send another batch now.
    pub(super) fn begin(count: &'a AtomicUsize, wake: &Notify) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        wake.notify_one();
        Self(count)
    }
}

impl Drop for Isolating<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
