//! Decodes the entities in an attribute's script, and maps bytes of the script back to the file.

use crate::script::Span;

/// The entities that occur in code. Others are not decoded.
const ENTITIES: [(&str, char); 10] = [
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&#x22;", '"'),
    ("&apos;", '\''),
    ("&#39;", '\''),
    ("&#x27;", '\''),
    ("&#039;", '\''),
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
];

/// A decoded text, and where its pieces come from.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) text: String,
    /// Where a piece begins: byte of `text`, byte of the file.
    pieces: Vec<(usize, usize)>,
}

impl Decoded {
    /// Decodes `written`, which begins at byte `start` of its file.
    pub(crate) fn of(written: &str, start: usize) -> Self {
        let mut decoded = Self { text: String::with_capacity(written.len()), pieces: vec![(0, start)] };
        let mut rest = written;
        while let Some(at) = rest.find('&') {
            let (before, from) = rest.split_at(at);
            decoded.text.push_str(before);
            let (entity, stands_for) =
                ENTITIES.iter().find(|(entity, _)| from.starts_with(entity)).copied().unwrap_or(("&", '&'));
            decoded.text.push(stands_for);
            rest = from.get(entity.len()..).unwrap_or_default();
            decoded.pieces.push((decoded.text.len(), start + written.len() - rest.len()));
        }
        decoded.text.push_str(rest);
        decoded
    }

    /// The bytes of the file that bytes of the text come from.
    pub(crate) fn written(&self, span: &Span) -> Span {
        self.place(span.start)..self.place(span.end)
    }

    fn place(&self, offset: usize) -> usize {
        let piece = self.pieces.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        self.pieces.get(piece).map_or(offset, |(start, written)| written + (offset - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_leads_back_to_where_it_was_written() {
        let written = "a(&quot;b&quot;) &&amp; c";
        let decoded = Decoded::of(written, 100);
        assert_eq!(decoded.text, "a(\"b\") && c");
        assert_eq!(decoded.written(&(0..1)), 100..101);
        assert_eq!(decoded.written(&(3..4)), 108..109, "b");
        assert_eq!(decoded.written(&(10..11)), 124..125, "c");
    }
}
