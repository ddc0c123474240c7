//! The caller, as [`super::access`] identified it.

use std::net::IpAddr;

use crate::config::Origin;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// One of the shop's own services.
    Internal,
    Stranger(Stranger),
}

/// What is known about a stranger.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Stranger {
    /// Address of the connection. Behind trusted proxies, the address of the first untrusted hop.
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub origin: Option<Origin>,
}

impl std::fmt::Debug for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stranger")
    }
}
