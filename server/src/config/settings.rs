//! The settings, checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tandem_core::cookie::CookieDomain;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::id::EventName;
use tandem_core::normalise::MatchKey;
use tandem_net::Tls;
use tandem_settings::Networks;
use url::Url;

use super::duration;
use super::network::{Origins, RateLimit};
use super::pixels::{Pixel, read_pixels};
use super::secret::SecretSource;
use super::source::{ConfigError, Source};
use super::tls::read_tls;
use crate::catalogue::CatalogueFile;

/// The real Graph API.
pub(super) const GRAPH_URL: &str = "https://graph.facebook.com";

/// When the page may fire Purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserPolicy {
    /// Once the payment is known to be good.
    Verified,
    /// At once.
    Optimistic,
}

/// Cashfree's two worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CashfreeEnvironment {
    /// Play money.
    Sandbox,
    /// Real money.
    Production,
}

impl CashfreeEnvironment {
    /// Name as in the setting.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "SANDBOX",
            Self::Production => "PRODUCTION",
        }
    }
}

/// Settings about Cashfree.
#[derive(Debug)]
pub struct Cashfree {
    /// Which world.
    pub environment: CashfreeEnvironment,
    /// Client secrets of that world, newest first.
    pub secrets: Option<SecretSource>,
    /// Client ID; with it, unpaid-looking orders are asked of the Orders API.
    pub client_id: Option<String>,
    /// Base address of the API.
    pub api_url: Url,
    /// Whether the oldest, form-encoded notifications are taken as hints.
    pub legacy_webhooks: bool,
    /// Oldest signed webhook taken.
    pub webhook_max_age: Duration,
}

/// Settings about the Graph API.
#[derive(Debug, Clone)]
pub struct Meta {
    /// Base address.
    pub graph_url: Url,
    /// Version, such as `v25.0`.
    pub graph_version: String,
    /// Bound on making a connection.
    pub connect_timeout: Duration,
    /// Bound on the whole call.
    pub timeout: Duration,
}

impl Meta {
    /// Whether events go to the real Meta, not to a sandbox.
    pub fn is_real(&self) -> bool {
        GRAPH_URL.strip_prefix("https://") == self.graph_url.host_str()
    }
}

/// A field that a lead must have.
pub type LeadField = MatchKey;

/// Everything.
#[derive(Debug)]
pub struct Settings {
    /// Where gRPC and gRPC-web are served.
    pub grpc_addr: SocketAddr,
    /// Where health, metrics and the dashboard are served.
    pub http_addr: SocketAddr,
    /// Pixels; the first is the default.
    pub pixels: Vec<Pixel>,
    /// The Graph API.
    pub meta: Meta,
    /// Cashfree.
    pub cashfree: Cashfree,
    /// The embedded store's directory.
    pub data_dir: PathBuf,
    /// How long finished events are kept.
    pub retention: Duration,
    /// Who may call the internal RPCs; `None`: make one.
    pub internal_token: Option<SecretSource>,
    /// The shop's origins.
    pub allowed_origins: Origins,
    /// `event_source_url` for a Purchase whose browser was never seen.
    pub shop_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Country of national phone numbers.
    pub default_country: Country,
    /// Currency where none is given.
    pub default_currency: Currency,
    /// How long a paid order waits for browser signals.
    pub join_wait: Duration,
    /// When the page may fire Purchase.
    pub browser_policy: BrowserPolicy,
    /// Key of the claims' proofs.
    pub claim_secret: Option<SecretSource>,
    /// Whether unspecified consent counts as denied.
    pub consent_required: bool,
    /// Domain that `_fbp` and `_fbc` are set for by HTTP; none: they are not.
    pub cookie_domain: Option<CookieDomain>,
    /// Certificates of the gRPC port; none: it speaks plainly.
    pub tls: Option<Tls>,
    /// Rate limit of strangers.
    pub rate_limit: Option<RateLimit>,
    /// Fields that a lead must have beyond an e-mail address or a phone number.
    pub lead_required: Vec<LeadField>,
    /// What the shop sells, told from prices and tags.
    pub catalogue: Option<Arc<CatalogueFile>>,
    /// Custom event to send for refunds; none: nothing is sent.
    pub refund_event: Option<EventName>,
    /// Tracing filter.
    pub log: String,
}

