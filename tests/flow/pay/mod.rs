//! A Purchase is sent only for a real payment, and one order has one Purchase.

mod cashfree_traps;
mod catalogue;
mod consent;
mod legacy_webhooks;
mod lost_webhooks;
mod merchant_reports;
mod no_money;
mod no_page;
mod play_money;
mod purchase;
mod refunds;
mod webhook_kinds;
mod webhooks;
