//! Groups of arguments that several commands share.

use clap::Args;
use jiff::Timestamp;

use crate::moment;

/// How to reach the server.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The Tandem server's address; overrides TANDEM_SERVER_URL
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) server_url: Option<String>,
    /// Allow sending the internal token over plain http to another machine
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
}

/// Which part of a long list is shown.
#[derive(Debug, Args)]
pub(crate) struct Extent {
    /// Only from this time on: an age (2h, 7d) or a time (2026-01-31T10:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) since: Option<Timestamp>,
    /// Only before this time
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    pub(crate) until: Option<Timestamp>,
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// All of them, however many
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}
