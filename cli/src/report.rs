//! What a command answers.

use crate::error::CliError;

/// What a command prints (nothing when it has printed already), and whether the exit code tells bad news.
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) is_bad: bool,
    /// Why the answer is incomplete.
    pub(crate) error: Option<CliError>,
}

impl Report {
    /// An answer without a verdict.
    pub(crate) fn plain(text: String) -> Self {
        Self { text, is_bad: false, error: None }
    }
}
