//! Applies payments, failures and refunds to an order.

use super::note::Note;
use super::payment::{Payment, PaymentOutcome, PaymentSource, Refund, RefundSum};
use super::state::Order;
use crate::money::MinorUnits;

/// Most further payments, and most refunds, that are kept with one order.
const NOTES_MAX: usize = 16;

impl Order {
    /// Adds a successful payment and returns its effect on the order.
    pub fn pay(&mut self, paid: Payment) -> PaymentOutcome {
        let note = Note::of(&paid);
        let outcome = self.take(paid);
        if !matches!(outcome, PaymentOutcome::Conflict { .. }) {
            self.note(Note { status: outcome.noted_as().to_owned(), ..note });
        }
        let payment_id = self.paid.as_ref().and_then(|paid| paid.payment_id.clone());
        if let Some((id, at_s)) = self.voided.iter().find(|(id, _)| Some(id) == payment_id.as_ref()).cloned()
        {
            self.void(&id, at_s);
        }
        outcome
    }

    fn take(&mut self, paid: Payment) -> PaymentOutcome {
        if paid.money.amount.get() == 0 {
            return PaymentOutcome::Zero;
        }
        let Some(known) = &mut self.paid else {
            self.paid = Some(paid);
            return PaymentOutcome::New;
        };
        if let (Some(ours), Some(theirs)) = (&known.account, &paid.account)
            && ours != theirs
        {
            return PaymentOutcome::OtherAccount;
        }
        if paid.source == PaymentSource::Report {
            if known.money != paid.money {
                return PaymentOutcome::Conflict { known: known.money };
            }
            self.has_new_signals |= known.learn(&paid);
            return PaymentOutcome::Duplicate;
        }
        let is_better = paid.source.rank() > known.source.rank();
        let is_same = match (&known.payment_id, &paid.payment_id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            // The provider's own word on the sale that a report, a link or a form named.
            (None, Some(_)) => is_better || known.money == paid.money,
            (_, None) => true,
        };
        if !is_same {
            return self.note_second_payment(paid.payment_id);
        }
        if is_better {
            known.improve(paid);
            self.has_new_signals = true;
            return PaymentOutcome::BetterProof;
        }
        self.has_new_signals |= known.learn(&paid);
        if known.payment_id.is_none() {
            known.payment_id = paid.payment_id;
        }
        PaymentOutcome::Duplicate
    }

    fn note_second_payment(&mut self, payment_id: Option<String>) -> PaymentOutcome {
        let Some(theirs) = payment_id.filter(|theirs| !self.other_payments.contains(theirs)) else {
            return PaymentOutcome::Duplicate;
        };
        if self.other_payments.len() < NOTES_MAX {
            self.other_payments.push(theirs);
        }
        PaymentOutcome::SecondPayment
    }

    /// Notes a failed or dropped attempt to pay. It never undoes a payment.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// Notes that a payment was voided at `at_s` (Unix seconds): the provider does not capture the
    /// authorised money or returns all of it. For the paying payment this is a full refund. For
    /// another payment it is a failed attempt.
    pub fn void(&mut self, payment_id: &str, at_s: i64) {
        // The message that it was paid, or a better proof of how much, may come later.
        if !self.voided.iter().any(|(id, _)| id == payment_id) {
            if self.voided.len() == NOTES_MAX {
                self.voided.remove(0);
            }
            self.voided.push((payment_id.to_owned(), at_s));
        }
        match &self.paid {
            Some(paid) if paid.payment_id.as_deref() == Some(payment_id) => {
                let (id, money) = (format!("void_{payment_id}"), paid.money);
                self.refund(Refund::new(id, Some(payment_id.to_owned()), money, at_s));
            }
            known => self.failed |= known.is_none(),
        }
    }

    /// Notes a successful refund. Returns false when it was known.
    ///
    /// When there is no more room, the earliest is added to a sum, which knows no IDs: of so old a
    /// refund a second message counts again, unless the store knows the message.
    pub fn refund(&mut self, refund: Refund) -> bool {
        if self.refunds.iter().any(|known| known.refund_id == refund.refund_id) {
            return false;
        }
        self.refunds.push(refund);
        while self.refunds.len() > NOTES_MAX {
            let earliest = self.refunds.remove(0);
            RefundSum::add(&mut self.earlier_refunds, earliest);
        }
        true
    }

    /// What went back of the paying payment. Refunds of a second payment, and of another
    /// currency, do not count.
    pub(super) fn refunds_of<'a>(&'a self, paid: &'a Payment) -> impl Iterator<Item = MinorUnits> + 'a {
        let latest = self.refunds.iter().filter(|refund| refund.is_of(paid)).map(|refund| refund.money);
        let earlier = self.earlier_refunds.iter().filter(|sum| sum.is_of(paid)).map(|sum| sum.money);
        latest.chain(earlier).map(|money| money.amount)
    }

    /// Whether all of the paying payment went back, or it was voided.
    pub fn is_fully_refunded(&self) -> bool {
        let Some(paid) = &self.paid else { return false };
        if self.voided.iter().any(|(id, _)| paid.payment_id.as_ref() == Some(id)) {
            return true;
        }
        let back = self.refunds_of(paid).fold(MinorUnits::default(), MinorUnits::saturating_add);
        back >= paid.money.amount
    }
}
