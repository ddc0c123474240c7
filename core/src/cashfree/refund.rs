//! Money that goes back: refunds, automatic refunds, refunds of subscriptions, disputes.

use super::error::MessageError;
use super::fields::{self, CashfreeId};
use super::json::Node;
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;
use crate::order::Refund;

/// Content of a `REFUND_STATUS_WEBHOOK` or an `AUTO_REFUND_STATUS_WEBHOOK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundNotice {
    /// Cashfree's ID of the refund.
    pub refund_id: CashfreeId,
    /// The shop's order ID. An automatic refund has none when its payment had no order.
    pub order_id: Option<OrderId>,
    /// Cashfree's ID of the refunded payment. It can differ from the payment that paid the order,
    /// because Cashfree refunds a second payment automatically.
    pub payment_id: Option<CashfreeId>,
    /// Status in upper case: `SUCCESS`, `PENDING`, `CANCELLED`, `ONHOLD`, `FAILED`,
    /// `PENDING_APPROVAL`, or another.
    pub status: String,
    /// Amount of the refund; always present when the status is `SUCCESS`.
    pub money: Option<Money>,
    /// When the refund was processed, Unix seconds.
    pub processed_at_s: Option<i64>,
}

impl RefundNotice {
    /// Whether the buyer got the money back.
    pub fn is_done(&self) -> bool {
        self.status == "SUCCESS"
    }

    /// The refund as its order takes it, if the money is back. `told_at_s`: when Cashfree made the message,
    /// which counts where it does not say when the money went back. `now_s`: the latest it can have been.
    /// Both are Unix seconds.
    pub fn of_order(&self, told_at_s: Option<i64>, now_s: i64) -> Option<Refund> {
        let money = self.money.filter(|_| self.is_done())?;
        let payment_id = self.payment_id.as_ref().map(|id| id.as_str().to_owned());
        let at_s = self.processed_at_s.or(told_at_s).unwrap_or(now_s).min(now_s);
        Some(Refund::new(self.refund_id.as_str().to_owned(), payment_id, money, at_s))
    }
}

/// Reads `data.refund` (which must name its order) or `data.auto_refund`.
pub(super) fn read_refund(
    refund: &Node<'_>,
    order_required: bool,
    assumed: Currency,
) -> Result<RefundNotice, MessageError> {
    let refund_id = fields::subject_id(refund.get("cf_refund_id"))?;
    let order_id = match fields::order_id(refund.get("order_id")) {
        Ok(order_id) => Some(order_id),
        Err(MessageError::MissingOrderId) if !order_required => None,
        Err(error) => return Err(error),
    };
    let payment_id =
        fields::cashfree_id(refund.get("cf_payment_id")).map_err(|_| MessageError::BadPaymentId)?;
    let status = fields::status(refund.get("refund_status"))?;
    let money = fields::currency(&[refund.get("refund_currency")], assumed)
        .and_then(|currency| fields::money(refund.get("refund_amount"), currency));
    let money = if status == "SUCCESS" { Some(money?) } else { money.ok() };
    let processed_at_s = fields::time_s(refund.get("processed_at"));
    Ok(RefundNotice { refund_id, order_id, payment_id, status, money, processed_at_s })
}

/// Content of a `DISPUTE_CREATED`, `DISPUTE_UPDATED` or `DISPUTE_CLOSED`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeNotice {
    /// Cashfree's ID of the dispute.
    pub dispute_id: CashfreeId,
    /// Status in upper case: `<type>_<state>`, e.g. `CHARGEBACK_MERCHANT_LOST`.
    pub status: String,
    /// The shop's order ID, where the message names it.
    pub order_id: Option<OrderId>,
    /// Cashfree's payment ID, where the message names it.
    pub payment_id: Option<CashfreeId>,
    /// Disputed amount; it can be a part of the payment.
    pub money: Option<Money>,
    /// When the dispute was last updated, Unix seconds.
    pub updated_at_s: Option<i64>,
}

impl DisputeNotice {
    /// Whether the merchant lost the money. A retrieval request moves no money.
    pub fn is_lost(&self) -> bool {
        !self.status.starts_with("RETRIEVAL_")
            && (self.status.ends_with("_MERCHANT_LOST") || self.status.ends_with("_MERCHANT_ACCEPTED"))
    }
}

/// Reads a dispute. Its order is in `order_details`, not in `order`.
pub(super) fn read_dispute(data: &Node<'_>, assumed: Currency) -> Result<DisputeNotice, MessageError> {
    let (dispute, order) = (data.get("dispute"), data.get("order_details"));
    let named = [dispute.get("dispute_amount_currency"), order.get("payment_currency")];
    Ok(DisputeNotice {
        dispute_id: fields::subject_id(dispute.get("dispute_id"))?,
        status: fields::status(dispute.get("dispute_status"))?,
        order_id: fields::order_id(order.get("order_id")).ok(),
        payment_id: fields::optional_id(order.get("cf_payment_id")),
        money: fields::currency(&named, assumed)
            .and_then(|currency| fields::money(dispute.get("dispute_amount"), currency))
            .ok(),
        updated_at_s: fields::time_s(dispute.get("updated_at")),
    })
}
