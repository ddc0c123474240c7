//! Applies payments, failures and refunds to an order.

use super::note::Note;
use super::payment::{Payment, PaymentOutcome, PaymentSource, Refund};
use super::state::Order;
use crate::money::MinorUnits;

/// Most further payments, and most refunds, that are kept with one order.
const NOTES_MAX: usize = 16;

impl Order {
    /// Adds a successful payment and returns its effect on the order.
    pub fn pay(&mut self, paid: Payment) -> PaymentOutcome {
        let is_report = paid.source == PaymentSource::Report;
        let note = Note::of(&paid);
        let outcome = self.take(paid, is_report);
        if !matches!(outcome, PaymentOutcome::Conflict { .. }) {
            self.note(note);
        }
        let payment_id = self.paid.as_ref().and_then(|paid| paid.payment_id.clone());
        if let Some((id, at_s)) = self.voided.iter().find(|(id, _)| Some(id) == payment_id.as_ref()).cloned()
        {
            self.void(&id, at_s);
        }
        outcome
    }

    fn take(&mut self, paid: Payment, is_report: bool) -> PaymentOutcome {
        let Some(known) = &mut self.paid else {
            self.denied_internally |= paid.consent.denied;
            self.paid = Some(paid);
            return PaymentOutcome::New;
        };
        if is_report {
            return if known.money == paid.money {
                PaymentOutcome::Duplicate
            } else {
                PaymentOutcome::Conflict { known: known.money }
            };
        }
        match (&known.payment_id, &paid.payment_id) {
            (Some(ours), Some(theirs)) if ours == theirs => PaymentOutcome::Duplicate,
            // The provider confirms the sale that a report named.
            (None, Some(_)) if known.money == paid.money => {
                known.payment_id = paid.payment_id;
                PaymentOutcome::Duplicate
            }
            (_, Some(theirs)) => {
                if self.other_payments.contains(theirs) {
                    return PaymentOutcome::Duplicate;
                }
                if self.other_payments.len() < NOTES_MAX {
                    self.other_payments.push(theirs.clone());
                }
                PaymentOutcome::SecondPayment
            }
            (_, None) => PaymentOutcome::Duplicate,
        }
    }

    /// Notes a failed or dropped attempt to pay. It never undoes a payment.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// Notes that a payment was voided at `at_s` (Unix seconds): the provider does not capture the
    /// authorised money or returns all of it. For the paying payment this is a full refund. For
    /// another payment it is a failed attempt.
    pub fn void(&mut self, payment_id: &str, at_s: i64) {
        match &self.paid {
            Some(paid) if paid.payment_id.as_deref() == Some(payment_id) => {
                let (id, money) = (format!("void_{payment_id}"), paid.money);
                self.refund(Refund::new(id, Some(payment_id.to_owned()), money, at_s));
            }
            // The message about the successful payment can come later.
            known => {
                self.failed |= known.is_none();
                let is_known = self.voided.iter().any(|(id, _)| id == payment_id);
                if !is_known && self.voided.len() < NOTES_MAX {
                    self.voided.push((payment_id.to_owned(), at_s));
                }
            }
        }
    }

    /// Adds a successful refund. Returns false when it was known, or when the order has the most
    /// refunds that are kept.
    pub fn refund(&mut self, refund: Refund) -> bool {
        if self.refunds.len() >= NOTES_MAX || self.refunds.iter().any(|r| r.refund_id == refund.refund_id) {
            return false;
        }
        self.refunds.push(refund);
        true
    }

    /// Whether all money of the paying payment went back. Refunds of a second payment or in another
    /// currency do not count.
    pub fn is_fully_refunded(&self) -> bool {
        let Some(paid) = &self.paid else { return false };
        let back = self
            .refunds
            .iter()
            .filter(|refund| refund.is_of(paid))
            .try_fold(MinorUnits::default(), |sum, refund| sum.checked_add(refund.money.amount));
        paid.money.amount.get() > 0 && back.is_none_or(|sum| sum >= paid.money.amount)
    }
}
