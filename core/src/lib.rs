//! Tandem's rules, shared by the server and the browser.
//!
//! The crate does no I/O, reads no clock, makes no random numbers and has no async code: callers
//! pass such inputs as arguments. The crate builds for `wasm32-unknown-unknown`.
//!
//! | module | holds |
//! |---|---|
//! | [`id`] | event, order and pixel IDs, event names |
//! | [`money`], [`currency`] | amounts in minor units, never floats |
//! | [`personal`], [`hash`], [`normalise`], [`country`], [`unicode`] | from raw personal data to hashed match keys |
//! | [`field_code`] | codes and texts of wrong fields |
//! | [`click_id`], [`cookie`] | `fbp` and `fbc`, and their cookies |
//! | [`scrub`] | removes personal data from URLs and free text |
//! | `page_url` | the address of a page as it may be kept |
//! | `event`, `user_data`, `custom_data`, `capi` | the stored event and Meta's request body |
//! | `crawler` | which User-Agents are nobody's visit |
//! | `order` | the order's state machine: one Purchase for each order |
//! | `catalogue` | finds what was bought from cart tags or the price |
//! | `cashfree` | Cashfree's signatures, webhooks and Orders API |
//!
//! The feature `full` (default) adds what only the server needs: JSON, webhooks, orders and Unicode
//! tables. The browser has its own `normalize` and `toLowerCase`. Without `full` the crate needs no standard library, whose
//! panics would be a quarter of the browser package.

#![warn(missing_docs)]
#![cfg_attr(not(any(feature = "full", test)), no_std)]

extern crate alloc;

pub mod click_id;
pub mod code;
pub mod cookie;
pub mod country;
pub mod currency;
mod cut;
pub mod field_code;
pub mod hash;
pub mod id;
pub mod money;
pub mod normalise;
pub mod personal;
pub mod placeholder;
pub mod scrub;
pub mod unicode;

#[cfg(feature = "full")]
pub mod capi;
#[cfg(feature = "full")]
pub mod cashfree;
#[cfg(feature = "full")]
pub mod catalogue;
#[cfg(feature = "full")]
pub mod crawler;
#[cfg(feature = "full")]
pub mod custom_data;
#[cfg(feature = "full")]
pub mod event;
#[cfg(feature = "full")]
pub mod order;
#[cfg(feature = "full")]
pub mod page_url;
#[cfg(feature = "full")]
pub mod user_data;
