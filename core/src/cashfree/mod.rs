//! Cashfree's webhooks and Orders API: signatures, content, and the effect on an order.
//!
//! Verify the signature first ([`signature`]), then read the body ([`Webhook::parse`]), then ask
//! for the [`Effect`] on the order. A body is read by its shape, not by its version header. IDs
//! stay text, and money never passes through a float. Every error has a stable code and repeats
//! no value.
//!
//! | module | holds |
//! |---|---|
//! | [`signature`] | the signature over timestamp and raw body, and the age of the timestamp |
//! | [`legacy`] | the oldest, form-encoded notification with its own signature |
//! | `webhook`, `effect`, `event_key`, `extract`, `note` | one message: reader, effect, deduplication key, storable part, note |
//! | `notice` | the content of a message, by its kind |
//! | `payment`, `refund`, `link`, `subscription` | the kinds, each with its reader |
//! | `cash` | what is to be paid at the door, whatever its status says |
//! | `customer` | the customer, and the fields that can match a person |
//! | [`orders_api`] | answers of the Orders API |
//! | `json`, `fields` | strict reading of JSON and of single fields |

mod cash;
mod customer;
mod effect;
mod error;
mod event_key;
mod extract;
mod fields;
mod json;
pub mod legacy;
mod link;
mod note;
mod notice;
pub mod orders_api;
mod payment;
mod refund;
pub mod signature;
mod subscription;
mod webhook;

pub use customer::{Customer, MatchFields};
pub use effect::{Effect, Proof};
pub use error::MessageError;
pub use extract::Extract;
pub use fields::{CASHFREE_ID_BYTES_MAX, CashfreeId};
pub use json::{BODY_BYTES_MAX, DEPTH_MAX, VALUES_MAX};
pub use link::{FormNotice, LinkNotice, LinkOrder};
pub use notice::Notice;
pub use payment::{ChargesNotice, FlatOrderNotice, OrderTags, PaymentNotice, PaymentResult};
pub use refund::{DisputeNotice, RefundNotice};
pub use subscription::{SettlementNotice, SubscriptionNotice, SubscriptionPayment};
pub use webhook::{Webhook, WebhookError, is_about_payment};
