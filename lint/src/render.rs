//! Prints findings like a compiler.

use std::collections::HashSet;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::code::Severity;
use crate::finding::Finding;
use crate::rules::masked;
use crate::shop::Shop;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text without colours.
    Plain,
    /// With a terminal's colours.
    Coloured,
}

/// Most characters of a source line that are shown. Bundles have lines of megabytes.
const SHOWN_MAX: usize = 100;
/// Most characters of a long line that are shown before the marked text.
const BEFORE_MAX: usize = 40;

impl Style {
    fn paint(self, colour: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }
}

/// All findings, each with its line and what to do. Empty if there are none.
#[must_use]
pub fn render(shop: &Shop, findings: &[Finding], style: Style) -> String {
    let mut out = String::new();
    for finding in findings {
        one(shop, finding, style, &mut out);
    }
    out
}

fn one(shop: &Shop, finding: &Finding, style: Style, out: &mut String) {
    let colour = match finding.severity() {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
    };
    let place = format!("{}:{}:{}", finding.file, finding.position.line, finding.position.column);
    let title = format!("{}[{}]", finding.severity().as_str(), finding.code);
    let (line, marked) = excerpt(shop, finding);
    let number = finding.position.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = style.paint("34", "|");
    let (before, carets) = (" ".repeat(marked.0), "^".repeat(marked.1));
    let message = printable(&finding.message);
    // Writing to a text cannot fail.
    let _ =
        writeln!(out, "{}: {}: {message}", style.paint("1", &printable(&place)), style.paint(colour, &title));
    let _ = writeln!(out, "{gutter} {bar}");
    let _ = writeln!(out, "{} {bar} {line}", style.paint("34", &number));
    let _ = writeln!(out, "{gutter} {bar} {before}{}", style.paint(colour, &carets));
    let _ = writeln!(out, "{gutter} = {}: {}", style.paint("1", "why"), finding.code.why());
    let _ = writeln!(out, "{gutter} = {}: {}\n", style.paint("1", "help"), printable(&finding.help));
}

/// The line of a finding, shortened to fit, and the place of the carets: columns before them, and their number.
fn excerpt(shop: &Shop, finding: &Finding) -> (String, (usize, usize)) {
    let Some(source) = shop.sources.get(finding.source) else { return (String::new(), (0, 1)) };
    let (start, end) = source.line_span(finding.position.line);
    let line = masked(source.line(finding.position.line));
    let at = source.character_at(finding.start).clamp(start, end.max(start)) - start;
    let until = source.character_at(finding.end).clamp(start + at, end.max(start + at)) - start;
    let before = line.get(..at).unwrap_or_default();
    let marked = line.get(at..until).unwrap_or_default();
    let after = line.get(until..).unwrap_or_default();

    // A short line is shown whole. Of a long line, only the part around the mark is shown.
    let is_long = line.chars().take(SHOWN_MAX + 1).count() > SHOWN_MAX;
    let kept = if is_long { BEFORE_MAX } else { SHOWN_MAX };
    let skipped = before.chars().count().saturating_sub(kept);
    let before: String = before.chars().skip(skipped).collect();
    let before = if skipped > 0 { format!("…{before}") } else { before };
    let before = if skipped > 0 { before } else { before.trim_start().to_owned() };
    let room = SHOWN_MAX.saturating_sub(before.chars().count()).max(1);
    let marked_shown: String = marked.chars().take(room).collect();
    let rest = room - marked_shown.chars().count().min(room);
    let after_shown: String = after.chars().take(rest).collect();
    let is_cut = marked_shown.len() + after_shown.len() < marked.len() + after.len();

    let (before, marked_shown, after_shown) =
        (printable(&before), printable(&marked_shown), printable(after_shown.trim_end()));
    let cut = if is_cut { "…" } else { "" };
    let width = (before.width(), marked_shown.width().max(1));
    (format!("{before}{marked_shown}{after_shown}{cut}"), width)
}

/// Text without control characters, which could control a terminal. A tab becomes a blank.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            // Direction marks could make a line look different from what it contains.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A summary of one line: the number of errors and of warnings, and in how many of the files.
#[must_use]
pub fn summary(shop: &Shop, findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity() == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let counted = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    let looked_at = counted(shop.len(), "file");
    if findings.is_empty() {
        return format!("no findings in {looked_at}");
    }
    let files: HashSet<&str> = findings.iter().map(|finding| finding.file.as_str()).collect();
    format!(
        "{} and {} in {} of {looked_at}",
        counted(errors, "error"),
        counted(warnings, "warning"),
        files.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    fn shown(text: &str) -> String {
        let mut shop = Shop::default();
        shop.add_page("shop/a.html", text.to_owned());
        render(&shop, &check(&shop, &[]), Style::Plain)
    }

    #[test]
    fn a_finding_shows_its_place_its_line_and_what_to_do() {
        let text = shown(
            "<p>राम\n  <script>var क = 'राम'; fbq('init', '1')</script>\n<script>window.fbq=0</script>",
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("shop/a.html:2:26: error[unguarded_fbq]: fbq is called before"),
            "{text}"
        );
        assert_eq!(lines[1], "  |");
        assert!(lines[2].starts_with("2 | <script>var"), "{text}");
        let at = lines[2].find("fbq(").unwrap();
        assert_eq!(lines[3].width(), lines[2][..at].width() + "fbq('init', '1')".len(), "{text}");
        assert!(lines[4].starts_with("  = why: ") && lines[5].starts_with("  = help: "), "{text}");
    }

    #[test]
    fn long_lines_are_cut_and_nothing_steers_the_terminal() {
        let text = shown(&format!(
            "<script>{}fbq('a\u{1b}[2J');{}</script>",
            "x();".repeat(900),
            "y();".repeat(900)
        ));
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 220), "{text}");
        let line = text.lines().find(|line| line.starts_with("1 |")).unwrap();
        assert!(line.contains("…") && line.contains("fbq("), "{line}");
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = format!("EAA{}", "q1Z".repeat(30));
        let text = shown(&format!("<script>const t = '{token}';</script>"));
        assert!(text.contains("leaked_token") && text.contains("EAA****"), "{text}");
        assert!(!text.contains("q1Z"), "{text}");
    }
}
