//! Meta's `user_data`: hashed match keys and the browser's identifiers.
//!
//! Every part is personal data, hashes included: somebody can find an Indian mobile number by trying all
//! numbers. So `Debug` shows only names.

use core::fmt;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::click_id::{Fbc, Fbp};
use crate::hash::Sha256Hex;
use crate::normalise::MatchKey;

/// Longest User-Agent that is kept, bytes. A longer one is cut at a character boundary.
pub const USER_AGENT_BYTES_MAX: usize = 1024;

/// The match keys and browser identifiers of one event.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserData {
    pub(crate) keys: BTreeMap<MatchKey, Sha256Hex>,
    /// Value of the `_fbp` cookie, verbatim; never hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbp: Option<String>,
    /// Value of the `_fbc` cookie, verbatim; never hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fbc: Option<String>,
    /// IP address of the person; never hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ip_address: Option<IpAddr>,
    /// The browser's User-Agent; never hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_user_agent: Option<String>,
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({})", self.key_set().names().join(","))
    }
}

impl UserData {
    /// Sets the hash of `key` and replaces an earlier one.
    pub fn set(&mut self, key: MatchKey, hash: Sha256Hex) {
        self.keys.insert(key, hash);
    }

    /// The hash of `key`; `None` when it is not set.
    pub fn get(&self, key: MatchKey) -> Option<Sha256Hex> {
        self.keys.get(&key).copied()
    }

    /// The keys with their hashes, in the order of [`MatchKey`].
    pub fn hashed(&self) -> impl Iterator<Item = (MatchKey, Sha256Hex)> + '_ {
        self.keys.iter().map(|(key, hash)| (*key, *hash))
    }

    /// Names of the keys and identifiers that are set.
    pub fn key_set(&self) -> KeySet {
        let mut bits = self.keys.keys().fold(0, |bits, key| bits | key.bit());
        for (present, bit) in [
            (self.fbp.is_some(), KeySet::FBP),
            (self.fbc.is_some(), KeySet::FBC),
            (self.client_ip_address.is_some(), KeySet::IP),
            (self.client_user_agent.is_some(), KeySet::USER_AGENT),
        ] {
            if present {
                bits |= bit;
            }
        }
        KeySet(bits)
    }

    /// Whether there is a browser identifier: `fbp`, `fbc`, IP address or User-Agent.
    pub fn has_browser_signals(&self) -> bool {
        self.key_set().0 & (KeySet::FBP | KeySet::FBC | KeySet::IP | KeySet::USER_AGENT) != 0
    }

    /// Fills keys and identifiers that are blank here from `other`.
    pub fn fill_blanks(&mut self, other: &Self) {
        for (key, hash) in other.hashed() {
            self.keys.entry(key).or_insert(hash);
        }
        fill(&mut self.fbp, other.fbp.as_ref());
        fill(&mut self.fbc, other.fbc.as_ref());
        fill(&mut self.client_ip_address, other.client_ip_address.as_ref());
        fill(&mut self.client_user_agent, other.client_user_agent.as_ref());
    }

    /// Dates the click no later than the event, where the server dated it ([`Fbc::at_event`]). `event_s`: Unix
    /// seconds.
    pub fn date_click(&mut self, event_s: i64) {
        let event_ms = event_s.saturating_mul(1000).unsigned_abs();
        if let Some(fbc) = self.fbc.as_deref().and_then(Fbc::parse) {
            self.fbc = Some(fbc.at_event(event_ms).as_str().to_owned());
        }
    }

    /// Whether both come from the same browser: they have the same `fbp` or, if one has none, the same IP
    /// address and User-Agent.
    pub fn same_browser(&self, other: &Self) -> bool {
        self.shares_fbp(other).unwrap_or_else(|| {
            self.client_ip_address.is_some()
                && self.client_ip_address == other.client_ip_address
                && self.client_user_agent == other.client_user_agent
        })
    }

    /// Whether both have the `fbp` of the same browser; `None` if one has none.
    pub(crate) fn shares_fbp(&self, other: &Self) -> Option<bool> {
        let (mine, theirs) = (self.fbp.as_deref()?, other.fbp.as_deref()?);
        Some(mine == theirs || Fbp::recognised(mine) == Fbp::recognised(theirs))
    }
}

/// Copies `other` into `mine` if `mine` is blank.
pub(crate) fn fill<T: Clone>(mine: &mut Option<T>, other: Option<&T>) {
    if mine.is_none() {
        *mine = other.cloned();
    }
}

