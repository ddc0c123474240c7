//! `tandem-lint: allow(code)` in a comment: on the finding's line, or on the line before it.

use crate::code::Code;
use crate::source::Source;

const MARK: &str = "tandem-lint: allow(";

/// Whether a comment in the text allows a finding at `line`.
pub(crate) fn is_allowed(source: &Source, line: usize, code: Code) -> bool {
    [line, line.saturating_sub(1)].iter().filter(|line| **line > 0).any(|line| {
        let Some((_, rest)) = source.line(*line).split_once(MARK) else { return false };
        let Some((codes, _)) = rest.split_once(')') else { return false };
        codes.split(',').any(|name| name.trim() == code.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_holds_for_its_line_and_the_next() {
        let source = Source::new(
            "a",
            "// tandem-lint: allow(track_single, wrong_case) the agency's\nx()\ny()\n".to_owned(),
        );
        assert!(is_allowed(&source, 1, Code::TrackSingle));
        assert!(is_allowed(&source, 2, Code::WrongCase));
        assert!(!is_allowed(&source, 3, Code::TrackSingle));
        assert!(!is_allowed(&source, 2, Code::PurchaseId));
    }
}
