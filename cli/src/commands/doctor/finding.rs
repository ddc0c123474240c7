//! What a check found, and how it is shown.

use serde::Serialize;
use tandem_proto::v1;

use crate::render::{json, plain};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Failed,
    Skipped,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What one check found. No text contains a token or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: String,
    /// What the check was about, when it runs for several things. Otherwise empty.
    pub(super) subject: String,
    pub(super) level: Level,
    /// Does not change between releases: programs may compare it.
    pub(super) code: String,
    pub(super) detail: String,
    /// What to do. Empty when there is nothing to do.
    pub(super) advice: String,
}

impl Finding {
    fn new(level: Level, check: &str, code: &str, detail: &str, advice: &str) -> Self {
        Self {
            check: check.to_owned(),
            subject: String::new(),
            level,
            code: code.to_owned(),
            detail: detail.to_owned(),
            advice: advice.to_owned(),
        }
    }

    pub(super) fn ok(check: &str, code: &str, detail: &str) -> Self {
        Self::new(Level::Ok, check, code, detail, "")
    }

    pub(super) fn skipped(check: &str, code: &str, detail: &str) -> Self {
        Self::new(Level::Skipped, check, code, detail, "")
    }

    pub(super) fn warning(check: &str, code: &str, detail: &str, advice: &str) -> Self {
        Self::new(Level::Warning, check, code, detail, advice)
    }

    pub(super) fn failed(check: &str, code: &str, detail: &str, advice: &str) -> Self {
        Self::new(Level::Failed, check, code, detail, advice)
    }

    /// A finding that the server reported.
    pub(super) fn of_server(finding: &v1::Finding) -> Self {
        let level = match finding.level() {
            v1::FindingLevel::Ok => Level::Ok,
            v1::FindingLevel::Failed => Level::Failed,
            v1::FindingLevel::Skipped => Level::Skipped,
            // A newer server may report a level that this tool does not know. The operator should look at it.
            v1::FindingLevel::Warning | v1::FindingLevel::Unspecified => Level::Warning,
        };
        let text = |text: &str| if text.is_empty() { String::new() } else { plain(text) };
        Self {
            check: text(&finding.check),
            subject: text(&finding.subject),
            level,
            code: text(&finding.code),
            detail: text(&finding.detail),
            advice: text(&finding.advice),
        }
    }
}

pub(super) fn has_failed(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Failed)
}

/// One line per check, the advice below it, and the count of each outcome.
pub(super) fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let indent = "skipped".len() + width + 4;
    let mut lines = Vec::new();
    for finding in findings {
        let subject =
            if finding.subject.is_empty() { String::new() } else { format!("{}: ", finding.subject) };
        let code = if finding.level == Level::Ok { String::new() } else { format!(" [{}]", finding.code) };
        lines.push(format!(
            "{:<7}  {:<width$}  {subject}{}{code}",
            finding.level.word(),
            finding.check,
            finding.detail
        ));
        if !finding.advice.is_empty() {
            lines.push(format!("{:indent$}-> {}", "", finding.advice));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let counts = [Level::Ok, Level::Warning, Level::Failed, Level::Skipped]
        .map(|level| format!("{} {}", count(level), level.word()));
    lines.push(format!("\n{}", counts.join(", ")));
    lines.join("\n")
}

#[derive(Serialize)]
struct ReportJson<'a> {
    /// "ok" or "failed".
    result: &'static str,
    findings: &'a [Finding],
}

/// `{"result":…,"findings":[…]}`.
pub(super) fn as_json(findings: &[Finding]) -> String {
    json(&ReportJson { result: if has_failed(findings) { "failed" } else { "ok" }, findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Finding> {
        let token = Finding::failed("token", "token_expired", "the token has expired", "make a new token");
        vec![
            Finding::ok("server", "answers", "answers"),
            Finding { subject: "123".to_owned(), ..token },
            Finding::skipped("page", "no_shop_url", "no --shop-url"),
        ]
    }

    #[test]
    fn findings_read_like_a_list_with_advice() {
        let expected = "\
ok       server  answers
failed   token   123: the token has expired [token_expired]
                 -> make a new token
skipped  page    no --shop-url [no_shop_url]

1 ok, 0 warning, 1 failed, 1 skipped";
        assert_eq!(text(&sample()), expected);
    }

    #[test]
    fn json_has_the_verdict_and_every_finding() {
        let json: serde_json::Value = serde_json::from_str(&as_json(&sample())).unwrap();
        assert_eq!((&json["result"], &json["findings"][1]["level"]), (&"failed".into(), &"failed".into()));
        assert_eq!(json["findings"][1]["code"], "token_expired");
        assert!(!has_failed(&sample()[..1]));
    }

    #[test]
    fn nothing_that_a_server_says_steers_the_terminal() {
        let finding = v1::Finding { detail: "x\u{1b}[2J".to_owned(), ..v1::Finding::default() };
        let finding = Finding::of_server(&finding);
        assert_eq!((finding.level, finding.detail.as_str()), (Level::Warning, "x\u{fffd}[2J"));
    }
}
