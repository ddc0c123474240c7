//! Known mistakes of other integrations in reading webhooks.

use tandem_core::cashfree::{Effect, MessageError, Notice, SubscriptionNotice};

use crate::samples::{SAMPLES, changed, message_error, parse, proof, read, sample};

/// Debug output can get into logs.
#[test]
fn trap_37_neither_debug_nor_the_extract_shows_personal_data() {
    for line in SAMPLES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, _) = line.split_once(' ').unwrap();
        let webhook = read(name);
        let shown = format!("{webhook:?} {}", serde_json::to_string(webhook.extract()).unwrap());
        for secret in [
            "asha",
            "Asha",
            "Rao",
            "ravi",
            "Ravi",
            "mira",
            "neel",
            "example.com",
            "90000",
            "okbank",
            "1111",
            "53289",
            "diwali",
            "Sample",
            "declined",
            "61000",
            "upi_id",
            "fb.1",
        ] {
            assert!(!shown.contains(secret), "{name} shows {secret}: {shown}");
        }
    }
}

#[test]
fn trap_09_editions_of_one_payment_have_one_key() {
    let as_number = changed("success-2025", "\"700100200311\"", "700100200311");
    let lower = as_number.replace("PAYMENT_SUCCESS_WEBHOOK", "payment_success_webhook");
    assert_eq!(parse(&lower).unwrap().event_key(), read("success-2025").event_key());
}

#[test]
fn trap_10_revenue_is_what_was_paid_not_what_was_ordered() {
    let Some((_, _, minor, _, _)) = proof(&read("success-2025")) else { panic!("a proof") };
    assert_eq!(minor, 139_950);
    let no_amount = changed("success-2025", "\"payment_amount\":1399.50,", "");
    assert_eq!(message_error(&no_amount), MessageError::BadAmount);
}

#[test]
fn trap_11_amounts_keep_every_digit() {
    let exact = changed("success-2025", "1399.50", "90071992547409.93");
    assert_eq!(proof(&parse(&exact).unwrap()).unwrap().2, 9_007_199_254_740_993);
    for bad in ["1.005", "-1", "\"1,399.50\"", "\"\"", "null", "1e400", "1e-400", "true"] {
        assert_eq!(message_error(&changed("success-2025", "1399.50", bad)), MessageError::BadAmount, "{bad}");
    }
    assert_eq!(proof(&parse(&changed("success-2025", "1399.50", "0.00")).unwrap()).unwrap().2, 0);
}

#[test]
fn trap_12_fees_prove_no_payment() {
    let webhook = read("charges");
    assert!(matches!(webhook.effect(), Effect::Nothing));
    let Notice::Charges(charges) = webhook.notice() else { panic!("charges") };
    assert_eq!(charges.service_charge.map(|money| money.amount.get()), Some(2799));
    assert_eq!(webhook.extract().money.map(|money| money.amount.get()), Some(136_647));
}

#[test]
fn trap_13_link_and_form_are_twins_of_the_payment() {
    // A PAYMENT_SUCCESS_WEBHOOK has the same order and payment IDs, so the order takes both messages as
    // one payment. Their event keys differ.
    let body = changed("success-2025", "KB-3001", "CFPay_abc_001").replace("700100200311", "700100200320");
    let (payment, link) = (parse(&body).unwrap(), read("link"));
    assert_eq!(proof(&payment).unwrap().0, proof(&link).unwrap().0);
    assert_eq!(proof(&payment).unwrap().1, proof(&link).unwrap().1);
    assert_ne!(payment.event_key(), link.event_key());
}

#[test]
fn trap_14_a_links_total_is_never_an_orders_amount() {
    assert_eq!(proof(&read("link")).unwrap().2, 15_000);
    let second = changed("link", "\"350.00\"", "\"500.00\"");
    assert_eq!(proof(&parse(&second).unwrap()).unwrap().2, 15_000);
    // Two partial payments are two messages, so their keys differ.
    assert_ne!(parse(&second).unwrap().event_key(), read("link").event_key());
}

#[test]
fn trap_15_garbage_in_a_links_amount_is_not_hidden() {
    for bad in ["\"150.00 INR\"", "\"₹150\"", "\"150,00\"", "null"] {
        assert_eq!(message_error(&changed("link", "\"150.00\"", bad)), MessageError::BadAmount, "{bad}");
    }
    // The spelling of an amount does not change the key.
    let spelt = changed("link", "\"350.00\"", "350.0");
    assert_eq!(parse(&spelt).unwrap().event_key(), read("link").event_key());
}

