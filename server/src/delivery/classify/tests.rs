//! One test per row of the error table: code, subcode and status in, outcome out.

use super::*;
use proptest::prelude::*;

/// HTTP statuses that Meta has been seen to send with the same error.
const STATUSES: [u16; 6] = [200, 400, 401, 403, 429, 500];

fn http(status: u16, body: &str) -> CallOutcome {
    classify(&Reply::Http { status, body: body.into(), usage: Usage::default() }, 3).0
}

fn error(status: u16, code: i64, subcode: i64) -> CallOutcome {
    http(status, &format!(r#"{{"error":{{"message":"m","code":{code},"error_subcode":{subcode}}}}}"#))
}

/// Checks that the error means the same under every status.
#[track_caller]
fn row(code: i64, subcode: i64, expected: &CallOutcome) {
    for status in STATUSES {
        assert_eq!(error(status, code, subcode), *expected, "{code}/{subcode} under {status}");
    }
}

/// Makes a test of its own from each row of Meta's table of error codes.
macro_rules! rows {
    ($($name:ident: $(($code:expr, $subcode:expr)),+ => $expected:expr;)+) => {$(
        #[test]
        fn $name() {
            for (code, subcode) in [$(($code, $subcode)),+] {
                row(code, subcode, &$expected);
            }
        }
    )+};
}

rows! {
    code_1_is_retried_and_suspected: (1, 0), (1, 99) => retry(code::META_UNKNOWN_ERROR, None);
    code_2_is_retried: (2, 0) => retry(code::META_TRANSIENT, None);
    code_4_is_an_app_limit: (4, 0) => throttled(None);
    code_17_is_a_user_limit: (17, 0), (17, 2_446_079) => throttled(None);
    code_32_is_a_page_limit: (32, 0) => throttled(None);
    code_341_is_an_application_limit: (341, 0) => throttled(None);
    code_613_is_a_custom_limit: (613, 0), (613, 1_487_742) => throttled(None);
    codes_80000_to_80014_are_use_case_limits:
        (80_000, 0), (80_003, 0), (80_004, 2_446_079), (80_014, 0) => throttled(None);
    code_368_holds_and_asks_again_after_an_hour:
        (368, 0) => CallOutcome::Held { code: code::META_BLOCKED, probe_after: BLOCK_WAIT };
    code_21009_is_retried: (21_009, 0) => retry(code::META_TRANSIENT, None);
    code_3_is_a_missing_capability: (3, 0) => held(code::PERMISSION_MISSING);
    codes_10_and_200_to_299_are_missing_permissions:
        (10, 0), (200, 0), (220, 0), (299, 0) => held(code::PERMISSION_MISSING);
    code_102_is_an_ended_session: (102, 0) => held(code::TOKEN_REFUSED);
    code_190_is_a_token_whatever_its_subcode:
        (190, 0), (190, 458), (190, 459), (190, 460), (190, 463), (190, 464), (190, 467)
        => held(code::TOKEN_REFUSED);
    code_100_33_is_a_missing_pixel: (100, 33) => held(code::PIXEL_NOT_FOUND);
    code_803_is_a_missing_object: (803, 0) => held(code::PIXEL_NOT_FOUND);
    code_100_of_other_kinds_may_be_the_request:
        (100, 0), (100, 34), (100, 38), (100, 1_815_356) => refused(false);
    code_105_may_be_the_request: (105, 0) => refused(false);
    code_100_2804001_is_an_event: (100, 2_804_001) => refused(true);
    code_100_2804003_is_an_old_event: (100, meta::SUB_TOO_OLD) => refused(true);
    code_100_2804004_is_an_event_of_the_future: (100, 2_804_004) => refused(true);
    code_100_2804007_is_an_event: (100, 2_804_007) => refused(true);
    code_100_2804009_is_a_purchase_without_value: (100, 2_804_009) => refused(true);
    code_100_2804016_and_17_are_events: (100, 2_804_016), (100, 2_804_017) => refused(true);
    code_100_2804019_is_a_parameter_of_an_event: (100, 2_804_019) => refused(true);
    code_100_2804023_is_a_value_without_currency: (100, 2_804_023) => refused(true);
    code_100_2804036_is_a_bad_lead_id: (100, 2_804_036) => refused(true);
    code_100_2804043_is_bad_app_data: (100, 2_804_043) => refused(true);
    code_100_2804048_is_an_event: (100, 2_804_048) => refused(true);
    code_100_2804050_is_thin_user_data: (100, 2_804_050) => refused(true);
    business_messaging_subcodes_are_events:
        (100, 2_804_063), (100, 2_804_066), (100, 2_804_069), (100, 2_804_079), (100, 2_804_087),
        (100, 2_804_116), (100, 2_804_118), (100, 2_804_132) => refused(true);
    code_506_is_done: (506, 0) => CallOutcome::Delivered { shortfall: 0 };
    codes_2500_and_2635_hold: (2500, 0), (2635, 0) => held(code::API_VERSION_ENDED);
}

#[test]
fn an_unknown_code_that_is_transient_is_retried() {
    for status in STATUSES {
        let body = r#"{"error":{"code":987654,"is_transient":true}}"#;
        assert_eq!(http(status, body), retry(code::META_TRANSIENT, None), "{status}");
    }
}

#[test]
fn an_unknown_code_that_is_not_transient_goes_by_the_status() {
    assert_eq!(error(400, 987_654, 0), refused(false));
    assert_eq!(error(404, 987_654, 0), refused(false));
    assert_eq!(error(500, 987_654, 0), retry(code::META_TRANSIENT, None));
    assert_eq!(error(401, 987_654, 0), held(code::TOKEN_REFUSED));
    assert_eq!(error(403, 987_654, 0), held(code::PERMISSION_MISSING));
}

#[test]
fn a_wrong_proof_is_told_by_its_text_alone() {
    let body = r#"{"error":{"code":100,"message":"Invalid appsecret_proof provided in the API argument"}}"#;
    assert_eq!(http(400, body), held(code::APP_SECRET_PROOF));
}

#[test]
fn a_limit_waits_as_long_as_meta_asks_and_never_less_than_a_minute() {
    let body = br#"{"error":{"code":4}}"#;
    let reply = |wish| {
        let usage = Usage { percent: 100, wish: Some(Duration::from_secs(wish)) };
        classify(&Reply::Http { status: 400, body: body.to_vec(), usage }, 1).0
    };
    assert_eq!(reply(300), retry(code::META_THROTTLED, Some(Duration::from_secs(300))));
    assert_eq!(reply(5), retry(code::META_THROTTLED, Some(THROTTLE_WAIT)));
    assert_eq!(http(429, "{}"), throttled(None));
}

#[test]
fn statuses_without_an_error_that_are_retried() {
    for status in [408, 425, 500, 502, 503, 504] {
        assert_eq!(http(status, "{}"), retry(code::META_TRANSIENT, None), "{status}");
    }
}

#[test]
fn success_may_still_be_short_or_empty() {
    assert_eq!(
        http(200, r#"{"events_received":3,"fbtrace_id":"A"}"#),
        CallOutcome::Delivered { shortfall: 0 }
    );
    assert_eq!(http(200, r#"{"events_received":2}"#), CallOutcome::Delivered { shortfall: 1 });
    assert_eq!(http(200, r#"{"events_received":9}"#), CallOutcome::Delivered { shortfall: 0 });
    for none in ["0", r#""0""#, "0.0", "null", r#""many""#, "-1", "{}"] {
        assert_eq!(http(200, &format!(r#"{{"events_received":{none}}}"#)), CallOutcome::Uncounted, "{none}");
    }
    assert_eq!(http(200, "{}"), CallOutcome::Uncounted);
}

#[test]
fn a_field_that_cannot_be_read_hides_no_other() {
    for (field, value) in [
        ("error_user_msg", "null"),
        ("error_user_msg", "{}"),
        ("error_user_title", "7"),
        ("message", "null"),
        ("message", "[1]"),
        ("message", r#""cut in an emoji \ud83d""#),
        ("fbtrace_id", "12345"),
        ("fbtrace_id", "null"),
        ("is_transient", "null"),
        ("is_transient", r#""false""#),
        ("is_transient", "0"),
        ("error_subcode", "null"),
        ("error_subcode", r#""""#),
        ("error_data", r#""not json""#),
        ("error_data", r#"[{"blame_field_specs":7}]"#),
    ] {
        for code in ["190", r#""190""#, "190.0", r#"" 190 ""#] {
            let body = format!(r#"{{"error":{{"code":{code},"{field}":{value}}}}}"#);
            for status in STATUSES {
                assert_eq!(http(status, &body), held(code::TOKEN_REFUSED), "{status} {body}");
            }
        }
    }
    let latin = b"{\"error\":{\"message\":\"\xE9\",\"code\":190}}";
    let reply = Reply::Http { status: 400, body: latin.to_vec(), usage: Usage::default() };
    assert_eq!(classify(&reply, 1).0, held(code::TOKEN_REFUSED));
    let beside = r#"{"events_received":null,"fbtrace_id":7,"error":{"code":4}}"#;
    assert_eq!(http(400, beside), throttled(None));
}

#[test]
fn numbers_may_be_texts() {
    assert_eq!(http(400, r#"{"error":{"code":"100","error_subcode":"33"}}"#), held(code::PIXEL_NOT_FOUND));
    let text = r#"{"error":{"code":"100","error_subcode":"2804050","fbtrace_id":77}}"#;
    let read = meta_error(text);
    assert_eq!((read.code, read.subcode, read.fbtrace_id.as_str()), (100, 2_804_050, "77"));
    let transient = r#"{"error":{"code":"987654","is_transient":"true"}}"#;
    assert_eq!(http(400, transient), retry(code::META_TRANSIENT, None));
    for (received, shortfall) in [(r#""3""#, 0), (r#""2""#, 1), ("3.0", 0)] {
        let body = format!(r#"{{"events_received":{received},"messages":null,"fbtrace_id":1}}"#);
        assert_eq!(http(200, &body), CallOutcome::Delivered { shortfall }, "{body}");
    }
}

#[test]
fn an_error_that_is_no_object_is_not_metas() {
    for error in [r#""invalid_client""#, "true", "[]"] {
        let body = format!(r#"{{"error":{error}}}"#);
        assert_eq!(http(401, &body), retry(code::META_BAD_ANSWER, None), "{body}");
    }
    let outcome = http(200, r#"{"events_received":5,"error":""}"#);
    assert_eq!(outcome, CallOutcome::Unknown { code: code::META_BAD_ANSWER }, "Meta may have taken them");
    assert_eq!(http(400, r#"{"error":"{\"code\":190}"}"#), held(code::TOKEN_REFUSED), "an object as text");
}

#[test]
fn answers_that_are_not_metas() {
    for body in ["<html>502</html>", "", r#"{"events_rec"#, "null", "[]", "\u{feff}{}"] {
        for status in [400, 403, 429, 502] {
            assert_eq!(http(status, body), retry(code::META_BAD_ANSWER, None), "{status} {body}");
        }
        assert_eq!(http(200, body), CallOutcome::Unknown { code: code::META_BAD_ANSWER }, "{body}");
    }
}

#[test]
fn what_was_never_sent_is_not_unknown() {
    assert_eq!(classify(&Reply::NotSent, 1).0, retry(code::META_UNREACHABLE, None));
    assert_eq!(classify(&Reply::NoAnswer, 1).0, CallOutcome::Unknown { code: code::META_NO_ANSWER });
}

fn meta_error(body: &str) -> MetaError {
    classify(&Reply::Http { status: 400, body: body.into(), usage: Usage::default() }, 1).1
}

#[test]
fn codes_and_paths_are_kept_and_free_text_is_not() {
    let body = r#"{"error":{"message":"asha@example.com","code":100,"error_subcode":2804050,"fbtrace_id":"AbC_1",
        "error_user_msg":"asha@example.com","error_data":{"blame_field_specs":[["data[0]","user_data"]]}}}"#;
    let expected = MetaError {
        code: 100,
        subcode: 2_804_050,
        fbtrace_id: "AbC_1".into(),
        blamed_path: "data[0].user_data".into(),
        blamed_event: Some(0),
    };
    assert_eq!(meta_error(body), expected);
}

#[test]
fn the_named_place_is_found_in_path_and_text() {
    let text = r#"{"error":{"code":100,"error_user_msg":"Der Parameter data[17].user_data fehlt"}}"#;
    assert_eq!(meta_error(text).blamed_event, Some(17));
    let path = r#"{"error":{"code":100,"error_user_msg":"Unexpected key \"x\" on param \"$['data'][4]['user_data']\""}}"#;
    assert_eq!(meta_error(path).blamed_event, Some(4));
    let later = r#"{"error":{"code":100,"error_user_msg":"Invalid user_data in data[3]"}}"#;
    assert_eq!(meta_error(later).blamed_event, Some(3));
    let data = r#"{"error":{"code":100,"error_data":"{\"blame_field_specs\":[[\"data[3]\"]]}"}}"#;
    assert_eq!(meta_error(data).blamed_event, Some(3));
    assert_eq!(meta_error(r#"{"error":{"code":100,"error_user_msg":"data[x]"}}"#).blamed_event, None);
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(status in 100..600_u16, body in prop::collection::vec(any::<u8>(), 0..200)) {
        classify(&Reply::Http { status, body, usage: Usage::default() }, 1);
    }

    #[test]
    fn no_error_loses_an_event_unless_its_content_is_blamed(code in -10..100_000_i64, subcode in 0..3_000_000_i64, status in 200..600_u16) {
        // For every error, the event is given up for its content or kept. Only an answer without an
        // error, or "duplicate", counts as delivered.
        let verdict = error(status, code, subcode);
        if matches!(verdict, CallOutcome::Delivered { .. }) {
            prop_assert_eq!(code, meta::DUPLICATE);
        }
    }
}
