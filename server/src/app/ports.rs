//! How many connections each of the server's ports may have.

use tandem_net::{ConnectionLimits, SubscriberLimit};
use tandem_settings::Networks;

/// The gRPC port's limits. `files`: how many files the process may open.
pub(super) fn grpc_limits(files: usize, proxies: Networks) -> ConnectionLimits {
    let connections_max = files.saturating_sub(reserve(files)).clamp(64, 16_384);
    limits(connections_max, connections_max / 4, proxies)
}

/// The HTTP port's limits. Only operators and a scraper use it.
pub(super) fn http_limits(files: usize) -> ConnectionLimits {
    let connections_max = (files / 8).clamp(16, 512);
    limits(connections_max, connections_max / 2, Networks::default())
}

fn limits(connections_max: usize, per_subscriber_max: usize, exempt: Networks) -> ConnectionLimits {
    let per_subscriber = Some(SubscriberLimit { connections_max: per_subscriber_max, exempt });
    ConnectionLimits { per_subscriber, ..ConnectionLimits::new(connections_max) }
}

/// Files that are kept for everything except the gRPC port's connections: the HTTP port, the store,
/// calls to Meta.
fn reserve(files: usize) -> usize {
    (files / 4).clamp(64, 1024)
}
