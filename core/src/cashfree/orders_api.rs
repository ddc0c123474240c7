//! Answers of Cashfree's Orders API: is an order paid, and by which payment?

use super::cash::Cash;
use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::{self, Node};
use super::payment::OrderTags;
use crate::currency::Currency;
use crate::hash::Sha256Hex;
use crate::id::OrderId;
use crate::money::Money;

/// Whether the Orders API can know this order: `[A-Za-z0-9_-]{3,45}` (Cashfree, Create
/// Order). Others are never asked for: they cannot exist there, and would travel in a URL.
pub fn orders_api_id_ok(order_id: &str) -> bool {
    (3..=45).contains(&order_id.len())
        && order_id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// `order_status` of the Orders API (Cashfree, Get Order).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Not paid yet.
    Active,
    /// Paid: its payments say how.
    Paid,
    /// Not paid in time; final.
    Expired,
    /// Ended by the merchant, or about to be.
    Terminated,
    /// Any other word, `PARTIALLY_PAID` included: ask again later.
    Unknown,
}

/// An order as the Orders API knows it (`GET /orders/{order_id}`).
#[derive(Debug)]
pub struct OrderAnswer {
    /// The order; the caller checks that it is the one asked for.
    pub order_id: OrderId,
    /// Whether it is paid.
    pub status: OrderStatus,
    /// What it was created with; not what was paid.
    pub order_money: Option<Money>,
    /// When it was created, Unix seconds.
    pub created_at_s: Option<i64>,
    /// Until when it can be paid, Unix seconds.
    pub expires_at_s: Option<i64>,
    /// Digest of the payment session (`payment_session_id`), which the page that pays knows too.
    pub payment_session: Option<Sha256Hex>,
    /// The shop's labels.
    pub order_tags: OrderTags,
    /// Who ordered.
    pub customer: Customer,
}

/// A successful payment as the Orders API knows it (`GET /orders/{order_id}/payments`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiPayment {
    /// The shop's order ID, byte for byte.
    pub order_id: Option<OrderId>,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: CashfreeId,
    /// What was paid.
    pub money: Money,
    /// When the attempt began, Unix seconds.
    pub payment_time_s: Option<i64>,
    /// `payment_group`, such as `upi`.
    pub payment_group: Option<String>,
    /// Whether it came from abroad.
    pub international: Option<bool>,
}

/// Reads the answer to `GET /orders/{order_id}`.
///
/// # Errors
/// When it is no such answer.
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

/// Reads the answer to `GET /orders/{order_id}/payments` and picks the payment that
/// counts: successful and not merely authorised, the earliest, then the lowest ID. `None`
/// when no payment succeeded.
///
/// # Errors
/// When it is no list, or a successful payment in it cannot be used.
pub fn parse_paying_payment(body: &[u8], assumed: Currency) -> Result<Option<ApiPayment>, MessageError> {
    let root = json::read(body).map_err(|error| error.reason)?;
    let Node::List(items) = &root else { return Err(MessageError::WrongRoot) };
    let mut paying: Option<ApiPayment> = None;
    for item in items.iter().filter(|item| is_successful(item)) {
        let payment = read_payment(item, assumed)?;
        if paying.as_ref().is_none_or(|known| precedence(&payment) < precedence(known)) {
            paying = Some(payment);
        }
    }
    Ok(paying)
}

/// What sorts payments: those with a time first, the earliest first, then the lowest ID.
fn precedence(payment: &ApiPayment) -> (bool, i64, (usize, &str)) {
    (
        payment.payment_time_s.is_none(),
        payment.payment_time_s.unwrap_or(i64::MAX),
        payment.payment_id.numeric_order(),
    )
}

/// `SUCCESS`, and captured: a pre-authorisation is captured later or never. Cash is not taken by Cashfree, and what
/// is not surely money is not taken for it.
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
