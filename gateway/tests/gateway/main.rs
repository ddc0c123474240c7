//! The gateway over real sockets, with a fake server behind it.

mod admission;
mod answers;
mod fake_server;
mod http_client;
mod metrics;
mod passthrough;
mod program;
mod readiness;
mod world;
