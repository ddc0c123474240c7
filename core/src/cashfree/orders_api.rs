//! Answers of Cashfree's Orders API: is an order paid, and by which payment?

use super::cash::Cash;
use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::{self, Node};
use super::payment::OrderTags;
use super::refund::{RefundNotice, read_refund};
use crate::currency::Currency;
use crate::hash::Sha256Hex;
use crate::id::OrderId;
use crate::money::Money;

/// Whether the Orders API can know an order of this ID: `[A-Za-z0-9_-]{3,45}` (Cashfree, Create
/// Order). The caller must not ask about other IDs: they cannot exist there, and the ID becomes
/// part of a URL.
pub fn orders_api_id_ok(order_id: &str) -> bool {
    (3..=45).contains(&order_id.len())
        && order_id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// `order_status` of the Orders API (Cashfree, Get Order).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// `ACTIVE`: the order can still be paid.
    Active,
    /// `PAID`: the order is paid; its payments name the money.
    Paid,
    /// `EXPIRED`: the order was not paid in time. This is final.
    Expired,
    /// `TERMINATED` or `TERMINATION_REQUESTED`: the merchant ended the order.
    Terminated,
    /// Any other status, `PARTIALLY_PAID` included. The caller should ask again later.
    Unknown,
}

/// An order as the Orders API knows it (`GET /orders/{order_id}`).
#[derive(Debug)]
pub struct OrderAnswer {
    /// The shop's order ID. The caller checks that it is the one it asked about.
    pub order_id: OrderId,
    /// Whether it is paid.
    pub status: OrderStatus,
    /// Amount that the order was created with. It is not the paid amount.
    pub order_money: Option<Money>,
    /// When the order was created, Unix seconds.
    pub created_at_s: Option<i64>,
    /// When the order expires, Unix seconds.
    pub expires_at_s: Option<i64>,
    /// Digest of the payment session (`payment_session_id`), which the page that pays knows too.
    pub payment_session: Option<Sha256Hex>,
    /// The shop's labels on the order (`order_tags`).
    pub order_tags: OrderTags,
    /// The buyer's name and contact data.
    pub customer: Customer,
}

/// A successful payment as the Orders API knows it (`GET /orders/{order_id}/payments`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiPayment {
    /// The shop's order ID, byte for byte.
    pub order_id: Option<OrderId>,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: CashfreeId,
    /// Money that the buyer paid.
    pub money: Money,
    /// When the attempt to pay began, Unix seconds; `None` for a time without offset.
    pub payment_time_s: Option<i64>,
    /// `payment_group` in lower case, such as `upi`.
    pub payment_group: Option<String>,
    /// Whether the payment came from abroad; `None` when the answer does not say.
    pub international: Option<bool>,
}

/// Reads the answer to `GET /orders/{order_id}`. `assumed`: the currency where the answer names
/// none.
///
/// # Errors
/// A [`MessageError`] when the body is not a JSON object, or its order ID or status is missing or
/// unusable.
pub fn parse_order(body: &[u8], assumed: Currency) -> Result<OrderAnswer, MessageError> {
    let root = json::read(body).map_err(|error| error.reason)?;
    if !root.is_object() {
        return Err(MessageError::WrongRoot);
    }
    let status = match fields::status(root.get("order_status"))?.as_str() {
        "ACTIVE" => OrderStatus::Active,
        "PAID" => OrderStatus::Paid,
        "EXPIRED" => OrderStatus::Expired,
        "TERMINATED" | "TERMINATION_REQUESTED" => OrderStatus::Terminated,
        _ => OrderStatus::Unknown,
    };
    Ok(OrderAnswer {
        order_id: fields::order_id(root.get("order_id"))?,
        status,
        order_money: fields::currency(&[root.get("order_currency")], assumed)
            .and_then(|currency| fields::money(root.get("order_amount"), currency))
            .ok(),
        created_at_s: fields::time_s(root.get("created_at")),
        expires_at_s: fields::time_s(root.get("order_expiry_time")),
        payment_session: root
            .get("payment_session_id")
            .text()
            .filter(|text| !text.is_empty())
            .map(|text| Sha256Hex::of_bytes(text.as_bytes())),
        order_tags: OrderTags::read(root.get("order_tags")),
        customer: Customer::read(root.get("customer_details")),
    })
}

/// Reads the answer to `GET /orders/{order_id}/payments` and returns the payment that paid the
/// order. That is the earliest successful and captured payment of more than zero; of equal times, the
/// one with the lowest ID. `None` when no payment succeeded. `assumed`: the currency where a payment names
/// none.
///
/// # Errors
/// A [`MessageError`] when the body is not a JSON list, or when a successful payment in it cannot
/// be used.
pub fn parse_paying_payment(body: &[u8], assumed: Currency) -> Result<Option<ApiPayment>, MessageError> {
    let root = json::read(body).map_err(|error| error.reason)?;
    let Node::List(items) = &root else { return Err(MessageError::WrongRoot) };
    let mut paying: Option<ApiPayment> = None;
    for item in items.iter().filter(|item| is_successful(item)) {
        let payment = read_payment(item, assumed)?;
        // A payment of zero is no payment, and must not hide one that is.
        if !payment.money.amount.is_zero()
            && paying.as_ref().is_none_or(|known| precedence(&payment) < precedence(known))
        {
            paying = Some(payment);
        }
    }
    Ok(paying)
}

/// Reads the answer to `GET /orders/{order_id}/refunds`: the refunds that are done.
///
/// # Errors
/// When it is no list, or a refund in it that is done cannot be used.
pub fn parse_refunds(body: &[u8], assumed: Currency) -> Result<Vec<RefundNotice>, MessageError> {
    let root = json::read(body).map_err(|error| error.reason)?;
    let Node::List(items) = &root else { return Err(MessageError::WrongRoot) };
    let mut refunds = Vec::new();
    for item in items {
        let is_done = fields::status(item.get("refund_status")).is_ok_and(|status| status == "SUCCESS");
        if is_done {
            refunds.push(read_refund(item, false, assumed)?);
        }
    }
    Ok(refunds)
}

/// What sorts payments: those with a time first, the earliest first, then the lowest ID.
fn precedence(payment: &ApiPayment) -> (bool, i64, (usize, &str)) {
    (
        payment.payment_time_s.is_none(),
        payment.payment_time_s.unwrap_or(i64::MAX),
        payment.payment_id.numeric_order(),
    )
}

/// Whether a payment succeeded and was captured. A pre-authorisation is captured later or never.
/// Cashfree takes no cash, so a payment that may be cash does not count.
fn is_successful(item: &Node<'_>) -> bool {
    fields::status(item.get("payment_status")).is_ok_and(|status| status == "SUCCESS")
        && item.get("is_captured").bool() != Some(false)
        && Cash::read(item.get("payment_group"), item.get("payment_method")) == Cash::No
}

fn read_payment(item: &Node<'_>, assumed: Currency) -> Result<ApiPayment, MessageError> {
    let currency = fields::currency(&[item.get("payment_currency"), item.get("order_currency")], assumed)?;
    Ok(ApiPayment {
        order_id: fields::order_id(item.get("order_id")).ok(),
        payment_id: fields::payment_id(item.get("cf_payment_id"))?,
        money: fields::money(item.get("payment_amount"), currency)?,
        payment_time_s: fields::time_s(item.get("payment_time")),
        payment_group: fields::lower_word(item.get("payment_group")),
        international: item.get("international_payment").get("international").bool(),
    })
}
