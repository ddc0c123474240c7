//! Messages about a payment of an order: the types `PAYMENT_*_WEBHOOK`, and the flat
//! notification of old integrations.

use std::collections::BTreeMap;

use super::cash::Cash;
use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::Node;
use crate::click_id::{Fbc, Fbp};
use crate::cookie::{FBC, FBP};
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;
use crate::user_data::UserData;

/// Status of an order that is to be paid in cash when the goods come.
const CASH_ON_DELIVERY: &str = "CASH_ON_DELIVERY";
/// Most order tags that are kept (Cashfree allows 10).
const TAGS_MAX: usize = 32;
/// Longest tag name or value that is kept, bytes (Cashfree allows 255 characters).
const TAG_BYTES_MAX: usize = 1024;

/// The shop's own labels on an order (`order_tags`). `Debug` shows no values, because they can be
/// personal data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OrderTags(BTreeMap<String, String>);

impl core::fmt::Debug for OrderTags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OrderTags({})", self.0.len())
    }
}

impl OrderTags {
    /// Reads `order_tags`. Null is an empty list. Values that are not strings are left out.
    pub(super) fn read(node: &Node<'_>) -> Self {
        let Node::Object(members) = node else { return Self::default() };
        let tags = members.iter().filter_map(|(name, value)| {
            let value = value.text().filter(|value| value.len() <= TAG_BYTES_MAX)?;
            (name.len() <= TAG_BYTES_MAX).then(|| (name.clone(), value.to_owned()))
        });
        Self(tags.take(TAGS_MAX).collect())
    }

    /// The value of the tag with this exact name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds the browser that the shop's server named when it made the order: the tags `fbp` and `fbc`, or
    /// the names of Meta's cookies. Values that are none are left out, and so is a click that is too old
    /// at `now_ms`, Unix milliseconds.
    pub fn add_signals(&self, user_data: &mut UserData, now_ms: u64) {
        let tag = |names: [&str; 2]| names.into_iter().find_map(|name| self.get(name)).map(str::trim);
        let fbp = tag(["fbp", FBP]).and_then(Fbp::parse);
        let fbc = tag(["fbc", FBC]).and_then(Fbc::parse).filter(|fbc| !fbc.is_expired(now_ms));
        user_data.fbp = fbp.map(|fbp| fbp.as_str().to_owned());
        user_data.fbc = fbc.map(|fbc| fbc.as_str().to_owned());
    }

    /// All tags as name and value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// How an attempt to pay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentResult {
    /// It succeeded. The money is what the buyer paid (`payment_amount`). It can differ from the
    /// order's amount because of offers and surcharges.
    Success(Money),
    /// The order was placed, to be paid in cash when the goods come. Cashfree says SUCCESS and
    /// took no money.
    CashOnDelivery(Money),
    /// It failed. Another attempt may succeed.
    Failed,
    /// The buyer left the payment page. Another attempt may succeed.
    UserDropped,
    /// The attempt was cancelled. Another attempt may succeed.
    Cancelled,
    /// The authorised or captured money was released.
    Void,
}

impl PaymentResult {
    /// Cashfree's status, e.g. `SUCCESS`, except where that word misleads.
    pub fn status(self) -> &'static str {
        match self {
            Self::Success(_) => "SUCCESS",
            Self::CashOnDelivery(_) => CASH_ON_DELIVERY,
            Self::Failed => "FAILED",
            Self::UserDropped => "USER_DROPPED",
            Self::Cancelled => "CANCELLED",
            Self::Void => "VOID",
        }
    }
}

/// Content of a `PAYMENT_SUCCESS_WEBHOOK`, `PAYMENT_FAILED_WEBHOOK` or
/// `PAYMENT_USER_DROPPED_WEBHOOK`: one attempt to pay an order.
#[derive(Debug)]
pub struct PaymentNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// Cashfree's ID of the attempt (`cf_payment_id`).
    pub payment_id: CashfreeId,
    /// How the attempt ended.
    pub result: PaymentResult,
    /// When the attempt began, Unix seconds; `None` for a time without offset.
    pub payment_time_s: Option<i64>,
    /// `payment_group` in lower case, such as `upi` or `credit_card`.
    pub payment_group: Option<String>,
    /// The one key of `payment_method`, such as `card`. Its contents are never read.
    pub payment_method: Option<String>,
    /// Whether the payment came from abroad; `None` before edition 2025-01-01.
    pub international: Option<bool>,
    /// ID of the payment link that the order was made from (`order_tags.cf_link_id`).
    pub link_id: Option<CashfreeId>,
    /// The shop's labels on the order.
    pub order_tags: OrderTags,
    /// The buyer's name and contact data.
    pub customer: Customer,
}

/// Content of a `PAYMENT_CHARGES_WEBHOOK`: fees of a successful payment. It is no proof of that
/// payment.
#[derive(Debug)]
pub struct ChargesNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: CashfreeId,
    /// Cashfree's status of the payment in upper case; `SUCCESS` in all known messages.
    pub status: String,
    /// Cashfree's fee; `None` when it cannot be read.
    pub service_charge: Option<Money>,
    /// Money that the merchant gets; `None` when it cannot be read.
    pub settlement: Option<Money>,
}

