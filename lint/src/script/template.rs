//! Pages that are templates. Placeholders are filled in before the page is served, such as
//! `{{ order.id }}` (Jinja, Twig, Liquid, Handlebars), `<?= $id ?>` (PHP) and `<%= id %>` (ERB, EJS).

use std::ops::Range;

use super::value::{Part, Value};

/// How a placeholder begins and ends, and whether a value takes its place.
const MARKS: [(&str, &str, bool); 7] = [
    ("{{", "}}", true),
    ("{%", "%}", false),
    ("<%=", "%>", true),
    ("<%", "%>", false),
    ("<?=", "?>", true),
    ("<?php echo", "?>", true),
    ("<?", "?>", false),
];

/// A placeholder: its bytes, the bytes inside, and whether a value takes its place.
type Placeholder = (Range<usize>, Range<usize>, bool);

/// The placeholders of a text, in its order.
struct Placeholders<'t> {
    text: &'t str,
    from: usize,
    /// Marks that have no end in the rest of the text. They are not searched again, so that reading takes linear time.
    is_over: [bool; MARKS.len()],
}

impl<'t> Placeholders<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, from: 0, is_over: [false; MARKS.len()] }
    }
}

impl Iterator for Placeholders<'_> {
    type Item = Placeholder;

    fn next(&mut self) -> Option<Placeholder> {
        while let Some(found) = self.text.get(self.from..)?.find(['{', '<']) {
            let start = self.from + found;
            let rest = self.text.get(start..)?;
            self.from = start + 1;
            let mark = MARKS.iter().position(|(open, ..)| rest.starts_with(open));
            let Some((mark, (open, close, is_value))) = mark.and_then(|i| Some((i, MARKS.get(i)?))) else {
                continue;
            };
            let is_over = self.is_over.get_mut(mark)?;
            if *is_over {
                continue;
            }
            match rest.get(open.len()..).and_then(|inside| inside.find(close)) {
                Some(length) => {
                    let inside = start + open.len()..start + open.len() + length;
                    let end = inside.end + close.len();
                    self.from = end;
                    return Some((start..end, inside, *is_value));
                }
                None => *is_over = true,
            }
        }
        None
    }
}

/// Whether a template engine has something to fill in.
pub(super) fn has_marks(text: &str) -> bool {
    Placeholders::of(text).next().is_some()
}

/// The text with each value replaced by a name of the same length, and each statement by blanks. `None` if there are
/// no placeholders.
pub(super) fn filled(text: &str) -> Option<String> {
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    for (place, _, is_value) in Placeholders::of(text) {
        filled.push_str(text.get(from..place.start)?);
        let stand_in = if is_value { '_' } else { ' ' };
        filled.extend(std::iter::repeat_n(stand_in, place.len()));
        from = place.end;
    }
    if from == 0 {
        return None;
    }
    filled.push_str(text.get(from..)?);
    Some(filled)
}

/// A literal's pieces: the fixed texts, and the names of the values that are filled in.
pub(super) fn pieces(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut from = 0;
    let fixed = |range: Range<usize>, parts: &mut Vec<Part>| match text.get(range) {
        Some("") | None => {}
        Some(text) => parts.push(Part::Fixed(text.to_owned())),
    };
    for (place, inside, is_value) in Placeholders::of(text) {
        fixed(from..place.start, &mut parts);
        if is_value {
            let name = text.get(inside).unwrap_or_default().trim();
            parts.push(Part::Value(Box::new(Value::Name(name.to_owned()))));
        }
        from = place.end;
    }
    fixed(from..text.len(), &mut parts);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_names_of_the_same_length() {
        let text = "a = {{ x.é }}; {% if y %} b('<?= $z ?>') {% endif %}";
        let filled = filled(text).unwrap();
        assert_eq!(filled.len(), text.len());
        assert!(filled.starts_with("a = __________;"), "{filled}");
        assert!(filled.contains("b('_________')"), "{filled}");
        assert_eq!(super::filled("if (a) {b}"), None);
    }

    #[test]
    fn a_literal_falls_into_fixed_and_filled_pieces() {
        let parts = pieces("purchase_{{ order.id }}");
        let name = Part::Value(Box::new(Value::Name("order.id".to_owned())));
        assert_eq!(parts, [Part::Fixed("purchase_".to_owned()), name]);
    }
}
