//! Names under which the HTTP port may be asked for pages, figures and metrics.

use tandem_settings::values::EMPTY_LIST;

/// The names of `TANDEM_HTTP_HOSTS`, in lower case. This machine's own names and all addresses always count: no other
/// site can own them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpHosts(Vec<String>);

impl HttpHosts {
    /// Reads names without ports, separated by commas.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let read = |name: &str| {
            // Names in a compose file may hold an underscore.
            let is_label = |label: &str| {
                let is_sign = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                !label.is_empty() && label.len() <= 63 && label.bytes().all(is_sign)
            };
            match name.len() <= 253 && name.split('.').all(is_label) {
                true => Ok(name.to_ascii_lowercase()),
                false => {
                    Err(format!("{name:?} is no host name; give names without scheme, port and wildcard"))
                }
            }
        };
        let names = names.map(read).collect::<Result<Vec<_>, _>>()?;
        if names.is_empty() { Err(EMPTY_LIST.to_owned()) } else { Ok(Self(names)) }
    }

    /// Whether the port answers a request for `host`, which may end with a port.
    pub fn allow(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
            _ => host,
        };
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        if bare.parse::<std::net::IpAddr>().is_ok() {
            return true;
        }
        // With the dot that ends a full name it is the same name.
        let name = name.strip_suffix('.').unwrap_or(name);
        name.eq_ignore_ascii_case("localhost") || self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_this_machine_and_listed_names_are_answered() {
        let hosts = HttpHosts::parse("tandem, Metrics.Shop.example").unwrap();
        let always = ["localhost", "LOCALHOST:9090", "127.0.0.1:9090", "10.1.2.3", "[::1]:9090", "[::1]"];
        for yes in always {
            assert!(hosts.allow(yes) && HttpHosts::default().allow(yes), "{yes}");
        }
        for yes in ["tandem:9090", "TANDEM", "metrics.shop.example", "metrics.shop.example.:9090"] {
            assert!(hosts.allow(yes) && !HttpHosts::default().allow(yes), "{yes}");
        }
        for no in [
            "",
            ".",
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "tandem.evil.example",
            "eviltandem",
            "shop.example",
        ] {
            assert!(!hosts.allow(no), "{no}");
        }
    }

    #[test]
    fn what_is_no_name_ends_the_start() {
        for wrong in ["", ",", "*.shop.example", "http://tandem", "tandem:9090", "a..b", "tan dem"] {
            assert!(HttpHosts::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
