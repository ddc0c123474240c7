//! Cashfree's webhooks besides those of payments, in the 2025-01-01 edition, and the Orders API's refunds. Each kind has
//! the shape of its own that Cashfree gives it: IDs that are numbers here and strings there, amounts as text, an order
//! under another name.

use serde_json::{Value, json};

use crate::clock::{Millis, india_time, now_ms};
use crate::orders::{Order, Payment, Refund, RefundStatus};

/// The kinds that can be sent for a paid order. Payments and refunds have calls of their own.
pub(crate) const KINDS: [&str; 17] = [
    "PAYMENT_CHARGES_WEBHOOK",
    "AUTO_REFUND_STATUS_WEBHOOK",
    "DISPUTE_CREATED",
    "DISPUTE_UPDATED",
    "DISPUTE_CLOSED",
    "PAYMENT_LINK_EVENT",
    "PAYMENT_FORM_ORDER_WEBHOOK",
    "SETTLEMENT_INITIATED",
    "SETTLEMENT_SUCCESS",
    "SETTLEMENT_FAILED",
    "SETTLEMENT_REVERSED",
    "SUBSCRIPTION_AUTH_STATUS",
    "SUBSCRIPTION_PAYMENT_SUCCESS",
    "SUBSCRIPTION_PAYMENT_FAILED",
    "SUBSCRIPTION_PAYMENT_CANCELLED",
    "SUBSCRIPTION_REFUND_STATUS",
    "WEBHOOK",
];
/// Kind of a refund's webhook.
pub(crate) const REFUND: &str = "REFUND_STATUS_WEBHOOK";

/// Stand for amounts while a body is put together. Their digits must stay as they were given.
const ORDER_AMOUNT: &str = "@order_amount@";
const PAID_AMOUNT: &str = "@paid_amount@";
const REFUND_AMOUNT: &str = "@refund_amount@";

/// How long Cashfree takes for a refund.
const REFUND_MS: Millis = 12 * 60_000;

/// The exact bytes of a webhook of one of [`KINDS`] about a paid order.
pub(crate) fn body(kind: &str, order: &Order, payment: &Payment) -> String {
    let data = match kind {
        "PAYMENT_CHARGES_WEBHOOK" => charges(order, payment),
        "AUTO_REFUND_STATUS_WEBHOOK" => json!({ "auto_refund": auto_refund(order, payment) }),
        "DISPUTE_CREATED" => dispute("CHARGEBACK_CREATED", order, payment),
        "DISPUTE_UPDATED" => dispute("CHARGEBACK_UNDER_REVIEW", order, payment),
        "DISPUTE_CLOSED" => dispute("CHARGEBACK_MERCHANT_LOST", order, payment),
        "PAYMENT_LINK_EVENT" => link(order, payment),
        "PAYMENT_FORM_ORDER_WEBHOOK" => form(order, payment),
        "WEBHOOK" => json!({ "test_object": { "test_key": "test_value" } }),
        _ => match (kind.strip_prefix("SETTLEMENT_"), kind.strip_prefix("SUBSCRIPTION_")) {
            (Some(status), _) => json!({ "settlement": settlement(status, payment) }),
            (None, Some("REFUND_STATUS")) => subscription_refund(payment),
            (None, Some("AUTH_STATUS")) => subscription("AUTH", "SUCCESS", order, payment),
            (None, Some(event)) => {
                subscription("CHARGE", event.strip_prefix("PAYMENT_").unwrap_or(event), order, payment)
            }
            (None, None) => Value::Null,
        },
    };
    envelope(kind, &data)
        .replace(&quoted(ORDER_AMOUNT), order.amount.as_str())
        .replace(&quoted(PAID_AMOUNT), payment.amount.as_str())
}

/// The exact bytes of a refund's webhook.
pub(crate) fn refund_body(order: &Order, payment: &Payment, refund: &Refund) -> String {
    let mut refund_data = refund_data(order, refund, "Refund");
    // Numbers in webhooks, strings in the API.
    refund_data["cf_refund_id"] = number(&refund.cf_refund_id);
    refund_data["cf_payment_id"] = number(&payment.cf_payment_id);
    envelope(REFUND, &json!({ "refund": refund_data }))
        .replace(&quoted(REFUND_AMOUNT), refund.amount.as_str())
}