impl Settings {
    /// Reads and checks everything.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        source.parsed("TANDEM_STORE", (), |text| match text {
            "embedded" => Ok(()),
            other => Err(format!("{:?} is not supported by this version; use \"embedded\"", scheme(other))),
        })?;
        let second = Duration::from_secs(1);
        let day = 24 * 3600 * second;
        let span = |name: &str, default: Duration, min: Duration, max: Duration| {
            source.parsed(name, default, |text| duration::parse_between(text, min, max))
        };
        let meta = Meta {
            graph_url: source.parsed("META_GRAPH_URL", url(GRAPH_URL)?, http_url)?,
            graph_version: source.parsed("META_GRAPH_VERSION", "v25.0".into(), version)?,
            connect_timeout: span(
                "META_CONNECT_TIMEOUT",
                Duration::from_millis(1500),
                second / 100,
                60 * second,
            )?,
            timeout: span("META_TIMEOUT", 10 * second, second / 10, 300 * second)?,
        };
        let default_currency = source.parsed("TANDEM_DEFAULT_CURRENCY", currency("INR")?, |text| {
            Currency::parse(text).map_err(|_| "must be an ISO 4217 code such as INR".into())
        })?;
        let catalogue = source.parsed("TANDEM_CATALOG", None, |path| {
            let file = CatalogueFile::open(path, default_currency).map_err(|fault| fault.to_string())?;
            Ok(Some(Arc::new(file)))
        })?;
        Ok(Self {
            grpc_addr: source.parsed(
                "TANDEM_GRPC_ADDR",
                SocketAddr::from(([127, 0, 0, 1], 50051)),
                address,
            )?,
            http_addr: source.parsed(
                "TANDEM_HTTP_ADDR",
                SocketAddr::from(([127, 0, 0, 1], 9090)),
                address,
            )?,
            pixels: read_pixels(source)?,
            meta,
            cashfree: read_cashfree(source)?,
            data_dir: source.get("TANDEM_DATA_DIR").unwrap_or("./data").into(),
            retention: span("TANDEM_RETENTION", 30 * day, day, 3650 * day)?,
            internal_token: SecretSource::read(source, "TANDEM_INTERNAL_TOKEN")?,
            allowed_origins: source.parsed("TANDEM_ALLOWED_ORIGINS", Origins::Loopback, Origins::parse)?,
            shop_url: source
                .parsed("TANDEM_SHOP_URL", None, |text| http_url(text).map(|url| Some(url.to_string())))?,
            trusted_proxies: source.parsed("TANDEM_TRUSTED_PROXIES", Networks::default(), Networks::parse)?,
            default_country: source.parsed("TANDEM_DEFAULT_COUNTRY", Country::INDIA, |text| {
                Country::parse(text).map_err(|fault| fault.to_string())
            })?,
            default_currency,
            join_wait: span("TANDEM_JOIN_WAIT", 30 * second, Duration::ZERO, day)?,
            browser_policy: source.parsed(
                "TANDEM_BROWSER_POLICY",
                BrowserPolicy::Verified,
                |text| match text {
                    "verified" => Ok(BrowserPolicy::Verified),
                    "optimistic" => Ok(BrowserPolicy::Optimistic),
                    _ => Err("must be \"verified\" or \"optimistic\"".into()),
                },
            )?,
            claim_secret: SecretSource::read(source, "TANDEM_CLAIM_SECRET")?,
            consent_required: read_bool(source, "TANDEM_CONSENT_REQUIRED")?,
            cookie_domain: source.parsed("TANDEM_COOKIE_DOMAIN", None, |text| {
                CookieDomain::parse(text).map(Some).map_err(|problem| problem.to_string())
            })?,
            tls: read_tls(source)?,
            rate_limit: source.parsed(
                "TANDEM_RATE_LIMIT",
                RateLimit::parse("50/s burst 200").unwrap_or_default(),
                RateLimit::parse,
            )?,
            lead_required: read_lead_required(source)?,
            catalogue,
            refund_event: source.parsed("TANDEM_REFUND_EVENT", None, |text| {
                EventName::parse_custom(text).map(Some).map_err(|fault| fault.to_string())
            })?,
            log: source.get("TANDEM_LOG").unwrap_or("info").into(),
        })
    }

    /// Why Purchases must be held although their pixel delivers: play money must not
    /// reach the real Meta as real.
    pub fn purchase_hold(&self, pixel: &Pixel) -> Option<&'static str> {
        (self.cashfree.environment == CashfreeEnvironment::Sandbox
            && self.meta.is_real()
            && pixel.test_event_code.is_none())
        .then_some(tandem_core::code::SANDBOX_WITHOUT_TEST_CODE)
    }
}

