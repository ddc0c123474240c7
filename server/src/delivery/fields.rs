//! Meta's JSON, read field by field. A field of an unexpected kind hides no other: a number may be a
//! text, a text may be missing, `null` or cut inside an escape. The only reader of Meta's answers.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Largest whole number that a JSON number holds exactly (RFC 8259, section 6).
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The fields of one object, each still unread.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, Box<RawValue>>);

/// One value, still unread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a>(Option<&'a str>);

impl Fields {
    /// Reads an answer's body, or a header. `None`: it is no JSON object. Bytes that are not UTF-8
    /// spoil only the text in which they stand.
    pub(super) fn of(json: &[u8]) -> Option<Self> {
        Self::parse(&String::from_utf8_lossy(json))
    }

    fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The field `name`. One that is missing or `null` has no value of any kind.
    pub(super) fn get(&self, name: &str) -> Field<'_> {
        self.0.get(name).map_or(Field(None), |raw| Field::from(&**raw))
    }

    /// The values of all fields.
    pub(super) fn values(&self) -> impl Iterator<Item = Field<'_>> {
        self.0.values().map(|raw| Field::from(&**raw))
    }
}

impl Field<'_> {
    /// Whether there is a value of any kind.
    pub(super) fn exists(self) -> bool {
        self.0.is_some()
    }

    /// An object. Meta sometimes sends one as a JSON text.
    pub(super) fn object(self) -> Option<Fields> {
        let json = self.0?;
        Fields::parse(json).or_else(|| Fields::parse(&serde_json::from_str::<String>(json).ok()?))
    }

    /// The items of a list.
    pub(super) fn list(self) -> Vec<Box<RawValue>> {
        self.0.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// A text, also of a number or a switch. Empty where there is none.
    pub(super) fn text(self) -> String {
        match self.0 {
            None => String::new(),
            Some(json) if json.starts_with(['{', '[']) => String::new(),
            // A text that was cut inside an escape is no valid text, and its beginning still counts.
            Some(json) => serde_json::from_str(json).unwrap_or_else(|_| json.trim_matches('"').to_owned()),
        }
    }

    /// A number, also one that is written as a text.
    pub(super) fn number(self) -> Option<f64> {
        self.text().trim().parse::<f64>().ok().filter(|n| n.is_finite())
    }

    /// A whole number, also one that is written as a text or with a point.
    pub(super) fn whole(self) -> Option<i64> {
        let exact = || self.number().filter(|n| n.fract() == 0.0 && n.abs() <= WHOLE_MAX).map(|n| n as i64);
        self.text().trim().parse().ok().or_else(exact)
    }

    /// A switch, also one that is written as a text or a number.
    pub(super) fn switch(self) -> Option<bool> {
        match self.text().trim() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }
}

impl<'a> From<&'a RawValue> for Field<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(Some(raw.get()).filter(|json| *json != "null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(json: &str) -> Fields {
        Fields::of(json.as_bytes()).unwrap()
    }

    #[test]
    fn each_field_is_read_for_itself() {
        let all = fields(
            r#"{"a":null,"b":"190","c":7.0,"d":"x","e":{"f":1},"g":"{\"f\":\"2\"}","h":[1,"y"],"i":"cut \ud83d"}"#,
        );
        assert_eq!(all.get("b").whole(), Some(190));
        assert_eq!(all.get("c").whole(), Some(7));
        assert_eq!(all.get("c").text(), "7.0");
        assert_eq!(all.get("e").object().unwrap().get("f").whole(), Some(1));
        assert_eq!(all.get("g").object().unwrap().get("f").whole(), Some(2));
        assert_eq!(all.get("h").list().len(), 2);
        assert!(all.get("i").text().starts_with("cut"));
        for none in ["a", "d", "e", "missing"] {
            assert_eq!((all.get(none).whole(), all.get(none).switch()), (None, None), "{none}");
        }
        assert!(!all.get("a").exists() && all.get("d").exists() && all.get("e").text().is_empty());
    }

    #[test]
    fn what_is_no_whole_number_is_none() {
        for json in ["1.5", "\"1.5\"", "1e300", "\"inf\"", "\"NaN\"", "\"\"", "true", "[1]", "{}"] {
            let all = fields(&format!("{{\"n\":{json}}}"));
            assert_eq!(all.get("n").whole(), None, "{json}");
        }
    }

    #[test]
    fn only_an_object_has_fields() {
        for json in ["", "null", "[]", "1", "\"{}\"", "{", "<html>", "\u{feff}{}"] {
            assert!(Fields::of(json.as_bytes()).is_none(), "{json}");
        }
        assert_eq!(Fields::of(b"{\"a\":\"\xE9\",\"code\":190}").unwrap().get("code").whole(), Some(190));
    }

    proptest! {
        #[test]
        fn no_field_makes_it_panic(json in "[\\[\\]{}\":,0-9a-e.\\\\ -]{0,40}") {
            for all in [Fields::of(json.as_bytes()), Fields::of(format!("{{\"a\":{json}}}").as_bytes())] {
                for field in all.iter().flat_map(Fields::values) {
                    let _ = (field.text(), field.whole(), field.number(), field.switch());
                    let _ = (field.object().is_some(), field.list().len());
                }
            }
        }
    }
}
