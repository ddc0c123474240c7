//! Cash: Cashfree takes none. Its One Click Checkout records an order to be paid at the door with the status
//! SUCCESS (Cashfree, One Click Checkout, Cash on Delivery). Which words its messages carry is not documented, so
//! they are read generously.

use super::error::MessageError;
use super::json::Node;

/// What a payment's words say about cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cash {
    /// It is no cash.
    No,
    /// It is to be paid when the goods come: no money was taken.
    OnDelivery,
    /// Cash, and nobody says when: it may have been paid at a counter.
    Unclear,
}

impl Cash {
    /// Reads `payment_group`, and `payment_method` (a word, or an object whose keys are the words).
    pub(super) fn read(group: &Node<'_>, method: &Node<'_>) -> Self {
        let keys: Vec<&str> = match method {
            Node::Object(members) => members.keys().map(String::as_str).collect(),
            node => node.text().into_iter().collect(),
        };
        let found: Vec<Self> = group.text().into_iter().chain(keys).map(Self::of).collect();
        let any = |cash| found.contains(&cash);
        match (any(Self::OnDelivery), any(Self::Unclear)) {
            (true, _) => Self::OnDelivery,
            (false, true) => Self::Unclear,
            (false, false) => Self::No,
        }
    }

    /// By whole words: `qr_code` has no `cod`, and `cashback` no `cash`.
    fn of(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let words: Vec<&str> =
            text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let is_on_delivery = words.windows(3).any(|three| three == ["cash", "on", "delivery"])
            || words.iter().any(|word| matches!(*word, "cod" | "cashondelivery"));
        match words.as_slice() {
            _ if is_on_delivery => Self::OnDelivery,
            ["cash"] => Self::Unclear,
            _ => Self::No,
        }
    }

    /// Whether no money was taken; an error when nobody can say.
    pub(super) fn is_unpaid(self) -> Result<bool, MessageError> {
        match self {
            Self::No => Ok(false),
            Self::OnDelivery => Ok(true),
            Self::Unclear => Err(MessageError::CashUnclear),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cash_is_told_by_whole_words() {
        for text in ["cod", "COD", "cash_on_delivery", "Cash on Delivery", "cash-on-delivery", "cod_partial"]
        {
            assert_eq!(Cash::of(text), Cash::OnDelivery, "{text}");
        }
        for text in ["cash", "CASH", " cash "] {
            assert_eq!(Cash::of(text), Cash::Unclear, "{text}");
        }
        for text in ["upi", "upi_qr_code", "cashback", "credit_card", "cash_card", ""] {
            assert_eq!(Cash::of(text), Cash::No, "{text}");
        }
    }
}
