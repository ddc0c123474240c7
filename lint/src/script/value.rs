//! The values of expressions.

use super::filled::Filled;

/// Bytes of a script's text.
pub(crate) type Span = std::ops::Range<usize>;

/// The value of an expression, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Text. It has several pieces if the script joins them.
    Text(Vec<Part>),
    /// Also `NaN` and `Infinity`.
    Number(f64),
    Object(Object),
    List(Vec<Value>),
    /// A variable or a field: `orderId`, `order.id`.
    Name(String),
    /// A template's engine fills it in.
    Filled(Filled),
    /// A call's result: the name that is called, its last part (`sha256`), and the arguments.
    Call(String, Vec<Value>),
    /// `null`, `undefined` or no value.
    Nothing,
    Unknown,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Fixed(String),
    Value(Box<Value>),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Object {
    pub(crate) entries: Vec<Entry>,
    /// Another object is spread into this one, or a key is computed, so missing keys are not known.
    pub(crate) is_open: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) key_span: Span,
    pub(crate) span: Span,
}

impl Object {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Value {
    /// The whole text, if all of it is known.
    pub(crate) fn text(&self) -> Option<String> {
        let Self::Text(parts) = self else { return None };
        parts
            .iter()
            .map(|part| if let Part::Fixed(text) = part { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The known text at the start.
    pub(crate) fn starts(&self) -> Option<&str> {
        match self {
            Self::Text(parts) => match parts.first() {
                Some(Part::Fixed(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether `test` is true for this value or for one inside it.
    pub(crate) fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self)
            || match self {
                Self::Text(parts) => parts
                    .iter()
                    .any(|part| if let Part::Value(value) = part { value.any(test) } else { false }),
                Self::Object(object) => object.entries.iter().any(|entry| entry.value.any(test)),
                Self::List(values) | Self::Call(_, values) => values.iter().any(|value| value.any(test)),
                _ => false,
            }
    }
}
