//! Checks whether Meta can merge both copies, by what browsers reported in the last 24 hours.

use tandem_proto::v1::Last24h;

use super::finding::Finding;
use crate::render::percent;

/// A lower share gives a warning. Health is degraded below the same share.
const RATE_MIN: f64 = 0.9;

const CONFIRM: &str = "pages must call Tandem's package, which reports what the pixel did; if they do, an ad blocker or \
    a CSP without connect.facebook.net keeps the pixel from firing";

pub(super) fn finding(day: Option<&Last24h>) -> Finding {
    let Some(rate) = day.and_then(|day| day.deduplication_rate) else {
        let detail = "no event from a page was delivered in the last 24 hours";
        return Finding::skipped("deduplication", "no_events", detail);
    };
    let detail = format!("{} of delivered events were fired by their page too", percent(Some(rate)));
    if rate <= 0.0 {
        let detail = "events are delivered, but no browser reports that its pixel fired";
        Finding::warning("deduplication", "no_reports", detail, CONFIRM)
    } else if rate < RATE_MIN {
        Finding::warning("deduplication", "low", &detail, CONFIRM)
    } else {
        Finding::ok("deduplication", "seen", &detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_little_and_enough_are_told_apart() {
        let code = |rate| finding(Some(&Last24h { deduplication_rate: rate, ..Last24h::default() })).code;
        assert_eq!(finding(None).code, "no_events");
        assert_eq!(code(None), "no_events");
        assert_eq!(code(Some(0.0)), "no_reports");
        assert_eq!(code(Some(0.89)), "low");
        assert_eq!(code(Some(0.9)), "seen");
    }
}