#[test]
fn trap_16_and_17_an_automatic_refund_names_its_payment_and_perhaps_no_order() {
    let webhook = read("auto-refund");
    let Effect::Refunded(notice) = webhook.effect() else { panic!("a refund") };
    assert_eq!(notice.order_id.as_ref().map(ToString::to_string).as_deref(), Some("KB-3001"));
    let refund = notice.of_order(webhook.event_time_s(), i64::MAX).unwrap();
    assert_eq!((refund.refund_id.as_str(), refund.money.amount.get()), ("9100002", 139_950));
    // The refunded payment is the second payment of the order, not the one that paid it.
    assert_eq!(refund.payment_id.as_deref(), Some("700100200399"));
    for without in ["\"order_id\":null", "\"order_id\":\"\""] {
        let webhook = parse(&changed("auto-refund", "\"order_id\":\"KB-3001\"", without)).unwrap();
        assert!(matches!(webhook.effect(), Effect::Refunded(notice) if notice.order_id.is_none()));
    }
    let merchant = changed("refund", "\"order_id\":\"KB-3001\",", "");
    assert_eq!(message_error(&merchant), MessageError::MissingOrderId);
}

#[test]
fn trap_18_a_dispute_names_its_order_elsewhere_and_a_retrieval_is_no_loss() {
    let webhook = read("dispute");
    let Notice::Dispute(dispute) = webhook.notice() else { panic!("a dispute") };
    assert_eq!(dispute.order_id.as_ref().map(ToString::to_string).as_deref(), Some("KB-3001"));
    assert_eq!(dispute.payment_id.as_ref().map(ToString::to_string).as_deref(), Some("700100200311"));
    assert_eq!(dispute.money.map(|money| money.amount.get()), Some(39_950));
    for (status, is_lost) in [
        ("CHARGEBACK_MERCHANT_LOST", true),
        ("DISPUTE_MERCHANT_ACCEPTED", true),
        ("RETRIEVAL_MERCHANT_LOST", false),
        ("CHARGEBACK_MERCHANT_WON", false),
        ("ARBITRATION_CREATED", false),
    ] {
        let webhook = parse(&changed("dispute", "CHARGEBACK_MERCHANT_LOST", status)).unwrap();
        let Notice::Dispute(dispute) = webhook.notice() else { panic!("a dispute") };
        assert_eq!(dispute.is_lost(), is_lost, "{status}");
    }
}

#[test]
fn trap_19_terminal_details_of_either_spelling_are_ignored() {
    let details = "\"terminalDetails\":{\"cf_terminal_id\":1},\"terminal_details\":{\"cf_terminal_id\":2},";
    for name in ["refund", "dispute", "success-2023"] {
        let body = changed(name, "{\"data\":{", &format!("{{\"data\":{{{details}"));
        assert_eq!(parse(&body).unwrap().event_key(), read(name).event_key(), "{name}");
    }
}

#[test]
fn trap_20_type_names_differ_by_case_and_edition() {
    let lower = changed("form", "PAYMENT_FORM_ORDER_WEBHOOK", " payment_form_order_webhook ");
    assert!(matches!(parse(&lower).unwrap().notice(), Notice::Form(_)));
    let old = changed("subscription-status", "SUBSCRIPTION_STATUS_CHANGED", "SUBSCRIPTION_STATUS_CHANGE");
    let webhook = parse(&old).unwrap();
    let Notice::Subscription(SubscriptionNotice::Status { status, .. }) = webhook.notice() else {
        panic!("a status")
    };
    assert_eq!(status.as_deref(), Some("ACTIVE"));
}

#[test]
fn trap_22_a_failed_attempt_is_no_more_than_that() {
    for name in ["failed", "dropped"] {
        let webhook = read(name);
        assert!(matches!(webhook.effect(), Effect::Failed { .. }), "{name}");
        // The amount of a failed attempt does not matter, so an unusable amount is no error.
        let body = sample(name).replace("\"payment_amount\":", "\"payment_amount\":[],\"was\":");
        assert!(parse(&body).is_ok(), "{name}");
    }
    let failed = read("failed");
    let Effect::Failed { order_id } = failed.effect() else { panic!("failed") };
    assert_eq!(order_id.as_str(), "KB-3005");
}