/// Removes control characters from a User-Agent and cuts it to [`USER_AGENT_BYTES_MAX`]. `None` when
/// nothing is left.
pub fn clean_user_agent(text: &str) -> Option<String> {
    let mut clean: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if clean.len() > USER_AGENT_BYTES_MAX {
        clean.truncate(clean.floor_char_boundary(USER_AGENT_BYTES_MAX));
    }
    (!clean.is_empty()).then_some(clean)
}

/// A set of names of match keys. It holds no values, so it may be kept after the personal data is
/// deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeySet(pub u16);

impl KeySet {
    const FBP: u16 = 1 << 11;
    const FBC: u16 = 1 << 12;
    const IP: u16 = 1 << 13;
    const USER_AGENT: u16 = 1 << 14;

    /// Meta's names of the keys in the set, e.g. `em`.
    pub fn names(self) -> Vec<&'static str> {
        let hashed = MatchKey::ALL.into_iter().map(|key| (key.bit(), key.meta_name()));
        let plain = [
            (Self::FBP, "fbp"),
            (Self::FBC, "fbc"),
            (Self::IP, "client_ip_address"),
            (Self::USER_AGENT, "client_user_agent"),
        ];
        hashed.chain(plain).filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| name).collect()
    }

    /// The set without `fbc`. `None` if the set does not have it.
    pub fn without_click_id(self) -> Option<Self> {
        (self.0 & Self::FBC != 0).then_some(Self(self.0 & !Self::FBC))
    }

    /// Whether Meta accepts an event with these keys. Meta refuses the whole request for an event whose
    /// keys are all in one of four sets (Meta, best practices: invalid combinations; error
    /// 100/2804050).
    pub fn is_enough(self) -> bool {
        let of = |keys: &[MatchKey]| keys.iter().fold(0, |bits, key| bits | key.bit());
        let never_enough = [
            of(&[MatchKey::City, MatchKey::Country, MatchKey::State, MatchKey::PostalCode, MatchKey::Gender])
                | Self::USER_AGENT,
            of(&[MatchKey::DateOfBirth]) | Self::USER_AGENT,
            of(&[MatchKey::FirstName, MatchKey::Gender]),
            of(&[MatchKey::LastName, MatchKey::Gender]),
        ];
        never_enough.into_iter().all(|set| self.0 & !set != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thin_key_sets_are_refused_and_one_good_key_saves_them() {
        let thin = [
            0,
            KeySet::USER_AGENT,
            MatchKey::City.bit() | MatchKey::Country.bit() | KeySet::USER_AGENT,
            MatchKey::DateOfBirth.bit() | KeySet::USER_AGENT,
            MatchKey::FirstName.bit() | MatchKey::Gender.bit(),
            MatchKey::LastName.bit(),
        ];
        for bits in thin {
            assert!(!KeySet(bits).is_enough(), "{:?}", KeySet(bits).names());
            assert!(KeySet(bits | MatchKey::Email.bit()).is_enough());
            assert!(KeySet(bits | KeySet::IP | KeySet::USER_AGENT).is_enough());
        }
        assert!(KeySet(MatchKey::FirstName.bit() | MatchKey::LastName.bit()).is_enough());
    }

    #[test]
    fn debug_names_keys_and_shows_no_value() {
        let data = UserData { fbp: Some("fb.1.1.secret".into()), ..UserData::default() };
        assert_eq!(format!("{data:?}"), "UserData(fbp)");
    }

    #[test]
    fn blanks_are_filled_and_nothing_is_replaced() {
        let mut mine = UserData { fbp: Some("mine".into()), ..UserData::default() };
        let theirs =
            UserData { fbp: Some("theirs".into()), fbc: Some("click".into()), ..UserData::default() };
        mine.fill_blanks(&theirs);
        assert_eq!((mine.fbp.as_deref(), mine.fbc.as_deref()), (Some("mine"), Some("click")));
    }

    #[test]
    fn a_click_that_the_server_dated_is_no_later_than_its_event() {
        for (fbc, expected) in [
            ("fb.1.1700000005000.AbC.AQQCAQMC", "fb.1.1700000000000.AbC.AQQCAQMC"),
            ("fb.1.1699999999000.AbC", "fb.1.1699999999000.AbC"),
            // The browser's own time.
            ("fb.1.1700000005123.AbC", "fb.1.1700000005123.AbC"),
        ] {
            let mut data = UserData { fbc: Some(fbc.into()), ..UserData::default() };
            data.date_click(1_700_000_000);
            assert_eq!(data.fbc.as_deref(), Some(expected));
        }
    }

    #[test]
    fn user_agents_are_cut_on_a_character() {
        let long = "é".repeat(USER_AGENT_BYTES_MAX);
        assert_eq!(clean_user_agent(&long).unwrap().len(), USER_AGENT_BYTES_MAX);
        assert_eq!(clean_user_agent(" \u{0} "), None);
    }
}
