//! Stable codes of what is wrong with a field, each with a sentence for the person who filled it in.
//!
//! A page decides by the code and may show the sentence, or its own text in another language. No sentence names the
//! field, and none repeats a value.

use crate::country::UnknownCountry;
use crate::currency::CurrencyError;
use crate::id::IdError;
use crate::money::MoneyError;
use crate::normalise::MatchKeyError;

macro_rules! field_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)+) => {
        /// What is wrong with a field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FieldCode {
            $($(#[$doc])* $name,)+
        }

        impl FieldCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The code as callers see it, such as `PHONE_MALFORMED`. It never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// A sentence for the person who can correct the field.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

field_codes! {
    /// The field is empty.
    Required = "REQUIRED", "Please fill in this field.";
    /// A lead has neither an e-mail address nor a phone number.
    EmailOrPhoneRequired = "EMAIL_OR_PHONE_REQUIRED", "Please enter an e-mail address or a phone number.";
    /// The value is longer than the field may be.
    TooLong = "TOO_LONG", "This is too long.";
    /// The value stands for nobody's value, or for everybody's.
    Placeholder = "PLACEHOLDER", "Please enter your own details here instead of a placeholder.";
    /// The value is an MD5 digest. Meta matches only SHA-256.
    Md5Hash = "MD5_HASH", "This is an MD5 hash. Send the value itself, or its SHA-256 hash in hex.";
    /// The value is no e-mail address.
    EmailMalformed = "EMAIL_MALFORMED", "Please enter an e-mail address such as name@example.com.";
    /// The value is no complete phone number.
    PhoneMalformed = "PHONE_MALFORMED", "Please enter a complete phone number. A number from another country starts with + and its country code.";
    /// The value is no date.
    DateMalformed = "DATE_MALFORMED", "Please enter a date as YYYY-MM-DD.";
    /// The date can be read in two ways.
    DateAmbiguous = "DATE_AMBIGUOUS", "This date can be read in two ways. Please write it as YYYY-MM-DD.";
    /// The date is before 1900 or in the future.
    DateOutOfRange = "DATE_OUT_OF_RANGE", "Please enter a date between 1900 and today.";
    /// The value is no name of a city.
    CityMalformed = "CITY_MALFORMED", "Please enter the name of a city.";
    /// The value is no postal code.
    PostalCodeMalformed = "POSTAL_CODE_MALFORMED", "Please enter a postal code.";
    /// The value is no country.
    CountryUnknown = "COUNTRY_UNKNOWN", "Please enter a country: its English name, or its code such as IN.";
    /// The amount is empty.
    AmountMissing = "AMOUNT_MISSING", "Please enter an amount.";
    /// The amount is no decimal number.
    AmountNotDecimal = "AMOUNT_NOT_DECIMAL", "Please enter an amount such as 1499.00, without sign, spaces or separators.";
    /// The amount is below zero.
    AmountNegative = "AMOUNT_NEGATIVE", "An amount cannot be negative.";
    /// The amount has more decimals than its currency.
    AmountTooPrecise = "AMOUNT_TOO_PRECISE", "This amount has more decimals than its currency.";
    /// The amount is more than any order costs.
    AmountTooLarge = "AMOUNT_TOO_LARGE", "This amount is too large.";
    /// The value is no currency.
    CurrencyUnknown = "CURRENCY_UNKNOWN", "Please enter a currency's code such as INR.";
    /// One event has amounts in several currencies.
    CurrencyMixed = "CURRENCY_MIXED", "All amounts of one event must have the same currency.";
    /// The value is no UUID.
    NotUuid = "NOT_UUID", "This must be a UUID such as 018f3c2e-7b1a-7c3d-9e4f-0123456789ab.";
    /// The value holds control characters.
    ControlCharacter = "CONTROL_CHARACTER", "This must not hold control characters.";
    /// The server has no such pixel, or the value is no pixel's ID.
    PixelUnknown = "PIXEL_UNKNOWN", "This is not one of the server's pixels.";
    /// The value cannot be an event's name.
    EventNameMalformed = "EVENT_NAME_MALFORMED", "A name has 1 to 50 letters, digits, spaces and signs of _-.%:/&+().";
    /// The event's name has a call of its own, or nobody may send it.
    EventNameReserved = "EVENT_NAME_RESERVED", "This name is reserved. CaptureLead makes a Lead and RecordPurchase a Purchase. No other reserved name is accepted.";
    /// An e-mail address or a phone number stands where none may be.
    PersonalData = "PERSONAL_DATA", "This must not hold an e-mail address or a phone number.";
    /// A list has too many entries.
    TooMany = "TOO_MANY", "There are too many entries here.";
    /// The part of the message takes too many bytes.
    TooLarge = "TOO_LARGE", "This part of the message takes too many bytes.";
    /// The same thing is given twice.
    Duplicate = "DUPLICATE", "This is given twice.";
    /// The event is older than Meta accepts.
    TooOld = "TOO_OLD", "This must not be over 7 days ago. Meta takes nothing older.";
    /// The name of a custom property cannot be used.
    PropertyKeyMalformed = "PROPERTY_KEY_MALFORMED", "A name has 1 to 50 letters, digits, '_' or '-'.";
    /// The name of a custom property is one of Meta's own.
    PropertyKeyReserved = "PROPERTY_KEY_RESERVED", "This is a name of Meta's own. Use the field for it.";
    /// Meta does not know the code of limited data use.
    LimitedDataUseUnknown = "LIMITED_DATA_USE_UNKNOWN", "This is not one of Meta's codes. 0 lets Meta decide by the address.";
    /// The value is no address of a page.
    UrlMalformed = "URL_MALFORMED", "This must be a page's full address such as https://shop.example/thanks.";
    /// The value is no IP address.
    AddressMalformed = "ADDRESS_MALFORMED", "This must be an IPv4 or IPv6 address.";
    /// Only the shop's own services may give the field.
    InternalOnly = "INTERNAL_ONLY", "Only the shop's own services may give this.";
    /// The value is not one of those that the field takes.
    ValueUnknown = "VALUE_UNKNOWN", "This is not one of the values that can be given here.";
    /// The number is outside the range of the field.
    OutOfRange = "OUT_OF_RANGE", "This number is too large.";
    /// A page token is not one of this server's.
    PageTokenMalformed = "PAGE_TOKEN_MALFORMED", "This token was not issued by this server.";
    /// A filter selects nothing, or its parts contradict each other.
    FilterMalformed = "FILTER_MALFORMED", "This filter cannot be used.";
    /// The body is not JSON.
    JsonMalformed = "JSON_MALFORMED", "This is not valid JSON.";
    /// The message has no field of this name.
    UnknownField = "UNKNOWN_FIELD", "There is no field of this name.";
    /// The JSON value has another type than the field.
    WrongType = "WRONG_TYPE", "This has the wrong type.";
}

impl From<MatchKeyError> for FieldCode {
    fn from(error: MatchKeyError) -> Self {
        match error {
            MatchKeyError::TooLong => Self::TooLong,
            MatchKeyError::Placeholder => Self::Placeholder,
            MatchKeyError::Md5 => Self::Md5Hash,
            MatchKeyError::EmailMalformed => Self::EmailMalformed,
            MatchKeyError::PhoneMalformed => Self::PhoneMalformed,
            MatchKeyError::DateMalformed => Self::DateMalformed,
            MatchKeyError::DateAmbiguous => Self::DateAmbiguous,
            MatchKeyError::DateOutOfRange => Self::DateOutOfRange,
            MatchKeyError::CityMalformed => Self::CityMalformed,
            MatchKeyError::PostalCodeMalformed => Self::PostalCodeMalformed,
            MatchKeyError::CountryUnknown => Self::CountryUnknown,
        }
    }
}

impl From<MoneyError> for FieldCode {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::Missing => Self::AmountMissing,
            MoneyError::NotDecimal => Self::AmountNotDecimal,
            MoneyError::Negative => Self::AmountNegative,
            MoneyError::TooPrecise(_) => Self::AmountTooPrecise,
            MoneyError::TooLarge => Self::AmountTooLarge,
        }
    }
}

