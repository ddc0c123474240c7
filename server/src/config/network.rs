//! Settings about who may call: how often.

use std::num::NonZeroU32;

/// How often one client address may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls per second.
    pub per_second: NonZeroU32,
    /// Most calls at once after a pause.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// Reads `50/s burst 200`, or `off`.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(None);
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let rate = |text: &str| text.strip_suffix("/s").and_then(|n| n.parse::<NonZeroU32>().ok());
        match parts.as_slice() {
            [per_second] => rate(per_second).map(|n| Self { per_second: n, burst: n }),
            [per_second, "burst", burst] => {
                rate(per_second).zip(burst.parse().ok()).map(|(per_second, burst)| Self { per_second, burst })
            }
            _ => None,
        }
        .map(Some)
        .ok_or_else(|| "must be such as \"50/s burst 200\", or \"off\"".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_documented() {
        let rate = RateLimit::parse("50/s burst 200").unwrap().unwrap();
        assert_eq!((rate.per_second.get(), rate.burst.get()), (50, 200));
        assert_eq!(RateLimit::parse("off"), Ok(None));
        assert!(RateLimit::parse("fast").is_err());
        assert!(RateLimit::parse("0/s").is_err());
    }
}
