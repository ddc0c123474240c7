use super::*;
use proptest::prelude::*;

fn http(status: u16, body: &str) -> Verdict {
    classify(&Reply::Http { status, body: body.into(), after: None }, 3).0
}

fn error(status: u16, code: i64, subcode: i64) -> Verdict {
    http(status, &format!(r#"{{"error":{{"message":"m","code":{code},"error_subcode":{subcode}}}}}"#))
}

#[test]
fn transient_codes_are_sent_again_under_any_status() {
    for status in [200, 400, 500, 503] {
        for code in [1, 2, 21009] {
            assert_eq!(error(status, code, 0), retry(code::META_TRANSIENT, None), "{code} at {status}");
        }
    }
    assert_eq!(
        http(400, r#"{"error":{"code":987654,"is_transient":true}}"#),
        retry(code::META_TRANSIENT, None)
    );
}

#[test]
fn call_limits_wait_at_least_a_minute() {
    for code in [4, 17, 32, 341, 613, 80000, 80003, 80004, 80014] {
        assert_eq!(error(400, code, 0), retry(code::META_THROTTLED, Some(THROTTLE_WAIT)), "{code}");
    }
    assert_eq!(http(429, "{}"), retry(code::META_THROTTLED, Some(THROTTLE_WAIT)));
    let long = Reply::Http {
        status: 400,
        body: br#"{"error":{"code":4}}"#.to_vec(),
        after: Some(Duration::from_secs(300)),
    };
    assert_eq!(classify(&long, 1).0, retry(code::META_THROTTLED, Some(Duration::from_secs(300))));
}

#[test]
fn configuration_faults_hold_the_pixel_and_blame_no_event() {
    for (code, subcode, expected) in [
        (3, 0, code::PERMISSION_MISSING),
        (10, 0, code::PERMISSION_MISSING),
        (200, 0, code::PERMISSION_MISSING),
        (299, 0, code::PERMISSION_MISSING),
        (102, 0, code::TOKEN_REFUSED),
        (190, 458, code::TOKEN_REFUSED),
        (190, 460, code::TOKEN_REFUSED),
        (190, 463, code::TOKEN_REFUSED),
        (190, 467, code::TOKEN_REFUSED),
        (100, 33, code::PIXEL_NOT_FOUND),
        (803, 0, code::PIXEL_NOT_FOUND),
        (2500, 0, code::API_VERSION_ENDED),
    ] {
        for status in [400, 401, 403, 500] {
            assert_eq!(error(status, code, subcode), Verdict::Held { code: expected }, "{code}/{subcode}");
        }
    }
    assert_eq!(
        http(
            400,
            r#"{"error":{"code":100,"message":"Invalid appsecret_proof provided in the API argument"}}"#
        ),
        Verdict::Held { code: code::APP_SECRET_PROOF }
    );
}

#[test]
fn payload_faults_are_isolated() {
    let subcodes = [
        34, 38, 2804001, 2804003, 2804004, 2804007, 2804009, 2804016, 2804017, 2804019, 2804023, 2804036,
        2804043, 2804048, 2804050, 2804063, 2804132,
    ];
    for subcode in subcodes {
        assert_eq!(error(400, 100, subcode), Verdict::Refused { code: code::META_REFUSED }, "{subcode}");
    }
    assert_eq!(error(400, 105, 0), Verdict::Refused { code: code::META_REFUSED });
    assert_eq!(error(400, 987_654, 0), Verdict::Refused { code: code::META_REFUSED });
}

#[test]
fn a_policy_block_is_retried_slowly_and_a_duplicate_is_done() {
    assert_eq!(error(403, 368, 0), retry(code::META_BLOCKED, Some(BLOCK_WAIT)));
    assert_eq!(error(400, 506, 0), Verdict::Delivered { short: false });
}

#[test]
fn success_may_still_be_short_or_empty() {
    assert_eq!(http(200, r#"{"events_received":3,"fbtrace_id":"A"}"#), Verdict::Delivered { short: false });
    assert_eq!(http(200, r#"{"events_received":2}"#), Verdict::Delivered { short: true });
    assert_eq!(http(200, r#"{"events_received":0}"#), Verdict::Unknown { code: code::META_RECEIVED_NONE });
    assert_eq!(http(200, "{}"), Verdict::Unknown { code: code::META_BAD_ANSWER });
    assert_eq!(error(200, 190, 463), Verdict::Held { code: code::TOKEN_REFUSED });
}

#[test]
fn answers_that_are_not_metas() {
    for body in ["<html>502</html>", "", r#"{"events_rec"#, "null"] {
        assert_eq!(http(502, body), retry(code::META_BAD_ANSWER, None), "{body}");
        assert_eq!(http(400, body), retry(code::META_BAD_ANSWER, None), "{body}");
        assert_eq!(http(200, body), Verdict::Unknown { code: code::META_BAD_ANSWER }, "{body}");
    }
    assert_eq!(http(503, "{}"), retry(code::META_TRANSIENT, None));
}

#[test]
fn what_was_never_sent_is_not_unknown() {
    assert_eq!(classify(&Reply::NotSent, 1).0, retry(code::META_UNREACHABLE, None));
    assert_eq!(classify(&Reply::NoAnswer, 1).0, Verdict::Unknown { code: code::META_NO_ANSWER });
}

#[test]
fn codes_and_paths_are_kept_and_free_text_is_not() {
    let body = r#"{"error":{"message":"asha@example.com","code":100,"error_subcode":2804050,"fbtrace_id":"AbC_1",
        "error_user_msg":"asha@example.com","error_data":{"blame_field_specs":[["data[0]","user_data"]]}}}"#;
    let (_, meta) = classify(&Reply::Http { status: 400, body: body.into(), after: None }, 1);
    assert_eq!(
        meta,
        MetaError {
            code: 100,
            subcode: 2804050,
            fbtrace_id: "AbC_1".into(),
            blamed_path: "data[0].user_data".into()
        }
    );
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(status in 100..600_u16, body in prop::collection::vec(any::<u8>(), 0..200)) {
        classify(&Reply::Http { status, body, after: None }, 1);
    }
}
