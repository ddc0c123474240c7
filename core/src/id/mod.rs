//! Identifiers. Each has its own type, so that an order ID cannot be used as an event ID.

mod event_id;
mod event_name;
mod order_id;
mod pixel_id;
mod text;

pub use event_id::{EVENT_ID_BYTES_MAX, EventId};
pub use event_name::{EventName, STANDARD_EVENTS};
pub use order_id::{ORDER_ID_BYTES_MAX, OrderId};
pub use pixel_id::PixelId;
pub use text::{EVENT_NAME_CHARS_MAX, EVENT_NAME_SIGNS, IdError};
