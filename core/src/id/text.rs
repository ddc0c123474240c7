//! What all IDs are: a text with a rule.

use alloc::boxed::Box;

/// Longest event name that is accepted, characters (Meta, custom events: 50).
pub const EVENT_NAME_CHARS_MAX: usize = 50;

/// Signs that may stand in an event name beside letters, digits and spaces. Meta names no alphabet;
/// shops use `50% Scroll`, `Video: Play` and `Checkout/Step 2`. What could be markup or an address is
/// left out.
pub const EVENT_NAME_SIGNS: &str = "_-.%:/&+()";

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
    #[error("must be 1 to {EVENT_NAME_CHARS_MAX} letters, digits, spaces and signs of {EVENT_NAME_SIGNS}")]
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
        pub struct $name(alloc::boxed::Box<str>);

        impl $name {
            /// The ID as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for alloc::string::String {
            fn from(id: $name) -> alloc::string::String {
                id.0.into()
            }
        }

        impl TryFrom<alloc::string::String> for $name {
            type Error = $crate::id::IdError;
            fn try_from(text: alloc::string::String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }
    };
}

pub(super) use text_id;

/// A text of 1 to `bytes_max` bytes without control characters.
pub(super) fn bounded(text: &str, bytes_max: usize) -> Result<Box<str>, IdError> {
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
