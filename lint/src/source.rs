//! A text that was read, and positions in it.

/// A file, a fetched page or script, or a response's header.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Byte offset of each line's first byte.
    lines: Vec<usize>,
}

/// A place as editors count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// Characters from the line's start, from 1.
    pub column: usize,
}

impl Source {
    /// `name` is the path or address that findings show.
    #[must_use]
    pub fn new(name: impl Into<String>, text: String) -> Self {
        let mut lines = vec![0];
        lines.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1));
        Self { name: name.into(), text, lines }
    }

    /// Path or address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The position of a byte. A byte inside a character counts as the character, and one past the end as the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.character_at(offset);
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }

    /// The bytes of a line without its end. Lines count from 1.
    pub(crate) fn line_span(&self, line: usize) -> (usize, usize) {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let end =
            if self.text.get(start..end).is_some_and(|text| text.ends_with('\r')) { end - 1 } else { end };
        (start, end)
    }

    /// A line without its end. Empty past the last line.
    pub(crate) fn line(&self, line: usize) -> &str {
        let (start, end) = self.line_span(line);
        self.text.get(start..end).unwrap_or_default()
    }

    /// The first byte of the character that a byte belongs to.
    pub(crate) fn character_at(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        (0..=offset).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source::new("a", "ab\r\nरा<\n".to_owned());
        let at = |offset| {
            let Position { line, column } = source.position(offset);
            (line, column)
        };
        assert_eq!((at(0), at(1), at(4)), ((1, 1), (1, 2), (2, 1)));
        assert_eq!(at(10), (2, 3), "two characters of three bytes each come before it");
        assert_eq!(at(5), (2, 1), "inside a character");
        assert_eq!((at(12), at(99)), ((3, 1), (3, 1)));
        assert_eq!((source.line(1), source.line(2), source.line(3), source.line(9)), ("ab", "रा<", "", ""));
    }
}
