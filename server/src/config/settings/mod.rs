//! The checked settings.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tandem_core::cookie::CookieDomain;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::event::ConsentRule;
use tandem_core::id::EventName;
use tandem_core::normalise::MatchKey;
use tandem_core::order::Environment;
use tandem_net::Tls;
use tandem_settings::values::{EMPTY_LIST, boolean, http_url, secret_url, socket_address};
use tandem_settings::{Networks, SecretSource, SettingError, Source, keys};
use url::Url;

use super::hosts::HttpHosts;
use super::network::RateLimit;
use super::origins::Origins;
use super::page::page_of;
use super::pixels::{MoneyRule, Pixel, read_pixels};
use super::tls::read_tls;
use crate::catalogue::CatalogueFile;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Shortest retention: Meta's 7 days, and one for a person to look at what was given up.
const RETENTION_MIN: Duration = Duration::from_secs(8 * 24 * 3600);

/// When the page may fire Purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrowserPolicy {
    /// Once the payment is proved.
    Verified,
    /// Before the payment is proved.
    Optimistic,
}

/// Settings about Cashfree.
#[derive(Debug)]
pub struct Cashfree {
    pub environment: Environment,
    /// Client secrets of that environment, newest first.
    pub secrets: Option<SecretSource>,
    /// Those of each environment, for the review of the settings.
    pub(super) sandbox_secrets: Option<SecretSource>,
    pub(super) production_secrets: Option<SecretSource>,
    /// Client ID. With it, Tandem asks the Orders API about orders whose payment is unknown.
    pub client_id: Option<String>,
    /// Base address of the Orders API.
    pub api_url: Url,
    /// Whether the oldest, form-encoded notifications are accepted as hints.
    pub legacy_webhooks: bool,
    /// Whether charges of subscriptions are Purchases.
    pub subscription_purchases: bool,
    /// A signed webhook older than this is refused.
    pub webhook_max_age: Duration,
}

#[derive(Debug, Clone)]
pub struct Meta {
    pub graph_url: Url,
    /// Version of the API, such as `v25.0`.
    pub graph_version: String,
    /// Longest time to make a connection.
    pub connect_timeout: Duration,
    /// Longest time of the whole call.
    pub timeout: Duration,
}

impl Meta {
    /// Whether events go to the real Meta and not to a sandbox.
    pub fn is_real(&self) -> bool {
        keys::META_GRAPH_URL.default_text().strip_prefix("https://") == self.graph_url.host_str()
    }
}

/// A field that a lead must have.
pub type LeadField = MatchKey;

#[derive(Debug)]
pub struct Settings {
    /// Where gRPC and gRPC-web are served.
    pub grpc_addr: SocketAddr,
    /// Where health, metrics and the dashboard are served.
    pub http_addr: SocketAddr,
    /// Names under which the latter may be asked.
    pub http_hosts: HttpHosts,
    /// Pixels; the first is the default.
    pub pixels: Vec<Pixel>,
    pub meta: Meta,
    pub cashfree: Cashfree,
    /// Directory of the embedded store.
    pub data_dir: PathBuf,
    /// How long finished events are kept.
    pub retention: Duration,
    /// Token of the internal RPCs. `None`: the server creates one.
    pub internal_token: Option<SecretSource>,
    /// Origins of the shop's pages.
    pub allowed_origins: Origins,
    /// `event_source_url` for a Purchase whose browser was never seen.
    pub shop_url: Option<Url>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Country assumed for phone numbers without a country code.
    pub default_country: Country,
    /// Currency assumed where none is given.
    pub default_currency: Currency,
    /// How long a paid order waits for browser signals.
    pub join_wait: Duration,
    /// When the page may fire Purchase.
    pub browser_policy: BrowserPolicy,
    /// Key of the proofs that claims carry.
    pub claim_secret: Option<SecretSource>,
    /// What silence about consent means.
    pub consent: ConsentRule,
    /// Domain of the cookies `_fbp` and `_fbc` that the server sets. `None`: it sets none.
    pub cookie_domain: Option<CookieDomain>,
    /// Certificates of the gRPC port. `None`: the port is unencrypted.
    pub tls: Option<Tls>,
    pub rate_limit: Option<RateLimit>,
    /// Fields that a lead must have beyond an e-mail address or a phone number.
    pub lead_required: Vec<LeadField>,
    /// The shop's products, found by price or tags.
    pub catalogue: Option<Arc<CatalogueFile>>,
    /// Custom event to send for refunds. `None`: refunds are not sent.
    pub refund_event: Option<EventName>,
}

