//! What can be wrong with a value.

/// Why a value is no match key. The text is for the person who typed the value; it never
/// repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MatchKeyError {
    /// Longer than [`super::VALUE_BYTES_MAX`], or than an e-mail address can be.
    #[error("is too long")]
    TooLong,
    /// An MD5 digest. Meta matches SHA-256 alone.
    #[error("is an MD5 hash; send the value itself or its SHA-256 in hex")]
    Md5,
    /// Not `local@domain.tld`.
    #[error("must be an e-mail address such as name@example.com")]
    EmailMalformed,
    /// Neither a number of the merchant's country nor an international one.
    #[error("must be a complete phone number; outside the shop's country with +, country code and number")]
    PhoneMalformed,
    /// Not a date of the calendar.
    #[error("must be a date, YYYY-MM-DD")]
    DateMalformed,
    /// Day and month cannot be told apart.
    #[error("could be read in two ways; write it as YYYY-MM-DD")]
    DateAmbiguous,
    /// Before 1900 or in the future.
    #[error("must lie between 1900 and today")]
    DateOutOfRange,
    /// No letter in it.
    #[error("must be the name of a city")]
    CityMalformed,
    /// Too short or too long for a postal code.
    #[error("must be a postal code")]
    PostalCodeMalformed,
    /// No country's code or English name.
    #[error("must be a country: its code (IN or IND) or its English name")]
    CountryUnknown,
}

impl MatchKeyError {
    /// All problems.
    pub const ALL: [Self; 10] = [
        Self::TooLong,
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

    /// Stable code, for metrics, vectors and operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
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
