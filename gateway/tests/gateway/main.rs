//! The gateway over real sockets, with a fake server behind it.

mod answers;
mod crowd;
mod fake_server;
mod http_client;
mod passthrough;
mod program;
mod readiness;
mod world;
