//! The gateway's settings, typed. `tandem-settings` reads their texts.

use std::net::SocketAddr;

use tandem_settings::client::{InternalToken, ServerAddress};
use tandem_settings::values::socket_address;
use tandem_settings::{Networks, SettingError, Source, keys};

use crate::server::Server;

/// All settings of the gateway.
#[derive(Debug)]
pub struct Settings {
    /// Address to listen on. Port 0 picks a free port.
    pub addr: SocketAddr,
    pub server: Server,
    /// The token for internal calls to the server.
    pub token: InternalToken,
    /// Networks that may send webhooks. `None`: any.
    pub allowed: Option<Networks>,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Networks,
}

impl Settings {
    /// Reads and checks all settings. `insecure` allows sending the token over plain http to another
    /// machine.
    ///
    /// # Errors
    /// Names the first setting that cannot be used.
    pub fn read(source: &Source, insecure: bool) -> Result<Self, SettingError> {
        Ok(Self {
            addr: source.parsed(keys::TANDEM_GATEWAY_ADDR, socket_address)?,
            server: Server::new(ServerAddress::read(source, None, insecure)?)?,
            token: InternalToken::read(source)?,
            allowed: source.optional(keys::CASHFREE_ALLOWED_ADDRESSES, Networks::parse)?,
            trusted_proxies: source
                .optional(keys::TANDEM_TRUSTED_PROXIES, Networks::parse)?
                .unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(&Source::from_pairs(pairs.iter().copied()), false).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let settings = read(&[("TANDEM_GATEWAY_ADDR", " ")]).unwrap();
        assert_eq!(settings.addr.to_string(), "127.0.0.1:8080");
        assert!(settings.allowed.is_none());
    }

    #[test]
    fn unusable_settings_are_named() {
        for (name, value) in [
            ("TANDEM_GATEWAY_ADDR", "8080"),
            ("TANDEM_SERVER_URL", "127.0.0.1:50051"),
            ("TANDEM_INTERNAL_TOKEN", "two tokens"),
            ("CASHFREE_ALLOWED_ADDRESSES", "everyone"),
            ("CASHFREE_ALLOWED_ADDRESSES", ","),
            ("TANDEM_TRUSTED_PROXIES", "10.0.0.0/99"),
            ("TANDEM_TRUSTED_PROXIES", " , "),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: ")) && error.lines().count() == 1, "{error}");
        }
    }
}
