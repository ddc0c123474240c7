//! Payment links and payment forms. If the merchant subscribed to both, Cashfree also sends a
//! `PAYMENT_SUCCESS_WEBHOOK` for the same order. The order takes the two messages as one
//! payment.

use super::customer::Customer;
use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::Node;
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;

/// Content of a `PAYMENT_LINK_EVENT`.
#[derive(Debug)]
pub struct LinkNotice {
    /// Cashfree's ID of the link.
    pub link_id: CashfreeId,
    /// Status of the link in upper case: `PAID`, `PARTIALLY_PAID`, `EXPIRED`, `CANCELLED`,
    /// `ACTIVE`, or another.
    pub status: String,
    /// Sum of all payments through the link so far. It is not the amount of one order.
    pub paid_so_far: Option<Money>,
    /// The last order made from the link; `None` when the link expired or was cancelled.
    pub order: Option<LinkOrder>,
    /// The customer whom the link asks to pay.
    pub customer: Customer,
}

/// The order that a link's message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOrder {
    /// Order ID, which Cashfree made.
    pub order_id: OrderId,
    /// Cashfree's payment ID (`transaction_id`).
    pub payment_id: Option<CashfreeId>,
    /// Status of the payment in upper case: `SUCCESS` or another.
    pub status: String,
    /// Money that paid this order; always present when the status is `SUCCESS`.
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

/// Content of a `PAYMENT_FORM_ORDER_WEBHOOK`.
#[derive(Debug)]
pub struct FormNotice {
    /// Order ID, which Cashfree made.
    pub order_id: OrderId,
    /// Status of the order in upper case: `PAID` or another.
    pub status: String,
    /// Cashfree's payment ID (`cf_payment_id`).
    pub payment_id: Option<CashfreeId>,
    /// Money that was paid; always present when the status is `PAID`.
    pub money: Option<Money>,
    /// The buyer's name and contact data.
    pub customer: Customer,
}

/// Reads a form's message. The currency is that of the form; the customer is inside the order.
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
