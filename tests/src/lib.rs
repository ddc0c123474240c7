//! Black-box suites: the real binaries on free ports against the sandbox.
//!
//! A test builds a [`World`], speaks to it as a page, a payment provider or an operator
//! would, and looks at what the fake Graph API received. Worlds share nothing, so tests
//! run side by side. Waiting is polling with a deadline ([`eventually`]), never a sleep
//! of a guessed length.
//!
//! What the suites expect (hashes, signatures, addresses) is computed here from the
//! published rules; none of the product's own code is used but the generated protocol.

pub mod binaries;
pub mod browser;
pub mod cashfree;
pub mod certificates;
pub mod grpc_web;
pub mod http;
pub mod integrity;
pub mod leak_scan;
pub mod messages;
pub mod person;
pub mod process;
pub mod raw;
pub mod sandbox;
mod skipped;
pub mod status;
pub mod wait;
pub mod webhook_sender;
pub mod world;

pub use person::Person;
pub use sandbox::Sandbox;
pub use skipped::skip;
pub use wait::{PATIENCE, eventually};
pub use world::{Caller, Visitor, World};

/// Pixel (dataset) that every world reports to.
pub const PIXEL_ID: &str = "123456789012345";
/// Second pixel of the worlds that have one.
pub const OTHER_PIXEL_ID: &str = "555555555555555";
/// Access token that the fake Graph API takes.
pub const GRAPH_TOKEN: &str = "sandbox-token";
/// Cashfree secret that the sandbox signs with.
pub const CASHFREE_SECRET: &str = "cfsk_ma_test_sandbox_secret";
/// Token of internal callers.
pub const INTERNAL_TOKEN: &str = "internal-token-of-the-suites-0123456789";
/// The shop's address as the server knows it.
pub const SHOP_URL: &str = "https://shop.example/";