/// The answer of `GET /orders/{order_id}/refunds`.
pub(super) fn refunds_answer(order: &Order) -> String {
    let one = |refund: &Refund| {
        let mut data = refund_data(order, refund, "refund");
        data["cf_refund_id"] = json!(refund.cf_refund_id);
        data["cf_payment_id"] = json!(order.paid().map(|payment| payment.cf_payment_id.as_str()));
        data.to_string().replace(&quoted(REFUND_AMOUNT), refund.amount.as_str())
    };
    format!("[{}]", order.refunds.iter().map(one).collect::<Vec<_>>().join(","))
}

fn envelope(kind: &str, data: &Value) -> String {
    json!({ "data": data, "event_time": india_time(now_ms()), "type": kind }).to_string()
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// An ID as JSON number.
fn number(digits: &str) -> Value {
    digits.parse::<u64>().map_or(Value::Null, Value::from)
}

fn customer(order: &Order) -> Value {
    let customer = &order.customer;
    json!({
        "customer_name": customer.name,
        "customer_email": customer.email,
        "customer_phone": customer.phone,
    })
}

fn refund_data(order: &Order, refund: &Refund, entity: &str) -> Value {
    let is_done = refund.status == RefundStatus::Success;
    json!({
        "refund_id": refund.refund_id,
        "order_id": order.order_id,
        "refund_amount": REFUND_AMOUNT,
        "refund_currency": order.currency,
        "entity": entity,
        "refund_type": "MERCHANT_INITIATED",
        "refund_arn": is_done.then_some("610000000001"),
        "refund_status": refund.status,
        "status_description": null,
        "created_at": india_time(refund.at_ms),
        "processed_at": is_done.then(|| india_time(refund.at_ms + REFUND_MS)),
        "refund_note": null,
        "refund_splits": null,
        "metadata": null,
    })
}

fn charges(order: &Order, payment: &Payment) -> Value {
    json!({
        "order": {
            "order_id": order.order_id,
            "order_amount": ORDER_AMOUNT,
            "order_currency": order.currency,
            "order_tags": order.tags,
        },
        "payment": {
            "cf_payment_id": payment.cf_payment_id,
            "payment_status": "SUCCESS",
            "payment_amount": PAID_AMOUNT,
            "payment_currency": order.currency,
            "payment_time": india_time(payment.at_ms),
            "payment_group": "upi",
        },
        "customer_details": customer(order),
        "charges_details": {
            "service_charge": 2.0,
            "service_tax": 0.36,
            "settlement_amount": PAID_AMOUNT,
            "settlement_currency": order.currency,
            "service_charge_discount": null,
        },
    })
}

fn auto_refund(order: &Order, payment: &Payment) -> Value {
    json!({
        "event": "AUTO-REFUND",
        "cf_refund_id": number(&payment.cf_payment_id),
        "cf_payment_id": payment.cf_payment_id,
        "bank_reference": payment.bank_reference,
        "order_id": order.order_id,
        "refund_amount": PAID_AMOUNT,
        "refund_currency": order.currency,
        "refund_type": "PAYMENT_AUTO_REFUND",
        "refund_status": "SUCCESS",
        "status_description": null,
        "refund_reason": "the payment came too late",
        "refund_arn": null,
        "created_at": india_time(now_ms()),
        "processed_at": null,
    })
}

fn dispute(status: &str, order: &Order, payment: &Payment) -> Value {
    let now = india_time(now_ms());
    json!({
        "dispute": {
            "dispute_id": payment.cf_payment_id,
            "dispute_type": "CHARGEBACK",
            "reason_code": "4855",
            "reason_description": "not received",
            "dispute_amount": PAID_AMOUNT,
            "dispute_amount_currency": order.currency,
            "created_at": india_time(payment.at_ms),
            "updated_at": now,
            "respond_by": now,
            "resolved_at": status.ends_with("LOST").then_some(&now),
            "dispute_status": status,
            "cf_dispute_remarks": null,
            "dispute_action_on": "MERCHANT",
        },
        "order_details": {
            "order_id": order.order_id,
            "order_amount": ORDER_AMOUNT,
            "order_currency": order.currency,
            "cf_payment_id": number(&payment.cf_payment_id),
            "payment_amount": PAID_AMOUNT,
            "payment_currency": order.currency,
        },
        "customer_details": customer(order),
    })
}

/// Its amounts are texts, and so they need no stand-ins.
fn link(order: &Order, payment: &Payment) -> Value {
    json!({
        "cf_link_id": number(&order.cf_order_id),
        "link_id": format!("link_{}", order.order_id),
        "link_status": "PAID",
        "link_currency": order.currency,
        "link_amount": order.amount.as_str(),
        "link_amount_paid": payment.amount.as_str(),
        "link_partial_payments": false,
        "link_purpose": "an order",
        "link_created_at": india_time(order.created_at_ms),
        "link_notes": null,
        "customer_details": customer(order),
        "order": {
            "order_id": order.order_id,
            "order_amount": order.amount.as_str(),
            "transaction_id": number(&payment.cf_payment_id),
            "transaction_status": "SUCCESS",
        },
    })
}

fn form(order: &Order, payment: &Payment) -> Value {
    let mut buyer = customer(order);
    buyer["customer_fields"] = json!([{ "title": "Batch", "value": "morning" }]);
    json!({
        "form": { "form_id": null, "cf_form_id": number(&order.cf_order_id), "form_currency": order.currency },
        "order": {
            "order_id": order.order_id,
            "order_amount": payment.amount.as_str(),
            "transaction_id": number(&payment.cf_payment_id),
            "order_status": "PAID",
            "customer_details": buyer,
            "amount_details": [{ "title": "One", "value": payment.amount.as_str() }],
        },
    })
}

fn settlement(status: &str, payment: &Payment) -> Value {
    json!({
        "settlement_id": number(&payment.cf_payment_id),
        "status": status,
        "settlement_type": "STANDARD",
        "payment_amount": PAID_AMOUNT,
        "amount_settled": PAID_AMOUNT,
        "settlement_amount": PAID_AMOUNT,
        "adjustment": 0,
        "service_charge": 0,
        "service_tax": 0,
        "utr": 1_700_000_000_000_001_u64,
        "reason": null,
        "remarks": null,
        "payment_from": "2025-11-24 10:00:00",
        "payment_till": "2025-11-24 10:15:00",
        "settled_on": india_time(now_ms()),
        "settlement_initiated_on": india_time(payment.at_ms),
    })
}

/// It has neither an order nor a customer.
fn subscription(payment_type: &str, status: &str, order: &Order, payment: &Payment) -> Value {
    json!({
        "payment_id": format!("{}-1", order.order_id),
        "cf_payment_id": payment.cf_payment_id,
        "cf_txn_id": "",
        "cf_order_id": order.cf_order_id,
        "subscription_id": format!("sub_{}", order.order_id),
        "cf_subscription_id": order.cf_order_id,
        "payment_type": payment_type,
        "payment_amount": PAID_AMOUNT,
        "payment_currency": order.currency,
        "payment_schedule_date": india_time(payment.at_ms),
        "payment_initiated_date": india_time(payment.at_ms),
        "payment_remarks": null,
        "retry_attempts": 0,
        "failure_details": { "failure_reason": null },
        "payment_status": status,
    })
}

fn subscription_refund(payment: &Payment) -> Value {
    json!({
        "payment_id": payment.cf_payment_id,
        "cf_payment_id": payment.cf_payment_id,
        "refund_id": "refund-of-subscription",
        "cf_refund_id": format!("SUB_{}", payment.cf_payment_id),
        "refund_amount": PAID_AMOUNT,
        "refund_speed": "STANDARD",
        "refund_status": "SUCCESS",
        "failure_details": "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{NewOrder, Orders, Outcome, PaymentDetails};

    #[test]
    fn every_kind_has_a_body_that_keeps_the_digits() {
        let mut orders = Orders::default();
        let new: NewOrder = serde_json::from_str(r#"{"order_id":"KB-1","amount":"1499.00"}"#).unwrap();
        orders.create(new).unwrap();
        let (order, payment) = orders.pay("KB-1", Outcome::Success, PaymentDetails::default()).unwrap();
        for kind in KINDS {
            let text = body(kind, &order, &payment);
            let parsed: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(parsed["type"], kind);
            assert!(parsed["data"].is_object() && !text.contains('@'), "{text}");
            assert!(kind == "WEBHOOK" || text.contains("1499.00"), "{text}");
        }
        let (order, payment, refund) = orders.refund("KB-1", None, RefundStatus::Success).unwrap();
        let text = refund_body(&order, &payment, &refund);
        assert!(text.contains(r#""refund_amount":1499.00"#), "{text}");
        assert!(serde_json::from_str::<Value>(&text).unwrap()["data"]["refund"]["cf_refund_id"].is_number());
        assert!(refunds_answer(&order).contains(r#""cf_refund_id":""#));
    }
}
