//! Meta's `custom_data`: what an event is about. The page and the server event get the same data,
//! so that the two copies agree.

use serde::{Deserialize, Serialize};

use crate::id::OrderId;
use crate::money::Money;

/// Most cart lines or content IDs of one event.
pub const CONTENTS_MAX: usize = 200;
/// Most custom properties of one event.
pub const PROPERTIES_MAX: usize = 50;
/// Longest text of one field, bytes.
pub const TEXT_BYTES_MAX: usize = 1000;

/// Most bytes of JSON that a page's facts about one event may take. 200 cart lines with the UUIDs of a shop's
/// products fit, with their prices.
pub const FACTS_BYTES_MAX: usize = 32 * 1024;
/// Most bytes of JSON that an order keeps of the facts of one page's event. The order is written anew with each
/// event that names it.
pub const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Names of Meta's fields (custom data parameters) and Tandem's own, without the text fields.
const OTHER_FIELDS: [&str; 15] = [
    "value",
    "currency",
    "content_ids",
    "contents",
    "num_items",
    "predicted_ltv",
    "net_revenue",
    "order_id",
    "item_number",
    "delivery_category",
    "experiment_id",
    "variant",
    "test_group",
    "event_id",
    "eventID",
];

/// Whether a custom property must not have this name, because a field of Meta's or Tandem's has it.
pub fn is_standard_field(name: &str) -> bool {
    OTHER_FIELDS.contains(&name) || CustomData::TEXT_FIELDS.contains(&name)
}

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Product ID as in the shop's Meta catalogue; never empty.
    pub id: String,
    /// Number of pieces, at least 1.
    pub quantity: u32,
    /// Price of one piece, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_price: Option<Money>,
}

/// An A/B test that the visitor is part of. Its fields are sent beside Meta's own in `custom_data`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Experiment {
    /// The shop's ID of the experiment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub experiment_id: String,
    /// Variant that the visitor saw.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// Group of the visitor, e.g. `control`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub test_group: String,
}

impl Experiment {
    /// The fields with their names in `custom_data`; a field that is not given is empty.
    pub fn fields(&self) -> [(&'static str, &str); 3] {
        [("experiment_id", &self.experiment_id), ("variant", &self.variant), ("test_group", &self.test_group)]
    }

    /// Whether no field is given.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_empty())
    }
}

/// Reads a `content_type`, in any case. `None` for other texts: Meta refuses an event with them, and matches the product
/// IDs of an event without any (Meta Pixel reference, object properties).
pub fn content_type(text: &str) -> Option<&'static str> {
    ["product", "product_group"].into_iter().find(|known| text.trim().eq_ignore_ascii_case(known))
}

