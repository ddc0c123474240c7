//! The order's state machine: each order has at most one Purchase, and only for paid money.
//!
//! Inputs can come in any sequence and any number of times. They are contacts of browsers (claims,
//! and earlier events that named the order), payments (webhooks, reports of internal callers,
//! answers of the Orders API), failures and refunds. After each input, [`Order::decide`] says what
//! must happen to the order's Purchase. The caller stores the order and carries out the decision in
//! one atomic step.
//!
//! - A contact alone never makes a Purchase.
//! - An unproven word binds nothing that a proof decides: pixel, amount, consent, ownership.
//! - The payment's money and customer win; the browser that owns the order adds its signals.
//! - A paid order without signals waits for them once, for a bounded time.

mod browser;
mod consent;
mod contact;
mod environment;
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
mod voices;

pub use browser::{Browser, BrowserSalt};
pub use contact::{Contact, ContactProof, SignalSource};
pub use environment::Environment;
pub use guessable::look_guessable;
pub use inquiry::{TrustLevel, UnpaidStatus};
pub use note::{Note, NoteKind};
pub use payment::{Payment, PaymentOutcome, PaymentSource, Refund};
pub use purchase::{Decision, PurchaseContext};
pub use refund_event::RefundDecision;
pub use state::{Order, PurchaseState, WithholdReason};

#[cfg(test)]
mod consent_tests;
#[cfg(test)]
mod environment_tests;
#[cfg(test)]
mod money_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod refund_tests;
#[cfg(test)]
mod stranger_tests;
#[cfg(test)]
mod tests;
