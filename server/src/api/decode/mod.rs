//! From messages to core types: the one place where the wire's types stop. Every field
//! that is wrong is named; raw personal data is hashed here and goes no further.

mod browser;
mod custom_data;
mod person;

use std::sync::Arc;

use tandem_core::cookie::CookieDomain;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{Consent, EVENT_AGE_MAX_S, LimitedDataUse, Page};
use tandem_core::id::{EventId, OrderId, PixelId};
use tandem_core::normalise::MatchKey;
use tandem_core::user_data::UserData;
use tandem_proto::v1;

use super::access::{Caller, Stranger};
use super::status::{Reject, Violation};
use crate::config::Origins;
use crate::ingest::MatchKeyReader;
use crate::telemetry::metrics::Metrics;
use person::raw_values;

/// A pixel that callers may name.
#[derive(Debug, Clone)]
pub struct PixelRules {
    /// Its ID.
    pub id: PixelId,
    /// Origins of its pages.
    pub origins: Origins,
}

/// Settings of decoding.
#[derive(Debug)]
pub struct DecodeSettings {
    /// Pixels; the first is the default.
    pub pixels: Vec<PixelRules>,
    /// Whether any pixel is configured. If not, events wait under a stand-in.
    pub configured: bool,
    /// Country of national phone numbers.
    pub default_country: Country,
    /// Currency where none is given.
    pub default_currency: Currency,
    /// Whether unspecified consent counts as denied.
    pub consent_required: bool,
    /// Fields that a lead must have.
    pub lead_required: Vec<MatchKey>,
    /// Whether loopback addresses are reported: a sandbox's visitors may have no others.
    pub keeps_loopback: bool,
    /// Domain that `_fbp` and `_fbc` are set for by HTTP; none: they are not.
    pub cookie_domain: Option<CookieDomain>,
}

/// Decodes requests.
#[derive(Debug)]
pub struct Decoder {
    /// Its settings.
    pub settings: DecodeSettings,
    /// Where dropped keys and redacted data are counted.
    pub metrics: Arc<Metrics>,
}

/// Whether nothing may go to Meta, and no cookie to the browser.
pub(super) fn is_denied(ads: v1::AdsConsent, consent_required: bool) -> bool {
    match ads {
        v1::AdsConsent::ConsentDenied => true,
        v1::AdsConsent::ConsentUnspecified => consent_required,
        v1::AdsConsent::ConsentGranted => false,
    }
}

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violations {
    pub(super) fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.0.push(Violation::new(field, what));
    }

    /// Whether something is wrong with a field, or with a part of it.
    pub(super) fn name(&self, field: &str) -> bool {
        self.0.iter().any(|violation| violation.field.starts_with(field))
    }

    /// Takes a value, or notes what is wrong with it.
    pub(super) fn take<T, E: std::fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// # Errors
    /// When anything is wrong: all of it.
    pub(super) fn check(self) -> Result<(), Reject> {
        if self.0.is_empty() { Ok(()) } else { Err(Reject::Invalid(self.0)) }
    }
}

/// Whether a match key that cannot be normalised is an error or is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyPolicy {
    /// A person can correct it.
    Strict,
    /// Nobody can.
    Lenient,
}

/// What requests tell of a visit. Their fields have the same names.
pub(super) struct VisitFields {
    pub(super) user: Option<v1::User>,
    pub(super) browser: Option<v1::Browser>,
    pub(super) custom_data: Option<v1::CustomData>,
    pub(super) experiment: Option<v1::Experiment>,
    pub(super) consent: Option<v1::Consent>,
    pub(super) occurred_at: Option<prost_types::Timestamp>,
}

/// Takes a visit's fields out of a request.
macro_rules! visit_fields {
    ($request:ident) => {
        $crate::api::decode::VisitFields {
            user: $request.user.take(),
            browser: $request.browser.take(),
            custom_data: $request.custom_data.take(),
            experiment: $request.experiment.take(),
            consent: $request.consent.take(),
            occurred_at: $request.occurred_at.take(),
        }
    };
}
pub(super) use visit_fields;

/// A visit, decoded.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) user_data: UserData,
    pub(super) page: Page,
    pub(super) custom_data: CustomData,
    pub(super) consent: Consent,
    /// When, Unix seconds.
    pub(super) time_s: i64,
}

