//! Every flow that needs no browser, against the real binaries.
//!
//! A folder for each of the promises (`ARCHITECTURE.md`, "The promises"):
//!
//! | module | shows |
//! |---|---|
//! | [`accept`] | what pages and services send is taken or refused with a reason |
//! | [`pay`] | a Purchase is sent only for money that was really paid, once per order |
//! | [`deliver`] | what was acknowledged is never lost; nobody waits for Meta |
//! | [`operate`] | an operator sees what was sent, held and why, and can change it |
//! | [`abuse`] | strangers and crowds cost the shop nothing; personal data stays hashed |
//!
//! One test: `cargo test -p tandem-tests --test flow pay::refunds`.

mod abuse;
mod accept;
mod deliver;
mod operate;
mod pay;
mod tool;
