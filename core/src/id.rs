//! Identifiers. Each has its own type, so that an order ID cannot be used as an event ID.

use core::fmt;

use uuid::Builder;
use uuid::fmt::Hyphenated;

/// Longest order ID that is accepted, bytes. This is Tandem's own limit; Cashfree's order IDs have
/// 3 to 45 characters.
pub const ORDER_ID_BYTES_MAX: usize = 256;
/// Longest event ID that is accepted, bytes: `purchase_` and the longest order ID.
pub const EVENT_ID_BYTES_MAX: usize = PURCHASE_PREFIX.len() + ORDER_ID_BYTES_MAX;
/// Longest event name that is accepted, characters (Meta, custom events: 50).
pub const EVENT_NAME_CHARS_MAX: usize = 50;

const PURCHASE_PREFIX: &str = "purchase_";
const REFUND_PREFIX: &str = "refund_";

/// Why a text is not an ID. The error never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("is missing")]
    Missing,
    /// The text is longer than this number of bytes.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// The text holds control characters.
    #[error("must not hold control characters")]
    ControlCharacter,
    /// The text is not a UUID.
    #[error("must be a UUID such as 018f3c2e-7b1a-7c3d-9e4f-0123456789ab")]
    NotUuid,
    /// The text is not a number of 5 to 20 digits.
    #[error("must be the ID of a pixel (dataset): 5 to 20 digits")]
    NotPixel,
    /// The text is not a usable event name.
    #[error("must be 1 to {EVENT_NAME_CHARS_MAX} letters, digits, spaces, '_', '-' or '.'")]
    BadName,
    /// The text is the name of a standard event of Meta, or a name that Tandem reserves.
    #[error("must be the name of a custom event such as Refund, not one of Meta's standard events")]
    NotCustom,
}

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "full", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "full", serde(try_from = "String", into = "String"))]
        pub struct $name(Box<str>);

        impl $name {
            /// The ID as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.into()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }
    };
}

text_id! {
    /// ID of an event: the pixel's `eventID` and the server event's `event_id`. ID and name together
    /// are Meta's deduplication key (Meta, deduplicating pixel and server events).
    EventId
}

text_id! {
    /// The shop's order ID, byte for byte as the payment provider knows it.
    OrderId
}

text_id! {
    /// ID of a pixel: 5 to 20 digits. The same number names the dataset.
    PixelId
}

text_id! {
    /// Name of an event in exact case. ID and name together are Meta's deduplication key.
    EventName
}

impl EventId {
    /// Reads the ID of an existing event, e.g. from a confirmation or a stored row: 1 to 265 bytes
    /// without control characters.
    ///
    /// # Errors
    /// [`IdError::Missing`], [`IdError::TooLong`] or [`IdError::ControlCharacter`] when the text breaks
    /// this rule.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        bounded(text, EVENT_ID_BYTES_MAX).map(Self)
    }

    /// Reads the ID that a caller proposes for a new event: a UUID with hyphens. Upper case becomes
    /// lower case, so that the page's and the server's copy have the same ID.
    ///
    /// # Errors
    /// [`IdError::Missing`] when the text is empty, and [`IdError::NotUuid`] when it is not a UUID.
    pub fn parse_uuid(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Missing);
        }
        text.parse().map(Self::of_uuid).map_err(|_| IdError::NotUuid)
    }

    /// Makes a UUID of version 7 from a Unix time in milliseconds and ten random bytes. Such IDs sort
    /// by time, so the server appends to the end of its index.
    pub fn v7(unix_ms: u64, random: [u8; 10]) -> Self {
        Self::of_uuid(Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid().hyphenated())
    }

    fn of_uuid(uuid: Hyphenated) -> Self {
        Self(uuid.encode_lower(&mut [0; Hyphenated::LENGTH]).to_owned().into())
    }

    /// ID of an order's Purchase: `purchase_<order_id>`, with the order ID byte for byte.
    pub fn of_purchase(order: &OrderId) -> Self {
        let mut text = String::with_capacity(PURCHASE_PREFIX.len() + order.0.len());
        text.push_str(PURCHASE_PREFIX);
        text.push_str(&order.0);
        Self(text.into())
    }

    /// ID of the event of a refund: `refund_<the provider's ID of the refund>`. `None` when
    /// `refund_id` is empty, too long or has control characters.
    pub fn of_refund(refund_id: &str) -> Option<Self> {
        Self::parse(&format!("{REFUND_PREFIX}{refund_id}")).ok().filter(|_| !refund_id.is_empty())
    }

    /// Whether this is the ID of the event of the refund `refund_id`.
    pub fn is_of_refund(&self, refund_id: &str) -> bool {
        self.0.strip_prefix(REFUND_PREFIX) == Some(refund_id)
    }

    /// The order whose Purchase has this ID; `None` when it is not the ID of a Purchase.
    pub fn purchase_order(&self) -> Option<OrderId> {
        OrderId::parse(self.0.strip_prefix(PURCHASE_PREFIX)?).ok()
    }
}

impl OrderId {
    /// Reads an order ID: 1 to 256 bytes without control characters. Nothing is trimmed.
    ///
    /// # Errors
    /// [`IdError::Missing`], [`IdError::TooLong`] or [`IdError::ControlCharacter`] when the text breaks
    /// this rule.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        bounded(text, ORDER_ID_BYTES_MAX).map(Self)
    }
}

impl PixelId {
    /// Reads a pixel ID: 5 to 20 digits.
    ///
    /// # Errors
    /// [`IdError::Missing`] when the text is empty, and [`IdError::NotPixel`] when it is not such a
    /// number.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.len() {
            0 => Err(IdError::Missing),
            5..=20 if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(text.into())),
            _ => Err(IdError::NotPixel),
        }
    }
}

