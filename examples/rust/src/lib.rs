//! Code that the examples share: when to try again, and how to make a claim key.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// First pause if the server does not say how long to wait. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long to wait before the next try. `None` if another try would not help.
///
/// The same report twice makes one Purchase. So the examples repeat a call with an unknown outcome
/// (`DEADLINE_EXCEEDED`), like one that was refused.
pub fn pause_before_retry(status: &Status, retries_so_far: u32) -> Option<Duration> {
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded => {
            // The server's own delay takes precedence (google.rpc.RetryInfo in the status's details).
            let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
            let own = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(retries_so_far));
            Some(told.unwrap_or(own).min(LONGEST_PAUSE))
        }
        _ => None,
    }
}

/// The claim key, with which a page may ask about an order: hex HMAC-SHA256(secret, order ID). The shop's server puts
/// it into the page. The secret (`TANDEM_CLAIM_SECRET`) never leaves the server.
pub fn claim_key(secret: &str, order_id: &str) -> String {
    // HMAC takes a key of any length, so this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(order_id.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn the_servers_word_on_when_to_come_back_wins() {
        let told = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let busy = Status::with_error_details(Code::Unavailable, "store_unavailable", told);
        assert_eq!(pause_before_retry(&busy, 3), Some(Duration::from_secs(7)));
        let away = Status::unavailable("connection refused");
        assert_eq!(pause_before_retry(&away, 0), Some(Duration::from_millis(500)));
        assert_eq!(pause_before_retry(&away, 2), Some(Duration::from_secs(2)));
        assert_eq!(pause_before_retry(&away, 60), Some(LONGEST_PAUSE));
        assert!(pause_before_retry(&Status::deadline_exceeded(""), 0).is_some());
    }

    #[test]
    fn what_a_repeat_cannot_mend_is_not_repeated() {
        for code in [Code::FailedPrecondition, Code::InvalidArgument, Code::Unauthenticated, Code::Internal] {
            assert_eq!(pause_before_retry(&Status::new(code, ""), 0), None, "{code:?}");
        }
    }

    #[test]
    fn a_claim_key_is_the_hmac_of_the_order_id() {
        // RFC 4231, test case 2.
        let key = claim_key("Jefe", "what do ya want for nothing?");
        assert_eq!(key, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
