//! Payment links and payment forms. Their orders also give a `PAYMENT_SUCCESS_WEBHOOK`
//! when the merchant asked for both, so these are twins of it, keyed by the order.

use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::Node;
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;

/// `PAYMENT_LINK_EVENT`.
#[derive(Debug)]
pub struct LinkNotice {
    /// Cashfree's ID of the link.
    pub link_id: CashfreeId,
    /// `PAID`, `PARTIALLY_PAID`, `EXPIRED`, `CANCELLED`, `ACTIVE`, or another.
    pub status: String,
    /// All that was paid through the link so far: never what one order was paid with.
    pub paid_so_far: Option<Money>,
    /// The last order made from the link; none when it expired or was cancelled.
    pub order: Option<LinkOrder>,
    /// Who was asked to pay.
    pub customer: Customer,
}

/// The order a link's message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOrder {
    /// The order; Cashfree made its ID.
    pub order_id: OrderId,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: Option<CashfreeId>,
    /// `SUCCESS` or another.
    pub status: String,
    /// What this order was paid with; present when the status is `SUCCESS`.
    pub money: Option<Money>,
}

impl LinkNotice {
    /// The order, if this message proves that it was paid.
    pub fn paid_order(&self) -> Option<&LinkOrder> {
        let counts = matches!(self.status.as_str(), "PAID" | "PARTIALLY_PAID");
        self.order.as_ref().filter(|order| counts && order.status == "SUCCESS")
    }
}

/// Reads a link's message: `data` is the link itself.
pub(super) fn read_link(data: &Node<'_>, assumed: Currency) -> Result<LinkNotice, MessageError> {
    let link_id = fields::subject_id(data.get("cf_link_id"))?;
    let status = fields::status(data.get("link_status"))?;
    let currency = fields::currency(&[data.get("link_currency")], assumed)?;
    let order = match data.get("order") {
        order if order.is_object() => Some(read_link_order(order, currency)?),
        _ => None,
    };
    Ok(LinkNotice {
        link_id,
        status,
        paid_so_far: fields::money(data.get("link_amount_paid"), currency).ok(),
        order,
        customer: Customer::read(data.get("customer_details")),
    })
}

fn read_link_order(order: &Node<'_>, currency: Currency) -> Result<LinkOrder, MessageError> {
    let order_id = fields::order_id(order.get("order_id"))?;
    let payment_id =
        fields::cashfree_id(order.get("transaction_id")).map_err(|_| MessageError::BadPaymentId)?;
    let status = fields::status(order.get("transaction_status"))?;
    let money = fields::money(order.get("order_amount"), currency);
    let money = if status == "SUCCESS" { Some(money?) } else { money.ok() };
    Ok(LinkOrder { order_id, payment_id, status, money })
}

/// `PAYMENT_FORM_ORDER_WEBHOOK`.
#[derive(Debug)]
pub struct FormNotice {
    /// The order; Cashfree made its ID.
    pub order_id: OrderId,
    /// `PAID` or another.
    pub status: String,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: Option<CashfreeId>,
    /// What was paid; present when the status is `PAID`.
    pub money: Option<Money>,
    /// Who paid.
    pub customer: Customer,
}

/// Reads a form's message: the currency is the form's, the customer is inside the order.
pub(super) fn read_form(data: &Node<'_>, assumed: Currency) -> Result<FormNotice, MessageError> {
    let order = data.get("order");
    let order_id = fields::order_id(order.get("order_id"))?;
    let status = fields::status(order.get("order_status"))?;
    let payment_id =
        fields::cashfree_id(order.get("transaction_id")).map_err(|_| MessageError::BadPaymentId)?;
    let money = fields::currency(&[data.get("form").get("form_currency")], assumed)
        .and_then(|currency| fields::money(order.get("order_amount"), currency));
    let money = if status == "PAID" { Some(money?) } else { money.ok() };
    let customer = Customer::read(order.get("customer_details"));
    Ok(FormNotice { order_id, status, payment_id, money, customer })
}
