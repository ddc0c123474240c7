//! The reader of one request: what it knows, and what it finds wrong.

use std::sync::Arc;

use tandem_core::cookie::CookieDomain;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::id::{EventId, OrderId, PixelId};
use tandem_core::normalise::MatchKey;
use tandem_proto::v1;

use crate::api::caller::{Caller, Stranger};
use crate::api::status::{Reject, Violation};
use crate::clock::Clock;
use crate::config::Origins;
use crate::ingest::MatchKeyReader;
use crate::telemetry::metrics::Metrics;

/// A pixel that callers may name.
#[derive(Debug, Clone)]
pub struct PixelRules {
    pub id: PixelId,
    /// Origins of its pages.
    pub origins: Origins,
}

/// Settings of decoding.
#[derive(Debug)]
pub struct DecodeSettings {
    /// Pixels; the first is the default.
    pub pixels: Vec<PixelRules>,
    /// Whether any pixel is configured. If not, events wait under a placeholder.
    pub configured: bool,
    /// Country of national phone numbers.
    pub default_country: Country,
    /// Currency where none is given.
    pub default_currency: Currency,
    /// Whether unspecified consent counts as denied.
    pub consent_required: bool,
    /// Fields that a lead must have.
    pub lead_required: Vec<MatchKey>,
    /// Whether loopback addresses are kept. In a sandbox, visitors may have no others.
    pub keeps_loopback: bool,
    /// Domain for which the server sets `_fbp` and `_fbc`. `None`: it sets none.
    pub cookie_domain: Option<CookieDomain>,
}

/// Decodes requests.
#[derive(Debug)]
pub struct Decoder {
    pub settings: DecodeSettings,
    /// Where dropped keys and redacted data are counted.
    pub metrics: Arc<Metrics>,
    /// Says whether ages are known.
    pub clock: Clock,
}

/// Whether nothing may go to Meta, and no cookie to the browser.
pub(in crate::api) fn is_denied(ads: v1::AdsConsent, consent_required: bool) -> bool {
    match ads {
        v1::AdsConsent::ConsentDenied => true,
        v1::AdsConsent::ConsentUnspecified => consent_required,
        v1::AdsConsent::ConsentGranted => false,
    }
}

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub(in crate::api) struct Violations(Vec<Violation>);

impl Violations {
    pub(in crate::api) fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.0.push(Violation::new(field, what));
    }

    /// Whether something is wrong with a field, or with a part of it.
    pub(in crate::api) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|violation| violation.field.starts_with(field))
    }

    /// Takes a value, or notes what is wrong with it.
    pub(in crate::api) fn take<T, E: std::fmt::Display>(
        &mut self,
        field: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// # Errors
    /// When anything is wrong: all of it.
    pub(in crate::api) fn check(self) -> Result<(), Reject> {
        if self.0.is_empty() { Ok(()) } else { Err(Reject::Invalid(self.0)) }
    }
}

impl Decoder {
    /// Finds the pixel a request names, and checks that the page may report to it.
    pub(in crate::api) fn pixel(&self, text: &str, caller: &Caller) -> Result<&PixelRules, Reject> {
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
    pub(in crate::api) fn match_keys(&self, now_ms: i64) -> MatchKeyReader<'_> {
        MatchKeyReader {
            default_country: self.settings.default_country,
            now_s: now_ms.div_euclid(1000),
            metrics: &self.metrics,
        }
    }

    /// A reader of one request. `now_ms`: Unix milliseconds.
    pub(in crate::api) fn reader<'a>(
        &'a self,
        caller: &'a Caller,
        pixel: &'a PixelRules,
        now_ms: i64,
    ) -> Reader<'a> {
        let (settings, violations) = (&self.settings, Violations::default());
        let keys = self.match_keys(now_ms);
        let knows_age = self.clock.trusted().is_some();
        Reader { settings, keys, caller, origins: &pixel.origins, now_ms, knows_age, violations }
    }
}

/// Reads one request, and collects what is wrong with it.
#[derive(Debug)]
pub(in crate::api) struct Reader<'a> {
    pub(super) settings: &'a DecodeSettings,
    pub(super) keys: MatchKeyReader<'a>,
    pub(super) caller: &'a Caller,
    pub(super) origins: &'a Origins,
    pub(super) now_ms: i64,
    /// The time is trusted, so that an event can be refused for its age.
    pub(super) knows_age: bool,
    pub(in crate::api) violations: Violations,
}

impl Reader<'_> {
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
