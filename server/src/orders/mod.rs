//! Orders: one order makes one Purchase, for money that was paid.
//!
//! Claims of pages, reports of the shop's services, events that name an order, webhooks and
//! answers of the Orders API all become a step on their order ([`step`]), which the store
//! carries out together with the Purchase it gives rise to.
//!
//! | module | holds |
//! |---|---|
//! | [`step`] | the one way to change an order |
//! | `contact` | an event that names its order |
//! | `claim` | a page asks whether its order is paid |
//! | `claim_rules` | what a claim may cause and is told, decided without I/O |
//! | `report` | a service of the shop says that an order is paid |
//! | `webhook` | a payment provider's message |
//! | `providers` | what each provider's messages look like |
//! | `reconcile` | asking the provider where its message does not come |
//! | `quotas` | what strangers may cost |
//! | `watch` | waiting for an order without holding a thread |

mod claim;
mod claim_rules;
#[cfg(test)]
mod claim_rules_tests;
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

pub use claim::Claim;
pub use claim_rules::ClaimAnswer;
pub use contact::ContactSource;
pub use provider::{SignedMessage, WebhookVerdict};
pub use reconcile::{OrdersApi, Reconciler};
pub use report::{MerchantReport, ReportAnswer};
pub use rules::PurchaseRules;
pub use service::{OrderError, OrderSettings, Orders};
pub use webhook::WebhookAnswer;
