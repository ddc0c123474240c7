//! Cashfree: signatures, webhooks of every kind, answers of the Orders API, and the traps
//! in reading them. A test that guards against trap N of our notes is named `trap_NN_…`.

mod kinds;
mod orders_api;
mod properties;
mod samples;
mod signature;
mod traps;
