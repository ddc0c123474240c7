//! Every kind and edition of webhook is read.

use tandem_core::cashfree::{Effect, Extract, MessageError, Notice, PaymentResult, Webhook};
use tandem_core::currency::Currency;
use tandem_core::personal::Raw;

use crate::samples::{SAMPLES, changed, message_error, paid, parse, proof, read, sample};

#[test]
fn success_of_every_edition_proves_the_payment() {
    for (name, expected) in [
        ("success-2025", paid("KB-3001", "700100200311", 139_950, 1_763_958_731)),
        ("success-2023", paid("KB-3002", "700100200312", 25_000, 1_763_958_900)),
        ("success-2022", paid("KB-3003", "700100200313", 9_950, 1_763_958_960)),
        ("success-2021", paid("KB-3004", "7001003", 100, 1_763_959_020)),
        ("link", paid("CFPay_abc_001", "700100200320", 15_000, 1_763_959_506)),
        ("form", paid("CFPay_yoga_01", "700100200330", 39_800, 1_763_959_855)),
        ("flat", paid("KB-4001", "8801235", 49_900, 1_763_962_509)),
    ] {
        assert_eq!(proof(&read(name)), expected, "{name}");
    }
}

#[test]
fn details_of_a_payment_are_read() {
    let webhook = read("success-2025");
    let Notice::Payment(payment) = webhook.notice() else { panic!("a payment") };
    assert_eq!(payment.payment_group.as_deref(), Some("upi"));
    assert_eq!(payment.payment_method.as_deref(), Some("upi"));
    assert_eq!(payment.international, Some(false));
    assert_eq!(payment.order_tags.get("fbp"), Some("fb.1.1763941000.111"));
    assert_eq!(payment.order_tags.iter().count(), 2);
    assert_eq!(payment.customer.name.as_ref().map(Raw::expose), Some("Asha Rao"));
    assert_eq!(webhook.webhook_type(), "PAYMENT_SUCCESS_WEBHOOK");
    assert_eq!(webhook.event_time_s(), Some(1_763_958_739));
    let Effect::Paid(proof) = webhook.effect() else { panic!("a proof") };
    assert_eq!(proof.match_fields().phone.as_ref().map(Raw::expose), Some("+919000012345"));
}

#[test]
fn the_extract_survives_storage() {
    for line in SAMPLES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, _) = line.split_once(' ').unwrap();
        let webhook = read(name);
        let stored = serde_json::to_string(webhook.extract()).unwrap();
        assert_eq!(&serde_json::from_str::<Extract>(&stored).unwrap(), webhook.extract());
    }
    let stored = serde_json::to_string(read("success-2025").extract()).unwrap();
    assert_eq!(
        stored,
        concat!(
            r#"{"webhook_type":"PAYMENT_SUCCESS_WEBHOOK","event_time_s":1763958739,"order_id":"KB-3001","#,
            r#""payment_id":"700100200311","status":"SUCCESS","money":{"amount":139950,"currency":"INR"},"#,
            r#""at_s":1763958731,"payment_group":"upi","international":false}"#
        )
    );
}

#[test]
fn event_keys_are_made_of_content() {
    for (name, key) in [
        ("success-2025", "PAYMENT_SUCCESS_WEBHOOK|700100200311|SUCCESS"),
        ("failed", "PAYMENT_FAILED_WEBHOOK|700100200315|FAILED"),
        ("dropped", "PAYMENT_USER_DROPPED_WEBHOOK|700100200316|USER_DROPPED"),
        ("charges", "PAYMENT_CHARGES_WEBHOOK|700100200311|SUCCESS"),
        ("refund", "REFUND|9100001|SUCCESS"),
        ("auto-refund", "AUTO_REFUND|9100002|SUCCESS"),
        ("dispute", "DISPUTE_CLOSED|440001|CHARGEBACK_MERCHANT_LOST|1764743400"),
        ("link", "LINK|55001|PARTIALLY_PAID|700100200320|35000"),
        ("link-expired", "LINK|55002|EXPIRED|-|0"),
        ("form", "FORM|CFPay_yoga_01|PAID"),
        ("subscription-success", "SUBSCRIPTION_PAYMENT_SUCCESS|50110011|SUCCESS|0"),
        ("subscription-failed", "SUBSCRIPTION_PAYMENT_FAILED|50110012|FAILED|1"),
        ("subscription-refund", "SUBSCRIPTION_REFUND|SUB_00000000-0000-4000-8000-000000000009|SUCCESS"),
        ("subscription-status", "SUBSCRIPTION_STATUS_CHANGED|24000009|ACTIVE|1763966121"),
        ("settlement", "SETTLEMENT_SUCCESS|900738|SUCCESS"),
        ("flat", "FLAT|KB-4001|8801235|SUCCESS"),
    ] {
        assert_eq!(read(name).event_key(), key, "{name}");
    }
    assert!(read("other-product").event_key().starts_with("SHA256|"));
}

#[test]
fn a_link_proves_only_when_its_order_was_paid() {
    assert!(matches!(read("link-expired").effect(), Effect::Nothing));
    for (from, to) in [("\"SUCCESS\"", "\"FAILED\""), ("PARTIALLY_PAID", "CANCELLED")] {
        assert!(matches!(parse(&changed("link", from, to)).unwrap().effect(), Effect::Nothing), "{to}");
    }
    assert!(matches!(parse(&changed("form", "\"PAID\"", "\"ACTIVE\"")).unwrap().effect(), Effect::Nothing));
}

