//! Spans of time in settings: `1500ms`, `30s`, `72h`, `30d`.

use std::time::Duration;

/// Reads a span of time.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "must be a span of time such as 1500ms, 30s, 72h or 30d".into())
}

/// Reads a span of time and checks it against bounds.
pub(super) fn parse_between(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let span = parse(text)?;
    if (min..=max).contains(&span) {
        Ok(span)
    } else {
        Err(format!(
            "must be between {} and {}",
            humantime::format_duration(min),
            humantime::format_duration(max)
        ))
    }
}
