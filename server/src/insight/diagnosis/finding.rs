//! What a check found.

use std::borrow::Cow;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// Works, and something about it should change.
    Warning,
    /// Does not work.
    Failed,
    /// Was not checked.
    Skipped,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// Which one, where there are several.
    pub subject: String,
    /// How it ended.
    pub level: Level,
    /// Stable code.
    pub code: &'static str,
    /// What was found, for a person.
    pub detail: Cow<'static, str>,
    /// What to do; empty when nothing is.
    pub advice: &'static str,
}

impl Finding {
    pub(super) fn ok(check: &'static str, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { check, subject: String::new(), level: Level::Ok, code, detail: detail.into(), advice: "" }
    }

    pub(super) fn skipped(
        check: &'static str,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { level: Level::Skipped, ..Self::ok(check, code, detail) }
    }

    pub(super) fn warning(
        check: &'static str,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        advice: &'static str,
    ) -> Self {
        Self { level: Level::Warning, advice, ..Self::ok(check, code, detail) }
    }

    pub(super) fn failed(
        check: &'static str,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        advice: &'static str,
    ) -> Self {
        Self { level: Level::Failed, advice, ..Self::ok(check, code, detail) }
    }

    /// The same, about one of several.
    pub(super) fn about(self, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self }
    }
}
