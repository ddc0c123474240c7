//! The event name, which is part of Meta's deduplication key.

use super::text::{EVENT_NAME_CHARS_MAX, EVENT_NAME_SIGNS, IdError, text_id};

text_id! {
    /// Name of an event in exact case. ID and name together are Meta's deduplication key.
    EventName
}

/// Names of Meta's standard events (Meta Pixel reference), and `PageView`.
pub const STANDARD_EVENTS: [&str; 18] = [
    "AddPaymentInfo",
    "AddToCart",
    "AddToWishlist",
    "CompleteRegistration",
    "Contact",
    "CustomizeProduct",
    "Donate",
    "FindLocation",
    "InitiateCheckout",
    "Lead",
    "PageView",
    "Purchase",
    "Schedule",
    "Search",
    "StartTrial",
    "SubmitApplication",
    "Subscribe",
    "ViewContent",
];

/// Names that `TrackEvent` refuses, in lower case. Purchase and Lead have RPCs of their own. The other two
/// are Meta's events that add value to an earlier conversion: a stranger could inflate a sale with
/// them.
const RESERVED: [&str; 4] = ["purchase", "lead", "appendvalue", "appendattribution"];

impl EventName {
    /// Reads a stored event name, in exact case: 1 to 50 letters, digits, spaces and
    /// [`EVENT_NAME_SIGNS`].
    ///
    /// # Errors
    /// [`IdError::Missing`] when the text is empty, and [`IdError::BadName`] when it breaks this rule.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        Self::read(text, char::is_alphanumeric)
    }

    fn read(text: &str, is_word: impl Fn(char) -> bool + Copy) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Missing);
        }
        let fits = text.chars().nth(EVENT_NAME_CHARS_MAX).is_none()
            && !text.starts_with(' ')
            && !text.ends_with(' ')
            && text.chars().all(|c| is_of_name(c, is_word));
        if fits { Ok(Self(text.into())) } else { Err(IdError::BadName) }
    }

    /// Reads the name of an event that a caller reports. A standard event in other case or spacing
    /// (`viewcontent`, `Add To Cart`) becomes the standard event: Meta would count it as a custom
    /// event that no campaign knows.
    ///
    /// # Errors
    /// Those of [`EventName::parse`], and [`IdError::BadName`] for a name without a letter or digit.
    pub fn of_caller(text: &str) -> Result<Self, IdError> {
        Self::of_caller_with(text.trim(), char::is_alphanumeric)
    }

    /// Like [`EventName::of_caller`], for a text without white space around it and other Unicode tables. `is_word`: whether a character beyond
    /// ASCII is a letter or a number.
    ///
    /// # Errors
    /// Those of [`EventName::of_caller`].
    pub fn of_caller_with(text: &str, is_word: impl Fn(char) -> bool + Copy) -> Result<Self, IdError> {
        if let Some(standard) = Self::standard(text) {
            return Ok(Self(standard.into()));
        }
        let name = Self::read(text, is_word)?;
        if text.chars().any(|c| is_letter(c, is_word)) { Ok(name) } else { Err(IdError::BadName) }
    }

    /// The standard event that a name means: the one with the same letters and digits, in any case,
    /// spacing or punctuation. `None` for the name of a custom event.
    pub fn standard(text: &str) -> Option<&'static str> {
        STANDARD_EVENTS.into_iter().find(|name| is_spelling_of(text, name))
    }

    /// `Lead`: Meta's standard event for a lead.
    pub fn lead() -> Self {
        Self("Lead".into())
    }

    /// `Purchase`: Meta's standard event for a sale.
    pub fn purchase() -> Self {
        Self("Purchase".into())
    }

    /// Reads the name of a custom event that Tandem sends by itself. It must not be a standard event
    /// of Meta or a reserved name, in any case or spacing.
    ///
    /// # Errors
    /// [`IdError::NotCustom`] for such a name, and the errors of [`EventName::parse`].
    pub fn parse_custom(text: &str) -> Result<Self, IdError> {
        if Self::is_reserved(text) || Self::standard(text).is_some() {
            return Err(IdError::NotCustom);
        }
        Self::parse(text)
    }

    /// Whether this is one of Meta's standard events. The pixel fires other names with
    /// `trackCustom`.
    pub fn is_standard(&self) -> bool {
        STANDARD_EVENTS.contains(&self.as_str())
    }

    /// Whether the name is reserved, in any case or spacing: no caller may send it with
    /// `TrackEvent`.
    pub fn is_reserved(text: &str) -> bool {
        RESERVED.iter().any(|name| is_spelling_of(text, name))
    }
}

