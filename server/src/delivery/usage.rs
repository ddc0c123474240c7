//! How much of its allowance a pixel has used, and how long Meta asks to wait (Meta, rate limits).
//! This module is pure: it turns headers into numbers.

use std::time::Duration;

use http::HeaderMap;

use super::fields::{Field, Fields};

/// From this share of the allowance on, in percent, fewer calls go out at once.
pub(super) const SLOW_PERCENT: u32 = 75;
/// From this share on, in percent, nothing goes out until the allowance has recovered. At 100 %
/// Meta refuses calls, and for longer than this pause.
pub(super) const STOP_PERCENT: u32 = 95;

/// What an answer's headers say about rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    /// Usage of the fullest allowance, in percent; may exceed 100.
    pub(super) percent: u32,
    /// How long Meta asks to wait: `Retry-After`, or the time until it gives access again.
    pub(super) wish: Option<Duration>,
}

impl Usage {
    /// Reads `X-App-Usage`, `X-Business-Use-Case-Usage`, `X-Ad-Account-Usage` and `Retry-After`
    /// (seconds, or an HTTP date that is compared with `now_s`, Unix seconds). Headers that cannot
    /// be read are ignored.
    pub(super) fn of(headers: &HeaderMap, now_s: i64) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let json = |name: &str| Fields::of(headers.get(name)?.as_bytes());
        let mut usage =
            Self { percent: 0, wish: text("retry-after").and_then(|text| retry_after(text, now_s)) };
        if let Some(app) = json("x-app-usage") {
            usage.take(&app);
        }
        if let Some(account) = json("x-ad-account-usage") {
            usage.take(&account);
        }
        if let Some(cases) = json("x-business-use-case-usage") {
            for entry in cases.values().flat_map(Field::list) {
                if let Some(entry) = Field::from(&*entry).object() {
                    usage.take(&entry);
                }
            }
        }
        usage
    }

    fn take(&mut self, entry: &Fields) {
        let number = |key: &str| entry.get(key).number().filter(|n| *n > 0.0);
        for key in ["call_count", "total_cputime", "total_time", "acc_id_util_pct"] {
            // Even an absurdly large share means: stop.
            let percent = number(key).unwrap_or_default().min(1000.0).ceil();
            self.percent = self.percent.max(percent as u32);
        }
        let minutes = number("estimated_time_to_regain_access").map(|n| n * 60.0);
        let wait =
            minutes.or_else(|| number("reset_time_duration")).map(|s| Duration::from_secs(s.min(1e6) as u64));
        self.wish = self.wish.max(wait);
    }
}

/// Seconds, or an HTTP date such as `Wed, 25 Nov 2026 10:00:00 GMT` (RFC 9110, 10.2.3).
fn retry_after(text: &str, now_s: i64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(at.as_second().saturating_sub(now_s)).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pairs: &[(&'static str, &str)]) -> Usage {
        let headers = pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        Usage::of(&headers.collect(), 1_795_600_800)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(of(&[]).wish, None);
        assert_eq!(of(&[("retry-after", " 7 ")]).wish, Some(Duration::from_secs(7)));
        let date = [("retry-after", "Wed, 25 Nov 2026 10:02:00 GMT")];
        assert_eq!(of(&date).wish, Some(Duration::from_secs(120)));
        assert_eq!(of(&[("retry-after", "Wed, 25 Nov 2020 10:02:00 GMT")]).wish, None, "it is over");
        assert_eq!(of(&[("retry-after", "soon")]).wish, None);
    }

    #[test]
    fn the_fullest_allowance_and_the_longest_wish_count() {
        let app = ("x-app-usage", r#"{"call_count":28,"total_time":25.5,"total_cputime":76}"#);
        assert_eq!(of(&[app]).percent, 76);
        let cases = (
            "x-business-use-case-usage",
            r#"{"1":[{"type":"ads_insights","call_count":97,"estimated_time_to_regain_access":3},{"call_count":1,"estimated_time_to_regain_access":0}]}"#,
        );
        let both = of(&[app, cases, ("retry-after", "7")]);
        assert_eq!(both, Usage { percent: 97, wish: Some(Duration::from_secs(180)) });
        let account = ("x-ad-account-usage", r#"{"acc_id_util_pct":9.67,"reset_time_duration":100}"#);
        assert_eq!(of(&[account]), Usage { percent: 10, wish: Some(Duration::from_secs(100)) });
    }

    #[test]
    fn numbers_may_be_texts_and_one_bad_field_hides_no_other() {
        let app = ("x-app-usage", r#"{"call_count":"96","total_time":null,"total_cputime":"much"}"#);
        assert_eq!(of(&[app]).percent, 96);
        let cases = (
            "x-business-use-case-usage",
            r#"{"1":"soon","2":[7,{"call_count":"97","type":null,"estimated_time_to_regain_access":"3"}]}"#,
        );
        assert_eq!(of(&[cases]), Usage { percent: 97, wish: Some(Duration::from_secs(180)) });
    }

    #[test]
    fn what_cannot_be_read_says_nothing() {
        for bad in ["not json", "[]", r#"{"call_count":"many"}"#, r#"{"1":{}}"#, r#"{"call_count":-5}"#] {
            for name in ["x-app-usage", "x-business-use-case-usage", "x-ad-account-usage"] {
                assert_eq!(of(&[(name, bad)]), Usage::default(), "{name}: {bad}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,80}", n in any::<f64>()) {
            of(&[("x-app-usage", &text), ("retry-after", &text), ("x-business-use-case-usage", &text)]);
            of(&[("x-app-usage", &format!("{{\"call_count\":{n}}}"))]);
        }
    }
}
