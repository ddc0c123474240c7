//! The event ID, which both copies of an event carry.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use uuid::Builder;
use uuid::fmt::Hyphenated;

use super::order_id::{ORDER_ID_BYTES_MAX, OrderId};
use super::text::{IdError, bounded};

/// Longest event ID that is accepted, bytes: `purchase_` and the longest order ID.
pub const EVENT_ID_BYTES_MAX: usize = PURCHASE_PREFIX.len() + ORDER_ID_BYTES_MAX;
const PURCHASE_PREFIX: &str = "purchase_";
const REFUND_PREFIX: &str = "refund_";

/// ID of an event: the pixel's `eventID` and the server event's `event_id`. ID and name together are
/// Meta's deduplication key (Meta, deduplicating pixel and server events).
///
/// Meta compares IDs byte for byte, so an ID is sent as it was given. Tandem compares UUIDs without
/// case: the same UUID in capitals is the same event, not a second one.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "full", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "full", serde(try_from = "String", into = "String"))]
pub struct EventId {
    /// What IDs are compared by: of a UUID, its form in lower case.
    key: Box<str>,
    /// How it was given, where that is not the key.
    spelling: Option<Box<str>>,
}

impl EventId {
    /// Reads the ID of an existing event, e.g. from a confirmation or a stored row: 1 to 265 bytes
    /// without control characters.
    ///
    /// # Errors
    /// [`IdError::Missing`], [`IdError::TooLong`] or [`IdError::ControlCharacter`] when the text breaks
    /// this rule.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let given = bounded(text, EVENT_ID_BYTES_MAX)?;
        match text.parse::<Hyphenated>() {
            Ok(uuid) if text.contains(|c: char| c.is_ascii_uppercase()) => {
                Ok(Self { spelling: Some(given), ..Self::of_uuid(uuid) })
            }
            _ => Ok(Self::of_key(given)),
        }
    }

    /// Reads the ID that a caller proposes for a new event: a UUID with hyphens, in either case. The
    /// page may fire its copy by itself, so that the ID keeps the case in which it was given.
    ///
    /// # Errors
    /// [`IdError::Missing`] when the text is empty, and [`IdError::NotUuid`] when it is not a UUID.
    pub fn parse_uuid(text: &str) -> Result<Self, IdError> {
        if !text.is_empty() && text.parse::<Hyphenated>().is_err() {
            return Err(IdError::NotUuid);
        }
        Self::parse(text)
    }

    /// The ID as it was given, which is how both copies carry it.
    pub fn as_str(&self) -> &str {
        self.spelling().unwrap_or(&self.key)
    }

    /// What IDs are compared by.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How the ID was given, where that is not its [`key`](Self::key).
    pub fn spelling(&self) -> Option<&str> {
        self.spelling.as_deref()
    }

    fn of_key(key: Box<str>) -> Self {
        Self { key, spelling: None }
    }

    /// Makes a UUID of version 7 from a Unix time in milliseconds and ten random bytes. Such IDs sort
    /// by time, so the server appends to the end of its index.
    pub fn v7(unix_ms: u64, random: [u8; 10]) -> Self {
        Self::of_uuid(Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid().hyphenated())
    }

    fn of_uuid(uuid: Hyphenated) -> Self {
        Self::of_key(uuid.encode_lower(&mut [0; Hyphenated::LENGTH]).to_owned().into())
    }

    /// ID of an order's Purchase: `purchase_<order_id>`, with the order ID byte for byte.
    pub fn of_purchase(order: &OrderId) -> Self {
        let mut text = String::with_capacity(PURCHASE_PREFIX.len() + order.as_str().len());
        text.push_str(PURCHASE_PREFIX);
        text.push_str(order.as_str());
        Self::of_key(text.into())
    }

    /// ID of the event of a refund: `refund_<the provider's ID of the refund>`. `None` when
    /// `refund_id` is empty, too long or has control characters.
    pub fn of_refund(refund_id: &str) -> Option<Self> {
        Self::parse(&format!("{REFUND_PREFIX}{refund_id}")).ok().filter(|_| !refund_id.is_empty())
    }

    /// Whether this is the ID of the event of the refund `refund_id`.
    pub fn is_of_refund(&self, refund_id: &str) -> bool {
        self.key.strip_prefix(REFUND_PREFIX) == Some(refund_id)
    }

    /// The order whose Purchase has this ID; `None` when it is not the ID of a Purchase.
    pub fn purchase_order(&self) -> Option<OrderId> {
        OrderId::parse(self.key.strip_prefix(PURCHASE_PREFIX)?).ok()
    }
}

impl PartialEq for EventId {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EventId {}

impl core::hash::Hash for EventId {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.spelling.unwrap_or(id.key).into()
    }
}

impl TryFrom<String> for EventId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn v7_ids_have_the_version_and_sort_by_time() {
        let early = EventId::v7(1_763_942_400_123, [0xff; 10]);
        let late = EventId::v7(1_763_942_400_124, [0; 10]);
        assert_eq!(early.as_str(), "019ab329-007b-7fff-bfff-ffffffffffff");
        assert!(early.as_str() < late.as_str());
        assert_eq!(EventId::parse_uuid(late.as_str()), Ok(late));
    }

    #[test]
    fn proposed_ids_must_be_uuids() {
        assert_eq!(EventId::parse_uuid(""), Err(IdError::Missing));
        assert_eq!(EventId::parse_uuid("lead_1"), Err(IdError::NotUuid));
    }

    #[test]
    fn a_uuid_is_kept_as_given_and_compared_without_case() {
        let (given, lower) = ("019AB329-007b-7FFF-bfff-ffffffffffff", "019ab329-007b-7fff-bfff-ffffffffffff");
        for read in [EventId::parse_uuid, EventId::parse] {
            let id = read(given).unwrap();
            assert_eq!((id.as_str(), id.key()), (given, lower));
            assert_eq!(id, read(lower).unwrap());
            assert_eq!(String::from(id), given);
            assert_eq!(read(lower).unwrap().spelling(), None);
        }
        assert_ne!(EventId::parse("purchase_A1"), EventId::parse("purchase_a1"), "order IDs have case");
    }

    #[test]
    fn a_refunds_id_names_it() {
        let id = EventId::of_refund("9100001").unwrap();
        assert_eq!(id.as_str(), "refund_9100001");
        assert!(id.is_of_refund("9100001") && !id.is_of_refund("910000"));
        assert_eq!(EventId::of_refund(""), None);
        assert_eq!(EventId::of_refund(&"9".repeat(300)), None);
    }

    proptest! {
        #[test]
        fn a_purchase_id_names_its_order(text in "[^\\p{Cc}]{1,64}") {
            let order = OrderId::parse(&text).unwrap();
            prop_assert_eq!(EventId::of_purchase(&order).purchase_order(), Some(order));
        }
    }
}