impl Decoder {
    /// Finds the pixel a request names, and checks that the page may report to it.
    pub(super) fn pixel(&self, text: &str, caller: &Caller) -> Result<&PixelRules, Reject> {
        let DecodeSettings { pixels, configured, .. } = &self.settings;
        let found = match text {
            "" => pixels.first(),
            text => pixels.iter().find(|pixel| pixel.id.as_str() == text && *configured),
        };
        let pixel = found.ok_or_else(|| Reject::field("pixel_id", "is not one of the configured pixels"))?;
        match caller {
            Caller::Stranger(Stranger { origin: Some(origin), .. }) if !pixel.origins.allows(origin) => {
                Err(Reject::OriginNotAllowed)
            }
            _ => Ok(pixel),
        }
    }

    /// A reader of match keys. `now_ms`: Unix milliseconds.
    pub(super) fn match_keys(&self, now_ms: i64) -> MatchKeyReader<'_> {
        MatchKeyReader {
            default_country: self.settings.default_country,
            now_s: now_ms.div_euclid(1000),
            metrics: &self.metrics,
        }
    }

    /// A reader of one request. `now_ms`: Unix milliseconds.
    pub(super) fn reader<'a>(&'a self, caller: &'a Caller, pixel: &'a PixelRules, now_ms: i64) -> Reader<'a> {
        let (settings, violations) = (&self.settings, Violations::default());
        let keys = self.match_keys(now_ms);
        Reader { settings, keys, caller, origins: &pixel.origins, now_ms, violations }
    }
}

/// Reads one request, and collects what is wrong with it.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    settings: &'a DecodeSettings,
    keys: MatchKeyReader<'a>,
    caller: &'a Caller,
    origins: &'a Origins,
    now_ms: i64,
    pub(super) violations: Violations,
}

impl Reader<'_> {
    /// Reads a visit. `order`: the order it is about.
    pub(super) fn visit(&mut self, fields: VisitFields, policy: KeyPolicy, order: Option<&OrderId>) -> Visit {
        let mut user_data = self.user(fields.user, policy);
        let page = self.browser(fields.browser, &mut user_data);
        let custom_data = self.custom_data(fields.custom_data, fields.experiment, order);
        let consent = self.consent(fields.consent);
        let time_s = self.time_s(fields.occurred_at);
        Visit { user_data, page, custom_data, consent, time_s }
    }

    /// Reads the person.
    fn user(&mut self, user: Option<v1::User>, policy: KeyPolicy) -> UserData {
        let user = user.unwrap_or_default();
        let mut reader = self.keys;
        if let Some(country) = user.default_country.as_deref().filter(|text| !text.is_empty()) {
            let country = self.violations.take("user.default_country", Country::parse(country));
            reader.default_country = country.unwrap_or(reader.default_country);
        }
        let (user_data, faults) = reader.read(raw_values(user));
        if policy == KeyPolicy::Strict {
            for (key, what) in faults {
                self.violations.add(key.field(), what);
            }
        }
        user_data
    }

    /// Reads consent.
    fn consent(&mut self, consent: Option<v1::Consent>) -> Consent {
        let consent = consent.unwrap_or_default();
        let denied = is_denied(consent.ads(), self.settings.consent_required);
        if consent.country < 0 {
            self.violations.add("consent.country", "must be one of Meta's codes");
        }
        if consent.state < 0 {
            self.violations.add("consent.state", "must be one of Meta's codes");
        }
        let limited_data_use = consent
            .limited_data_use
            .then_some(LimitedDataUse { country: consent.country, state: consent.state });
        Consent { denied, limited_data_use }
    }

    /// When it happened, Unix seconds: the receipt where nothing, or the future, is given.
    fn time_s(&mut self, occurred_at: Option<prost_types::Timestamp>) -> i64 {
        let now_s = self.now_ms.div_euclid(1000);
        match occurred_at {
            Some(at) if now_s - at.seconds > EVENT_AGE_MAX_S => {
                self.violations.add("occurred_at", "must not be over 7 days ago: Meta takes nothing older");
                now_s
            }
            Some(at) => at.seconds.min(now_s),
            None => now_s,
        }
    }

    /// The caller's ID of the event.
    pub(in crate::api) fn client_event_id(&mut self, text: &str) -> Option<EventId> {
        match text {
            "" => None,
            text => self.violations.take("client_event_id", EventId::parse_uuid(text)),
        }
    }

    /// An order ID that may be missing.
    pub(in crate::api) fn optional_order(&mut self, text: &str) -> Option<OrderId> {
        if text.is_empty() { None } else { self.violations.take("order_id", OrderId::parse(text)) }
    }

    /// An order ID that must be there.
    pub(in crate::api) fn order(&mut self, text: &str) -> Option<OrderId> {
        self.violations.take("order_id", OrderId::parse(text))
    }
}
