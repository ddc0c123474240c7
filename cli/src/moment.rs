//! Times that an operator types.

use jiff::Timestamp;
use prost_types::Timestamp as ProtoTime;

/// Parses an age before now (`2h`, `7d`) or a time with its offset (`2026-01-31T10:00:00Z`).
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Ok(age) = humantime::parse_duration(text) {
        let age = jiff::SignedDuration::try_from(age).map_err(|_| "is too long ago".to_owned())?;
        return Timestamp::now().checked_sub(age).map_err(|_| "is too long ago".to_owned());
    }
    text.parse()
        .map_err(|_| "must be an age such as 2h or 7d, or a time such as 2026-01-31T10:00:00Z".to_owned())
}

pub(crate) fn proto(time: Timestamp) -> ProtoTime {
    ProtoTime { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_ages_or_times() {
        let hour_ago = parse("1h").unwrap();
        let age = Timestamp::now().duration_since(hour_ago).as_secs();
        assert!((3600..3660).contains(&age), "{age}");
        assert_eq!(parse("2025-11-24T10:02:11+05:30").unwrap().as_second(), 1_763_958_731);
        for bad in ["", "yesterday", "2025-11-24", "99999999999d"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
