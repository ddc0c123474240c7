//! Cashfree's JSON: webhooks in the 2025-01-01 edition and the Orders API's answers.
//!
//! Amounts keep the digits that they were given (`1499.00`), as at Cashfree. A receiver that re-serialises the body
//! before it checks the signature fails here as it would there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::clock::{Millis, india_time, now_ms};
use crate::orders::amount::Amount;
use crate::orders::{Order, Outcome, Payment};

/// Orders can be paid for 30 days.
const ORDER_LIFE_MS: Millis = 30 * 86_400_000;

/// How long a buyer takes between choosing a method and the bank's answer.
const COMPLETION_MS: Millis = 7_000;

#[derive(Serialize)]
struct Webhook<'a> {
    data: WebhookData<'a>,
    event_time: String,
    r#type: &'static str,
}

#[derive(Serialize)]
struct WebhookData<'a> {
    order: WebhookOrder<'a>,
    payment: WebhookPayment<'a>,
    customer_details: CustomerDetails<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_gateway_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_offers: Option<Value>,
    terminal_details: Value,
}

#[derive(Serialize)]
struct WebhookOrder<'a> {
    order_id: &'a str,
    order_amount: Box<RawValue>,
    order_currency: &'a str,
    order_tags: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct WebhookPayment<'a> {
    cf_payment_id: &'a str,
    payment_status: &'static str,
    payment_amount: Box<RawValue>,
    payment_currency: &'a str,
    payment_message: &'static str,
    payment_time: String,
    bank_reference: &'a str,
    auth_id: Value,
    payment_method: Value,
    payment_group: &'static str,
    international_payment: Value,
    payment_surcharge: Value,
}

#[derive(Serialize)]
struct CustomerDetails<'a> {
    customer_name: Option<&'a str>,
    customer_id: Option<&'a str>,
    customer_email: Option<&'a str>,
    customer_phone: Option<&'a str>,
}

/// The exact bytes of a payment webhook.
pub(super) fn webhook_body(order: &Order, payment: &Payment) -> String {
    let outcome = payment.outcome;
    let webhook = Webhook {
        data: WebhookData {
            order: WebhookOrder {
                order_id: &order.order_id,
                order_amount: number(&order.amount),
                order_currency: &order.currency,
                order_tags: Some(&order.tags).filter(|tags| !tags.is_empty()),
            },
            payment: WebhookPayment {
                cf_payment_id: &payment.cf_payment_id,
                payment_status: outcome.payment_status(),
                payment_amount: number(&payment.amount),
                payment_currency: &order.currency,
                payment_message: message(outcome),
                payment_time: india_time(payment.at_ms),
                bank_reference: if outcome == Outcome::Success { &payment.bank_reference } else { "NA" },
                auth_id: Value::Null,
                payment_method: method(),
                payment_group: "upi",
                international_payment: json!({ "international": false }),
                payment_surcharge: Value::Null,
            },
            customer_details: CustomerDetails {
                customer_name: order.customer.name.as_deref(),
                customer_id: order.customer.id.as_deref(),
                customer_email: order.customer.email.as_deref(),
                customer_phone: order.customer.phone.as_deref(),
            },
            error_details: error_details(outcome).filter(|_| outcome == Outcome::Failed),
            // Cashfree leaves these two out if the buyer left the checkout page.
            payment_gateway_details: (outcome != Outcome::Dropped).then(|| gateway_details(order, payment)),
            payment_offers: (outcome != Outcome::Dropped).then_some(Value::Null),
            terminal_details: Value::Null,
        },
        event_time: india_time(now_ms().max(payment.at_ms)),
        r#type: outcome.webhook_type(),
    };
    to_json(&webhook)
}