impl Settings {
    /// # Errors
    /// The first setting that cannot be used.
    pub fn read(source: &Source) -> Result<Self, SettingError> {
        source.parsed(keys::TANDEM_STORE, store)?;
        let default_currency = source.parsed(keys::TANDEM_DEFAULT_CURRENCY, |text| {
            Currency::parse(text).map_err(|_| "must be an ISO 4217 code such as INR".into())
        })?;
        let catalogue = source.optional(keys::TANDEM_CATALOG, |path| {
            CatalogueFile::open(path, default_currency).map(Arc::new).map_err(|error| error.to_string())
        })?;
        let origins = source.optional(keys::TANDEM_ALLOWED_ORIGINS, Origins::parse)?;
        let allowed_origins = origins.unwrap_or(Origins::Loopback);
        let shop_url = source.optional(keys::TANDEM_SHOP_URL, http_url)?;
        let (meta, cashfree) = (read_meta(source)?, read_cashfree(source)?);
        let mut pixels = read_pixels(source)?;
        for pixel in &mut pixels {
            pixel.page = page_of(shop_url.as_ref(), pixel.origins.as_ref(), &allowed_origins);
            pixel.money = money_rule(&cashfree, &meta, pixel.test_event_code.as_deref());
        }
        Ok(Self {
            grpc_addr: source.parsed(keys::TANDEM_GRPC_ADDR, socket_address)?,
            http_addr: source.parsed(keys::TANDEM_HTTP_ADDR, socket_address)?,
            http_hosts: source.optional(keys::TANDEM_HTTP_HOSTS, HttpHosts::parse)?.unwrap_or_default(),
            pixels,
            meta,
            cashfree,
            data_dir: source.text(keys::TANDEM_DATA_DIR).into(),
            retention: source.span(keys::TANDEM_RETENTION, RETENTION_MIN, 3650 * DAY)?,
            internal_token: source.secret(keys::TANDEM_INTERNAL_TOKEN)?,
            allowed_origins,
            shop_url,
            trusted_proxies: source
                .optional(keys::TANDEM_TRUSTED_PROXIES, Networks::parse)?
                .unwrap_or_default(),
            default_country: source.parsed(keys::TANDEM_DEFAULT_COUNTRY, |text| {
                Country::parse(text).map_err(|error| error.to_string())
            })?,
            default_currency,
            join_wait: source.span(keys::TANDEM_JOIN_WAIT, Duration::ZERO, DAY)?,
            browser_policy: source.parsed(keys::TANDEM_BROWSER_POLICY, browser_policy)?,
            claim_secret: source.secret(keys::TANDEM_CLAIM_SECRET)?,
            consent: ConsentRule::of_setting(source.parsed(keys::TANDEM_CONSENT_REQUIRED, boolean)?),
            cookie_domain: source.optional(keys::TANDEM_COOKIE_DOMAIN, |text| {
                CookieDomain::parse(text).map_err(|error| error.to_string())
            })?,
            tls: read_tls(source)?,
            rate_limit: source.parsed(keys::TANDEM_RATE_LIMIT, RateLimit::parse)?,
            lead_required: read_lead_required(source)?,
            catalogue,
            refund_event: source.optional(keys::TANDEM_REFUND_EVENT, |text| {
                EventName::parse_custom(text).map_err(|error| error.to_string())
            })?,
        })
    }

    /// Whose money may be told on a pixel that has this test event code.
    pub fn money_rule(&self, test_event_code: Option<&str>) -> MoneyRule {
        money_rule(&self.cashfree, &self.meta, test_event_code)
    }
}

fn money_rule(cashfree: &Cashfree, meta: &Meta, test_event_code: Option<&str>) -> MoneyRule {
    MoneyRule {
        environment: cashfree.environment,
        counts_as_sales: meta.is_real() && test_event_code.is_none(),
    }
}

fn read_meta(source: &Source) -> Result<Meta, SettingError> {
    Ok(Meta {
        graph_url: source.parsed(keys::META_GRAPH_URL, secret_url)?,
        graph_version: source.parsed(keys::META_GRAPH_VERSION, version)?,
        connect_timeout: source.span(keys::META_CONNECT_TIMEOUT, SECOND / 100, 60 * SECOND)?,
        timeout: source.span(keys::META_TIMEOUT, SECOND / 10, 300 * SECOND)?,
    })
}

