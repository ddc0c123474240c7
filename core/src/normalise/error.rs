//! Why a value is not a match key.

/// Why a value is not a match key. The error text is for the person who typed the value. It never
/// repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MatchKeyError {
    /// The value is longer than [`super::VALUE_BYTES_MAX`], or than an e-mail address can be.
    #[error("is too long")]
    TooLong,
    /// The value stands for no value, or for the value of thousands (see [`crate::placeholder`]).
    #[error("is a placeholder: it stands for nobody's value, or for everybody's")]
    Placeholder,
    /// The value is an MD5 digest. Meta matches only SHA-256.
    #[error("is an MD5 hash; send the value itself or its SHA-256 in hex")]
    Md5,
    /// The value does not have the form `local@domain.tld`.
    #[error("must be an e-mail address such as name@example.com")]
    EmailMalformed,
    /// The value is neither a phone number of the merchant's country nor an international one.
    #[error("must be a complete phone number; a number from another country needs + and its country code")]
    PhoneMalformed,
    /// The value is not a date of the calendar.
    #[error("must be a date, YYYY-MM-DD")]
    DateMalformed,
    /// The value does not show which number is the day and which the month.
    #[error("could be read in two ways; write it as YYYY-MM-DD")]
    DateAmbiguous,
    /// The date is before 1900 or in the future.
    #[error("must lie between 1900 and today")]
    DateOutOfRange,
    /// The value has no letter.
    #[error("must be the name of a city")]
    CityMalformed,
    /// The value is too short or too long for a postal code.
    #[error("must be a postal code")]
    PostalCodeMalformed,
    /// The value is neither the code nor the English name of a country.
    #[error("must be a country: its code (IN or IND) or its English name")]
    CountryUnknown,
}

impl MatchKeyError {
    /// All errors.
    pub const ALL: [Self; 11] = [
        Self::TooLong,
        Self::Placeholder,
        Self::Md5,
        Self::EmailMalformed,
        Self::PhoneMalformed,
        Self::DateMalformed,
        Self::DateAmbiguous,
        Self::DateOutOfRange,
        Self::CityMalformed,
        Self::PostalCodeMalformed,
        Self::CountryUnknown,
    ];

    /// Stable code of the error, for metrics, test vectors and operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Placeholder => "placeholder",
            Self::Md5 => "md5_hash",
            Self::EmailMalformed => "email_malformed",
            Self::PhoneMalformed => "phone_malformed",
            Self::DateMalformed => "date_malformed",
            Self::DateAmbiguous => "date_ambiguous",
            Self::DateOutOfRange => "date_out_of_range",
            Self::CityMalformed => "city_malformed",
            Self::PostalCodeMalformed => "postal_code_malformed",
            Self::CountryUnknown => "country_unknown",
        }
    }
}
