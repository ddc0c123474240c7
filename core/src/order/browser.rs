//! What recognises the browser of a person who refused: digests in place of its identifiers.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::click_id::Fbp;
use crate::hash::Sha256Hex;
use crate::id::OrderId;
use crate::user_data::{UserData, fill};

/// What the digests of browsers are made with: a secret that all servers of one store share. `Debug` shows nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BrowserSalt([u8; 32]);

impl fmt::Debug for BrowserSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSalt(..)")
    }
}

impl BrowserSalt {
    /// Takes the store's secret, 32 random bytes.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The salt of one order: no digest tells that two orders have the same browser.
    fn of_order(&self, order: &OrderId) -> Sha256Hex {
        digest(&self.0, "order", &[order.as_str()])
    }
}

/// A browser that an order recognises and knows nothing else about. The digests go with their salt when the order's
/// signals go.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    salt: Sha256Hex,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fbp: Option<Sha256Hex>,
    /// Address and User-Agent in one, because an address alone can be found by trying all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    visitor: Option<Sha256Hex>,
    /// The address is part of `visitor`.
    has_address: bool,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Browser(..)")
    }
}

impl Browser {
    /// The browser that brought these identifiers to an order.
    pub(super) fn of(data: &UserData, order: &OrderId, salt: &BrowserSalt) -> Self {
        Self::salted(data, salt.of_order(order))
    }

    fn salted(data: &UserData, salt: Sha256Hex) -> Self {
        let of = |kind: &str, parts: &[&str]| digest(salt.as_bytes(), kind, parts);
        let (address, agent) = (data.client_ip_address, data.client_user_agent.as_deref());
        let text = address.map(|address| address.to_string()).unwrap_or_default();
        let visitor = (address.is_some() || agent.is_some()).then(|| {
            of("visitor", &[&text, if agent.is_some() { "agent" } else { "" }, agent.unwrap_or_default()])
        });
        let fbp = data.fbp.as_deref().map(|fbp| of("fbp", &[&Fbp::recognised(fbp)]));
        Self { salt, fbp, visitor, has_address: address.is_some() }
    }

    /// Another's identifiers as this browser's would be kept.
    pub(super) fn like(&self, data: &UserData) -> Self {
        Self::salted(data, self.salt)
    }

    /// Whether anything can recognise it.
    pub(super) fn is_known(&self) -> bool {
        self.fbp.is_some() || self.visitor.is_some()
    }

    pub(super) fn has_fbp(&self) -> bool {
        self.fbp.is_some()
    }

    pub(super) fn has_address(&self) -> bool {
        self.has_address
    }

    /// Whether both have the same `fbp`.
    pub(super) fn has_fbp_of(&self, other: &Self) -> bool {
        self.fbp.is_some() && self.fbp == other.fbp
    }

    /// Whether both have the same address, or both none, and the same User-Agent.
    pub(super) fn has_visitor_of(&self, other: &Self) -> bool {
        self.visitor.is_some() && self.visitor == other.visitor
    }

    /// Fills what is blank here from `other`.
    pub(super) fn fill_blanks(&mut self, other: &Self) {
        fill(&mut self.fbp, other.fbp.as_ref());
        if self.visitor.is_none() || (!self.has_address && other.has_address) {
            (self.visitor, self.has_address) = (other.visitor, other.has_address);
        }
    }
}

/// SHA-256 of the salt and the parts, each with its length, so that no two lists of parts read the same.
fn digest(salt: &[u8; 32], kind: &str, parts: &[&str]) -> Sha256Hex {
    let mut bytes = salt.to_vec();
    for part in core::iter::once(&kind).chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Sha256Hex::of_bytes(&bytes)
}
