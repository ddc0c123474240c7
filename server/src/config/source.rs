//! Where settings come from: variables over a file.

use std::collections::BTreeMap;
use std::path::Path;

/// A setting that cannot be used. The text names it and says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {what}")]
pub struct ConfigError {
    /// Variable (or key of the file) at fault.
    pub name: String,
    /// What is wrong and what is expected. Never holds a secret's value.
    pub what: String,
}

impl ConfigError {
    /// Makes an error about a variable.
    pub fn new(name: &str, what: impl Into<String>) -> Self {
        Self { name: name.into(), what: what.into() }
    }
}

/// Variables that may be set, and whether `<NAME>_FILE` may be set instead.
const KNOWN: &[(&str, bool)] = &[
    ("FACEBOOK_PIXEL_ID", false),
    ("FACEBOOK_ACCESS_TOKEN", true),
    ("FACEBOOK_TEST_EVENT_CODE", false),
    ("FACEBOOK_APP_SECRET", true),
    ("META_GRAPH_URL", false),
    ("META_GRAPH_VERSION", false),
    ("META_CONNECT_TIMEOUT", false),
    ("META_TIMEOUT", false),
    ("CASHFREE_ENVIRONMENT", false),
    ("CASHFREE_CLIENT_SECRET", true),
    ("CASHFREE_CLIENT_SECRET_PRODUCTION", true),
    ("CASHFREE_CLIENT_ID", false),
    ("CASHFREE_API_URL", false),
    ("CASHFREE_LEGACY_WEBHOOKS", false),
    ("CASHFREE_ALLOWED_ADDRESSES", false),
    ("TANDEM_GRPC_ADDR", false),
    ("TANDEM_HTTP_ADDR", false),
    ("TANDEM_GATEWAY_ADDR", false),
    ("TANDEM_SERVER_URL", false),
    ("TANDEM_DATA_DIR", false),
    ("TANDEM_RETENTION", false),
    ("TANDEM_STORE", false),
    ("TANDEM_INTERNAL_TOKEN", true),
    ("TANDEM_ALLOWED_ORIGINS", false),
    ("TANDEM_SHOP_URL", false),
    ("TANDEM_TRUSTED_PROXIES", false),
    ("TANDEM_DEFAULT_COUNTRY", false),
    ("TANDEM_DEFAULT_CURRENCY", false),
    ("TANDEM_WEBHOOK_MAX_AGE", false),
    ("TANDEM_JOIN_WAIT", false),
    ("TANDEM_BROWSER_POLICY", false),
    ("TANDEM_CLAIM_SECRET", true),
    ("TANDEM_CONSENT_REQUIRED", false),
    ("TANDEM_RATE_LIMIT", false),
    ("TANDEM_COOKIE_DOMAIN", false),
    ("TANDEM_CATALOG", false),
    ("TANDEM_REFUND_EVENT", false),
    ("TANDEM_TLS_CERT", false),
    ("TANDEM_TLS_KEY", false),
    ("TANDEM_TLS_CLIENT_CA", false),
    ("TANDEM_TLS_CA", false),
    ("TANDEM_TLS_CLIENT_CERT", false),
    ("TANDEM_TLS_CLIENT_KEY", false),
    ("TANDEM_LOG", false),
];

/// Variables over a file, both as text.
#[derive(Debug, Clone, Default)]
pub struct Source {
    variables: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    /// The file's `[[pixels]]`.
    pub(super) pixels: Vec<BTreeMap<String, toml::Value>>,
    /// The file's `lead.required`.
    pub(super) lead_required: Option<Vec<String>>,
}

/// The file's key of a variable: in lower case, without `TANDEM_`.
fn key_of(name: &str) -> String {
    name.strip_prefix("TANDEM_").unwrap_or(name).to_lowercase()
}

impl Source {
    /// The process's variables, and the file that `TANDEM_CONFIG` names.
    pub fn from_process() -> Result<Self, ConfigError> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name == "TANDEM_CONFIG" || is_known(name))
            .map(|(name, value)| match value.into_string() {
                Ok(value) => Ok((name, value)),
                Err(_) => Err(ConfigError::new(&name, "is not valid UTF-8")),
            })
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let path = variables.get("TANDEM_CONFIG").filter(|path| !path.is_empty()).cloned();
        let source = Self { variables, ..Self::default() };
        match path {
            None => Ok(source),
            Some(path) => {
                let text = std::fs::read_to_string(Path::new(&path))
                    .map_err(|e| ConfigError::new("TANDEM_CONFIG", format!("{path} cannot be read: {e}")))?;
                source.with_file(&text)
            }
        }
    }

    /// Variables given one by one, for tests.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { variables, ..Self::default() }
    }

    /// Adds a file's text. Unknown keys are errors.
    pub fn with_file(mut self, text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| ConfigError::new("TANDEM_CONFIG", first_line(&e)))?;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("pixels", toml::Value::Array(items)) => {
                    for item in items {
                        let toml::Value::Table(item) = item else {
                            return Err(ConfigError::new("pixels", "each must be a [[pixels]] table"));
                        };
                        self.pixels.push(item.into_iter().collect());
                    }
                }
                ("lead", toml::Value::Table(lead)) => self.read_lead(lead)?,
                (_, value) => {
                    let known = KNOWN.iter().any(|(name, has_file)| {
                        key == key_of(name) || (*has_file && key == format!("{}_file", key_of(name)))
                    });
                    if !known {
                        return Err(ConfigError::new(&key, "is not a setting of Tandem; check its spelling"));
                    }
                    let text = scalar(&value).ok_or_else(|| {
                        ConfigError::new(&key, "must be a text, a number, true/false or a list of texts")
                    })?;
                    self.file.insert(key, text);
                }
            }
        }
        Ok(self)
    }

    fn read_lead(&mut self, lead: toml::Table) -> Result<(), ConfigError> {
        for (key, value) in lead {
            let list = value.as_array().and_then(|items| {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            });
            match (key.as_str(), list) {
                ("required", Some(fields)) => self.lead_required = Some(fields),
                ("required", None) => {
                    return Err(ConfigError::new("lead.required", "must be a list of field names"));
                }
                (other, _) => {
                    return Err(ConfigError::new(&format!("lead.{other}"), "is not a setting of Tandem"));
                }
            }
        }
        Ok(())
    }

    /// A setting's text, trimmed; empty counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        let set =
            |map: &'_ BTreeMap<String, String>, key: &str| map.get(key).is_some_and(|v| !v.trim().is_empty());
        if set(&self.variables, name) {
            self.variables.get(name).map(|v| v.trim())
        } else if set(&self.file, &key_of(name)) {
            self.file.get(&key_of(name)).map(|v| v.trim())
        } else {
            None
        }
    }

    /// A setting, read by `parse`, or its default.
    pub fn parsed<T>(
        &self,
        name: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        self.get(name).map_or(Ok(default), |text| parse(text).map_err(|what| ConfigError::new(name, what)))
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, has_file)| {
        name == *known || (*has_file && name.strip_suffix("_FILE").is_some_and(|base| base == *known))
    })
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(n) => Some(n.to_string()),
        toml::Value::Boolean(b) => Some(b.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

fn first_line(fault: &impl std::fmt::Display) -> String {
    fault.to_string().lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" ")
}
