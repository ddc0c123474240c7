//! Findings: a rule, a place in a text, and what to do.

use serde::Serialize;

use crate::code::{Code, Severity};
use crate::source::Position;

/// One problem in a shop's texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub code: Code,
    /// What is wrong here: one sentence without a full stop. It contains no secret and no personal data.
    pub message: String,
    /// How to fix it.
    pub help: String,
    /// Path or address of the text.
    pub file: String,
    /// Where the marked text begins.
    pub position: Position,
    /// Index of the text in the shop.
    pub(crate) source: usize,
    /// Bytes of the marked text.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Finding {
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// One line of JSON: `code`, `severity`, `file`, `line`, `column`, `message`, `help`.
    #[must_use]
    pub fn json(&self) -> String {
        let fields = Fields {
            code: self.code.as_str(),
            severity: self.severity(),
            file: &self.file,
            line: self.position.line,
            column: self.position.column,
            message: &self.message,
            help: &self.help,
        };
        serde_json::to_string(&fields).expect("texts and numbers always become JSON")
    }
}

#[derive(Serialize)]
struct Fields<'a> {
    code: &'static str,
    severity: Severity,
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: &'a str,
}
