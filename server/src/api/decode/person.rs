//! Moves a person's texts into types that print nothing and are wiped when dropped.

use std::net::IpAddr;

use tandem_core::normalise::MatchKey;
use tandem_core::personal::Raw;
use tandem_proto::v1;

/// The message's texts by match key. Blank texts are left out.
pub(super) fn raw_values(user: v1::User) -> Vec<(MatchKey, Raw)> {
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

/// Whether an address can belong to a person on the internet. Meta cannot use other addresses.
pub(super) fn is_public(address: &IpAddr) -> bool {
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