#[derive(Serialize)]
struct OrderAnswer<'a> {
    cf_order_id: &'a str,
    order_id: &'a str,
    entity: &'static str,
    order_currency: &'a str,
    order_amount: Box<RawValue>,
    order_status: &'static str,
    payment_session_id: &'a str,
    order_expiry_time: String,
    order_note: Value,
    created_at: String,
    order_splits: [Value; 0],
    customer_details: ApiCustomer<'a>,
    order_meta: Value,
    order_tags: Option<&'a BTreeMap<String, String>>,
    cart_details: Value,
}

#[derive(Serialize)]
struct ApiCustomer<'a> {
    #[serde(flatten)]
    customer: CustomerDetails<'a>,
    customer_uid: Value,
}

/// The answer of `GET /orders/{order_id}`.
pub(super) fn order_answer(order: &Order) -> String {
    to_json(&OrderAnswer {
        cf_order_id: &order.cf_order_id,
        order_id: &order.order_id,
        entity: "order",
        order_currency: &order.currency,
        order_amount: number(&order.amount),
        order_status: order.status(),
        payment_session_id: &order.session,
        order_expiry_time: india_time(order.created_at_ms + ORDER_LIFE_MS),
        order_note: Value::Null,
        created_at: india_time(order.created_at_ms),
        order_splits: [],
        customer_details: ApiCustomer {
            customer: CustomerDetails {
                customer_name: order.customer.name.as_deref(),
                customer_id: order.customer.id.as_deref(),
                customer_email: order.customer.email.as_deref(),
                customer_phone: order.customer.phone.as_deref(),
            },
            customer_uid: Value::Null,
        },
        order_meta: json!({ "return_url": order.return_url, "notify_url": null, "payment_methods": null }),
        order_tags: Some(&order.tags).filter(|tags| !tags.is_empty()),
        cart_details: Value::Null,
    })
}

#[derive(Serialize)]
struct PaymentAnswer<'a> {
    cf_payment_id: &'a str,
    order_id: &'a str,
    entity: &'static str,
    is_captured: bool,
    order_amount: Box<RawValue>,
    payment_group: &'static str,
    payment_currency: &'a str,
    payment_amount: Box<RawValue>,
    payment_time: String,
    payment_completion_time: String,
    payment_status: &'static str,
    payment_message: &'static str,
    bank_reference: Option<&'a str>,
    auth_id: Value,
    error_details: Option<Value>,
    payment_method: Value,
}

/// The answer of `GET /orders/{order_id}/payments`.
pub(super) fn payments_answer(order: &Order) -> String {
    let payments: Vec<PaymentAnswer<'_>> =
        order.payments.iter().map(|payment| payment_answer(order, payment)).collect();
    to_json(&payments)
}

fn payment_answer<'a>(order: &'a Order, payment: &'a Payment) -> PaymentAnswer<'a> {
    let succeeded = payment.outcome == Outcome::Success;
    PaymentAnswer {
        cf_payment_id: &payment.cf_payment_id,
        order_id: &order.order_id,
        entity: "payment",
        is_captured: succeeded,
        order_amount: number(&order.amount),
        payment_group: "upi",
        payment_currency: &order.currency,
        payment_amount: number(&payment.amount),
        payment_time: india_time(payment.at_ms),
        payment_completion_time: india_time(payment.at_ms + COMPLETION_MS),
        payment_status: payment.outcome.payment_status(),
        payment_message: message(payment.outcome),
        bank_reference: succeeded.then_some(payment.bank_reference.as_str()),
        auth_id: Value::Null,
        error_details: error_details(payment.outcome),
        payment_method: method(),
    }
}

fn message(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "00::Transaction success",
        Outcome::Failed => "ZM::Invalid UPI PIN entered",
        Outcome::Dropped => "User dropped and did not complete the two factor authentication",
    }
}

fn method() -> Value {
    json!({ "upi": {
        "channel": "collect",
        "upi_id": "buyer@okbank",
        "upi_instrument": "UPI",
        "upi_instrument_number": "",
        "upi_payer_ifsc": "",
        "upi_payer_account_number": "",
    } })
}

