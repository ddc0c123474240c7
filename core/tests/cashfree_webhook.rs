//! Samples of every kind of webhook, and the traps in reading them.

use tandem_core::cashfree::{
    Effect, Notice, PaymentResult, Problem, Proof, SubscriptionNotice, Unusable, Webhook,
};
use tandem_core::currency::Currency;
use tandem_core::personal::Raw;

/// The samples, one per line, each with its name in front.
const SAMPLES: &str = include_str!("../vectors/cashfree_webhooks.txt");

fn sample(name: &str) -> &'static str {
    SAMPLES
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("there is a sample {name}"))
        .1
}

fn parse(body: &str) -> Result<Webhook, Unusable> {
    Webhook::parse(body.as_bytes(), Currency::INR)
}

fn read(name: &str) -> Webhook {
    parse(sample(name)).unwrap_or_else(|unusable| panic!("{name}: {unusable}"))
}

/// A sample with one text replaced; the text must be there.
fn changed(name: &str, from: &str, to: &str) -> String {
    let body = sample(name);
    assert!(body.contains(from), "{name} holds {from}");
    body.replace(from, to)
}

fn problem(body: &str) -> Problem {
    parse(body).expect_err("is unusable").problem
}

/// Order, payment, minor units, currency, time.
type Paid = (String, Option<String>, u64, String, Option<i64>);

fn proof(webhook: &Webhook) -> Option<Paid> {
    let Effect::Paid(Proof { order_id, payment_id, money, paid_at_s, .. }) = webhook.effect() else {
        return None;
    };
    let payment_id = payment_id.map(ToString::to_string);
    Some((
        order_id.to_string(),
        payment_id,
        money.amount.get(),
        money.currency.as_str().to_owned(),
        paid_at_s,
    ))
}

fn paid(order: &str, payment: &str, minor: u64, at_s: i64) -> Option<Paid> {
    Some((order.into(), Some(payment.into()), minor, "INR".into(), Some(at_s)))
}

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

/// Debug output ends up in logs.
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
fn the_extract_survives_storage() {
    for line in SAMPLES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, _) = line.split_once(' ').unwrap();
        let webhook = read(name);
        let stored = serde_json::to_string(webhook.extract()).unwrap();
        assert_eq!(
            &serde_json::from_str::<tandem_core::cashfree::Extract>(&stored).unwrap(),
            webhook.extract()
        );
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
    assert_eq!(problem(&no_amount), Problem::BadAmount);
}

