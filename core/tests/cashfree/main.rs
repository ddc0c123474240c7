//! Tests of Cashfree's signatures, webhooks and Orders API, and of known mistakes in reading them. The
//! test against the known mistake number NN is named `trap_NN_…`.

mod kinds;
mod orders_api;
mod properties;
mod recut;
mod samples;
mod signature;
mod traps;