/// Declares [`CustomData`]. Each text field is one row of `texts`. Its struct field, its JSON name
/// and the code that writes, reads and fills it follow from that row.
macro_rules! custom_data {
    (texts { $($(#[$doc:meta])+ $text:ident,)+ }) => {
        /// What an event is about. All money in it has one currency.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct CustomData {
            /// Value of the event, with its currency.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub value: Option<Money>,
            /// Product IDs as in the shop's Meta catalogue.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub content_ids: Vec<String>,
            /// Cart lines, with number of pieces and price.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub contents: Vec<Content>,
            $($(#[$doc])+
            #[serde(skip_serializing_if = "Option::is_none")]
            pub $text: Option<String>,)+
            /// Number of items in the cart.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub num_items: Option<u32>,
            /// Predicted lifetime value of the customer, in the currency of `value` if both are given.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub predicted_ltv: Option<Money>,
            /// ID of the order that the event belongs to.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub order_id: Option<OrderId>,
            /// A/B test that the visitor is part of.
            #[serde(skip_serializing_if = "Experiment::is_empty")]
            pub experiment: Experiment,
            /// Custom properties as name and value, in the caller's order.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub properties: Vec<(String, String)>,
        }

        impl CustomData {
            /// Names of the text fields, as Meta spells them.
            pub const TEXT_FIELDS: [&'static str; [$(stringify!($text)),+].len()] = [$(stringify!($text)),+];

            /// The text fields with their names.
            pub fn texts(&self) -> [(&'static str, &Option<String>); Self::TEXT_FIELDS.len()] {
                [$((stringify!($text), &self.$text)),+]
            }

            /// The text field with this name; `None` when there is no such text field.
            pub fn text_mut(&mut self, name: &str) -> Option<&mut Option<String>> {
                match name {
                    $(stringify!($text) => Some(&mut self.$text),)+
                    _ => None,
                }
            }
        }
    };
}

custom_data! {
    texts {
        /// `product` or `product_group`: what the product IDs name.
        content_type,
        /// Name of the page or product.
        content_name,
        /// Category of the page or product.
        content_category,
        /// Words that the visitor searched for.
        search_string,
        /// Status of a registration.
        status,
    }
}

impl CustomData {
    /// Whether no field is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// About as many bytes as the fields take as JSON, and never fewer.
    pub fn stored_bytes(&self) -> usize {
        let texts = self.texts().into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        let texts: usize = texts.map(|(name, text)| name.len() + json_bytes(text) + 4).sum();
        let experiment: usize =
            self.experiment.fields().iter().map(|(name, text)| name.len() + json_bytes(text) + 4).sum();
        let order = self.order_id.as_ref().map_or(0, |id| json_bytes(id.as_str()));
        FIXED_BYTES + texts + experiment + order + self.contents_bytes() + self.properties_bytes()
    }

    fn contents_bytes(&self) -> usize {
        let ids: usize = self.content_ids.iter().map(|id| json_bytes(id) + 1).sum();
        ids + self.contents.iter().map(|line| json_bytes(&line.id) + LINE_BYTES).sum::<usize>()
    }

    fn properties_bytes(&self) -> usize {
        self.properties.iter().map(property_bytes).sum()
    }

    /// Drops what takes more than `bytes_max` as JSON, and what counts least first: the shop's own properties,
    /// then texts, then the contents, then the A/B test.
    pub fn keep_within(&mut self, bytes_max: usize) {
        let drops: [fn(&mut Self); 4] = [
            |data| data.properties.clear(),
            |data| {
                for name in Self::TEXT_FIELDS.into_iter().filter(|name| *name != "content_type") {
                    if let Some(text) = data.text_mut(name) {
                        *text = None;
                    }
                }
            },
            |data| {
                data.content_ids.clear();
                data.contents.clear();
                data.content_type = None;
            },
            // As JSON, control characters take six times their length.
            |data| data.experiment = Experiment::default(),
        ];
        for drop in drops {
            if self.stored_bytes() > bytes_max {
                drop(self);
            }
        }
    }

    /// Fills fields that are blank here from `other`, money included. What has no room within
    /// [`FACTS_BYTES_MAX`] stays away, so that filling again and again has an end.
    pub fn fill_blanks(&mut self, other: &Self) {
        use crate::user_data::fill;
        let mut bytes = self.stored_bytes();
        let contents_bytes = other.contents_bytes();
        if self.content_ids.is_empty()
            && self.contents.is_empty()
            && bytes.saturating_add(contents_bytes) <= FACTS_BYTES_MAX
        {
            bytes += contents_bytes;
            self.content_ids.clone_from(&other.content_ids);
            self.contents.clone_from(&other.contents);
            fill(&mut self.num_items, other.num_items.as_ref());
            fill(&mut self.content_type, other.content_type.as_ref());
        }
        fill(&mut self.value, other.value.as_ref());
        for (name, text) in other.texts() {
            if name != "content_type"
                && let Some(own) = self.text_mut(name)
            {
                fill(own, text.as_ref());
            }
        }
        fill(&mut self.order_id, other.order_id.as_ref());
        if self.predicted_ltv.is_none() && self.currency_agrees(other) {
            self.predicted_ltv = other.predicted_ltv;
        }
        if self.experiment.is_empty() {
            self.experiment = other.experiment.clone();
        }
        for property in &other.properties {
            let is_known = self.properties.iter().any(|(key, _)| *key == property.0);
            let with = bytes.saturating_add(property_bytes(property));
            if self.properties.len() < PROPERTIES_MAX && !is_known && with <= FACTS_BYTES_MAX {
                bytes = with;
                self.properties.push(property.clone());
            }
        }
    }

    /// Fills the contents from a catalogue, unless the payment or the browser named them.
    pub fn fill_contents(&mut self, listed: &Self) {
        use crate::user_data::fill;
        if !self.content_ids.is_empty() || !self.contents.is_empty() {
            return;
        }
        if !listed.contents.is_empty() {
            self.content_ids.clone_from(&listed.content_ids);
            self.contents.clone_from(&listed.contents);
            self.content_type.clone_from(&listed.content_type);
            self.num_items = listed.num_items;
        }
        fill(&mut self.content_name, listed.content_name.as_ref());
        fill(&mut self.content_category, listed.content_category.as_ref());
    }

    /// Drops prices in another currency than that of `value`, because Meta has one currency per
    /// event.
    pub fn drop_foreign_prices(&mut self) {
        let Some(currency) = self.value.map(|money| money.currency) else { return };
        for content in &mut self.contents {
            content.item_price = content.item_price.filter(|price| price.currency == currency);
        }
        self.predicted_ltv = self.predicted_ltv.filter(|ltv| ltv.currency == currency);
    }

    /// Gives an event without a value that of its cart lines, where each of them has a price. Where
    /// there is neither, prices are dropped: Meta reads them in the currency of the value. This is for
    /// events that report no sale; a Purchase has the value that was paid.
    pub fn value_of_prices(&mut self) {
        if self.value.is_some() {
            return;
        }
        self.value = self.sum_of_prices();
        if self.value.is_none() && self.predicted_ltv.is_none() {
            self.contents.iter_mut().for_each(|line| line.item_price = None);
        }
    }

    fn sum_of_prices(&self) -> Option<Money> {
        let mut prices = self.contents.iter().map(|line| {
            let Money { amount, currency } = line.item_price?;
            Some(Money { amount: amount.checked_mul(line.quantity)?, currency })
        });
        let first = prices.next()??;
        prices.try_fold(first, |sum, price| {
            let price = price.filter(|price| price.currency == sum.currency)?;
            Some(Money { amount: sum.amount.checked_add(price.amount)?, ..sum })
        })
    }

    fn currency_agrees(&self, other: &Self) -> bool {
        match (self.value, other.predicted_ltv) {
            (Some(value), Some(ltv)) => value.currency == ltv.currency,
            _ => true,
        }
    }
}

/// Bytes of JSON that the fields without a text take at most: amounts, the number of items, and all names.
const FIXED_BYTES: usize = 400;
/// Bytes of JSON that a cart line takes at most beside its ID.
const LINE_BYTES: usize = 110;

/// Bytes of a text as JSON (RFC 8259, 7), with its quotes.
fn json_bytes(text: &str) -> usize {
    let of_byte = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(of_byte).sum::<usize>() + 2
}

fn property_bytes((key, value): &(String, String)) -> usize {
    json_bytes(key) + json_bytes(value) + 4
}

#[cfg(test)]
mod tests;
