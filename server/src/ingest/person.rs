//! A person's raw values: moved into types that print nothing, hashed, and gone.

use std::net::IpAddr;

use tandem_core::country::Country;
use tandem_core::normalise::{Day, KeyContext, MatchKey, hash_key};
use tandem_core::personal::Raw;
use tandem_core::unicode::NativeUnicode;
use tandem_core::user_data::UserData;
use tandem_proto::v1;

use crate::telemetry::metrics::Metrics;

/// Reads a person's match keys.
#[derive(Debug, Clone, Copy)]
pub struct UserReader<'a> {
    /// Country of national phone numbers.
    pub default_country: Country,
    /// Today, for birth dates. Unix seconds.
    pub now_s: i64,
    /// Where dropped keys are counted.
    pub metrics: &'a Metrics,
}

impl UserReader<'_> {
    /// Hashes one person's raw values. Those that cannot be normalised are dropped and
    /// counted, and returned by name with what is wrong.
    pub fn read(&self, values: Vec<(MatchKey, Raw)>) -> (UserData, Vec<(MatchKey, String)>) {
        let person_country = values
            .iter()
            .find(|(key, _)| *key == MatchKey::Country)
            .and_then(|(_, value)| Country::parse(value.expose()).ok());
        let context = KeyContext {
            unicode: &NativeUnicode,
            default_country: self.default_country,
            person_country,
            today: Day::of_unix_s(self.now_s),
        };
        let mut user_data = UserData::default();
        let mut faults = Vec::new();
        for (key, value) in values {
            match hash_key(key, &value, &context) {
                Ok(Some(hash)) => user_data.set(key, hash),
                Ok(None) => {}
                Err(problem) => {
                    self.metrics.key_dropped(key.meta_name());
                    faults.push((key, problem.to_string()));
                }
            }
        }
        (user_data, faults)
    }
}

/// Moves the message's texts into types that print nothing and are wiped when dropped.
pub(crate) fn raw_values(user: v1::User) -> Vec<(MatchKey, Raw)> {
    [
        (MatchKey::Email, user.email),
        (MatchKey::Phone, user.phone),
        (MatchKey::FirstName, user.first_name),
        (MatchKey::LastName, user.last_name),
        (MatchKey::Gender, user.gender),
        (MatchKey::DateOfBirth, user.date_of_birth),
        (MatchKey::City, user.city),
        (MatchKey::State, user.state),
        (MatchKey::PostalCode, user.postal_code),
        (MatchKey::Country, user.country),
        (MatchKey::ExternalId, user.external_id),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, Raw::new(value?))))
    .filter(|(_, value)| !value.is_blank())
    .collect()
}

/// Whether an address can belong to a person on the internet. Meta has no use for others.
pub(crate) fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}
