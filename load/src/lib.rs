//! Load programs: the real binaries under far more load than the tests make.
//!
//! | module | does | by hand |
//! |---|---|---|
//! | [`torture`] | kills the server again and again under load | `cargo xtask torture` |
//! | [`storm`] | thousands of orders, forgeries and outages | `cargo xtask storm` |
//! | [`backlog`] | a million events wait, then drain | `cargo xtask bench backlog` |
//!
//! Each program ends with a report, and exits with 1 if the report has a complaint. The other modules are shared by
//! the programs.

mod arrivals;
pub mod backlog;
mod drain;
mod memory;
mod meta_fault;
mod resend;
pub mod storm;
pub mod torture;
