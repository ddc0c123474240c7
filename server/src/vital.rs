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

#[cfg(test)]
pub(crate) mod tests {
    use std::process::Command;
    use std::time::Duration;

    /// Set in a process that is to panic where no panic may be survived.
    const PANICS: &str = "TANDEM_TEST_PANICS";

    /// Runs the test `name` once more, in a process of its own, up to `panic`; expects that this ends the process.
    pub(crate) fn expect_end_of_process(name: &str, panic: impl FnOnce()) {
        if std::env::var_os(PANICS).is_some() {
            panic();
            // Others may hear of it a moment before the process ends.
            std::thread::sleep(Duration::from_secs(5));
            std::process::exit(0);
        }
        let mut child = Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", name, "--nocapture"]).env(PANICS, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        let signal = std::os::unix::process::ExitStatusExt::signal(&ended.status);
        assert_eq!(signal, Some(6), "it lives on: {said}");
    }

    #[test]
    fn a_task_that_panics_ends_the_process() {
        expect_end_of_process("vital::tests::a_task_that_panics_ends_the_process", || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let task = runtime.block_on(async { super::task("a test", async { panic!("no way on") }).await });
            drop(task);
        });
    }

    #[test]
    fn a_thread_that_panics_ends_the_process() {
        expect_end_of_process("vital::tests::a_thread_that_panics_ends_the_process", || {
            drop(super::thread("a test", || panic!("no way on")).unwrap().join());
        });
    }
}
