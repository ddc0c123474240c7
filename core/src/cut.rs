//! Cuts texts at ASCII signs. The searchers of the standard library can panic as far as the compiler knows. The browser
//! package would contain them and the texts of their panics: a third more bytes.

/// The parts of a text before and after the first `sign`, which is ASCII. `None` if the text does not hold it.
pub(crate) fn cut(text: &str, sign: u8) -> Option<(&str, &str)> {
    parts(text, text.bytes().position(|b| b == sign)?)
}

/// Like [`cut`], at the last `sign`.
pub(crate) fn cut_last(text: &str, sign: u8) -> Option<(&str, &str)> {
    parts(text, text.bytes().rposition(|b| b == sign)?)
}

fn parts(text: &str, at: usize) -> Option<(&str, &str)> {
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The parts of a text between all signs, which are ASCII; at least one part.
pub(crate) fn pieces(text: &str, sign: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let (piece, after) = cut(text, sign).map_or((text, None), |(piece, after)| (piece, Some(after)));
        rest = after;
        Some(piece)
    })
}

/// Whether a text holds an ASCII sign.
pub(crate) fn holds(text: &str, sign: u8) -> bool {
    text.bytes().any(|b| b == sign)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_standard_library_cuts_alike(text in "[a-zé.]{0,12}") {
            prop_assert_eq!(cut(&text, b'.'), text.split_once('.'));
            prop_assert_eq!(cut_last(&text, b'.'), text.rsplit_once('.'));
            prop_assert_eq!(pieces(&text, b'.').collect::<Vec<_>>(), text.split('.').collect::<Vec<_>>());
            prop_assert_eq!(holds(&text, b'.'), text.contains('.'));
        }
    }
}