impl From<UnknownCountry> for FieldCode {
    fn from(_: UnknownCountry) -> Self {
        Self::CountryUnknown
    }
}

impl From<CurrencyError> for FieldCode {
    fn from(_: CurrencyError) -> Self {
        Self::CurrencyUnknown
    }
}

impl From<IdError> for FieldCode {
    fn from(error: IdError) -> Self {
        match error {
            IdError::Missing => Self::Required,
            IdError::TooLong(_) => Self::TooLong,
            IdError::ControlCharacter => Self::ControlCharacter,
            IdError::NotUuid => Self::NotUuid,
            IdError::NotPixel => Self::PixelUnknown,
            IdError::BadName => Self::EventNameMalformed,
            IdError::NotCustom => Self::EventNameReserved,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_their_texts_are_sentences() {
        let mut seen = BTreeSet::new();
        for field_code in FieldCode::ALL {
            let (code, text) = (field_code.as_str(), field_code.text());
            assert!(seen.insert(code), "{code} twice");
            assert!(code.len() <= 63 && code.starts_with(|c: char| c.is_ascii_uppercase()), "{code}");
            let is_plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            assert!(code.bytes().all(is_plain), "{code}");
            assert!(text.starts_with(|c: char| c.is_ascii_uppercase() || c == '0'), "{code}: {text}");
            assert!(text.ends_with('.'), "{code}: {text}");
        }
    }

    #[test]
    fn each_code_is_documented_with_its_text() {
        let page = include_str!("../../docs/field-errors.md");
        for field_code in FieldCode::ALL {
            let (code, text) = (field_code.as_str(), field_code.text());
            let is_row = |line: &&str| {
                line.starts_with(&format!("| `{code}` |")) && line.ends_with(&format!("| {text} |"))
            };
            assert_eq!(page.lines().filter(is_row).count(), 1, "docs/field-errors.md: {code}");
        }
        assert_eq!(page.lines().filter(|line| line.starts_with("| `")).count(), FieldCode::ALL.len());
    }

    #[test]
    fn a_code_is_the_same_word_in_metrics_and_in_answers() {
        for error in MatchKeyError::ALL {
            assert_eq!(FieldCode::from(error).as_str().to_lowercase(), error.code());
        }
        for error in [
            MoneyError::Missing,
            MoneyError::NotDecimal,
            MoneyError::Negative,
            MoneyError::TooPrecise(2),
            MoneyError::TooLarge,
        ] {
            assert_eq!(FieldCode::from(error).as_str().to_lowercase(), error.code());
        }
    }
}
