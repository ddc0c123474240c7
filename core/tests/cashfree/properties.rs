//! Reading any input never panics, and the spelling of a value does not change its meaning.

use proptest::prelude::*;
use serde_json::{Value, json};
use tandem_core::cashfree::legacy::LegacyForm;
use tandem_core::cashfree::orders_api::{parse_order, parse_paying_payment};
use tandem_core::cashfree::signature::{timestamp_ms, verify};
use tandem_core::cashfree::{Effect, Webhook};
use tandem_core::currency::Currency;

const KINDS: [&str; 14] = [
    "PAYMENT_SUCCESS_WEBHOOK",
    "PAYMENT_FAILED_WEBHOOK",
    "PAYMENT_CHARGES_WEBHOOK",
    "REFUND_STATUS_WEBHOOK",
    "AUTO_REFUND_STATUS_WEBHOOK",
    "DISPUTE_CLOSED",
    "PAYMENT_LINK_EVENT",
    "PAYMENT_FORM_ORDER_WEBHOOK",
    "SUBSCRIPTION_PAYMENT_SUCCESS",
    "SUBSCRIPTION_STATUS_CHANGED",
    "SUBSCRIPTION_REFUND_STATUS",
    "SETTLEMENT_SUCCESS",
    "WEBHOOK",
    "SOMETHING_ELSE",
];

/// Keys that the readers use, so that they get the arbitrary values.
const KEYS: &[&str] = &[
    "data",
    "order",
    "payment",
    "refund",
    "auto_refund",
    "dispute",
    "order_details",
    "form",
    "settlement",
    "customer_details",
    "order_id",
    "cf_payment_id",
    "payment_status",
    "payment_amount",
    "payment_currency",
    "payment_time",
    "order_tags",
    "cf_link_id",
    "link_status",
    "link_amount_paid",
    "transaction_id",
    "transaction_status",
    "order_status",
    "order_amount",
    "cf_refund_id",
    "refund_status",
    "refund_amount",
    "dispute_id",
    "dispute_status",
    "updated_at",
    "customer_name",
    "customer_email",
    "customer_phone",
    "customer_id",
    "payment_id",
    "payment_type",
    "retry_attempts",
    "settlement_id",
    "status",
    "event_time",
    "orderId",
    "txStatus",
    "orderAmount",
    "txTime",
    "referenceId",
    "payment_method",
    "merchant",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["SUCCESS", "PAID", "INR", "NA", "", "1.00", "9000012345"])
            .prop_map(Value::from),
        Just(json!("2025-11-24T10:02:11+05:30")),
    ];
    leaf.prop_recursive(5, 64, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(KEYS.to_vec()), inner, 0..12).prop_map(
                |members| members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            ),
        ]
    })
}

fn exercise(body: &[u8]) {
    match Webhook::parse(body, Currency::INR) {
        Ok(webhook) => {
            assert!(!webhook.event_key().is_empty());
            let _ = (webhook.effect(), webhook.subscription_charge(), format!("{webhook:?}"));
        }
        Err(error) => assert!(!error.reason.code().is_empty() && !error.to_string().is_empty()),
    }
    let _ = parse_order(body, Currency::INR);
    let _ = parse_paying_payment(body, Currency::INR);
    if let Ok(form) = LegacyForm::parse(body) {
        let _ = (form.verify(&["secret"]), form.read(Currency::INR));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..600)) {
        exercise(&body);
    }

    #[test]
    fn arbitrary_json_of_every_kind_never_panics(kind in prop::sample::select(KINDS.to_vec()), data in any_value()) {
        exercise(json!({"type": kind, "data": data, "event_time": "2025-11-24T10:02:11Z"}).to_string().as_bytes());
        exercise(data.to_string().as_bytes());
    }

    #[test]
    fn a_damaged_sample_never_panics(
        line in 0_usize..21,
        at in any::<prop::sample::Index>(),
        bytes in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let samples = include_str!("../../vectors/cashfree_webhooks.txt");
        let body = samples.lines().filter(|l| l.contains('{')).nth(line).unwrap().split_once(' ').unwrap().1;
        let mut body = body.as_bytes().to_vec();
        let at = at.index(body.len());
        let end = (at + 1).min(body.len());
        body.splice(at..end, bytes);
        exercise(&body);
    }

    #[test]
    fn an_id_means_the_same_as_number_and_as_string(payment_id in 1_u64.., minor in 0_u64..1_000_000_000) {
        let body = |id: &str, amount: &str| format!(
            r#"{{"type":"PAYMENT_SUCCESS_WEBHOOK","data":{{"order":{{"order_id":"KB-1"}},"payment":{{
            "cf_payment_id":{id},"payment_status":"SUCCESS","payment_amount":{amount},"payment_currency":"INR"}}}}}}"#
        );
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        let number = body(&payment_id.to_string(), &amount);
        let string = body(&format!("\"{payment_id}\""), &format!("\"{amount}\""));
        let number = Webhook::parse(number.as_bytes(), Currency::INR).unwrap();
        let string = Webhook::parse(string.as_bytes(), Currency::INR).unwrap();
        prop_assert_eq!(number.event_key(), string.event_key());
        prop_assert_eq!(number.extract(), string.extract());
        let Effect::Paid(proof) = number.effect() else { panic!("a proof") };
        prop_assert_eq!(proof.money.amount.get(), minor);
        prop_assert_eq!(proof.payment_id.map(ToString::to_string), Some(payment_id.to_string()));
    }

    #[test]
    fn arbitrary_headers_never_panic(timestamp in ".{0,40}", signature in ".{0,60}", body in any::<Vec<u8>>()) {
        prop_assert!(verify(&["secret"], &timestamp, &body, &signature).is_err());
        let _ = timestamp_ms(&timestamp);
    }
}
