//! Who calls, as [`super::access`] found out.

use std::net::IpAddr;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// One of the shop's own services.
    Internal,
    /// Anyone else.
    Stranger(Stranger),
}

/// What is known of a stranger.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Stranger {
    /// Address of the connection, or the first untrusted one before it.
    pub address: Option<IpAddr>,
    /// User-Agent header.
    pub user_agent: Option<String>,
    /// Origin header.
    pub origin: Option<String>,
}

impl std::fmt::Debug for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stranger")
    }
}