#[test]
fn trap_11_amounts_keep_every_digit() {
    let exact = changed("success-2025", "1399.50", "90071992547409.93");
    assert_eq!(proof(&parse(&exact).unwrap()).unwrap().2, 9_007_199_254_740_993);
    for bad in ["1.005", "-1", "\"1,399.50\"", "\"\"", "null", "1e400", "1e-400", "true"] {
        assert_eq!(problem(&changed("success-2025", "1399.50", bad)), Problem::BadAmount, "{bad}");
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
    // The same order and payment IDs come with PAYMENT_SUCCESS_WEBHOOK, so the order
    // takes them as one payment; their own keys differ.
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
    // Two partial payments are two messages.
    assert_ne!(parse(&second).unwrap().event_key(), read("link").event_key());
}

#[test]
fn trap_15_garbage_in_a_links_amount_is_not_hidden() {
    for bad in ["\"150.00 INR\"", "\"₹150\"", "\"150,00\"", "null"] {
        assert_eq!(problem(&changed("link", "\"150.00\"", bad)), Problem::BadAmount, "{bad}");
    }
    // Spelling does not change the key.
    let spelt = changed("link", "\"350.00\"", "350.0");
    assert_eq!(parse(&spelt).unwrap().event_key(), read("link").event_key());
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
fn trap_16_an_automatic_refund_may_have_no_order() {
    let Effect::Refunded { order_id, payment_id, refund_id, money } = read_effect(&read("auto-refund"))
    else {
        panic!("a refund")
    };
    assert_eq!(order_id.as_deref(), Some("KB-3001"));
    assert_eq!((refund_id.as_str(), money), ("9100002", 139_950));
    // Trap 17: it names the payment that goes back, not the order's first.
    assert_eq!(payment_id.as_deref(), Some("700100200399"));
    for without in ["\"order_id\":null", "\"order_id\":\"\""] {
        let body = changed("auto-refund", "\"order_id\":\"KB-3001\"", without);
        let webhook = parse(&body).unwrap();
        assert!(matches!(webhook.effect(), tandem_core::cashfree::Effect::Refunded { order_id: None, .. }));
    }
    let merchant = changed("refund", "\"order_id\":\"KB-3001\",", "");
    assert_eq!(problem(&merchant), Problem::MissingOrderId);

    enum Effect {
        Refunded { order_id: Option<String>, payment_id: Option<String>, refund_id: String, money: u64 },
        Other,
    }
    fn read_effect(webhook: &Webhook) -> Effect {
        match webhook.effect() {
            tandem_core::cashfree::Effect::Refunded { order_id, payment_id, refund_id, money } => {
                Effect::Refunded {
                    order_id: order_id.map(ToString::to_string),
                    payment_id: payment_id.map(ToString::to_string),
                    refund_id: refund_id.to_string(),
                    money: money.amount.get(),
                }
            }
            _ => Effect::Other,
        }
    }
    assert!(matches!(read_effect(&read("settlement")), Effect::Other));
}

#[test]
fn only_a_finished_refund_moves_money() {
    for status in ["PENDING", "CANCELLED", "ONHOLD", "FAILED", "PENDING_APPROVAL", "NEW_WORD"] {
        let body = changed("refund", "\"SUCCESS\"", &format!("\"{status}\""));
        assert!(matches!(parse(&body).unwrap().effect(), Effect::Nothing), "{status}");
    }
    assert!(matches!(read("refund").effect(), Effect::Refunded { .. }));
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
        // Its amount does not matter, so garbage in it is no reason to give it up.
        let body = sample(name).replace("\"payment_amount\":", "\"payment_amount\":[],\"was\":");
        assert!(parse(&body).is_ok(), "{name}");
    }
    let Effect::Failed { order_id } = read_owned("failed") else { panic!("failed") };
    assert_eq!(order_id.as_str(), "KB-3005");
}

/// The effect of a sample, for as long as the test runs.
fn read_owned(name: &str) -> Effect<'static> {
    Box::leak(Box::new(read(name))).effect()
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
    // Edition 2023-08-01: no currency, and dates that are no times.
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
        ("\"order_id\":\"KB-3001\",", "", Problem::MissingOrderId),
        ("\"KB-3001\"", "\"KB\\u0000\"", Problem::BadOrderId),
        ("\"cf_payment_id\":\"700100200311\",", "", Problem::MissingPaymentId),
        ("\"700100200311\"", "7.0e11", Problem::BadPaymentId),
        ("\"payment_status\":\"SUCCESS\"", "\"payment_status\":null", Problem::MissingStatus),
        ("\"payment_status\":\"SUCCESS\"", "\"payment_status\":\"FAILED\"", Problem::StatusTypeMismatch),
        ("\"payment_currency\":\"INR\"", "\"payment_currency\":\"RUPEE\"", Problem::BadCurrency),
    ] {
        let unusable = parse(&changed("success-2025", from, to)).expect_err("is unusable");
        assert_eq!(unusable.problem, expected);
        assert_eq!(unusable.extract.webhook_type, "PAYMENT_SUCCESS_WEBHOOK");
        assert_eq!(unusable.extract.event_time_s, Some(1_763_958_739));
    }
    let mismatch = parse(&changed("success-2025", "PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_FAILED_WEBHOOK"));
    let mismatch = mismatch.expect_err("contradicts itself");
    assert_eq!(mismatch.problem.code(), "status_type_mismatch");
    assert_eq!(mismatch.extract.order_id.as_ref().map(ToString::to_string).as_deref(), Some("KB-3001"));
    assert!(!format!("{mismatch} {mismatch:?}").contains("asha"));
}

#[test]
fn trap_35_duplicate_keys_and_trap_36_huge_values_are_dead_letters() {
    let twice =
        changed("success-2025", "\"order_id\":\"KB-3001\"", "\"order_id\":\"KB-3001\",\"order_id\":\"X-1\"");
    let unusable = parse(&twice).expect_err("names a key twice");
    assert_eq!(
        (unusable.problem, unusable.offset),
        (Problem::DuplicateKey, Some(twice.find("\"X-1\"").unwrap()))
    );
    assert_eq!(problem(&format!("{}1{}", "[".repeat(300_000), "]".repeat(300_000))), Problem::TooDeep);
    let cut = parse(&sample("success-2025")[..100]).expect_err("is cut");
    assert_eq!((cut.problem, cut.offset), (Problem::NotJson, Some(99)));
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
        assert_eq!(problem(body), Problem::WrongRoot, "{body}");
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
    // 1399.50 yen do not exist.
    assert_eq!(webhook.expect_err("too precise").problem, Problem::BadAmount);
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
