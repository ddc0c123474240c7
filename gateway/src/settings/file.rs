//! The settings file. One file may serve all of Tandem's programs, so keys that belong
//! to another program are taken and left alone; a key that belongs to none is an error.

use super::{SettingProblem, Variables};

/// What the gateway itself reads.
const OWN: [&str; 11] = [
    "TANDEM_GATEWAY_ADDR",
    "TANDEM_SERVER_URL",
    "TANDEM_INTERNAL_TOKEN",
    "TANDEM_INTERNAL_TOKEN_FILE",
    "TANDEM_DATA_DIR",
    "TANDEM_TLS_CA",
    "TANDEM_TLS_CLIENT_CERT",
    "TANDEM_TLS_CLIENT_KEY",
    "TANDEM_TRUSTED_PROXIES",
    "TANDEM_LOG",
    "CASHFREE_ALLOWED_ADDRESSES",
];

/// Keys of the server and the tools.
const OTHERS: [&str; 41] = [
    "facebook_pixel_id",
    "facebook_access_token",
    "facebook_access_token_file",
    "facebook_test_event_code",
    "facebook_app_secret",
    "facebook_app_secret_file",
    "pixels",
    "lead",
    "meta_graph_url",
    "meta_graph_version",
    "meta_connect_timeout",
    "meta_timeout",
    "cashfree_environment",
    "cashfree_client_id",
    "cashfree_client_secret",
    "cashfree_client_secret_file",
    "cashfree_client_secret_production",
    "cashfree_client_secret_production_file",
    "cashfree_api_url",
    "cashfree_legacy_webhooks",
    "grpc_addr",
    "http_addr",
    "retention",
    "store",
    "allowed_origins",
    "shop_url",
    "default_country",
    "default_currency",
    "webhook_max_age",
    "join_wait",
    "browser_policy",
    "claim_secret",
    "claim_secret_file",
    "consent_required",
    "rate_limit",
    "cookie_domain",
    "catalog",
    "refund_event",
    "tls_cert",
    "tls_key",
    "tls_client_ca",
];

/// Reads the file at `path` into variables.
pub(super) fn read(path: &str) -> Result<Variables, SettingProblem> {
    let problem = |what: String| SettingProblem::new("TANDEM_CONFIG", what);
    let text =
        std::fs::read_to_string(path).map_err(|error| problem(format!("cannot read {path}: {error}")))?;
    parse(&text).map_err(|what| problem(format!("{path}: {what}")))
}

fn parse(text: &str) -> Result<Variables, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The message alone: the error's own text repeats the line, which may hold a secret.
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        format!("line {line}: {}", error.message())
    })?;
    let mut variables = Variables::new();
    for (key, value) in table {
        if let Some(name) = OWN.into_iter().find(|name| key_of(name) == key) {
            let value = text_of(&value).ok_or_else(|| format!("{key} must be a text or a list of texts"))?;
            variables.insert(name.to_owned(), value);
        } else if !OTHERS.contains(&key.as_str()) {
            return Err(format!("{key} is not a setting of Tandem; check its spelling"));
        }
    }
    Ok(variables)
}

/// The file's key of a variable.
fn key_of(name: &str) -> String {
    name.strip_prefix("TANDEM_").unwrap_or(name).to_ascii_lowercase()
}

/// A text, or a list of texts joined by commas.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(items) => {
            Some(items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>()?.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_keys_are_read_and_those_of_other_programs_are_left_alone() {
        let variables = parse(
            "gateway_addr = '127.0.0.1:0'\ncashfree_allowed_addresses = ['10.0.0.1', '10.0.0.2']\n\
             meta_timeout = '10s'\n[[pixels]]\nid = '1'\n[lead]\nrequired = ['email']\n",
        )
        .unwrap();
        assert_eq!(variables.len(), 2);
        assert_eq!(variables["CASHFREE_ALLOWED_ADDRESSES"], "10.0.0.1,10.0.0.2");
    }

    #[test]
    fn misspelt_keys_and_wrong_types_are_errors() {
        assert!(parse("gateway_adr = ''").unwrap_err().contains("gateway_adr"));
        assert!(parse("server_url = 7").unwrap_err().contains("server_url"));
    }

    #[test]
    fn a_broken_file_is_an_error_that_shows_no_value() {
        let problem = parse("log = 'info'\ninternal_token = 's3cret\n").unwrap_err();
        assert!(problem.starts_with("line 2: ") && !problem.contains("s3cret"), "{problem}");
    }
}