#[test]
fn only_a_finished_refund_moves_money() {
    for status in ["PENDING", "CANCELLED", "ONHOLD", "FAILED", "PENDING_APPROVAL", "NEW_WORD"] {
        let body = changed("refund", "\"SUCCESS\"", &format!("\"{status}\""));
        assert!(matches!(parse(&body).unwrap().effect(), Effect::Nothing), "{status}");
    }
    assert!(matches!(read("refund").effect(), Effect::Refunded(_)));
}

#[test]
fn unknown_kinds_are_ignored_and_keep_their_name_if_it_is_a_word() {
    for (body, name) in [
        (sample("other-product"), "INSTRUMENT_ACTIVE_WEBHOOK"),
        (r#"{"type":"X","i":4}"#, "X"),
        (r#"{"event":"AMOUNT_COLLECTED"}"#, "AMOUNT_COLLECTED"),
        (r#"{"type":"asha@example.com"}"#, ""),
        (r#"{"type":"9000012345"}"#, ""),
        (r#"{"type":7}"#, ""),
        ("{}", ""),
    ] {
        let webhook = parse(body).unwrap();
        assert!(webhook.is_ignored(), "{body}");
        assert_eq!(webhook.webhook_type(), name, "{body}");
    }
    for body in ["[]", "7", "\"x\"", "null"] {
        assert_eq!(message_error(body), MessageError::WrongRoot, "{body}");
    }
}

#[test]
fn missing_blocks_and_null_tags_are_no_fault() {
    let mut body = changed(
        "success-2025",
        "\"order_tags\":{\"fbp\":\"fb.1.1763941000.111\",\"utm\":\"diwali\"}",
        "\"order_tags\":null",
    );
    body =
        body.replace("\"international_payment\":{\"international\":false}", "\"international_payment\":null");
    body = body.replace("\"payment_currency\":\"INR\",", "");
    let webhook = parse(&body).unwrap();
    assert_eq!(proof(&webhook), proof(&read("success-2025")));
    let tags = changed("success-2025", "\"utm\":\"diwali\"", "\"utm\":7,\"x\":null,\"y\":[1]");
    let webhook = parse(&tags).unwrap();
    let Notice::Payment(payment) = webhook.notice() else { panic!("a payment") };
    assert_eq!(payment.order_tags.iter().collect::<Vec<_>>(), [("fbp", "fb.1.1763941000.111")]);
}

#[test]
fn a_missing_currency_is_the_assumed_one() {
    let body = changed("success-2025", "\"payment_currency\":\"INR\",", "")
        .replace("\"order_currency\":\"INR\",", "");
    let webhook = Webhook::parse(body.as_bytes(), Currency::parse("JPY").unwrap());
    // The yen has no decimals, so 1399.50 yen is not an amount.
    assert_eq!(webhook.expect_err("too precise").reason, MessageError::BadAmount);
    assert_eq!(proof(&parse(&body).unwrap()).unwrap().3, "INR");
}

#[test]
fn a_link_tag_and_a_partners_merchant_are_kept() {
    let webhook = read("failed");
    let Notice::Payment(payment) = webhook.notice() else { panic!("a payment") };
    assert_eq!(payment.link_id.as_ref().map(ToString::to_string).as_deref(), Some("55001"));
    assert_eq!(payment.result, PaymentResult::Failed);
    let partner = changed("success-2025", "{\"data\"", "{\"merchant\":{\"merchant_id\":\"M_7\"},\"data\"");
    assert_eq!(
        parse(&partner).unwrap().extract().merchant_id.as_ref().map(ToString::to_string).as_deref(),
        Some("M_7")
    );
}

#[test]
fn cash_on_delivery_is_a_placement_and_unclear_cash_is_unusable() {
    for (from, to) in [
        ("\"payment_group\":\"upi\"", "\"payment_group\":\"Cash on Delivery\""),
        ("{\"upi\":{", "{\"cod\":{"),
    ] {
        let placed = parse(&changed("success-2025", from, to)).unwrap();
        assert!(matches!(placed.effect(), Effect::Nothing), "{to}");
        let note = placed.note(0).expect("the order keeps it");
        assert_eq!(
            (note.status.as_str(), note.money.map(|money| money.amount.get())),
            ("CASH_ON_DELIVERY", Some(139_950))
        );
        assert_ne!(placed.event_key(), read("success-2025").event_key(), "money that comes later counts");
    }
    let unclear = changed("success-2025", "\"payment_group\":\"upi\"", "\"payment_group\":\"cash\"");
    assert_eq!(message_error(&unclear), MessageError::CashUnclear);
}

#[test]
fn a_subscriptions_refund_names_its_charge() {
    let refund = read("subscription-refund");
    assert!(matches!(refund.effect(), Effect::Nothing), "off by default");
    let Effect::Refunded(refund) = refund.subscription_effect() else { panic!("a refund") };
    assert_eq!(refund.order_id.as_ref().map(ToString::to_string).as_deref(), Some("sub9-ch-3"));
}
