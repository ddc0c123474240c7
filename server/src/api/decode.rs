//! From messages to core types: the one place where the wire's types stop. Every field
//! that is wrong is named; raw personal data is hashed here and goes no further.

use std::net::IpAddr;

use tandem_core::click_id;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::custom_data::{
    CONTENTS_MAX, Content, CustomData, Experiment, PROPERTIES_MAX, STANDARD_FIELDS, TEXT_BYTES_MAX,
};
use tandem_core::event::{Consent, EVENT_AGE_MAX_S, LimitedDataUse, Page};
use tandem_core::id::{EventId, OrderId};
use tandem_core::money::Money;
use tandem_core::scrub;
use tandem_core::user_data::{UserData, clean_user_agent};
use tandem_proto::v1;
use url::Url;

use super::access::{Caller, Stranger};
use super::status::Violation;
use crate::config::Origins;
use crate::ingest::person::{UserReader, is_public, raw_values};

/// Longest page address kept, bytes; a longer one loses its query.
const URL_BYTES_MAX: usize = 2048;

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
pub(crate) struct Violations(pub(crate) Vec<Violation>);

impl Violations {
    pub(super) fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.0.push(Violation::new(field, what));
    }

    /// Takes a value, or notes what is wrong with it.
    fn take<T, E: std::fmt::Display>(&mut self, field: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.add(field, fault.to_string())).ok()
    }
}

/// Whether a match key that cannot be normalised is an error or is dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// A person can correct it.
    Strict,
    /// Nobody can.
    Lenient,
}

/// What reading a request needs to know.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) user: UserReader<'a>,
    pub(crate) caller: &'a Caller,
    pub(crate) origins: &'a Origins,
    pub(crate) default_currency: Currency,
    pub(crate) consent_required: bool,
    pub(crate) keeps_loopback: bool,
    pub(crate) now_ms: i64,
    pub(crate) violations: Violations,
}

