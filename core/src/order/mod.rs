//! The order's state machine: one order, one Purchase, and only for money that was paid.
//!
//! Inputs come in any order and any number of times: contacts of browsers (claims, and
//! earlier events that named the order), payments (webhooks, reports of internal callers,
//! answers of the Orders API), failures and refunds. After each, [`Order::decide`] says
//! what must happen to the order's one Purchase. The caller stores the order and carries
//! the decision out in one atomic step.
//!
//! - A contact alone never makes a Purchase.
//! - The payment's money and customer win; the browser that named the order first adds
//!   its signals.
//! - A paid order without signals waits for them once, for a bounded time.

mod contact;
mod guessable;
mod history;
mod inquiry;
mod note;
mod payment;
mod proof;
mod purchase;
mod refund_event;
mod session;
mod signals;
mod state;

pub use contact::{Contact, SignalSource};
pub use guessable::look_guessable;
pub use inquiry::{TrustLevel, UnpaidStatus};
pub use note::{Note, NoteKind};
pub use payment::{Payment, PaymentOutcome, PaymentSource, Refund};
pub use purchase::Decision;
pub use refund_event::RefundDecision;
pub use state::{Order, PurchaseState, WithholdReason};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod refund_tests;
#[cfg(test)]
mod stranger_tests;
#[cfg(test)]
mod tests;
