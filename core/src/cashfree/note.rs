//! The note that a message leaves on its order for operators.

use super::notice::Notice;
use super::webhook::Webhook;
use crate::order::{Note, NoteKind, PaymentSource};

impl Webhook {
    /// The note that the message leaves on its order. `None` when the message is not about a
    /// payment, refund or dispute, or names no order. `seen_at_s`: time of receipt, Unix seconds.
    pub fn note(&self, seen_at_s: i64) -> Option<Note> {
        let extract = self.extract();
        extract.order_id.as_ref()?;
        let (kind, is_lost) = match self.notice() {
            Notice::Payment(_) | Notice::FlatOrder(_) | Notice::Link(_) | Notice::Form(_) => {
                (NoteKind::Payment, false)
            }
            Notice::Refund(_) | Notice::AutoRefund(_) => (NoteKind::Refund, false),
            Notice::Dispute(dispute) => (NoteKind::Dispute, dispute.is_lost()),
            // A message about fees repeats a payment. A charge of a subscription is no order.
            Notice::Charges(_)
            | Notice::Subscription(_)
            | Notice::Settlement(_)
            | Notice::Ping
            | Notice::Unknown => return None,
        };
        let text = |id: &super::CashfreeId| id.as_str().to_owned();
        let payment_id = extract.payment_id.as_ref().map(text);
        let (id, payment_id) = match kind {
            NoteKind::Payment => (payment_id.unwrap_or_default(), None),
            NoteKind::Refund | NoteKind::Dispute => {
                (extract.subject_id.as_ref().map(text).unwrap_or_default(), payment_id)
            }
        };
        Some(Note {
            kind,
            id,
            payment_id,
            status: extract.status.clone().unwrap_or_default(),
            money: extract.money,
            at_s: extract.at_s.or(self.event_time_s()),
            seen_at_s,
            source: PaymentSource::Webhook,
            is_lost,
        })
    }
}
