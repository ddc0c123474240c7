//! Commands that change many dead letters make one call after the other until nothing is left or the operator
//! interrupts them. Each call continues where the last one ended.

use tonic::{Response, Status};

use crate::error::CliError;
use crate::progress::{Interrupt, Line};
use crate::report::Report;
use crate::server::Server;

/// Dead letters per call. One call takes a few seconds at most, even on a busy disk.
pub(super) const STEP: u32 = 1000;

/// What one call did, and where the next one continues.
pub(super) struct Step {
    /// Dead letters processed so far, for the progress line.
    pub(super) done: u64,
    /// Page token of the next call. Empty after the last call.
    pub(super) next: String,
}

/// How the work ended.
pub(super) struct StepsResult {
    /// Calls that were answered.
    pub(super) calls: u64,
    /// Why the work stopped early.
    pub(super) error: Option<CliError>,
}

/// Makes calls until the work is done. `call` gets the page token to continue at. `add` adds an
/// answer to the totals.
pub(super) async fn run<T>(
    server: &Server,
    what: &str,
    mut call: impl AsyncFnMut(String) -> Result<Response<T>, Status>,
    mut add: impl FnMut(T) -> Step,
) -> Result<StepsResult, CliError> {
    let mut interrupt = Interrupt::new()?;
    let mut line = Line::new();
    let (mut calls, mut token) = (0, String::new());
    let error = loop {
        let answer = match interrupt.step(call(token.clone())).await {
            Some(Ok(answer)) => answer.into_inner(),
            Some(Err(status)) => break Some(server.error(&status)),
            None => {
                break Some(CliError::Interrupted(
                    "stopped in the middle of a step: the server may finish it",
                ));
            }
        };
        calls += 1;
        let step = add(answer);
        line.count(what, step.done);
        if step.next.is_empty() {
            break None;
        }
        if step.next == token {
            break Some(CliError::ServerFailed("it makes no progress".to_owned()));
        }
        if interrupt.is_heard() {
            break Some(CliError::Interrupted("stopped between two steps: what was done stays done"));
        }
        token = step.next;
    };
    line.clear();
    Ok(StepsResult { calls, error })
}

impl StepsResult {
    /// The totals, followed by the error. Without any answered call, only the error.
    pub(super) fn report(self, totals: String) -> Result<Report, CliError> {
        match self.error {
            Some(error) if self.calls == 0 => Err(error),
            error => Ok(Report { error, ..Report::plain(totals) }),
        }
    }
}
