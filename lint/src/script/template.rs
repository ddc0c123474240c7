//! Pages that are templates. Placeholders are filled in before the page is served, such as
//! `{{ order.id }}` (Jinja, Twig, Liquid, Handlebars, Blade), `<?= $id ?>` (PHP), `<%= id %>` (ERB, EJS) and
//! `@json($id)` (Blade).

use std::ops::Range;

use super::filled::Filled;
use super::value::{Part, Value};

/// How a placeholder begins and ends, and what it is.
const MARKS: [(&str, &str, Mark); 9] = [
    ("{{{", "}}}", Mark::Value),
    ("{{", "}}", Mark::Braces),
    ("{!!", "!!}", Mark::Value),
    ("{%", "%}", Mark::Statement),
    ("{#", "#}", Mark::Statement),
    ("<%=", "%>", Mark::Value),
    ("<%", "%>", Mark::Percent),
    ("<?=", "?>", Mark::Value),
    ("<?", "?>", Mark::Php),
];

/// What a pair of marks encloses. Some need a look inside.
#[derive(Debug, Clone, Copy)]
enum Mark {
    Value,
    Statement,
    /// A value, or a block of Handlebars: `{{#if x}}`, `{{else}}`, `{{/if}}`.
    Braces,
    /// A statement, or in EJS a value that is not escaped: `<%- total %>`.
    Percent,
    /// Statements of PHP. Some print.
    Php,
}

/// Directives of Blade. The first two are values.
const DIRECTIVES: [&str; 24] = [
    "json",
    "js",
    "if",
    "elseif",
    "else",
    "endif",
    "unless",
    "endunless",
    "isset",
    "endisset",
    "empty",
    "endempty",
    "auth",
    "endauth",
    "guest",
    "endguest",
    "foreach",
    "endforeach",
    "for",
    "endfor",
    "production",
    "endproduction",
    "env",
    "endenv",
];
/// Most bytes in a directive's brackets.
const DIRECTIVE_BYTES_MAX: usize = 2_000;

/// Words with which statements begin, and blocks end.
const STATEMENTS: [&str; 14] = [
    "if", "unless", "else", "elsif", "elseif", "elif", "for", "foreach", "each", "while", "case", "when",
    "end", "do",
];

impl Mark {
    /// Whether a value takes the placeholder's place.
    fn is_value(self, inside: &str) -> bool {
        match self {
            Self::Value => true,
            Self::Statement => false,
            Self::Braces => {
                let inside = inside.trim_start_matches(['-', '~']).trim_start();
                !inside.starts_with(['#', '/', '^', '!', '>']) && first_word(inside) != "else"
            }
            Self::Percent => inside.strip_prefix('-').is_some_and(|inside| {
                let inside = inside.trim();
                !inside.starts_with('}')
                    && !inside.ends_with('{')
                    && !STATEMENTS.contains(&first_word(inside))
            }),
            Self::Php => {
                let inside = inside.strip_prefix("php").unwrap_or(inside).trim_start();
                let word = first_word(inside);
                let is_single = !inside.trim_end().trim_end_matches(';').contains([';', '{']);
                is_single
                    && (matches!(word, "echo" | "print" | "printf" | "_e")
                        || word.starts_with("the_")
                        || (word.starts_with("esc_") && word.ends_with("_e")))
            }
        }
    }
}

/// The letters, digits and underscores at the start.
fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The directive of Blade at the start of a text, and the bytes after `@` that belong to it.
fn directive(text: &str) -> Option<(&'static str, usize)> {
    let name = first_word(text.strip_prefix('@')?);
    let known = DIRECTIVES.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let after = text.get(1 + name.len()..)?;
    let start = after.len() - after.trim_start_matches(' ').len();
    if !after.get(start..)?.starts_with('(') {
        // `@else` and `@end…` have no brackets. The others do, or are something else.
        return (known == "else" || known.starts_with("end")).then_some((known, name.len()));
    }
    let mut depth = 0_usize;
    for (i, c) in after.char_indices().take_while(|(i, _)| *i < DIRECTIVE_BYTES_MAX) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            return Some((known, name.len() + i + 1));
        }
    }
    None
}

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
        while let Some(found) = self.text.get(self.from..)?.find(['{', '<', '@']) {
            let start = self.from + found;
            let rest = self.text.get(start..)?;
            self.from = start + 1;
            if let Some((name, length)) = directive(rest) {
                let is_value = matches!(name, "json" | "js");
                let end = start + 1 + length;
                self.from = end;
                return Some((start..end, start + 1..end, is_value));
            }
            let mark = MARKS.iter().position(|(open, ..)| rest.starts_with(open));
            let Some((mark, (open, close, kind))) = mark.and_then(|i| Some((i, MARKS.get(i)?))) else {
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
                    let is_value = kind.is_value(self.text.get(inside.clone())?);
                    return Some((start..end, inside, is_value));
                }
                None => *is_over = true,
            }
        }
        None
    }
}

/// What a template engine is asked for: the texts between its marks.
pub(crate) fn insides(text: &str) -> impl Iterator<Item = &str> {
    Placeholders::of(text).filter_map(|(_, inside, _)| text.get(inside))
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

/// A literal's pieces: the fixed texts, and the values that are filled in.
pub(crate) fn pieces(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut from = 0;
    let fixed = |range: Range<usize>, parts: &mut Vec<Part>| match text.get(range) {
        Some("") | None => {}
        Some(text) => parts.push(Part::Fixed(text.to_owned())),
    };
    for (place, inside, is_value) in Placeholders::of(text) {
        fixed(from..place.start, &mut parts);
        if is_value {
            let filled = Filled::read(text.get(inside).unwrap_or_default());
            parts.push(Part::Value(Box::new(Value::Filled(filled))));
        }
        from = place.end;
    }
    fixed(from..text.len(), &mut parts);
    parts
}

/// A side of a template's condition: where its block begins, and which side of it.
pub(crate) type Side = (usize, u32);

/// Most blocks around a place that are recorded, the outermost first.
const BLOCKS_MAX: usize = 16;

/// Where the sides of a text's conditions begin and end: `{% if x %} … {% else %} … {% endif %}`.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// From this byte on, a place is on these sides.
    places: Vec<(usize, Vec<Side>)>,
}