fn read_cashfree(source: &Source) -> Result<Cashfree, ConfigError> {
    let sandbox = SecretSource::read(source, "CASHFREE_CLIENT_SECRET")?;
    let production = SecretSource::read(source, "CASHFREE_CLIENT_SECRET_PRODUCTION")?;
    if source.get("CASHFREE_ENVIRONMENT").is_none() && production.is_some() && sandbox.is_none() {
        return Err(ConfigError::new(
            "CASHFREE_ENVIRONMENT",
            "is unset while only the production secret is given; set it to PRODUCTION",
        ));
    }
    let environment =
        source.parsed("CASHFREE_ENVIRONMENT", CashfreeEnvironment::Sandbox, |text| {
            match text.to_ascii_uppercase().as_str() {
                "SANDBOX" => Ok(CashfreeEnvironment::Sandbox),
                "PRODUCTION" => Ok(CashfreeEnvironment::Production),
                _ => Err("must be SANDBOX or PRODUCTION".into()),
            }
        })?;
    let (secrets, api_url) = match environment {
        CashfreeEnvironment::Sandbox => (sandbox, "https://sandbox.cashfree.com/pg"),
        CashfreeEnvironment::Production => (production, "https://api.cashfree.com/pg"),
    };
    let client_id: Option<String> = source.get("CASHFREE_CLIENT_ID").map(Into::into);
    let legacy_webhooks = read_bool(source, "CASHFREE_LEGACY_WEBHOOKS")?;
    if legacy_webhooks && client_id.is_none() {
        return Err(ConfigError::new(
            "CASHFREE_LEGACY_WEBHOOKS",
            "needs CASHFREE_CLIENT_ID: what they say is believed only after the Orders API confirms it",
        ));
    }
    Ok(Cashfree {
        environment,
        secrets,
        client_id,
        legacy_webhooks,
        api_url: source.parsed("CASHFREE_API_URL", url(api_url)?, http_url)?,
        webhook_max_age: source.parsed("TANDEM_WEBHOOK_MAX_AGE", Duration::from_secs(72 * 3600), |text| {
            duration::parse_between(text, Duration::from_secs(60), Duration::from_secs(3650 * 24 * 3600))
        })?,
    })
}

fn read_lead_required(source: &Source) -> Result<Vec<LeadField>, ConfigError> {
    let Some(fields) = &source.lead_required else { return Ok(Vec::new()) };
    fields
        .iter()
        .map(|name| {
            MatchKey::ALL
                .into_iter()
                .find(|key| key.field().strip_prefix("user.") == Some(name))
                .ok_or_else(|| ConfigError::new("lead.required", format!("{name:?} is not a field of user")))
        })
        .collect()
}

fn read_bool(source: &Source, name: &str) -> Result<bool, ConfigError> {
    source.parsed(name, false, |text| match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".into()),
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address and port such as 127.0.0.1:50051".into())
}

fn http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        _ => Err("must be an address such as https://shop.example".into()),
    }
}

fn version(text: &str) -> Result<String, String> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.strip_prefix('v').and_then(|rest| rest.split_once('.')) {
        Some((major, minor)) if digits(major) && digits(minor) => Ok(text.into()),
        _ => Err("must be a version such as v25.0".into()),
    }
}

/// A store's address may hold a password: only its scheme is repeated.
fn scheme(text: &str) -> &str {
    text.split("://").next().unwrap_or_default()
}

fn url(text: &str) -> Result<Url, ConfigError> {
    Url::parse(text).map_err(|_| ConfigError::new("default", "is not an address"))
}

fn currency(text: &str) -> Result<Currency, ConfigError> {
    Currency::parse(text).map_err(|_| ConfigError::new("default", "is not a currency"))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
