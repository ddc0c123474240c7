//! Turns messages into core types. Nothing behind this module sees wire types or raw personal data:
//! raw values are hashed here. The answer names every wrong field.

mod browser;
mod click;
mod custom_data;
mod page;
mod person;
mod reader;

pub(super) use click::{fbclid_of, is_click, seen};
pub use reader::{DecodeSettings, Decoder, PixelRules};
pub(super) use reader::{Reader, ads_consent};

use tandem_core::country::Country;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{Consent, EVENT_AGE_MAX_S, LimitedDataUse, LimitedDataUseError, Page};
use tandem_core::field_code::FieldCode;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::OrderId;
use tandem_core::normalise::MatchKeyError;
use tandem_core::user_data::UserData;
use tandem_proto::v1;

use person::raw_values;

/// Whether a match key that cannot be normalised is an error, or is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyPolicy {
    /// Report an error: a person can correct the value.
    Strict,
    /// Drop and count it: nobody can correct the value.
    Lenient,
}

/// The fields about a visit. Three requests have them under the same names.
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

#[derive(Debug)]
pub(super) struct Visit {
    pub(super) user_data: UserData,
    pub(super) page: Page,
    pub(super) custom_data: CustomData,
    pub(super) consent: Consent,
    /// When the visit happened, Unix seconds.
    pub(super) time_s: i64,
}

/// The digest of a payment session; nothing else of it goes further.
pub(super) fn session_digest(payment_session_id: &str) -> Option<Sha256Hex> {
    (!payment_session_id.is_empty()).then(|| Sha256Hex::of_bytes(payment_session_id.as_bytes()))
}

impl Reader<'_> {
    /// Reads a visit. `order`: the order that it is about.
    pub(super) fn visit(&mut self, fields: VisitFields, policy: KeyPolicy, order: Option<&OrderId>) -> Visit {
        let mut user_data = self.user(fields.user, policy);
        let time_s = self.time_s(fields.occurred_at);
        let page = self.browser(fields.browser, time_s, &mut user_data);
        let custom_data = self.custom_data(fields.custom_data, fields.experiment, order);
        let consent = self.consent(fields.consent);
        Visit { user_data, page, custom_data, consent, time_s }
    }

    fn user(&mut self, user: Option<v1::User>, policy: KeyPolicy) -> UserData {
        let user = user.unwrap_or_default();
        let mut reader = self.keys;
        if let Some(country) = user.default_country.as_deref().filter(|text| !text.is_empty()) {
            let country = self.violations.take("user.default_country", Country::parse(country));
            reader.default_country = country.unwrap_or(reader.default_country);
        }
        let (user_data, errors) = reader.read(raw_values(user));
        for (key, error) in errors {
            match error {
                // Nobody typed it, so nobody can correct it, and the rest still counts.
                MatchKeyError::Placeholder => self.placeholders.push(key),
                _ if policy == KeyPolicy::Strict => self.violations.add(key.field(), error.into()),
                _ => {}
            }
        }
        user_data
    }

    fn consent(&mut self, consent: Option<v1::Consent>) -> Consent {
        let consent = consent.unwrap_or_default();
        let ads = ads_consent(consent.ads());
        let limits = consent.limited_data_use.then(|| LimitedDataUse::new(consent.country, consent.state));
        if let Some(Err(error)) = limits {
            let (field, text) = match error {
                LimitedDataUseError::Country => {
                    ("consent.country", "This must be 1 (United States), or 0: Meta decides by the address.")
                }
                LimitedDataUseError::State => (
                    "consent.state",
                    "This must be a code of 1000 to 1013, or 0: Meta decides by the address.",
                ),
            };
            self.violations.add_with(field, FieldCode::LimitedDataUseUnknown, text);
        }
        Consent { ads, limited_data_use: limits.and_then(Result::ok) }
    }

    /// When it happened, Unix seconds. Without a time, or with one in the future, the time of receipt counts. Under a
    /// doubted clock the caller may be right about the age, and Meta has the last word.
    fn time_s(&mut self, occurred_at: Option<prost_types::Timestamp>) -> i64 {
        let now_s = self.now_ms.div_euclid(1000);
        match occurred_at {
            Some(at) if self.knows_age && now_s.saturating_sub(at.seconds) > EVENT_AGE_MAX_S => {
                self.violations.add("occurred_at", FieldCode::TooOld);
                now_s
            }
            at => visit_time_s(at.as_ref(), self.now_ms),
        }
    }
}

/// The time of a visit, Unix seconds: what its report says, but not the future. `now_ms`: Unix milliseconds.
pub(super) fn visit_time_s(occurred_at: Option<&prost_types::Timestamp>, now_ms: i64) -> i64 {
    let now_s = now_ms.div_euclid(1000);
    occurred_at.map_or(now_s, |at| at.seconds.max(0).min(now_s))
}
