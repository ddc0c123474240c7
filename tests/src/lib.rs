//! Black-box suites: the real binaries on free ports against the sandbox.
//!
//! A test builds a [`World`], calls it as a page, a payment provider or an operator would, and checks what the fake
//! Graph API received. Worlds share nothing, so tests can run in parallel. Tests wait by polling with a deadline
//! ([`eventually`]), never with a sleep of a guessed length.
//!
//! The suites compute their expectations (hashes, signatures, addresses) from the published rules. Of the product's
//! own code they use only the generated protocol.

pub mod binaries;
pub mod browser;
pub mod cashfree;
pub mod certificates;
pub mod documents;
pub mod grpc_web;
pub mod http;
pub mod integrity;
pub mod leak_scan;
pub mod messages;
pub mod metas_name;
pub mod person;
pub mod process;
pub mod raw;
pub mod sandbox;
mod skipped;
pub mod status;
pub mod wait;
pub mod web_server;
pub mod webhook_sender;
pub mod world;

pub use person::Person;
pub use sandbox::Sandbox;
pub use skipped::skip;
pub use wait::{PATIENCE, eventually};
pub use world::{Caller, Visitor, World};

/// The pixel (dataset) of every world.
pub const PIXEL_ID: &str = "123456789012345";
/// The second pixel of the worlds that have one.
pub const OTHER_PIXEL_ID: &str = "555555555555555";
/// The access token that the fake Graph API accepts.
pub const GRAPH_TOKEN: &str = "sandbox-token";
/// The Cashfree secret with which the sandbox signs.
pub const CASHFREE_SECRET: &str = "cfsk_ma_test_sandbox_secret";
/// The token of internal callers.
pub const INTERNAL_TOKEN: &str = "internal-token-of-the-suites-0123456789";
/// The shop's address in the server's settings.
pub const SHOP_URL: &str = "https://shop.example/";