/// Whether a character may stand in an event name. Words of Indian scripts hold combining marks that
/// are no letters.
fn is_of_name(c: char, is_word: impl Fn(char) -> bool) -> bool {
    is_letter(c, is_word)
        || c == ' '
        || EVENT_NAME_SIGNS.bytes().any(|sign| char::from(sign) == c)
        || is_indic_mark(c)
}

/// Whether a character is a mark of an Indian script that Unicode does not call alphabetic: a nukta or
/// a virama. They have the same place in each block of 128 characters.
fn is_indic_mark(c: char) -> bool {
    let code = u32::from(c);
    (0x900..0xD80).contains(&code) && matches!(code % 0x80, 0x3C | 0x4D)
}

/// Whether a character is a letter or a number.
fn is_letter(c: char, is_word: impl Fn(char) -> bool) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { is_word(c) }
}

/// Whether a text has the letters and digits of a name, in any case, spacing or punctuation. Names are ASCII. Another
/// character makes another name, or none, except for the marks that may stand in a name and are no letters.
fn is_spelling_of(text: &str, name: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_ascii_alphanumeric() || !(c.is_ascii() || is_indic_mark(*c)));
    letters.map(|c| c.to_ascii_lowercase()).eq(name.chars().map(|c| c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_inflate_a_sale_are_reserved_in_any_spelling() {
        for name in
            ["Purchase", " purchase ", "PUR CHASE", "lead", "Lead ", "Append-Value", "append_attribution"]
        {
            assert!(EventName::is_reserved(name), "{name}");
        }
        for name in ["InitiateCheckout", "Leader", "PurchaseIntent"] {
            assert!(!EventName::is_reserved(name), "{name}");
        }
    }

    #[test]
    fn custom_names_are_none_of_metas_own() {
        for name in ["Purchase", "add to cart", "LEAD", "AppendValue", "ViewContent", "page-view"] {
            assert_eq!(EventName::parse_custom(name), Err(IdError::NotCustom), "{name}");
        }
        assert_eq!(EventName::parse_custom(""), Err(IdError::Missing));
        assert_eq!(EventName::parse_custom("<Refund>"), Err(IdError::BadName));
        assert_eq!(EventName::parse_custom("Refund").unwrap().as_str(), "Refund");
    }

    #[test]
    fn names_hold_no_padding_and_no_markup() {
        for bad in ["", " Lead", "a\u{7}", "<b>", &"x".repeat(51)] {
            assert!(EventName::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["QuizDone_v2.1", "50% Scroll", "Video: Play", "Checkout/Step 2", "A&B (new)", "न्यूज़लेटर"]
        {
            assert_eq!(EventName::of_caller(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "%", "--", "a@b", "a\"b", "a\\b", "<b>"] {
            assert!(EventName::of_caller(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_standard_event_in_any_spelling_is_the_standard_event() {
        for (text, standard) in [
            ("viewcontent", "ViewContent"),
            ("Add To Cart", "AddToCart"),
            ("add_to_cart", "AddToCart"),
            (" PAGEVIEW ", "PageView"),
            ("Initiate-Checkout", "InitiateCheckout"),
        ] {
            assert_eq!(EventName::of_caller(text).unwrap().as_str(), standard, "{text}");
        }
        for custom in ["Contact us", "ViewContents", "Searching"] {
            assert_eq!(EventName::of_caller(custom).unwrap().as_str(), custom);
        }
        assert_eq!(EventName::parse("viewcontent").unwrap().as_str(), "viewcontent", "what is stored stays");
    }
}
