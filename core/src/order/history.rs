//! History of an order for operators: attempts to pay, refunds and disputes.

use super::note::{Note, NoteKind};
use super::state::Order;
use crate::money::{MinorUnits, Money};

/// Most notes that are kept with one order.
const NOTES_MAX: usize = 48;

impl Order {
    /// Adds a note to the history. Each status of a payment, refund or dispute is kept once, in the
    /// order of arrival. When the history is full, a new status replaces the last one of the same
    /// payment, refund or dispute; a note about another one is dropped.
    pub fn note(&mut self, note: Note) {
        if self.history.iter().any(|known| known.is_about(&note) && known.status == note.status) {
            return;
        }
        if self.history.len() < NOTES_MAX {
            self.history.push(note);
        } else if let Some(known) = self.history.iter_mut().rfind(|known| known.is_about(&note)) {
            *known = note;
        }
    }

    /// The notes on the order, first to last.
    pub fn history(&self) -> &[Note] {
        &self.history
    }

    /// Sum of the refunds of the paying payment, in its currency; `None` without a payment.
    pub fn refunded(&self) -> Option<Money> {
        let paid = self.paid.as_ref()?;
        Some(sum(self.refunds_of(paid), paid.money))
    }

    /// Sum of the money lost in disputes, in the payment's currency; `None` without a payment. Of
    /// each dispute only the latest note counts.
    pub fn lost(&self) -> Option<Money> {
        let paid = self.paid.as_ref()?;
        let last = |note: &&Note| self.history.iter().rfind(|other| other.is_about(note)) == Some(*note);
        let lost = self
            .history
            .iter()
            .filter(|note| note.kind == NoteKind::Dispute && note.is_lost)
            .filter(last)
            .filter_map(|note| note.money)
            .filter(|money| money.currency == paid.money.currency);
        Some(sum(lost.map(|money| money.amount), paid.money))
    }

    /// The provider's IDs of the order's refunds.
    pub fn refund_ids(&self) -> impl Iterator<Item = &str> {
        self.refunds.iter().map(|refund| refund.refund_id.as_str())
    }

    /// Number of successful payments; more than one is a double payment.
    pub fn payments(&self) -> usize {
        self.other_payments.len() + usize::from(self.paid.is_some())
    }
}

/// A sum in the currency of `like`.
fn sum(amounts: impl Iterator<Item = MinorUnits>, like: Money) -> Money {
    Money { amount: amounts.fold(MinorUnits::default(), MinorUnits::saturating_add), currency: like.currency }
}
