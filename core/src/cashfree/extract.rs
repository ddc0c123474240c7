//! The part of a webhook that may be stored, as an allow list: IDs, amounts, statuses and
//! times. It has no personal data, no payment instrument and no free text.

use serde::{Deserialize, Serialize};

use super::fields::CashfreeId;
use super::link::{FormNotice, LinkNotice};
use super::notice::Notice;
use super::payment::{ChargesNotice, FlatOrderNotice, PaymentNotice, PaymentResult};
use super::refund::{DisputeNotice, RefundNotice};
use super::subscription::{SettlementNotice, SubscriptionNotice};
use crate::id::OrderId;
use crate::money::Money;

/// The storable part of a webhook. Every field is optional, because an unusable message gives
/// only what could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extract {
    /// The message's own type in upper case, e.g. `PAYMENT_SUCCESS_WEBHOOK`; empty when it has
    /// none or an unusable one.
    pub webhook_type: String,
    /// When Cashfree made the message, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time_s: Option<i64>,
    /// Cashfree's ID of the partner's merchant; only on platform accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merchant_id: Option<CashfreeId>,
    /// The shop's order ID, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Cashfree's ID of the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<CashfreeId>,
    /// Cashfree's ID of the refund, dispute, link, subscription or settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<CashfreeId>,
    /// Cashfree's status in upper case, e.g. `SUCCESS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Money that the message is about: paid, refunded, disputed or settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// When the payment, refund, dispute or settlement happened, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_s: Option<i64>,
    /// Group of payment methods in lower case, e.g. `upi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_group: Option<String>,
    /// Whether the payment came from abroad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub international: Option<bool>,
}

impl Extract {
    /// Adds the storable fields of a message of a known kind.
    pub(super) fn with(mut self, notice: &Notice) -> Self {
        match notice {
            Notice::Payment(payment) => self.payment(payment),
            Notice::Charges(charges) => self.charges(charges),
            Notice::Refund(refund) | Notice::AutoRefund(refund) => self.refund(refund),
            Notice::Dispute(dispute) => self.dispute(dispute),
            Notice::Link(link) => self.link(link),
            Notice::Form(form) => self.form(form),
            Notice::Subscription(subscription) => self.subscription(subscription),
            Notice::Settlement(settlement) => self.settlement(settlement),
            Notice::FlatOrder(flat) => self.flat(flat),
            Notice::Ping | Notice::Unknown => {}
        }
        self
    }

    fn payment(&mut self, notice: &PaymentNotice) {
        self.order_id = Some(notice.order_id.clone());
        self.payment_id = Some(notice.payment_id.clone());
        self.status = Some(notice.result.status().to_owned());
        if let PaymentResult::Success(money) | PaymentResult::CashOnDelivery(money) = notice.result {
            self.money = Some(money);
        }
        self.at_s = notice.payment_time_s;
        self.payment_group.clone_from(&notice.payment_group);
        self.international = notice.international;
    }

    fn charges(&mut self, notice: &ChargesNotice) {
        self.order_id = Some(notice.order_id.clone());
        self.payment_id = Some(notice.payment_id.clone());
        self.status = Some(notice.status.clone());
        self.money = notice.settlement;
    }

    fn refund(&mut self, notice: &RefundNotice) {
        self.order_id.clone_from(&notice.order_id);
        self.payment_id.clone_from(&notice.payment_id);
        self.subject_id = Some(notice.refund_id.clone());
        self.status = Some(notice.status.clone());
        self.money = notice.money;
        self.at_s = notice.processed_at_s;
    }

    fn dispute(&mut self, notice: &DisputeNotice) {
        self.order_id.clone_from(&notice.order_id);
        self.payment_id.clone_from(&notice.payment_id);
        self.subject_id = Some(notice.dispute_id.clone());
        self.status = Some(notice.status.clone());
        self.money = notice.money;
        self.at_s = notice.updated_at_s;
    }

    fn link(&mut self, notice: &LinkNotice) {
        self.subject_id = Some(notice.link_id.clone());
        self.status = Some(notice.status.clone());
        if let Some(order) = &notice.order {
            self.order_id = Some(order.order_id.clone());
            self.payment_id.clone_from(&order.payment_id);
            self.money = order.money;
        }
    }

    fn form(&mut self, notice: &FormNotice) {
        self.order_id = Some(notice.order_id.clone());
        self.payment_id.clone_from(&notice.payment_id);
        self.status = Some(notice.status.clone());
        self.money = notice.money;
    }

    fn subscription(&mut self, notice: &SubscriptionNotice) {
        match notice {
            SubscriptionNotice::Payment(payment) => {
                self.order_id.clone_from(&payment.payment_ref);
                self.payment_id.clone_from(&payment.payment_id);
                self.subject_id.clone_from(&payment.subscription_id);
                self.status.clone_from(&payment.status);
                self.money = payment.money;
                self.at_s = payment.initiated_at_s;
            }
            SubscriptionNotice::Status { subscription_id, status } => {
                self.subject_id.clone_from(subscription_id);
                self.status.clone_from(status);
            }
            SubscriptionNotice::Refund(refund) => self.refund(refund),
            SubscriptionNotice::Other => {}
        }
    }

    fn settlement(&mut self, notice: &SettlementNotice) {
        self.subject_id = Some(notice.settlement_id.clone());
        self.status = Some(notice.status.clone());
        self.money = notice.money;
        self.at_s = notice.settled_at_s;
    }

    fn flat(&mut self, notice: &FlatOrderNotice) {
        self.order_id = Some(notice.order_id.clone());
        self.payment_id.clone_from(&notice.payment_id);
        self.status = Some(notice.status.clone());
        self.money = notice.money;
        self.at_s = notice.paid_at_s;
    }
}
