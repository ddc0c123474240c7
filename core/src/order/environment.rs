//! In which money an order is paid: real money, or a provider's play money.

use serde::{Deserialize, Serialize};

/// A payment provider's environment. Money of one never counts in the other, so it is part of an
/// order's identity. The database stores the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real money.
    #[default]
    Production = 1,
    /// Play money of the provider's sandbox.
    Sandbox = 2,
}

impl Environment {
    /// Name, as in the setting `CASHFREE_ENVIRONMENT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Sandbox => "SANDBOX",
        }
    }

    /// Reads its name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Production, Self::Sandbox].into_iter().find(|known| text.eq_ignore_ascii_case(known.name()))
    }

    /// Reads the number that the database stores. An unknown one counts as play money, which is
    /// never sent as real.
    pub fn from_number(number: u8) -> Self {
        if number == Self::Production as u8 { Self::Production } else { Self::Sandbox }
    }
}
