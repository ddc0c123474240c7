//! Reads one request and collects what is wrong with it.

use std::sync::Arc;

use tandem_core::cookie::CookieDomain;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::event::{AdsConsent, ConsentRule};
use tandem_core::field_code::FieldCode;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::normalise::MatchKey;
use tandem_core::scrub::{holds_address, scrub_text};
use tandem_proto::v1;

use crate::api::caller::{Caller, Stranger};
use crate::api::status::{Reject, Violations};
use crate::clock::Clock;
use crate::config::Origins;
use crate::ingest::MatchKeyReader;
use crate::orders::NamedPixel;
use crate::telemetry::metrics::Metrics;

/// A pixel that callers may name.
#[derive(Debug, Clone)]
pub struct PixelRules {
    pub id: PixelId,
    pub origins: Origins,
    /// They are its own, and not those of all pixels.
    pub has_own_origins: bool,
}

impl PixelRules {
    /// The pixel as a request names it. `text`: its field, which may be empty.
    pub(in crate::api) fn named(&self, text: &str, caller: &Caller) -> NamedPixel {
        let has_origin = matches!(caller, Caller::Stranger(Stranger { origin: Some(_), .. }));
        NamedPixel {
            pixel: (!text.is_empty()).then(|| self.id.clone()),
            // That the origin is one of the pixel's, `Decoder::pixel` has checked.
            is_own_origin: self.has_own_origins && has_origin,
        }
    }
}

#[derive(Debug)]
pub struct DecodeSettings {
    /// Pixels; the first is the default.
    pub pixels: Vec<PixelRules>,
    /// Whether any pixel is configured. If not, events wait under a placeholder.
    pub configured: bool,
    /// Country assumed for phone numbers without a country code.
    pub default_country: Country,
    /// Currency assumed where none is given.
    pub default_currency: Currency,
    /// What silence about consent means. It decides about cookies; the rest decides where events are made.
    pub consent: ConsentRule,
    /// Fields that a lead must have.
    pub lead_required: Vec<MatchKey>,
    /// Whether loopback addresses are kept. In a sandbox, visitors may have no other addresses.
    pub keeps_loopback: bool,
    /// Domain of the cookies `_fbp` and `_fbc` that the server sets. `None`: it sets none.
    pub cookie_domain: Option<CookieDomain>,
}

#[derive(Debug)]
pub struct Decoder {
    pub settings: DecodeSettings,
    /// Counts dropped keys and redacted data.
    pub metrics: Arc<Metrics>,
    /// Says whether ages are known.
    pub clock: Clock,
}

/// What a person said.
pub(in crate::api) fn ads_consent(ads: v1::AdsConsent) -> AdsConsent {
    match ads {
        v1::AdsConsent::ConsentUnspecified => AdsConsent::Unspecified,
        v1::AdsConsent::ConsentGranted => AdsConsent::Granted,
        v1::AdsConsent::ConsentMeasureOnly => AdsConsent::MeasureOnly,
        v1::AdsConsent::ConsentDenied => AdsConsent::Denied,
    }
}

impl Decoder {
    /// Finds the pixel that a request names, and checks that the page may report to it.
    pub(in crate::api) fn pixel(&self, text: &str, caller: &Caller) -> Result<&PixelRules, Reject> {
        let DecodeSettings { pixels, configured, .. } = &self.settings;
        let found = match text {
            "" => pixels.first(),
            text => pixels.iter().find(|pixel| pixel.id.as_str() == text && *configured),
        };
        let pixel = found.ok_or_else(|| Reject::field("pixel_id", FieldCode::PixelUnknown))?;
        match caller {
            Caller::Stranger(Stranger { origin: Some(origin), .. }) if !pixel.origins.allows(origin) => {
                Err(Reject::OriginNotAllowed(Some(origin.clone())))
            }
            _ => Ok(pixel),
        }
    }

    /// `now_ms`: Unix milliseconds.
    pub(in crate::api) fn match_keys(&self, now_ms: i64) -> MatchKeyReader<'_> {
        MatchKeyReader {
            default_country: self.settings.default_country,
            now_s: now_ms.div_euclid(1000),
            metrics: &self.metrics,
        }
    }

    /// `now_ms`: Unix milliseconds.
    pub(in crate::api) fn reader<'a>(
        &'a self,
        caller: &'a Caller,
        pixel: &'a PixelRules,
        now_ms: i64,
    ) -> Reader<'a> {
        let (settings, violations) = (&self.settings, Violations::default());
        let keys = self.match_keys(now_ms);
        let knows_age = self.clock.trusted().is_some();
        let (origins, placeholders) = (&pixel.origins, Vec::new());
        Reader { settings, keys, caller, origins, now_ms, knows_age, violations, placeholders }
    }
}

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
    /// Keys that held a placeholder.
    pub(in crate::api) placeholders: Vec<MatchKey>,
}

impl Reader<'_> {
    /// The event ID that the caller gave.
    pub(in crate::api) fn client_event_id(&mut self, text: &str) -> Option<EventId> {
        match text {
            "" => None,
            text => self.violations.take("client_event_id", EventId::parse_uuid(text)),
        }
    }

    /// The name of an event that is not reserved.
    pub(in crate::api) fn event_name(&mut self, text: &str) -> Option<EventName> {
        if scrub_text(text).cuts > 0 {
            self.violations.add("event_name", FieldCode::PersonalData);
            return None;
        }
        self.violations.take("event_name", EventName::of_caller(text))
    }

    /// An optional order ID.
    pub(in crate::api) fn optional_order(&mut self, text: &str) -> Option<OrderId> {
        if text.is_empty() { None } else { self.order(text) }
    }

    /// A required order ID. It is kept and sent as it is, so that none may be made of a person's address.
    pub(in crate::api) fn order(&mut self, text: &str) -> Option<OrderId> {
        if holds_address(text) {
            self.violations.add("order_id", FieldCode::PersonalData);
            return None;
        }
        self.violations.take("order_id", OrderId::parse(text))
    }
}
