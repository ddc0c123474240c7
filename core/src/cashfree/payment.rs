//! Messages about a payment of an order: the event family `PAYMENT_*_WEBHOOK`, and the
//! flat notification of old integrations.

use std::collections::BTreeMap;

use super::cash::Cash;
use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::Node;
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;

/// Status of an order that is to be paid in cash when the goods come.
const CASH_ON_DELIVERY: &str = "CASH_ON_DELIVERY";
/// Most order tags kept (Cashfree allows 10).
const TAGS_MAX: usize = 32;
/// Longest tag value kept, bytes (Cashfree allows 255 characters).
const TAG_BYTES_MAX: usize = 1024;

/// The shop's own labels on an order. `Debug` shows no values: they may be personal.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OrderTags(BTreeMap<String, String>);

impl core::fmt::Debug for OrderTags {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OrderTags({})", self.0.len())
    }
}

impl OrderTags {
    /// Reads `order_tags`: null is empty, values that are no strings are left out.
    pub(super) fn read(node: &Node<'_>) -> Self {
        let Node::Object(members) = node else { return Self::default() };
        let tags = members.iter().filter_map(|(name, value)| {
            let value = value.text().filter(|value| value.len() <= TAG_BYTES_MAX)?;
            (name.len() <= TAG_BYTES_MAX).then(|| (name.clone(), value.to_owned()))
        });
        Self(tags.take(TAGS_MAX).collect())
    }

    /// A tag by its exact name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All tags, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// How an attempt to pay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentResult {
    /// It was paid, with this money: what left the buyer (`payment_amount`), which offers
    /// and surcharges make different from the order's amount.
    Success(Money),
    /// The order was placed, to be paid in cash when the goods come. Cashfree says SUCCESS and
    /// took no money.
    CashOnDelivery(Money),
    /// It failed. Another attempt may succeed.
    Failed,
    /// The buyer left. Another attempt may succeed.
    UserDropped,
    /// The attempt was called off. Another attempt may succeed.
    Cancelled,
    /// What had been authorised or taken was released.
    Void,
}

impl PaymentResult {
    /// Cashfree's word for it, except where that word misleads.
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

/// `PAYMENT_SUCCESS_WEBHOOK`, `PAYMENT_FAILED_WEBHOOK`, `PAYMENT_USER_DROPPED_WEBHOOK`.
#[derive(Debug)]
pub struct PaymentNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// This attempt to pay it.
    pub payment_id: CashfreeId,
    /// How it ended.
    pub result: PaymentResult,
    /// When the attempt began, Unix seconds; absent without an offset.
    pub payment_time_s: Option<i64>,
    /// `payment_group`, such as `upi` or `credit_card`.
    pub payment_group: Option<String>,
    /// `payment_method`'s one key, such as `card`; its contents are never read.
    pub payment_method: Option<String>,
    /// Whether the payment came from abroad; absent before edition 2025-01-01.
    pub international: Option<bool>,
    /// The payment link the order was made from (`order_tags.cf_link_id`).
    pub link_id: Option<CashfreeId>,
    /// The shop's labels.
    pub order_tags: OrderTags,
    /// Who paid.
    pub customer: Customer,
}

/// `PAYMENT_CHARGES_WEBHOOK`: fees of a successful payment. It repeats the payment and is
/// no proof of it.
#[derive(Debug)]
pub struct ChargesNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: CashfreeId,
    /// `SUCCESS`.
    pub status: String,
    /// Cashfree's fee, if it can be read.
    pub service_charge: Option<Money>,
    /// What the merchant gets, if it can be read.
    pub settlement: Option<Money>,
}

/// The flat notification of old integrations: everything at the root, no type.
#[derive(Debug)]
pub struct FlatOrderNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// The payment, where it is named.
    pub payment_id: Option<CashfreeId>,
    /// `SUCCESS`, `FAILED`, `PENDING`, `CANCELLED`, `FLAGGED`, `USER_DROPPED`, or another; our own
    /// `CASH_ON_DELIVERY` where a success took no money.
    pub status: String,
    /// The money; present when the status is `SUCCESS`.
    pub money: Option<Money>,
    /// When the transaction took place, Unix seconds. Without an offset it is Indian.
    pub paid_at_s: Option<i64>,
    /// Who paid.
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

/// The key of an object with exactly one.
fn method(node: &Node<'_>) -> Option<String> {
    let Node::Object(members) = node else { return None };
    let mut names = members.keys();
    match (names.next(), names.next()) {
        (Some(name), None) => fields::lower_word(&Node::Text(name.clone())),
        _ => None,
    }
}

/// Reads a message about fees.
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

/// Reads a flat notification.
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
