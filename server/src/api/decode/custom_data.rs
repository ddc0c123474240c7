//! Decodes `custom_data`.

use tandem_core::currency::Currency;
use tandem_core::custom_data::{
    CONTENTS_MAX, Content, CustomData, Experiment, FACTS_BYTES_MAX, PROPERTIES_MAX, TEXT_BYTES_MAX,
    content_type, is_standard_field,
};
use tandem_core::field_code::FieldCode;
use tandem_core::id::OrderId;
use tandem_core::money::Money;
use tandem_core::scrub::{self, Scrubbed};
use tandem_proto::v1;

use super::reader::Reader;
use crate::api::caller::Caller;

impl Reader<'_> {
    pub(super) fn custom_data(
        &mut self,
        data: Option<v1::CustomData>,
        experiment: Option<v1::Experiment>,
        order: Option<&OrderId>,
    ) -> CustomData {
        let data = data.unwrap_or_default();
        let mut out = CustomData {
            value: self.money("custom_data.value", data.value),
            predicted_ltv: self.money("custom_data.predicted_ltv", data.predicted_ltv),
            content_type: content_type(&data.content_type).map(str::to_owned),
            content_name: self.text("custom_data.content_name", data.content_name),
            content_category: self.text("custom_data.content_category", data.content_category),
            search_string: self.text("custom_data.search_string", data.search_string),
            status: self.text("custom_data.status", data.status),
            num_items: data.num_items,
            order_id: order.cloned(),
            ..CustomData::default()
        };
        if data.content_ids.len() > CONTENTS_MAX {
            self.too_many("custom_data.content_ids", CONTENTS_MAX);
        }
        if data.contents.len() > CONTENTS_MAX {
            self.too_many("custom_data.contents", CONTENTS_MAX);
        }
        for (i, id) in data.content_ids.into_iter().take(CONTENTS_MAX).enumerate() {
            out.content_ids.extend(self.identifier(&format!("custom_data.content_ids[{i}]"), &id));
        }
        for (i, line) in data.contents.into_iter().take(CONTENTS_MAX).enumerate() {
            let at = format!("custom_data.contents[{i}]");
            let item_price = self.money(&format!("{at}.item_price"), line.item_price);
            match self.identifier(&format!("{at}.id"), &line.id) {
                Some(id) => out.contents.push(Content { id, quantity: line.quantity.max(1), item_price }),
                None => self.violations.add(format!("{at}.id"), FieldCode::Required),
            }
        }
        self.one_currency(&out);
        out.experiment = self.experiment(experiment.unwrap_or_default());
        self.properties(data.properties, &mut out);
        if matches!(self.caller, Caller::Stranger(_)) && out.stored_bytes() > FACTS_BYTES_MAX {
            let text = format!("This must take at most {FACTS_BYTES_MAX} bytes as JSON.");
            self.violations.add_with("custom_data", FieldCode::TooLarge, text);
        }
        out
    }

    fn too_many(&mut self, field: &str, max: usize) {
        let text = format!("There must be at most {max} entries here.");
        self.violations.add_with(field, FieldCode::TooMany, text);
    }

    /// Checks that all amounts have one currency, because Meta knows only one per event.
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
            self.violations.add(field, FieldCode::CurrencyMixed);
        }
    }

    fn experiment(&mut self, experiment: v1::Experiment) -> Experiment {
        let mut field = |name: &str, text: String| {
            self.identifier(&format!("experiment.{name}"), &text).unwrap_or_default()
        };
        Experiment {
            experiment_id: field("experiment_id", experiment.experiment_id),
            variant: field("variant", experiment.variant),
            test_group: field("test_group", experiment.test_group),
        }
    }

    fn properties(&mut self, properties: Vec<v1::Property>, out: &mut CustomData) {
        if properties.len() > PROPERTIES_MAX {
            self.too_many("custom_data.properties", PROPERTIES_MAX);
        }
        for (i, property) in properties.into_iter().take(PROPERTIES_MAX).enumerate() {
            let at = format!("custom_data.properties[{i}]");
            let key = property.key;
            let plain = !key.is_empty()
                && key.len() <= 50
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !plain {
                self.violations.add(format!("{at}.key"), FieldCode::PropertyKeyMalformed);
            } else if scrub::scrub_text(&key).cuts > 0 {
                self.violations.add(format!("{at}.key"), FieldCode::PersonalData);
            } else if scrub::names_person(&key) {
                // Meta forbids it, and no form of the value tells a name. The event is worth more than its refusal.
                self.keys.metrics.count_redactions(1);
            } else if is_standard_field(&key) {
                self.violations.add(format!("{at}.key"), FieldCode::PropertyKeyReserved);
            } else if out.properties.iter().any(|(known, _)| *known == key) {
                self.violations.add(format!("{at}.key"), FieldCode::Duplicate);
            } else if let Some(value) = self.text(&format!("{at}.value"), property.value) {
                out.properties.push((key, value));
            }
        }
    }

    /// An identifier without personal data: of a product or an experiment. A blank one is `None`.
    fn identifier(&mut self, field: &str, text: &str) -> Option<String> {
        self.scrubbed(field, text, scrub::scrub_id)
    }

    /// A text without personal data. A blank text is `None`.
    fn text(&mut self, field: &str, text: impl AsRef<str>) -> Option<String> {
        self.scrubbed(field, text.as_ref(), scrub::scrub_text)
    }

    fn scrubbed(&mut self, field: &str, text: &str, scrub: fn(&str) -> Scrubbed) -> Option<String> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return None;
        }
        if trimmed.len() > TEXT_BYTES_MAX {
            let text = format!("This must take at most {TEXT_BYTES_MAX} bytes.");
            self.violations.add_with(field, FieldCode::TooLong, text);
            return None;
        }
        let scrubbed = scrub(trimmed);
        self.keys.metrics.count_redactions(scrubbed.cuts);
        Some(scrubbed.text).filter(|text| !text.is_empty())
    }

    fn money(&mut self, field: &str, money: Option<v1::Money>) -> Option<Money> {
        let money = money.filter(|money| !(money.amount.is_empty() && money.currency_code.is_empty()))?;
        let currency = match money.currency_code.as_str() {
            "" => self.settings.default_currency,
            code => self.violations.take(&format!("{field}.currency_code"), Currency::parse(code))?,
        };
        self.violations.take(&format!("{field}.amount"), Money::parse(&money.amount, currency))
    }
}
