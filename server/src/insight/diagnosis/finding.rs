//! Findings: the results of the checks.

use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing needs to be done.
    Ok,
    /// It works, but something should change.
    Warning,
    /// It does not work.
    Failed,
    Skipped,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check.
    pub check: &'static str,
    /// The one that was checked, where there are several, such as a pixel ID.
    pub subject: String,
    pub level: Level,
    pub code: &'static str,
    /// What was found, in words for a person.
    pub detail: Cow<'static, str>,
    /// What to do; empty when nothing needs to be done.
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

    /// The same finding about one of several subjects.
    pub(super) fn about(self, subject: &str) -> Self {
        Self { subject: subject.to_owned(), ..self }
    }
}
