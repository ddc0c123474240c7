//! Work without which the server must not live on: the writer, the checkpointer, delivery's workers, the chores. A
//! server that has lost one of them would look alive and do half of its work. So a panic there ends the process, and
//! its supervisor starts it again. What was acknowledged is on disk.

use std::future::Future;

/// Ends the process when it is dropped by a panic.
struct EndsWithPanic(&'static str);

impl Drop for EndsWithPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(part = self.0, "a part of the server panicked; the process ends");
            std::process::abort();
        }
    }
}

/// Starts a thread whose panic ends the process.
pub(crate) fn thread(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(move || {
        let _ends = EndsWithPanic(name);
        work();
    })
}

/// Starts a task whose panic ends the process.
pub(crate) fn task(
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let _ends = EndsWithPanic(name);
        work.await;
    })
}
