//! Orders: one order causes one Purchase, for money that was paid.
//!
//! Everything that happens to an order becomes a step on it ([`step`]): page claims, merchant reports, events that
//! name the order, webhooks, and answers of the Orders API. The store writes a step and its Purchase in one
//! transaction.
//!
//! | module | holds |
//! |---|---|
//! | [`step`] | the one way to change an order |
//! | `contact` | an event that names its order |
//! | `claim` | a page asks whether its order is paid |
//! | `claim_rules` | what a claim may cause and is told, decided without I/O |
//! | `confirm` | which page may speak for an order |
//! | `confirm_keys` | the keys that prove whose page fired |
//! | `report` | a service of the shop says that an order is paid |
//! | `webhook` | a payment provider's message |
//! | `provider` | what every provider implements |
//! | `providers` | the providers |
//! | `reconcile` | asks the provider when its message does not come |
//! | `rules` | when a Purchase is sent, held or suppressed |
//! | `service` | [`Orders`] itself |
//! | `quotas` | limits on what strangers may cause |
//! | `watch` | waiting for an order without holding a thread |

mod claim;
mod claim_rules;
#[cfg(test)]
mod claim_rules_tests;
mod confirm;
mod confirm_keys;
mod contact;
mod provider;
mod providers;
mod quotas;
mod reconcile;
mod report;
mod rules;
mod service;
mod step;
#[cfg(test)]
mod testing;
mod watch;
mod webhook;

pub use claim::{Claim, Patience};
pub use claim_rules::ClaimAnswer;
pub use confirm_keys::ConfirmKeys;
pub use contact::{ContactSource, NamedPixel, PageProof};
pub use provider::{SignedMessage, WebhookVerdict};
pub use reconcile::{OrdersApi, Reconciler};
pub use report::{MerchantReport, ReportAnswer};
pub use rules::PurchaseRules;
pub use service::{OrderError, OrderSettings, Orders};
pub use webhook::WebhookAnswer;