impl PixelId {
    /// Placeholder while no pixel is configured. Accepted events wait under this ID.
    pub fn unassigned() -> Self {
        Self("00000".into())
    }
}

/// Names of Meta's standard events (Meta Pixel reference), and `PageView`.
pub const STANDARD_EVENTS: [&str; 18] = [
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Donate",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "PageView",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
];

/// Names that `TrackEvent` refuses, folded. Purchase and Lead have RPCs of their own. The other two
/// are Meta's events that add value to an earlier conversion: a stranger could inflate a sale with
/// them.
const RESERVED: [&str; 4] = ["purchase", "lead", "appendvalue", "appendattribution"];

impl EventName {
    /// Reads an event name: 1 to 50 letters, digits, spaces, `_`, `-` or `.`.
    ///
    /// # Errors
    /// [`IdError::Missing`] when the text is empty, and [`IdError::BadName`] when it breaks this rule.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Missing);
        }
        let fits = text.chars().count() <= EVENT_NAME_CHARS_MAX
            && text == text.trim()
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.'));
        if fits { Ok(Self(text.into())) } else { Err(IdError::BadName) }
    }

    /// `Lead`: Meta's standard event for a lead.
    pub fn lead() -> Self {
        Self("Lead".into())
    }

    /// `Purchase`: Meta's standard event for a sale.
    pub fn purchase() -> Self {
        Self("Purchase".into())
    }

    /// Reads the name of a custom event that Tandem sends by itself. It must not be a standard event
    /// of Meta or a reserved name, in any case or spacing.
    ///
    /// # Errors
    /// [`IdError::NotCustom`] for such a name, and the errors of [`EventName::parse`].
    pub fn parse_custom(text: &str) -> Result<Self, IdError> {
        let folded = fold(text);
        if Self::is_reserved(text) || STANDARD_EVENTS.iter().any(|name| fold(name) == folded) {
            return Err(IdError::NotCustom);
        }
        Self::parse(text)
    }

    /// Whether this is one of Meta's standard events. The pixel fires other names with
    /// `trackCustom`.
    pub fn is_standard(&self) -> bool {
        STANDARD_EVENTS.contains(&self.as_str())
    }

    /// Whether the name is reserved, in any case or spacing: no caller may send it with
    /// `TrackEvent`.
    pub fn is_reserved(text: &str) -> bool {
        RESERVED.contains(&fold(text).as_str())
    }
}

/// Reduces a name to its letters and digits in lower case.
fn fold(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn bounded(text: &str, bytes_max: usize) -> Result<Box<str>, IdError> {
    if text.is_empty() {
        Err(IdError::Missing)
    } else if text.len() > bytes_max {
        Err(IdError::TooLong(bytes_max))
    } else if text.chars().any(char::is_control) {
        Err(IdError::ControlCharacter)
    } else {
        Ok(text.into())
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
        assert!(early < late);
        assert_eq!(EventId::parse_uuid(late.as_str()), Ok(late));
    }

    #[test]
    fn proposed_ids_must_be_uuids() {
        assert_eq!(EventId::parse_uuid(""), Err(IdError::Missing));
        assert_eq!(EventId::parse_uuid("lead_1"), Err(IdError::NotUuid));
        assert_eq!(
            EventId::parse_uuid("019AB329-007b-7fff-bfff-ffffffffffff").unwrap().as_str(),
            "019ab329-007b-7fff-bfff-ffffffffffff"
        );
    }

    #[test]
    fn names_that_could_inflate_a_sale_are_reserved_in_any_spelling() {
        for name in
            ["Purchase", " purchase ", "PUR CHASE", "lead", "Lead ", "Append-Value", "append_attribution"]
        {
            assert!(EventName::is_reserved(name), "{name}");
        }
        for name in ["InitiateCheckout", "Leader", "PurchaseIntent"] {
            assert!(!EventName::is_reserved(name), "{name}");
        }
    }

    #[test]
    fn custom_names_are_none_of_metas_own() {
        for name in ["Purchase", "add to cart", "LEAD", "AppendValue", "ViewContent", "page-view"] {
            assert_eq!(EventName::parse_custom(name), Err(IdError::NotCustom), "{name}");
        }
        assert_eq!(EventName::parse_custom(""), Err(IdError::Missing));
        assert_eq!(EventName::parse_custom("<Refund>"), Err(IdError::BadName));
        assert_eq!(EventName::parse_custom("Refund").unwrap().as_str(), "Refund");
    }

    #[test]
    fn a_refunds_id_names_it() {
        let id = EventId::of_refund("9100001").unwrap();
        assert_eq!(id.as_str(), "refund_9100001");
        assert!(id.is_of_refund("9100001") && !id.is_of_refund("910000"));
        assert_eq!(EventId::of_refund(""), None);
        assert_eq!(EventId::of_refund(&"9".repeat(300)), None);
    }

    #[test]
    fn names_hold_no_padding_and_no_markup() {
        for bad in ["", " Lead", "a\u{7}", "<b>", &"x".repeat(51)] {
            assert!(EventName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(EventName::parse("QuizDone_v2.1").is_ok());
    }

    proptest! {
        #[test]
        fn a_purchase_id_names_its_order(text in "[^\\p{Cc}]{1,64}") {
            let order = OrderId::parse(&text).unwrap();
            prop_assert_eq!(EventId::of_purchase(&order).purchase_order(), Some(order));
        }

        #[test]
        fn order_ids_are_kept_byte_for_byte(text in "\\PC{1,60}") {
            if let Ok(order) = OrderId::parse(&text) {
                prop_assert_eq!(order.as_str(), text.as_str());
            }
        }
    }
}
