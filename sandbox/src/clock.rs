//! Times in the formats of Cashfree and HTTP.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// Milliseconds since 1970 in UTC.
pub type Millis = i64;

/// India is five and a half hours ahead of UTC, all year.
const INDIA_OFFSET_S: i32 = 19_800;

#[must_use]
pub fn now_ms() -> Millis {
    Timestamp::now().as_millisecond()
}

/// A time as Cashfree writes it: `2025-11-24T10:02:11+05:30`.
#[must_use]
pub fn india_time(at_ms: Millis) -> String {
    format_in_india(at_ms, "%Y-%m-%dT%H:%M:%S%:z")
}

/// A time as HTTP writes it: `Wed, 25 Nov 2026 10:00:00 GMT`.
#[must_use]
pub fn http_date(at_ms: Millis) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Time of day in India, for people: `10:02:11`.
#[must_use]
pub fn india_clock(at_ms: Millis) -> String {
    format_in_india(at_ms, "%H:%M:%S")
}

fn format_in_india(at_ms: Millis, format: &str) -> String {
    let Ok(offset) = Offset::from_seconds(INDIA_OFFSET_S) else { return String::new() };
    let at = Timestamp::from_millisecond(at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned_datetime(TimeZone::fixed(offset)).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_indias_offset() {
        assert_eq!(india_time(1_763_942_400_123), "2025-11-24T05:30:00+05:30");
        assert_eq!(india_clock(1_763_942_400_123), "05:30:00");
        assert_eq!(http_date(1_763_942_400_123), "Mon, 24 Nov 2025 00:00:00 GMT");
    }
}
