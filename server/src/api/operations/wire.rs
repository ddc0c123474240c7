//! Converts pages, times and streams between the messages and the store.

use std::pin::Pin;

use prost_types::Timestamp;
use tandem_core::field_code::FieldCode;
use tonic::Status;

use crate::api::Reject;
use crate::outbox::{EventView, Page};

/// Page size if the caller gives none.
const PAGE_DEFAULT: u32 = 50;
/// Largest page size.
const PAGE_MAX: u32 = 1000;

/// Reads where a page begins and how large it is.
pub(super) fn page(token: &str, size: u32) -> Result<Page, Reject> {
    let below_seq = match token {
        "" => None,
        token => Some(token.parse().map_err(|_| Reject::field("page_token", FieldCode::PageTokenMalformed))?),
    };
    if size > PAGE_MAX {
        let text = format!("This must be at most {PAGE_MAX}.");
        return Err(Reject::field_with("page_size", FieldCode::OutOfRange, text));
    }
    Ok(Page { below_seq, size: if size == 0 { PAGE_DEFAULT } else { size } as usize })
}

/// Token of the next page; empty after the last.
pub(super) fn next_page(events: &[EventView], page: Page) -> String {
    let last = events.last().filter(|_| events.len() == page.size);
    last.map(|event| event.seq.to_string()).unwrap_or_default()
}

pub(super) fn timestamp(unix_ms: i64) -> Timestamp {
    let nanos = i32::try_from(unix_ms.rem_euclid(1000) * 1_000_000).unwrap_or_default();
    Timestamp { seconds: unix_ms.div_euclid(1000), nanos }
}

pub(super) fn millis(at: Timestamp) -> i64 {
    at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000)
}

pub(super) type Stream<T> = Pin<Box<dyn tokio_stream::Stream<Item = Result<T, Status>> + Send>>;
