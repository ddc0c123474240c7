//! The match keys that are sent to Meta as hashes.

use alloc::string::String;

/// A hashed match key (Meta, customer information parameters).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "full", derive(serde::Serialize, serde::Deserialize))]
pub enum MatchKey {
    /// `em`: e-mail address, in lower case.
    #[cfg_attr(feature = "full", serde(rename = "em"))]
    Email,
    /// `ph`: phone number, digits with the country code and without leading zeros.
    #[cfg_attr(feature = "full", serde(rename = "ph"))]
    Phone,
    /// `fn`: first name, in lower case, without punctuation.
    #[cfg_attr(feature = "full", serde(rename = "fn"))]
    FirstName,
    /// `ln`: last name, in lower case, without punctuation.
    #[cfg_attr(feature = "full", serde(rename = "ln"))]
    LastName,
    /// `ge`: gender, `f` or `m`.
    #[cfg_attr(feature = "full", serde(rename = "ge"))]
    Gender,
    /// `db`: date of birth, YYYYMMDD.
    #[cfg_attr(feature = "full", serde(rename = "db"))]
    DateOfBirth,
    /// `ct`: city, in lower case, without spaces, digits and punctuation.
    #[cfg_attr(feature = "full", serde(rename = "ct"))]
    City,
    /// `st`: state or province, in lower case; two letters for the United States and Canada.
    #[cfg_attr(feature = "full", serde(rename = "st"))]
    State,
    /// `zp`: postal code, in lower case, without spaces and dashes.
    #[cfg_attr(feature = "full", serde(rename = "zp"))]
    PostalCode,
    /// `country`: ISO 3166-1 alpha-2 code, in lower case.
    #[cfg_attr(feature = "full", serde(rename = "country"))]
    Country,
    /// `external_id`: the shop's own ID of the person.
    #[cfg_attr(feature = "full", serde(rename = "external_id"))]
    ExternalId,
}

impl MatchKey {
    /// All keys, in the order of Meta's documentation.
    pub const ALL: [Self; 11] = [
        Self::Email,
        Self::Phone,
        Self::FirstName,
        Self::LastName,
        Self::Gender,
        Self::DateOfBirth,
        Self::City,
        Self::State,
        Self::PostalCode,
        Self::Country,
        Self::ExternalId,
    ];

    /// Meta's name in `user_data`, e.g. `em`.
    pub fn meta_name(self) -> &'static str {
        match self {
            Self::Email => "em",
            Self::Phone => "ph",
            Self::FirstName => "fn",
            Self::LastName => "ln",
            Self::Gender => "ge",
            Self::DateOfBirth => "db",
            Self::City => "ct",
            Self::State => "st",
            Self::PostalCode => "zp",
            Self::Country => "country",
            Self::ExternalId => "external_id",
        }
    }

    /// Path of the request's field, as errors name it, e.g. `user.email`.
    pub fn field(self) -> &'static str {
        match self {
            Self::Email => "user.email",
            Self::Phone => "user.phone",
            Self::FirstName => "user.first_name",
            Self::LastName => "user.last_name",
            Self::Gender => "user.gender",
            Self::DateOfBirth => "user.date_of_birth",
            Self::City => "user.city",
            Self::State => "user.state",
            Self::PostalCode => "user.postal_code",
            Self::Country => "user.country",
            Self::ExternalId => "user.external_id",
        }
    }

    /// The page's name of the request's field, e.g. `firstName`.
    pub fn page_name(self) -> String {
        let field = self.field();
        let mut is_new = false;
        let name = field.strip_prefix("user.").unwrap_or(field).chars();
        let letters = name.filter_map(|c| {
            let letter = if is_new { c.to_ascii_uppercase() } else { c };
            is_new = c == '_';
            (!is_new).then_some(letter)
        });
        letters.collect()
    }

    /// The key with this name of Meta's; `None` for other names.
    pub fn from_meta_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.meta_name() == name)
    }

    /// The key's bit in a set of keys: one of the eleven lowest. The bit is stored, so it must not change.
    pub fn bit(self) -> u16 {
        match self {
            Self::Email => 1,
            Self::Phone => 1 << 1,
            Self::FirstName => 1 << 2,
            Self::LastName => 1 << 3,
            Self::Gender => 1 << 4,
            Self::DateOfBirth => 1 << 5,
            Self::City => 1 << 6,
            Self::State => 1 << 7,
            Self::PostalCode => 1 << 8,
            Self::Country => 1 << 9,
            Self::ExternalId => 1 << 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_eleven_lowest_each_once() {
        assert_eq!(MatchKey::ALL.iter().map(|key| u32::from(key.bit())).sum::<u32>(), (1 << 11) - 1);
        assert!(MatchKey::ALL.iter().all(|key| key.bit().is_power_of_two()));
    }

    #[test]
    fn pages_write_names_in_camel_case() {
        let names = MatchKey::ALL.map(MatchKey::page_name);
        assert_eq!(names[..3], ["email", "phone", "firstName"]);
        assert!(names.contains(&"dateOfBirth".to_owned()) && names.contains(&"externalId".to_owned()));
    }

    #[cfg(feature = "full")]
    #[test]
    fn json_uses_metas_names() {
        for key in MatchKey::ALL {
            assert_eq!(serde_json::to_string(&key).unwrap(), format!("\"{}\"", key.meta_name()));
            assert_eq!(MatchKey::from_meta_name(key.meta_name()), Some(key));
        }
    }
}
