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

/// Reads one argument. A field is named by its group in the request and its key in the argument;
/// the server's name of it (`user.first_name`) follows from both and is made when it is needed.
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

    /// A text of the argument.
    pub(crate) fn text(&mut self, group: &str, key: &str) -> Option<String> {
        self.text_of(self.of, group, key)
    }

    fn text_of(&mut self, of: &JsValue, group: &str, key: &str) -> Option<String> {
        self.page.text(of, key).unwrap_or_else(|_| {
            self.fault(group, key, "must be text");
            None
        })
    }

    fn count_of(&mut self, of: &JsValue, group: &str, key: &str) -> Option<u32> {
        let text = self.text_of(of, group, key)?;
        let count = number(text.as_bytes()).and_then(|count| u32::try_from(count).ok());
        if count.is_none() {
            self.fault(group, key, "must be a whole number");
        }
        count
    }

    fn money_of(&mut self, of: &JsValue, group: &str, key: &str, currency: &str) -> Option<Money> {
        let amount = self.text_of(of, group, key)?;
        Some(Money { amount, currency_code: currency.to_owned() })
    }

    /// Notes what is wrong with a field.
    pub(crate) fn fault(&mut self, group: &str, key: &str, what: &str) {
        self.faults.push((field_name(group, key), what.to_owned()));
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
        let mut text = |key| self.text("browser", key);
        Browser {
            fbp: text("fbp"),
            fbc: text("fbc"),
            fbclid: text("fbclid"),
            event_source_url: text("eventSourceUrl"),
            referrer_url: text("referrerUrl"),
            client_ip_address: None,
            client_user_agent: None,
        }
    }

    /// The person.
    pub(crate) fn user(&mut self) -> User {
        let mut text = |key| self.text("user", key);
        User {
            email: text("email"),
            phone: text("phone"),
            first_name: text("firstName"),
            last_name: text("lastName"),
            city: text("city"),
            state: text("state"),
            postal_code: text("postalCode"),
            country: text("country"),
            gender: text("gender"),
            date_of_birth: text("dateOfBirth"),
            external_id: text("externalId"),
            default_country: None,
        }
    }

    /// What the event is about. `currency` is that of the page.
    pub(crate) fn custom_data(&mut self, currency: &str) -> CustomData {
        let own = self.text(CUSTOM_DATA, "currency");
        let currency = own.as_deref().unwrap_or(currency);
        let of = self.of;
        CustomData {
            value: self.money_of(of, CUSTOM_DATA, "value", currency),
            content_ids: self.content_ids(),
            contents: self.contents(currency),
            content_type: self.text(CUSTOM_DATA, "contentType").unwrap_or_default(),
            content_name: self.text(CUSTOM_DATA, "contentName").unwrap_or_default(),
            content_category: self.text(CUSTOM_DATA, "contentCategory").unwrap_or_default(),
            num_items: self.count_of(of, CUSTOM_DATA, "numItems"),
            search_string: self.text(CUSTOM_DATA, "searchString").unwrap_or_default(),
            status: self.text(CUSTOM_DATA, "status").unwrap_or_default(),
            predicted_ltv: self.money_of(of, CUSTOM_DATA, "predictedLtv", currency),
            properties: self.properties(),
            order_id: String::new(),
        }
    }

    fn content_ids(&mut self) -> Vec<String> {
        let mut ids = Vec::new();
        for id in self.page.list(self.of, "contentIds").iter() {
            ids.extend(self.text_of(&id, "custom_data.content_ids", ""));
        }
        ids
    }

    fn contents(&mut self, currency: &str) -> Vec<Content> {
        const GROUP: &str = "custom_data.contents";
        let mut contents = Vec::new();
        for line in self.page.list(self.of, "contents").iter() {
            contents.push(Content {
                id: self.text_of(&line, GROUP, "id").unwrap_or_default(),
                quantity: self.count_of(&line, GROUP, "quantity").unwrap_or(1),
                item_price: self.money_of(&line, GROUP, "itemPrice", currency),
            });
        }
        contents
    }

    fn properties(&mut self) -> Vec<Property> {
        const GROUP: &str = "custom_data.properties";
        let mut properties = Vec::new();
        for pair in self.page.pairs(self.of, "properties").iter() {
            if let (Some(key), Some(value)) =
                (self.text_of(&pair, GROUP, "0"), self.text_of(&pair, GROUP, "1"))
            {
                properties.push(Property { key, value });
            }
        }
        properties
    }

    /// The A/B test, if the argument names one.
    pub(crate) fn experiment(&mut self) -> Option<Experiment> {
        let of = self.object("experiment")?;
        let mut text = |key| self.text_of(&of, "experiment", key).unwrap_or_default();
        Some(Experiment {
            experiment_id: text("id"),
            variant: text("variant"),
            test_group: text("testGroup"),
        })
    }

    /// The permission, if the argument says something about it.
    pub(crate) fn consent(&mut self) -> Option<Consent> {
        let of = self.object("consent")?;
        let ads = match self.text_of(&of, "consent", "ads").as_deref() {
            None => AdsConsent::ConsentUnspecified,
            Some("granted") => AdsConsent::ConsentGranted,
            Some("denied") => AdsConsent::ConsentDenied,
            Some(_) => {
                self.fault("consent", "ads", "must be granted or denied");
                AdsConsent::ConsentDenied
            }
        };
        Some(Consent {
            ads: ads.into(),
            limited_data_use: self.page.get(&of, "limitedDataUse").is_truthy(),
            country: self.count_of(&of, "consent", "country").unwrap_or(0) as i32,
            state: self.count_of(&of, "consent", "state").unwrap_or(0) as i32,
        })
    }

    fn object(&self, key: &str) -> Option<JsValue> {
        Some(self.page.get(self.of, key)).filter(JsValue::is_truthy)
    }

    /// When it happened, if the argument says so.
    pub(crate) fn occurred_at(&mut self) -> Option<Timestamp> {
        let ms = self.page.time(self.of, "occurredAt");
        if ms.is_nan() {
            self.fault("", "occurredAt", "must be a Date, a date's text or milliseconds since 1970");
        }
        (ms > 0.0).then(|| timestamp(ms))
    }
}

const CUSTOM_DATA: &str = "custom_data";

/// The server's name of a field: `user` and `firstName` are `user.first_name`.
fn field_name(group: &str, key: &str) -> String {
    let mut name = group.to_owned();
    if !group.is_empty() && !key.is_empty() {
        name.push('.');
    }
    for character in key.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// A point in time from milliseconds since 1970.
pub(crate) fn timestamp(ms: f64) -> Timestamp {
    Timestamp { seconds: (ms / 1000.0) as i64, nanos: 0 }
}

#[cfg(test)]
mod tests {
    use super::field_name;

    #[test]
    fn fields_have_the_names_that_the_server_uses() {
        assert_eq!(field_name("user", "firstName"), "user.first_name");
        assert_eq!(field_name("", "orderId"), "order_id");
        assert_eq!(field_name("custom_data.content_ids", ""), "custom_data.content_ids");
    }
}