fn error_details(outcome: Outcome) -> Option<Value> {
    let (code, description, reason) = match outcome {
        Outcome::Success => return None,
        Outcome::Failed => ("TRANSACTION_DECLINED", "The bank declined the payment.", "incorrect_pin"),
        Outcome::Dropped => ("TRANSACTION_DECLINED", "The buyer left the page.", "customer_cancelled"),
    };
    Some(json!({
        "error_code": code,
        "error_description": description,
        "error_reason": reason,
        "error_source": "customer",
        "error_subcode_raw": "ZM",
    }))
}

fn gateway_details(order: &Order, payment: &Payment) -> Value {
    json!({
        "gateway_name": "CASHFREE",
        "gateway_order_id": order.cf_order_id,
        "gateway_payment_id": payment.cf_payment_id,
        "gateway_order_reference_id": null,
        "gateway_settlement": "CASHFREE",
        "gateway_status_code": null,
        "gateway_reference_name": null,
    })
}

/// [`Amount::parse`] accepts only texts that are JSON numbers, so the fallback `null` is never used.
fn number(amount: &Amount) -> Box<RawValue> {
    RawValue::from_string(amount.as_str().to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn to_json(value: &impl Serialize) -> String {
    // String keys and plain data only: serialising cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{NewOrder, Orders, PaymentDetails};

    fn order_with(outcome: Outcome) -> (Order, Payment) {
        let new: NewOrder = serde_json::from_str(
            r#"{"order_id":"KB-1","amount":"1499.00","customer":{"name":"Asha Rao","phone":"9000012345"},
                "tags":{"utm":"diwali"}}"#,
        )
        .unwrap();
        let mut orders = Orders::default();
        orders.create(new).unwrap();
        let details = PaymentDetails {
            at_ms: Some(1_763_942_400_123),
            amount: Some(Amount::parse("1399.50").unwrap()),
        };
        orders.pay("KB-1", outcome, details).unwrap()
    }

    #[test]
    fn a_success_keeps_the_digits_of_its_amounts() {
        let (order, payment) = order_with(Outcome::Success);
        let body = webhook_body(&order, &payment);
        assert!(body.contains(r#""order_amount":1499.00,"#), "{body}");
        assert!(body.contains(r#""payment_amount":1399.50,"#), "{body}");
        let parsed: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(parsed["type"], "PAYMENT_SUCCESS_WEBHOOK");
        assert_eq!(parsed["data"]["payment"]["payment_status"], "SUCCESS");
        assert_eq!(parsed["data"]["payment"]["payment_time"], "2025-11-24T05:30:00+05:30");
        assert!(parsed["data"]["payment"]["cf_payment_id"].is_string());
        assert_eq!(parsed["data"]["customer_details"]["customer_name"], "Asha Rao");
        assert_eq!(parsed["data"]["customer_details"]["customer_email"], Value::Null);
        assert!(parsed["data"]["error_details"].is_null());
        assert!(parsed["data"]["payment_gateway_details"].is_object());
    }

    #[test]
    fn a_failure_says_why_and_a_drop_leaves_the_gateway_out() {
        let (order, payment) = order_with(Outcome::Failed);
        let failed: Value = serde_json::from_str(&webhook_body(&order, &payment)).unwrap();
        assert_eq!(failed["type"], "PAYMENT_FAILED_WEBHOOK");
        assert!(failed["data"]["error_details"]["error_code"].is_string());

        let (order, payment) = order_with(Outcome::Dropped);
        let dropped: Value = serde_json::from_str(&webhook_body(&order, &payment)).unwrap();
        assert_eq!(dropped["data"]["payment"]["payment_status"], "USER_DROPPED");
        assert!(dropped["data"].get("payment_gateway_details").is_none());
        assert!(dropped["data"].get("error_details").is_none());
    }
}
