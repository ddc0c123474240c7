//! What the page's calls say, as messages.

use prost_types::Timestamp;
use tandem_proto::v1::{
    AdsConsent, Browser, Consent, Content, CustomData, Experiment, Money, Property, User,
};
use wasm_bindgen::JsValue;

use crate::grpc::status::{INVALID_ARGUMENT, Status};
use crate::js::Page;
use crate::text::number;

/// A field that is wrong, and what is wrong with it.
type Fault = (String, String);

/// Reads one call's argument.
pub(crate) struct Input<'a> {
    page: &'a Page,
    of: &'a JsValue,
    /// What was found wrong; fields by the names that the server uses.
    faults: Vec<Fault>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(page: &'a Page, of: &'a JsValue) -> Self {
        Self { page, of, faults: Vec::new() }
    }

    /// A text of the argument. `name` is the server's name of the field.
    pub(crate) fn text(&mut self, key: &str, name: &str) -> Option<String> {
        self.text_of(self.of, key, name)
    }

    fn text_of(&mut self, of: &JsValue, key: &str, name: &str) -> Option<String> {
        self.page.text(of, key).unwrap_or_else(|_| {
            self.fault(name, "must be text");
            None
        })
    }

    fn count_of(&mut self, of: &JsValue, key: &str, name: &str) -> Option<u32> {
        let text = self.text_of(of, key, name)?;
        let count = number(text.as_bytes()).and_then(|count| u32::try_from(count).ok());
        if count.is_none() {
            self.fault(name, "must be a whole number");
        }
        count
    }

    fn money_of(&mut self, of: &JsValue, key: &str, name: &str, currency: &str) -> Option<Money> {
        let amount = self.text_of(of, key, name)?;
        Some(Money { amount, currency_code: currency.to_owned() })
    }

    pub(crate) fn fault(&mut self, name: &str, what: &str) {
        self.faults.push((name.to_owned(), what.to_owned()));
    }

    /// An error if anything was found wrong.
    pub(crate) fn done(self) -> Result<(), Status> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let message = "some fields are missing or malformed".to_owned();
        Err(Status { code: INVALID_ARGUMENT, message, fields: self.faults, ..Status::default() })
    }

    /// What the browser knows of the visit.
    pub(crate) fn browser(&mut self) -> Browser {
        Browser {
            fbp: self.text("fbp", "browser.fbp"),
            fbc: self.text("fbc", "browser.fbc"),
            fbclid: self.text("fbclid", "browser.fbclid"),
            event_source_url: self.text("href", "browser.event_source_url"),
            referrer_url: self.text("referrer", "browser.referrer_url"),
            client_ip_address: None,
            client_user_agent: None,
        }
    }

    /// The person.
    pub(crate) fn user(&mut self) -> User {
        User {
            email: self.text("email", "user.email"),
            phone: self.text("phone", "user.phone"),
            first_name: self.text("firstName", "user.first_name"),
            last_name: self.text("lastName", "user.last_name"),
            city: self.text("city", "user.city"),
            state: self.text("state", "user.state"),
            postal_code: self.text("postalCode", "user.postal_code"),
            country: self.text("country", "user.country"),
            gender: self.text("gender", "user.gender"),
            date_of_birth: self.text("dateOfBirth", "user.date_of_birth"),
            external_id: self.text("externalId", "user.external_id"),
        }
    }

    /// What the event is about. `currency` is that of the page.
    pub(crate) fn custom_data(&mut self, currency: &str) -> CustomData {
        let own = self.text("currency", "custom_data.value.currency_code");
        let currency = own.as_deref().unwrap_or(currency);
        let of = self.of;
        CustomData {
            value: self.money_of(of, "value", "custom_data.value.amount", currency),
            content_ids: self.content_ids(),
            contents: self.contents(currency),
            content_type: self.text("contentType", "custom_data.content_type").unwrap_or_default(),
            content_name: self.text("contentName", "custom_data.content_name").unwrap_or_default(),
            content_category: self
                .text("contentCategory", "custom_data.content_category")
                .unwrap_or_default(),
            num_items: self.count_of(of, "numItems", "custom_data.num_items"),
            search_string: self.text("searchString", "custom_data.search_string").unwrap_or_default(),
            status: self.text("status", "custom_data.status").unwrap_or_default(),
            predicted_ltv: self.money_of(of, "predictedLtv", "custom_data.predicted_ltv.amount", currency),
            properties: self.properties(),
            order_id: String::new(),
        }
    }

    fn content_ids(&mut self) -> Vec<String> {
        let mut ids = Vec::new();
        for id in self.page.list(self.of, "contentIds").iter() {
            ids.extend(self.text_of(&id, "", "custom_data.content_ids"));
        }
        ids
    }

    fn contents(&mut self, currency: &str) -> Vec<Content> {
        let mut contents = Vec::new();
        for line in self.page.list(self.of, "contents").iter() {
            contents.push(Content {
                id: self.text_of(&line, "id", "custom_data.contents.id").unwrap_or_default(),
                quantity: self.count_of(&line, "quantity", "custom_data.contents.quantity").unwrap_or(1),
                item_price: self.money_of(
                    &line,
                    "itemPrice",
                    "custom_data.contents.item_price.amount",
                    currency,
                ),
            });
        }
        contents
    }

    fn properties(&mut self) -> Vec<Property> {
        let mut properties = Vec::new();
        for pair in self.page.pairs(self.of, "properties").iter() {
            if let (Some(key), Some(value)) = (
                self.text_of(&pair, "0", "custom_data.properties"),
                self.text_of(&pair, "1", "custom_data.properties"),
            ) {
                properties.push(Property { key, value });
            }
        }
        properties
    }

    /// The A/B test, if the argument names one.
    pub(crate) fn experiment(&mut self) -> Option<Experiment> {
        let of = self.object("experiment")?;
        Some(Experiment {
            experiment_id: self.text_of(&of, "id", "experiment.experiment_id").unwrap_or_default(),
            variant: self.text_of(&of, "variant", "experiment.variant").unwrap_or_default(),
            test_group: self.text_of(&of, "testGroup", "experiment.test_group").unwrap_or_default(),
        })
    }

    /// The permission, if the argument says something about it.
    pub(crate) fn consent(&mut self) -> Option<Consent> {
        let of = self.object("consent")?;
        let ads = match self.text_of(&of, "ads", "consent.ads").as_deref() {
            None => AdsConsent::ConsentUnspecified,
            Some("granted") => AdsConsent::ConsentGranted,
            Some("denied") => AdsConsent::ConsentDenied,
            Some(_) => {
                self.fault("consent.ads", "must be granted or denied");
                AdsConsent::ConsentDenied
            }
        };
        Some(Consent {
            ads: ads.into(),
            limited_data_use: self.page.get(&of, "limitedDataUse").is_truthy(),
            country: self.count_of(&of, "country", "consent.country").unwrap_or(0) as i32,
            state: self.count_of(&of, "state", "consent.state").unwrap_or(0) as i32,
        })
    }

    fn object(&self, key: &str) -> Option<JsValue> {
        Some(self.page.get(self.of, key)).filter(JsValue::is_truthy)
    }

    /// When it happened, if the argument says so.
    pub(crate) fn occurred_at(&mut self) -> Option<Timestamp> {
        let ms = self.page.time(self.of, "occurredAt");
        if ms.is_nan() {
            self.fault("occurred_at", "must be a Date, a date's text or milliseconds since 1970");
        }
        (ms > 0.0).then(|| timestamp(ms))
    }
}

/// A point in time from milliseconds since 1970.
pub(crate) fn timestamp(ms: f64) -> Timestamp {
    Timestamp { seconds: (ms / 1000.0) as i64, nanos: 0 }
}
