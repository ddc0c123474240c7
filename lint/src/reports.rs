//! Collects the rules' findings.

use std::collections::HashMap;

use crate::allow;
use crate::code::Code;
use crate::finding::Finding;
use crate::script::Span;
use crate::shop::Shop;
use crate::survey::Unit;

/// Most findings in one text. Beyond this number, people fix some and run the tool again.
const FINDINGS_MAX: usize = 200;

/// Collects findings and finds the position of each.
#[derive(Debug)]
pub(crate) struct Reports<'s> {
    shop: &'s Shop,
    allowed: &'s [Code],
    findings: Vec<Finding>,
    /// Number of findings for each text.
    counts: HashMap<usize, usize>,
}

impl<'s> Reports<'s> {
    pub(crate) fn new(shop: &'s Shop, allowed: &'s [Code]) -> Self {
        Self { shop, allowed, findings: Vec::new(), counts: HashMap::new() }
    }

    /// Adds a finding at bytes of a text.
    pub(crate) fn at(
        &mut self,
        code: Code,
        source: usize,
        span: &Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let count = self.counts.entry(source).or_default();
        let Some(text) = self.shop.sources.get(source) else { return };
        if self.allowed.contains(&code) || *count >= FINDINGS_MAX {
            return;
        }
        let position = text.position(span.start);
        if allow::is_allowed(text, position.line, code) {
            return;
        }
        *count += 1;
        self.findings.push(Finding {
            code,
            message: message.into(),
            help: help.into(),
            file: text.name().to_owned(),
            position,
            source,
            start: span.start,
            end: span.end.max(span.start),
        });
    }

    /// Adds a finding at bytes of a script.
    pub(crate) fn within(
        &mut self,
        code: Code,
        unit: &Unit,
        span: &Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.at(code, unit.source, &unit.place(span), message, help);
    }

    /// All findings by position, each once: a script may belong to several pages.
    pub(crate) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by(|a, b| {
            (a.source, a.start, a.code, &a.message).cmp(&(b.source, b.start, b.code, &b.message))
        });
        self.findings.dedup_by(|a, b| {
            (a.source, a.start, a.code, &a.message) == (b.source, b.start, b.code, &b.message)
        });
        self.findings
    }
}
