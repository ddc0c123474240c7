//! Compares the server's clock with this machine's. The server compares its clock with Meta's.

use super::finding::Finding;

/// Smaller differences may come from the time the answer took, so they are ignored.
const LATE_MS: i64 = 2_000;

const SET: &str =
    "set both clocks by NTP (timedatectl set-ntp true); the finding about Meta's clock says which is wrong";

/// Compares two times in Unix milliseconds, read at the same moment.
pub(super) fn finding(server_ms: i64, here_ms: i64) -> Finding {
    let ahead_ms = server_ms.saturating_sub(here_ms);
    if ahead_ms.saturating_abs() <= LATE_MS {
        return Finding::ok("clock", "clocks_agree", "the server's clock agrees with this machine's");
    }
    let side = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let detail =
        format!("the server's clock is {} s {side} this machine's", ahead_ms.saturating_abs() / 1000);
    Finding::warning("clock", "clocks_differ", &detail, SET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_read_late_but_not_differ() {
        assert_eq!(finding(10_000, 12_000).code, "clocks_agree");
        assert!(finding(10_000, 15_000).detail.contains("5 s behind"));
        assert!(finding(i64::MAX, i64::MIN).detail.contains("ahead of"));
    }
}