/// The flat notification of old integrations: all fields are at the root, and it has no type.
#[derive(Debug)]
pub struct FlatOrderNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// Cashfree's payment ID, where the message names it.
    pub payment_id: Option<CashfreeId>,
    /// Status in upper case: `SUCCESS`, `FAILED`, `PENDING`, `CANCELLED`, `FLAGGED`,
    /// `USER_DROPPED`, or another. Our own `CASH_ON_DELIVERY` where a success took no money.
    pub status: String,
    /// Money of the transaction; always present when the status is `SUCCESS`.
    pub money: Option<Money>,
    /// When the transaction took place, Unix seconds. A time without offset is read as Indian
    /// time.
    pub paid_at_s: Option<i64>,
    /// The buyer's name and contact data.
    pub customer: Customer,
}

/// Reads a payment message of the given type.
pub(super) fn read_payment(
    kind: &str,
    data: &Node<'_>,
    assumed: Currency,
) -> Result<PaymentNotice, MessageError> {
    let (order, payment) = (data.get("order"), data.get("payment"));
    let order_id = fields::order_id(order.get("order_id"))?;
    let payment_id = fields::payment_id(payment.get("cf_payment_id"))?;
    let status = fields::status(payment.get("payment_status"))?;
    let result = match (kind, status.as_str()) {
        ("PAYMENT_SUCCESS_WEBHOOK", "SUCCESS") => {
            let named = [payment.get("payment_currency"), order.get("order_currency")];
            let currency = fields::currency(&named, assumed)?;
            let money = fields::money(payment.get("payment_amount"), currency)?;
            let cash = Cash::read(payment.get("payment_group"), payment.get("payment_method"));
            if cash.is_unpaid()? {
                PaymentResult::CashOnDelivery(money)
            } else {
                PaymentResult::Success(money)
            }
        }
        ("PAYMENT_FAILED_WEBHOOK", "FAILED") => PaymentResult::Failed,
        ("PAYMENT_USER_DROPPED_WEBHOOK", "USER_DROPPED") => PaymentResult::UserDropped,
        ("PAYMENT_FAILED_WEBHOOK" | "PAYMENT_USER_DROPPED_WEBHOOK", "CANCELLED") => PaymentResult::Cancelled,
        ("PAYMENT_FAILED_WEBHOOK" | "PAYMENT_USER_DROPPED_WEBHOOK", "VOID") => PaymentResult::Void,
        _ => return Err(MessageError::StatusTypeMismatch),
    };
    let order_tags = OrderTags::read(order.get("order_tags"));
    Ok(PaymentNotice {
        order_id,
        payment_id,
        result,
        payment_time_s: fields::time_s(payment.get("payment_time")),
        payment_group: fields::lower_word(payment.get("payment_group")),
        payment_method: method(payment.get("payment_method")),
        international: payment.get("international_payment").get("international").bool(),
        link_id: fields::optional_id(order.get("order_tags").get("cf_link_id")),
        order_tags,
        customer: Customer::read(data.get("customer_details")),
    })
}

/// The only key of an object; `None` when it has none or several.
fn method(node: &Node<'_>) -> Option<String> {
    let Node::Object(members) = node else { return None };
    let mut names = members.keys();
    match (names.next(), names.next()) {
        (Some(name), None) => fields::lower_word(&Node::Text(name.clone())),
        _ => None,
    }
}

pub(super) fn read_charges(data: &Node<'_>, assumed: Currency) -> Result<ChargesNotice, MessageError> {
    let charges = data.get("charges_details");
    let named = [charges.get("settlement_currency"), data.get("payment").get("payment_currency")];
    let currency = fields::currency(&named, assumed)?;
    let status = fields::status(data.get("payment").get("payment_status"))?;
    if status != "SUCCESS" {
        return Err(MessageError::StatusTypeMismatch);
    }
    Ok(ChargesNotice {
        order_id: fields::order_id(data.get("order").get("order_id"))?,
        payment_id: fields::payment_id(data.get("payment").get("cf_payment_id"))?,
        status,
        service_charge: fields::money(charges.get("service_charge"), currency).ok(),
        settlement: fields::money(charges.get("settlement_amount"), currency).ok(),
    })
}

/// Whether a body without a type is a flat notification.
pub(super) fn is_flat(root: &Node<'_>) -> bool {
    !root.get("orderId").is_null() && !root.get("txStatus").is_null()
}

pub(super) fn read_flat(root: &Node<'_>, assumed: Currency) -> Result<FlatOrderNotice, MessageError> {
    let order_id = fields::order_id(root.get("orderId"))?;
    let mut status = fields::status(root.get("txStatus"))?;
    let payment_id = fields::cashfree_id(root.get("referenceId")).map_err(|_| MessageError::BadPaymentId)?;
    let currency = fields::currency(&[root.get("orderCurrency")], assumed)?;
    let money = match (status.as_str(), fields::money(root.get("orderAmount"), currency)) {
        ("SUCCESS", money) => Some(money?),
        (_, money) => money.ok(),
    };
    if status == "SUCCESS" && Cash::read(root.get("paymentMode"), &Node::Null).is_unpaid()? {
        CASH_ON_DELIVERY.clone_into(&mut status);
    }
    Ok(FlatOrderNotice {
        order_id,
        payment_id,
        status,
        money,
        paid_at_s: root.get("txTime").text().and_then(fields::indian_time_s),
        customer: Customer::of(
            root.get("customerName"),
            root.get("customerEmail"),
            root.get("customerPhone"),
            root.get("customerId"),
        ),
    })
}
