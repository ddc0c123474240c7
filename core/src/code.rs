//! Stable codes of outcomes: in answers, rows, metrics, logs and on the dashboard. Each
//! has a page under `docs/codes/`.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+

        /// Every code.
        pub const CODES: &[&str] = &[$($text),+];
    };
}

codes! {
    /// Meta acknowledged the event.
    DELIVERED = "delivered";
    /// Meta acknowledged fewer events than were sent.
    DELIVERED_SHORT = "delivered_short";
    /// Meta asked for patience: a call limit.
    META_THROTTLED = "meta_throttled";
    /// Meta failed for now.
    META_TRANSIENT = "meta_transient";
    /// Meta says "unknown error": perhaps temporary, perhaps an event it chokes on.
    META_UNKNOWN_ERROR = "meta_unknown_error";
    /// Meta blocked the account for a time.
    META_BLOCKED = "meta_blocked";
    /// The answer was not one of the Graph API's.
    META_BAD_ANSWER = "meta_bad_answer";
    /// The connection to Meta could not be made.
    META_UNREACHABLE = "meta_unreachable";
    /// The request was sent and no answer came.
    META_NO_ANSWER = "meta_no_answer";
    /// Meta answered that it received none of the events.
    META_RECEIVED_NONE = "meta_received_none";
    /// Meta refuses the event itself.
    META_REFUSED = "meta_refused";
    /// The access token is expired, revoked or wrong.
    TOKEN_REFUSED = "token_refused";
    /// The token may not send to the pixel.
    PERMISSION_MISSING = "permission_missing";
    /// The pixel does not exist, or the token does not see it.
    PIXEL_NOT_FOUND = "pixel_not_found";
    /// The app secret's proof is missing or wrong.
    APP_SECRET_PROOF = "app_secret_proof";
    /// Meta refuses one event after the other for a reason that is not theirs.
    REQUEST_REFUSED = "request_refused";
    /// The Graph API version has ended.
    API_VERSION_ENDED = "api_version_ended";
    /// No access token is configured for the pixel.
    UNCONFIGURED = "unconfigured";
    /// An operator stopped the pixel's delivery.
    PAUSED = "paused";
    /// The person was erased on request.
    ERASED = "erased";
    /// The event is too old for Meta.
    TOO_OLD = "too_old";
    /// The server's time is not trusted, so that nothing is given up by age.
    CLOCK_UNTRUSTED = "clock_untrusted";
    /// The event's match keys are never enough.
    MATCH_KEYS_INSUFFICIENT = "match_keys_insufficient";
    /// A website event that names no page: Meta refuses it.
    PAGE_MISSING = "page_missing";
    /// The browser's copy is so old that Meta would count the server's as a second event.
    DEDUP_WINDOW_PASSED = "dedup_window_passed";
    /// The personal data an event needs is gone.
    PERSON_GONE = "person_gone";
    /// Purchases from Cashfree's sandbox are not sent to the real Meta.
    SANDBOX_WITHOUT_TEST_CODE = "sandbox_without_test_code";
    /// The person refused advertising use.
    CONSENT_DENIED = "consent_denied";
    /// The payment went back before the Purchase left.
    REFUNDED_BEFORE_SENT = "refunded_before_sent";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_distinct_and_plain() {
        let mut seen = std::collections::BTreeSet::new();
        for code in CODES {
            assert!(seen.insert(code), "{code} twice");
            assert!(code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
        }
    }
}