impl Blocks {
    pub(crate) fn of(text: &str) -> Self {
        let mut places = Vec::new();
        let mut around: Vec<Side> = Vec::new();
        for (place, inside, is_value) in Placeholders::of(text) {
            let inside = text.get(inside).unwrap_or_default();
            match Step::of(inside).filter(|_| !is_value) {
                Some(Step::Open) => around.push((place.start, 0)),
                Some(Step::Else) => {
                    if let Some((_, side)) = around.last_mut() {
                        *side += 1;
                    }
                }
                Some(Step::Close) => drop(around.pop()),
                None => continue,
            }
            places.push((place.end, around.iter().take(BLOCKS_MAX).copied().collect()));
        }
        Self { places }
    }

    /// The sides on which a byte of the text is.
    pub(crate) fn at(&self, offset: usize) -> Vec<Side> {
        let after = self.places.partition_point(|(from, _)| *from <= offset);
        after
            .checked_sub(1)
            .and_then(|i| self.places.get(i))
            .map_or_else(Vec::new, |(_, sides)| sides.clone())
    }
}

/// What a statement does to the blocks around the text that follows.
enum Step {
    Open,
    Else,
    Close,
}

impl Step {
    fn of(inside: &str) -> Option<Self> {
        let inside = inside.strip_prefix("php").unwrap_or(inside);
        let inside = inside.trim_matches(['-', '~', '_']).trim();
        let without_end = inside.trim_start_matches('}').trim_start();
        let closes_brace = without_end.len() < inside.len();
        let (sign, word) = match without_end.strip_prefix(['#', '/', '^']) {
            Some(rest) => (without_end.chars().next(), first_word(rest.trim_start())),
            None => (None, first_word(without_end)),
        };
        match (sign, word) {
            (Some('#'), _) => Some(Self::Open),
            (Some('/'), _) => Some(Self::Close),
            (Some('^'), "") | (None, "else" | "elsif" | "elseif" | "elif" | "when") => Some(Self::Else),
            (
                None,
                "if" | "unless" | "case" | "switch" | "for" | "foreach" | "while" | "isset" | "empty"
                | "auth" | "guest" | "production" | "env",
            ) => Some(Self::Open),
            (None, word) if word.starts_with("end") => Some(Self::Close),
            _ if closes_brace && !inside.ends_with('{') => Some(Self::Close),
            _ if inside.ends_with('{') => Some(Self::Open),
            _ => None,
        }
    }
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
    fn each_engines_values_and_statements_are_told_apart() {
        for value in [
            "{{ x }}",
            "{{{ x }}}",
            "{!! $x !!}",
            "<%= x %>",
            "<%- x %>",
            "<?= $x ?>",
            "<?php echo $x; ?>",
            "<?php the_ID(); ?>",
            "@json($order->total())",
            "<?php esc_html_e('x'); ?>",
            "{{- x -}}",
        ] {
            assert_eq!(filled(value).unwrap().trim_matches('_'), "", "{value}");
        }
        for statement in [
            "{{#if x}}",
            "{{else}}",
            "{{/if}}",
            "{{! note }}",
            "{% if x %}",
            "{# note #}",
            "<% if (x) { %>",
            "<%- if x -%>",
            "<%- end -%>",
            "<?php if ($x): ?>",
            "<?php } ?>",
            "@if ($order)",
            "@endif",
            "<?php foreach ($a as $b) { echo $b; } ?>",
        ] {
            assert_eq!(filled(statement).unwrap().trim(), "", "{statement}");
        }
    }

    #[test]
    fn a_literal_falls_into_fixed_and_filled_pieces() {
        let parts = pieces("purchase_{{ order.id }}");
        let name = Part::Value(Box::new(Value::Filled(Filled::read("order.id"))));
        assert_eq!(parts, [Part::Fixed("purchase_".to_owned()), name]);
    }

    #[test]
    fn only_sides_of_one_condition_exclude_each_other() {
        for text in [
            "{% if a %}x{% else %}y{% endif %}z",
            "{% case a %}{% when 1 %}x{% when 2 %}y{% endcase %}z",
            "{{#if a}}x{{else}}y{{/if}}z",
            "<?php if ($a): ?>x<?php else: ?>y<?php endif; ?>z",
            "<?php if ($a) { ?>x<?php } else { ?>y<?php } ?>z",
            "<% if (a) { %>x<% } else { %>y<% } %>z",
            "@if ($a) x @else y @endif z",
            "{% unless a %}{% for b in c %}{% endfor %}x{%- else -%}y{% endunless %}z",
        ] {
            let blocks = Blocks::of(text);
            let at = |sign: &str| blocks.at(text.rfind(sign).unwrap());
            let (x, y, z) = (at("x"), at("y"), at("z"));
            assert!(
                x.len() == 1 && y.len() == 1 && x[0].0 == y[0].0 && x[0].1 != y[0].1,
                "{text}: {x:?} {y:?}"
            );
            assert_eq!(z, [], "{text}");
        }
    }
}