fn read_cashfree(source: &Source) -> Result<Cashfree, SettingError> {
    let sandbox = source.secret(keys::CASHFREE_CLIENT_SECRET)?;
    let production = source.secret(keys::CASHFREE_CLIENT_SECRET_PRODUCTION)?;
    if source.get(keys::CASHFREE_ENVIRONMENT).is_none() && production.is_some() && sandbox.is_none() {
        return Err(SettingError::new(
            keys::CASHFREE_ENVIRONMENT.name,
            "is unset while only the production secret is given; set it to PRODUCTION",
        ));
    }
    let environment = source.parsed(keys::CASHFREE_ENVIRONMENT, cashfree_environment)?;
    let secrets = match environment {
        Environment::Sandbox => sandbox.clone(),
        Environment::Production => production.clone(),
    };
    let client_id = source.optional(keys::CASHFREE_CLIENT_ID, header_text)?;
    if client_id.is_some() && secrets.is_none() {
        let secret = match environment {
            Environment::Sandbox => keys::CASHFREE_CLIENT_SECRET,
            Environment::Production => keys::CASHFREE_CLIENT_SECRET_PRODUCTION,
        };
        let what = format!("needs {}: the Orders API takes both or none", secret.key().name);
        return Err(SettingError::new(keys::CASHFREE_CLIENT_ID.name, what));
    }
    let legacy_webhooks = source.parsed(keys::CASHFREE_LEGACY_WEBHOOKS, boolean)?;
    if legacy_webhooks && client_id.is_none() {
        return Err(SettingError::new(
            keys::CASHFREE_LEGACY_WEBHOOKS.name,
            "needs CASHFREE_CLIENT_ID: Tandem believes legacy webhooks only after the Orders API confirms them",
        ));
    }
    let api_url = source.get(keys::CASHFREE_API_URL).unwrap_or(cashfree_api(environment));
    Ok(Cashfree {
        environment,
        secrets,
        sandbox_secrets: sandbox,
        production_secrets: production,
        client_id,
        legacy_webhooks,
        subscription_purchases: source.parsed(keys::CASHFREE_SUBSCRIPTION_PURCHASES, boolean)?,
        api_url: secret_url(api_url).map_err(|what| SettingError::new(keys::CASHFREE_API_URL.name, what))?,
        webhook_max_age: source.span(keys::TANDEM_WEBHOOK_MAX_AGE, 60 * SECOND, 3650 * DAY)?,
    })
}

/// Base address of Cashfree's API (Cashfree, API reference).
pub(super) const fn cashfree_api(environment: Environment) -> &'static str {
    match environment {
        Environment::Sandbox => "https://sandbox.cashfree.com/pg",
        Environment::Production => "https://api.cashfree.com/pg",
    }
}

fn read_lead_required(source: &Source) -> Result<Vec<LeadField>, SettingError> {
    let Some(lead) = source.table("lead") else { return Ok(Vec::new()) };
    let lead = lead.as_table().ok_or_else(|| SettingError::new("lead", "must be a [lead] table"))?;
    if let Some(other) = lead.keys().find(|key| *key != "required") {
        return Err(SettingError::new(&format!("lead.{other}"), "is not a setting of Tandem"));
    }
    let Some(required) = lead.get("required") else { return Ok(Vec::new()) };
    let names: Option<Vec<&str>> =
        required.as_array().and_then(|items| items.iter().map(toml::Value::as_str).collect());
    let error = |what: String| SettingError::new("lead.required", what);
    let names = names.ok_or_else(|| error("must be a list of field names".to_owned()))?;
    if names.is_empty() {
        return Err(error(EMPTY_LIST.to_owned()));
    }
    let field = |name: &str| {
        let field = MatchKey::ALL.into_iter().find(|key| key.field().strip_prefix("user.") == Some(name));
        field.ok_or_else(|| error(format!("{name:?} is not a field of user")))
    };
    names.into_iter().map(field).collect()
}

/// Checks the store's address. An error repeats only its scheme, because the address may hold a
/// password.
fn store(text: &str) -> Result<(), String> {
    match text {
        "embedded" => Ok(()),
        other => {
            let scheme = other.split("://").next().unwrap_or_default();
            Err(format!("{scheme:?} is not supported by this version; use \"embedded\""))
        }
    }
}

/// Checks a text that a header carries (RFC 9110, 5.5).
fn header_text(text: &str) -> Result<String, String> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && !text.contains(['"', '\'', '`']) {
        Ok(text.into())
    } else {
        Err("must be visible ASCII characters without spaces and quotes".into())
    }
}

fn browser_policy(text: &str) -> Result<BrowserPolicy, String> {
    match text {
        "verified" => Ok(BrowserPolicy::Verified),
        "optimistic" => Ok(BrowserPolicy::Optimistic),
        _ => Err("must be \"verified\" or \"optimistic\"".into()),
    }
}

fn cashfree_environment(text: &str) -> Result<Environment, String> {
    Environment::parse(text).ok_or_else(|| "must be SANDBOX or PRODUCTION".into())
}

fn version(text: &str) -> Result<String, String> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.strip_prefix('v').and_then(|rest| rest.split_once('.')) {
        Some((major, minor)) if digits(major) && digits(minor) => Ok(text.into()),
        _ => Err("must be a version such as v25.0".into()),
    }
}

#[cfg(test)]
mod tests;
