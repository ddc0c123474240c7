//! Cart tags: tags on an order that list its products, such as `deck:2,guide`.

use crate::custom_data::{CONTENTS_MAX, TEXT_BYTES_MAX};
use crate::scrub::scrub_id;

/// Most pieces of one cart line.
const PIECES_OF_A_LINE_MAX: u32 = 9_999;

/// Reads a cart tag: product IDs separated by commas. `:` and a number of pieces follow an ID
/// where the number is not 1. The pieces of a repeated ID are added up. Personal data is cut out of IDs. `None` when the tag cannot
/// be read or names no product.
pub(super) fn read(text: &str) -> Option<Vec<(String, u32)>> {
    let mut lines: Vec<(String, u32)> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (id, pieces) = match part.rsplit_once(':') {
            Some((id, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                (id.trim_end(), digits.parse().ok()?)
            }
            _ => (part, 1),
        };
        let usable = !id.is_empty() && id.len() <= TEXT_BYTES_MAX && !id.chars().any(char::is_control);
        if !usable || !(1..=PIECES_OF_A_LINE_MAX).contains(&pieces) {
            return None;
        }
        let id = scrub_id(id).text;
        match lines.iter().position(|(known, _)| *known == id) {
            Some(at) => lines[at].1 = lines[at].1.saturating_add(pieces),
            None if lines.len() < CONTENTS_MAX => lines.push((id, pieces)),
            None => return None,
        }
    }
    Some(lines).filter(|lines| !lines.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Option<Vec<(String, u32)>> {
        read(text)
    }

    #[test]
    fn a_cart_is_ids_with_numbers_of_pieces() {
        let owned = |list: &[(&str, u32)]| Some(list.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect());
        assert_eq!(lines("deck"), owned(&[("deck", 1)]));
        assert_eq!(lines(" deck:2 , guide,"), owned(&[("deck", 2), ("guide", 1)]));
        assert_eq!(lines("deck,guide,deck:3"), owned(&[("deck", 4), ("guide", 1)]));
        assert_eq!(lines("shop:deck"), owned(&[("shop:deck", 1)]), "only digits are a number of pieces");
        assert_eq!(lines("shop:7:1"), owned(&[("shop:7", 1)]));
    }

    #[test]
    fn a_person_in_a_cart_tag_is_no_product() {
        assert_eq!(lines("asha@example.com:2"), Some(vec![("(removed)".to_owned(), 2)]));
        assert_eq!(lines("9876543210"), Some(vec![("9876543210".to_owned(), 1)]), "a product's number");
    }

    #[test]
    fn what_is_no_cart_says_nothing() {
        for text in ["", " ", ",,", "deck:0", ":2", "deck:10000", "deck:99999999999", "a\u{7}b"] {
            assert_eq!(lines(text), None, "{text:?}");
        }
        let flood: Vec<String> = (0..=CONTENTS_MAX).map(|n| format!("p{n}")).collect();
        assert_eq!(lines(&flood.join(",")), None);
    }
}
