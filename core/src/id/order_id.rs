//! The shop's order ID.

use super::text::{IdError, bounded, text_id};

/// Longest order ID that is accepted, bytes. This is Tandem's own limit; Cashfree's order IDs have
/// 3 to 45 characters.
pub const ORDER_ID_BYTES_MAX: usize = 256;

text_id! {
    /// The shop's order ID, byte for byte as the payment provider knows it.
    OrderId
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_ids_are_kept_byte_for_byte(text in "\\PC{1,60}") {
            if let Ok(order) = OrderId::parse(&text) {
                prop_assert_eq!(order.as_str(), text.as_str());
            }
        }
    }
}
