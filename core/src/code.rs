//! Stable codes of outcomes. They appear in answers, stored rows, metrics, logs and on the
//! dashboard. Each has a page under `docs/codes/`.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+

        /// All codes of this module.
        pub const CODES: &[&str] = &[$($text),+];
    };
}

codes! {
    /// Meta acknowledged the event.
    DELIVERED = "delivered";
    /// Meta acknowledged fewer events than were sent.
    DELIVERED_SHORT = "delivered_short";
    /// Meta acknowledged the event without its click ID, which it had refused.
    DELIVERED_WITHOUT_CLICK_ID = "delivered_without_click_id";
    /// Meta refused the call because of a call limit.
    META_THROTTLED = "meta_throttled";
    /// Meta had a temporary error.
    META_TRANSIENT = "meta_transient";
    /// Meta answered "unknown error". The cause can be temporary or an event that Meta cannot process.
    META_UNKNOWN_ERROR = "meta_unknown_error";
    /// Meta blocked the account temporarily.
    META_BLOCKED = "meta_blocked";
    /// The answer does not have the form of a Graph API answer.
    META_BAD_ANSWER = "meta_bad_answer";
    /// The connection to Meta could not be made.
    META_UNREACHABLE = "meta_unreachable";
    /// The request was sent and no answer came.
    META_NO_ANSWER = "meta_no_answer";
    /// Meta acknowledged the call and counted none of its events.
    META_RECEIVED_NONE = "meta_received_none";
    /// Meta refused the event itself.
    META_REFUSED = "meta_refused";
    /// The access token is expired, revoked or wrong.
    TOKEN_REFUSED = "token_refused";
    /// The access token has no permission to send to the pixel.
    PERMISSION_MISSING = "permission_missing";
    /// The pixel does not exist, or the access token has no access to it.
    PIXEL_NOT_FOUND = "pixel_not_found";
    /// The proof of the app secret (`appsecret_proof`) is missing or wrong.
    APP_SECRET_PROOF = "app_secret_proof";
    /// Meta refused several events in a row for a reason that is not in the events themselves.
    REQUEST_REFUSED = "request_refused";
    /// Meta no longer serves the configured version of the Graph API.
    API_VERSION_ENDED = "api_version_ended";
    /// No access token is configured for the pixel.
    UNCONFIGURED = "unconfigured";
    /// An operator paused the delivery of the pixel.
    PAUSED = "paused";
    /// The person's data was erased on request.
    ERASED = "erased";
    /// The event is older than Meta accepts (7 days).
    TOO_OLD = "too_old";
    /// The server's time is not trusted, so that nothing is given up by age.
    CLOCK_UNTRUSTED = "clock_untrusted";
    /// The event's match keys are fewer than Meta requires.
    MATCH_KEYS_INSUFFICIENT = "match_keys_insufficient";
    /// A website event names no page. Meta refuses such events.
    PAGE_MISSING = "page_missing";
    /// The browser's copy is so old that Meta would count the server's copy as a second event.
    DEDUP_WINDOW_PASSED = "dedup_window_passed";
    /// The personal data that the event needs was deleted.
    PERSON_GONE = "person_gone";
    /// Purchases from Cashfree's sandbox are not sent to the real Meta.
    SANDBOX_WITHOUT_TEST_CODE = "sandbox_without_test_code";
    /// The person refused advertising use.
    CONSENT_DENIED = "consent_denied";
    /// The visitor is a crawler, which is nobody's visit.
    CRAWLER = "crawler";
    /// The person allowed measurement alone: the server's copy says `opt_out`, and no page fires its own.
    MEASURE_ONLY = "measure_only";
    /// Nothing was paid: the amount is zero, which is no Purchase.
    ZERO_AMOUNT = "zero_amount";
    /// The order's owner refused advertising use, and somebody else allowed it.
    CONSENT_CONFLICT = "consent_conflict";
    /// The Purchase is of another environment than the server's: play money, or real money
    /// while the server is set to the sandbox.
    OTHER_ENVIRONMENT = "other_environment";
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