#[test]
fn trap_24_a_mandate_check_is_no_revenue() {
    let charge = read("subscription-success");
    assert!(matches!(charge.effect(), Effect::Nothing), "off by default");
    let proof = charge.subscription_charge().expect("a charge");
    assert_eq!((proof.order_id.as_str(), proof.money.amount.get()), ("sub9-ch-3", 29_900));
    assert_eq!(proof.paid_at_s, Some(1_763_965_680));
    let auth = parse(&changed("subscription-success", "\"CHARGE\"", "\"AUTH\"")).unwrap();
    assert!(auth.subscription_charge().is_none());
    assert!(read("subscription-failed").subscription_charge().is_none());
    // Edition 2023-08-01 has no currency, and dates without a time.
    let old = changed("subscription-success", "\"payment_currency\":\"INR\",", "")
        .replace("\"2025-11-24T11:58:00+05:30\"", "\"2025-11-24\"");
    let old = parse(&old).unwrap();
    let proof = old.subscription_charge().expect("a charge");
    assert_eq!((proof.money.currency.as_str(), proof.paid_at_s), ("INR", old.event_time_s()));
}

#[test]
fn trap_28_a_time_without_offset_is_not_the_payments_time() {
    let naive = changed("success-2025", "2025-11-24T10:02:11+05:30", "2025-11-24T10:02:11");
    assert_eq!(proof(&parse(&naive).unwrap()).unwrap().4, Some(1_763_958_739), "falls back to event_time");
    let neither = naive.replace("2025-11-24T10:02:19+05:30", "1763958739000");
    assert_eq!(proof(&parse(&neither).unwrap()).unwrap().4, None);
}

#[test]
fn trap_31_unusable_messages_say_why_and_about_what() {
    for (from, to, expected) in [
        ("\"order_id\":\"KB-3001\",", "", MessageError::MissingOrderId),
        ("\"KB-3001\"", "\"KB\\u0000\"", MessageError::BadOrderId),
        ("\"cf_payment_id\":\"700100200311\",", "", MessageError::MissingPaymentId),
        ("\"700100200311\"", "7.0e11", MessageError::BadPaymentId),
        ("\"payment_status\":\"SUCCESS\"", "\"payment_status\":null", MessageError::MissingStatus),
        ("\"payment_status\":\"SUCCESS\"", "\"payment_status\":\"FAILED\"", MessageError::StatusTypeMismatch),
        ("\"payment_currency\":\"INR\"", "\"payment_currency\":\"RUPEE\"", MessageError::BadCurrency),
    ] {
        let error = parse(&changed("success-2025", from, to)).expect_err("is unusable");
        assert_eq!(error.reason, expected);
        assert_eq!(error.extract.webhook_type, "PAYMENT_SUCCESS_WEBHOOK");
        assert_eq!(error.extract.event_time_s, Some(1_763_958_739));
    }
    let mismatch = parse(&changed("success-2025", "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_FAILED_WEBHOOK"));
    let mismatch = mismatch.expect_err("contradicts itself");
    assert_eq!(mismatch.reason.code(), "status_type_mismatch");
    assert_eq!(mismatch.extract.order_id.as_ref().map(ToString::to_string).as_deref(), Some("KB-3001"));
    assert!(!format!("{mismatch} {mismatch:?}").contains("asha"));
}

#[test]
fn trap_35_duplicate_keys_and_trap_36_huge_values_are_dead_letters() {
    let twice =
        changed("success-2025", "\"order_id\":\"KB-3001\"", "\"order_id\":\"KB-3001\",\"order_id\":\"X-1\"");
    let error = parse(&twice).expect_err("names a key twice");
    assert_eq!(
        (error.reason, error.offset),
        (MessageError::DuplicateKey, Some(twice.find("\"X-1\"").unwrap()))
    );
    assert_eq!(
        message_error(&format!("{}1{}", "[".repeat(300_000), "]".repeat(300_000))),
        MessageError::TooDeep
    );
    let cut = parse(&sample("success-2025")[..100]).expect_err("is cut");
    assert_eq!((cut.reason, cut.offset), (MessageError::NotJson, Some(99)));
}

#[test]
fn trap_39_the_dashboards_test_is_a_ping() {
    for body in [
        sample("ping"),
        r#"{"type":"WEBHOOK","data":{"test_object":{"test_key":"test_value"}}}"#,
        r#"{"data":{"test":true}}"#,
        r#"{"data":{"test_object":{}}}"#,
        "\u{feff}{\"type\":\"webhook\"}",
    ] {
        let webhook = parse(body).unwrap();
        assert!(matches!(webhook.notice(), Notice::Ping), "{body}");
        assert!(webhook.is_ignored());
    }
}
