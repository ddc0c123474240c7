//! The order's state machine: each order has at most one Purchase, and only for paid money.
//!
//! Inputs can come in any sequence and any number of times. They are contacts of browsers (claims,
//! and earlier events that named the order), payments (webhooks, reports of internal callers,
//! answers of the Orders API), failures and refunds. After each input, [`Order::decide`] says what
//! must happen to the order's Purchase. The caller stores the order and carries out the decision in
//! one atomic step.
//!
//! - A contact alone never makes a Purchase.
//! - The payment's money and customer win. The browser that named the order first adds its signals.
//! - A paid order without browser signals waits for them once, for a limited time.

mod contact;
mod history;
mod inquiry;
mod note;
mod payment;
mod proof;
mod purchase;
mod refund_event;
mod signals;
mod state;

pub use contact::{Contact, SignalSource};
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
