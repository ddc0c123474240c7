//! The filter of dead letters. All commands about dead letters share its arguments.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use tandem_proto::v1::{DeadLetterFilter, DeadLetterKind};

use crate::moment;

/// Values of `--only`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Only {
    /// Events that were given up
    Events,
    /// Webhooks with a valid signature that could not be used
    Webhooks,
}

/// The protocol's value. `None` means both kinds.
pub(super) fn kind(only: Option<Only>) -> DeadLetterKind {
    match only {
        None => DeadLetterKind::Unspecified,
        Some(Only::Events) => DeadLetterKind::Events,
        Some(Only::Webhooks) => DeadLetterKind::Webhooks,
    }
}

/// Selects dead letters. A dead letter must match every given argument.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only those given up for this reason, e.g. too_old
    #[arg(long)]
    code: Option<String>,
    /// Only events of this name, e.g. Purchase
    #[arg(long, value_name = "NAME")]
    event_name: Option<String>,
    /// Only the event with this ID
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// Only events for this pixel
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    /// Only those given up at or after this time: an age (2h, 7d) or a time (2026-01-31T10:00:00Z)
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    since: Option<Timestamp>,
    /// Only those given up before this time
    #[arg(long, value_name = "WHEN", value_parser = moment::parse)]
    until: Option<Timestamp>,
}

impl From<Filter> for DeadLetterFilter {
    fn from(filter: Filter) -> Self {
        Self {
            code: filter.code.unwrap_or_default(),
            event_name: filter.event_name.unwrap_or_default(),
            event_id: filter.event_id.unwrap_or_default(),
            pixel_id: filter.pixel.unwrap_or_default(),
            finished_after: filter.since.map(moment::proto),
            finished_before: filter.until.map(moment::proto),
            webhook_sequence: 0,
        }
    }
}