impl Reader<'_> {
    /// Reads the person.
    pub(crate) fn user(&mut self, user: Option<v1::User>, keys: Keys) -> UserData {
        let user = user.unwrap_or_default();
        let mut reader = self.user;
        if let Some(country) = user.default_country.as_deref().filter(|text| !text.is_empty()) {
            let country = self.violations.take("user.default_country", Country::parse(country));
            reader.default_country = country.unwrap_or(reader.default_country);
        }
        let (user_data, faults) = reader.read(raw_values(user));
        if keys == Keys::Strict {
            for (key, what) in faults {
                self.violations.add(key.field(), what);
            }
        }
        user_data
    }

    /// Reads the visit into `user_data` and the page.
    pub(crate) fn browser(&mut self, browser: Option<v1::Browser>, user_data: &mut UserData) -> Page {
        let browser = browser.unwrap_or_default();
        let (event_source_url, fbclid_of_url) = self.page_url(browser.event_source_url.as_deref());
        user_data.fbp =
            browser.fbp.as_deref().and_then(click_id::Fbp::parse).map(|fbp| fbp.as_str().to_owned());
        let fbclid = browser.fbclid.as_deref().filter(|id| !id.is_empty()).or(fbclid_of_url.as_deref());
        user_data.fbc = click_id::choose_fbc(browser.fbc.as_deref(), fbclid, self.now_ms.unsigned_abs())
            .map(|fbc| fbc.as_str().to_owned());
        match self.caller {
            Caller::Internal => {
                if let Some(text) = browser.client_ip_address.as_deref().filter(|text| !text.is_empty()) {
                    let address =
                        text.trim().parse::<IpAddr>().map_err(|_| "must be an IPv4 or IPv6 address");
                    user_data.client_ip_address = self
                        .violations
                        .take("browser.client_ip_address", address)
                        .map(|address| address.to_canonical());
                }
                user_data.client_user_agent = browser.client_user_agent.as_deref().and_then(clean_user_agent);
            }
            Caller::Stranger(stranger) => {
                user_data.client_ip_address = stranger.address;
                user_data.client_user_agent = stranger.user_agent.clone();
            }
        }
        let reported =
            |address: &IpAddr| is_public(address) || (self.keeps_loopback && address.is_loopback());
        user_data.client_ip_address = user_data.client_ip_address.filter(reported);
        let referrer_url =
            browser.referrer_url.as_deref().and_then(|text| self.clean_url(text)).map(|(url, _)| url);
        Page { event_source_url: event_source_url.or_else(|| self.origin_as_page()), referrer_url }
    }

    /// The page's address, and the `fbclid` in it.
    fn page_url(&self, text: Option<&str>) -> (Option<String>, Option<String>) {
        let Some((clean, url)) = text.and_then(|text| self.clean_url(text)) else { return (None, None) };
        let covered = matches!(self.caller, Caller::Internal) || self.origins.covers(&url);
        if !covered {
            return (None, None);
        }
        let fbclid =
            url.query_pairs().find(|(name, _)| name == "fbclid").map(|(_, value)| value.into_owned());
        (Some(clean), fbclid)
    }

    fn origin_as_page(&self) -> Option<String> {
        match self.caller {
            Caller::Stranger(Stranger { origin: Some(origin), .. }) => Some(format!("{origin}/")),
            _ => None,
        }
    }

    /// A web address without fragment and without personal data.
    fn clean_url(&self, text: &str) -> Option<(String, Url)> {
        let mut url = Url::parse(text.trim()).ok()?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return None;
        }
        url.set_fragment(None);
        if url.as_str().len() > URL_BYTES_MAX {
            url.set_query(None);
        }
        let scrubbed = scrub::scrub_url(url.as_str());
        self.user.metrics.pii_redacted(scrubbed.cuts);
        (scrubbed.text.len() <= URL_BYTES_MAX).then_some((scrubbed.text, url))
    }

    /// Reads what the event is about.
    pub(crate) fn custom_data(
        &mut self,
        data: Option<v1::CustomData>,
        experiment: Option<v1::Experiment>,
        order: Option<&OrderId>,
    ) -> CustomData {
        let data = data.unwrap_or_default();
        let mut out = CustomData {
            value: self.money("custom_data.value", data.value),
            predicted_ltv: self.money("custom_data.predicted_ltv", data.predicted_ltv),
            content_type: self.text("custom_data.content_type", data.content_type),
            content_name: self.text("custom_data.content_name", data.content_name),
            content_category: self.text("custom_data.content_category", data.content_category),
            search_string: self.text("custom_data.search_string", data.search_string),
            status: self.text("custom_data.status", data.status),
            num_items: data.num_items,
            order_id: order.cloned(),
            ..CustomData::default()
        };
        if data.content_ids.len() > CONTENTS_MAX {
            self.violations.add("custom_data.content_ids", format!("must be at most {CONTENTS_MAX}"));
        }
        if data.contents.len() > CONTENTS_MAX {
            self.violations.add("custom_data.contents", format!("must be at most {CONTENTS_MAX}"));
        }
        for (i, id) in data.content_ids.into_iter().take(CONTENTS_MAX).enumerate() {
            out.content_ids.extend(self.product_id(&format!("custom_data.content_ids[{i}]"), &id));
        }
        for (i, line) in data.contents.into_iter().take(CONTENTS_MAX).enumerate() {
            let at = format!("custom_data.contents[{i}]");
            let item_price = self.money(&format!("{at}.item_price"), line.item_price);
            match self.product_id(&format!("{at}.id"), &line.id) {
                Some(id) => out.contents.push(Content { id, quantity: line.quantity.max(1), item_price }),
                None => self.violations.add(format!("{at}.id"), "is missing"),
            }
        }
        self.one_currency(&out);
        out.experiment = self.experiment(experiment.unwrap_or_default());
        self.properties(data.properties, &mut out);
        out
    }

    /// Meta has one currency per event.
    fn one_currency(&mut self, data: &CustomData) {
        let prices = data.contents.iter().enumerate().filter_map(|(i, line)| {
            line.item_price
                .map(|price| (format!("custom_data.contents[{i}].item_price.currency_code"), price))
        });
        let ltv = data.predicted_ltv.map(|ltv| ("custom_data.predicted_ltv.currency_code".to_owned(), ltv));
        let mut all = data
            .value
            .map(|value| ("custom_data.value.currency_code".to_owned(), value))
            .into_iter()
            .chain(ltv)
            .chain(prices);
        let Some((_, first)) = all.next() else { return };
        let others: Vec<String> =
            all.filter(|(_, money)| money.currency != first.currency).map(|(field, _)| field).collect();
        for field in others {
            self.violations.add(field, "must be the currency of the event's value");
        }
    }

    fn experiment(&mut self, experiment: v1::Experiment) -> Experiment {
        let mut field =
            |name: &str, text: String| self.text(&format!("experiment.{name}"), text).unwrap_or_default();
        Experiment {
            experiment_id: field("experiment_id", experiment.experiment_id),
            variant: field("variant", experiment.variant),
            test_group: field("test_group", experiment.test_group),
        }
    }

    fn properties(&mut self, properties: Vec<v1::Property>, out: &mut CustomData) {
        if properties.len() > PROPERTIES_MAX {
            self.violations.add("custom_data.properties", format!("must be at most {PROPERTIES_MAX}"));
        }
        for (i, property) in properties.into_iter().take(PROPERTIES_MAX).enumerate() {
            let at = format!("custom_data.properties[{i}]");
            let key = property.key;
            let plain = !key.is_empty()
                && key.len() <= 50
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !plain {
                self.violations.add(format!("{at}.key"), "must be 1 to 50 letters, digits, '_' or '-'");
            } else if STANDARD_FIELDS.contains(&key.as_str()) {
                self.violations.add(format!("{at}.key"), "is a name of Meta's own; use its field");
            } else if out.properties.iter().any(|(known, _)| *known == key) {
                self.violations.add(format!("{at}.key"), "is given twice");
            } else if let Some(value) = self.text(&format!("{at}.value"), property.value) {
                out.properties.push((key, value));
            }
        }
    }

    /// A product's ID, as it is: ten digits are no phone number here.
    fn product_id(&mut self, field: &str, text: &str) -> Option<String> {
        let id = text.trim();
        if id.len() > TEXT_BYTES_MAX {
            self.violations.add(field, format!("must be at most {TEXT_BYTES_MAX} bytes"));
        }
        (!id.is_empty() && id.len() <= TEXT_BYTES_MAX).then(|| id.to_owned())
    }

    /// A text without personal data; blank is none.
    fn text(&mut self, field: &str, text: impl AsRef<str>) -> Option<String> {
        let trimmed = text.as_ref().trim();
        if trimmed.is_empty() {
            return None;
        }
        if trimmed.len() > TEXT_BYTES_MAX {
            self.violations.add(field, format!("must be at most {TEXT_BYTES_MAX} bytes"));
            return None;
        }
        let scrubbed = scrub::scrub_text(trimmed);
        self.user.metrics.pii_redacted(scrubbed.cuts);
        Some(scrubbed.text).filter(|text| !text.is_empty())
    }

    fn money(&mut self, field: &str, money: Option<v1::Money>) -> Option<Money> {
        let money = money.filter(|money| !(money.amount.is_empty() && money.currency_code.is_empty()))?;
        let currency = match money.currency_code.as_str() {
            "" => self.default_currency,
            code => self.violations.take(&format!("{field}.currency_code"), Currency::parse(code))?,
        };
        self.violations.take(&format!("{field}.amount"), Money::parse(&money.amount, currency))
    }

    /// Reads consent.
    pub(crate) fn consent(&mut self, consent: Option<v1::Consent>) -> Consent {
        let consent = consent.unwrap_or_default();
        let denied = is_denied(consent.ads(), self.consent_required);
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
    pub(crate) fn time_s(&mut self, occurred_at: Option<prost_types::Timestamp>) -> i64 {
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
    pub(crate) fn client_event_id(&mut self, text: &str) -> Option<EventId> {
        match text {
            "" => None,
            text => self.violations.take("client_event_id", EventId::parse_uuid(text)),
        }
    }

    /// An order ID that may be missing.
    pub(crate) fn optional_order(&mut self, text: &str) -> Option<OrderId> {
        if text.is_empty() { None } else { self.violations.take("order_id", OrderId::parse(text)) }
    }

    /// An order ID that must be there.
    pub(crate) fn order(&mut self, text: &str) -> Option<OrderId> {
        self.violations.take("order_id", OrderId::parse(text))
    }
}
