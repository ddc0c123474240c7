//! What a message changes on its order.

use super::customer::{Customer, MatchFields};
use super::fields::CashfreeId;
use super::notice::Notice;
use super::payment::{OrderTags, PaymentResult};
use super::refund::RefundNotice;
use super::subscription::SubscriptionNotice;
use super::webhook::Webhook;
use crate::id::OrderId;
use crate::money::Money;

/// What a message changes on its order.
#[derive(Debug, Clone, Copy)]
pub enum Effect<'a> {
    /// The message proves that the order was paid, unless the amount is 0: the order then takes it as no
    /// payment.
    Paid(Proof<'a>),
    /// An attempt to pay the order failed or was dropped. Another attempt, earlier or later, can
    /// succeed.
    Failed {
        /// The shop's order ID, byte for byte.
        order_id: &'a OrderId,
    },
    /// A payment was voided. If it is the payment that paid the order, all of its money went
    /// back.
    Voided {
        /// The shop's order ID, byte for byte.
        order_id: &'a OrderId,
        /// Cashfree's payment ID (`cf_payment_id`).
        payment_id: &'a CashfreeId,
        /// When it happened, Unix seconds; `None` when the message has no time.
        at_s: Option<i64>,
    },
    /// Money went back to the buyer. [`RefundNotice::of_order`] is what the order takes of it.
    Refunded(&'a RefundNotice),
    /// The message changes nothing. It is only stored.
    Nothing,
}

/// Proof of a payment.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The shop's order ID, byte for byte.
    pub order_id: &'a OrderId,
    /// Cashfree's payment ID, where the message names it.
    pub payment_id: Option<&'a CashfreeId>,
    /// Money that the buyer paid.
    pub money: Money,
    /// When the order was paid, Unix seconds. `None`: use the signed timestamp of the message,
    /// or else the time of receipt.
    pub paid_at_s: Option<i64>,
    /// The buyer's name and contact data.
    pub customer: &'a Customer,
    /// Whether the payment came from abroad; `None` when the message does not say.
    pub international: Option<bool>,
    /// The shop's labels on the order (`order_tags`), where the message has them.
    pub order_tags: Option<&'a OrderTags>,
}

impl Proof<'_> {
    /// The customer's fields to normalise and hash into match keys.
    pub fn match_fields(&self) -> MatchFields {
        self.customer.match_fields(Some(self.money.currency), self.international)
    }
}

impl Webhook {
    /// What the message changes on its order. A message about fees
    /// (`PAYMENT_CHARGES_WEBHOOK`) repeats a payment and proves none. Messages about
    /// subscriptions have no effect; see [`Webhook::subscription_effect`].
    pub fn effect(&self) -> Effect<'_> {
        match self.notice() {
            Notice::Payment(payment) => match payment.result {
                PaymentResult::Success(money) => Effect::Paid(Proof {
                    order_id: &payment.order_id,
                    payment_id: Some(&payment.payment_id),
                    money,
                    paid_at_s: payment.payment_time_s.or(self.event_time_s()),
                    customer: &payment.customer,
                    international: payment.international,
                    order_tags: Some(&payment.order_tags),
                }),
                PaymentResult::CashOnDelivery(_) => Effect::Nothing,
                PaymentResult::Failed | PaymentResult::UserDropped | PaymentResult::Cancelled => {
                    Effect::Failed { order_id: &payment.order_id }
                }
                PaymentResult::Void => Effect::Voided {
                    order_id: &payment.order_id,
                    payment_id: &payment.payment_id,
                    at_s: self.event_time_s(),
                },
            },
            Notice::Link(link) => match link.paid_order() {
                Some(order) => {
                    self.twin(&order.order_id, order.payment_id.as_ref(), order.money, &link.customer)
                }
                None => Effect::Nothing,
            },
            Notice::Form(form) if form.status == "PAID" => {
                self.twin(&form.order_id, form.payment_id.as_ref(), form.money, &form.customer)
            }
            Notice::FlatOrder(flat) => match (flat.status.as_str(), flat.money) {
                ("SUCCESS", Some(money)) => Effect::Paid(Proof {
                    order_id: &flat.order_id,
                    payment_id: flat.payment_id.as_ref(),
                    money,
                    paid_at_s: flat.paid_at_s,
                    customer: &flat.customer,
                    international: None,
                    order_tags: None,
                }),
                ("VOID", _) => match &flat.payment_id {
                    Some(payment_id) => {
                        Effect::Voided { order_id: &flat.order_id, payment_id, at_s: self.event_time_s() }
                    }
                    None => Effect::Failed { order_id: &flat.order_id },
                },
                ("FAILED" | "CANCELLED" | "USER_DROPPED", _) => Effect::Failed { order_id: &flat.order_id },
                _ => Effect::Nothing,
            },
            Notice::Refund(refund) | Notice::AutoRefund(refund) => Self::refunded(refund),
            Notice::Form(_)
            | Notice::Charges(_)
            | Notice::Dispute(_)
            | Notice::Subscription(_)
            | Notice::Settlement(_)
            | Notice::Ping
            | Notice::Unknown => Effect::Nothing,
        }
    }

    /// What a message about a subscription means for merchants who count its charges. Each
    /// charge is an order of its own, named by the merchant's payment ID.
    pub fn subscription_effect(&self) -> Effect<'_> {
        if let Some(proof) = self.subscription_charge() {
            return Effect::Paid(proof);
        }
        match self.notice() {
            Notice::Subscription(SubscriptionNotice::Refund(refund)) => Self::refunded(refund),
            _ => Effect::Nothing,
        }
    }

    /// A charge of a subscription as a proof of payment. The merchant's payment ID serves as the
    /// order ID, and its subscription as the customer. `None` when the message is no such charge
    /// ([`SubscriptionPayment::is_charge`](super::SubscriptionPayment::is_charge)) or lacks the ID
    /// or the money.
    pub fn subscription_charge(&self) -> Option<Proof<'_>> {
        let Notice::Subscription(SubscriptionNotice::Payment(payment)) = self.notice() else { return None };
        Some(Proof {
            order_id: payment.payment_ref.as_ref().filter(|_| payment.is_charge())?,
            payment_id: payment.payment_id.as_ref(),
            money: payment.money?,
            paid_at_s: payment.initiated_at_s.or(self.event_time_s()),
            customer: &payment.customer,
            international: None,
            order_tags: None,
        })
    }

    fn refunded(refund: &RefundNotice) -> Effect<'_> {
        if refund.is_done() { Effect::Refunded(refund) } else { Effect::Nothing }
    }

    /// The proof in a message about a link or a form. Such a message does not give the time of
    /// the payment, so the time of the message is used.
    fn twin<'a>(
        &self,
        order_id: &'a OrderId,
        payment_id: Option<&'a CashfreeId>,
        money: Option<Money>,
        customer: &'a Customer,
    ) -> Effect<'a> {
        let Some(money) = money else { return Effect::Nothing };
        Effect::Paid(Proof {
            order_id,
            payment_id,
            money,
            paid_at_s: self.event_time_s(),
            customer,
            international: None,
            order_tags: None,
        })
    }
}
