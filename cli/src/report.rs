//! The result of a command.

use crate::error::CliError;

/// What a command prints (empty when it has printed already), and whether its exit code reports a problem.
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) is_bad: bool,
    /// Why the answer is incomplete.
    pub(crate) error: Option<CliError>,
}

impl Report {
    /// An answer that reports no problem.
    pub(crate) fn plain(text: String) -> Self {
        Self { text, is_bad: false, error: None }
    }
}
