//! Finds what was bought from the paid money and the order's tags.

use super::cart;
use super::index::{Catalogue, Meaning};
use crate::custom_data::{Content, CustomData, TEXT_BYTES_MAX};
use crate::money::Money;
use crate::scrub::scrub_text;

/// `content_type` of single products. The other value is `product_group` (Meta, `custom_data`).
const CONTENT_TYPE: &str = "product";

/// What an answer of the catalogue is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cart tags of the order.
    Tags,
    /// The price that was paid.
    Price,
    /// The fallback, because neither tags nor price are known.
    Fallback,
    /// Nothing: neither tags nor price are known, and there is no fallback.
    Nothing,
}

impl Origin {
    /// Stable name for metric labels, e.g. `price`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Price => "price",
            Self::Fallback => "fallback",
            Self::Nothing => "nothing",
        }
    }
}

impl Catalogue {
    /// Finds what was bought for `paid`. `tag` returns the value of the order's tag of a name. Cart
    /// tags win over the price, and the price wins over the fallback. Tags with a name or a category
    /// win over the catalogue's name and category. The answer holds `contents`, `content_ids`,
    /// `content_type`, `num_items`, `content_name` and `content_category`, as far as they are known.
    pub fn look_up<'t>(&self, paid: Money, tag: impl Fn(&str) -> Option<&'t str>) -> (Origin, CustomData) {
        let cart = self.tags.cart.iter().find_map(|name| cart::read(tag(name)?));
        let (origin, mut bought) = match (cart, self.prices.get(&(paid.currency, paid.amount))) {
            (Some(lines), _) => (Origin::Tags, self.of_cart(&lines, paid)),
            (None, Some((meaning, _))) => (Origin::Price, self.of_meaning(*meaning)),
            (None, None) => match self.of_fallback(paid) {
                Some(bought) => (Origin::Fallback, bought),
                None => (Origin::Nothing, CustomData::default()),
            },
        };
        let said = |names: &[String]| names.iter().find_map(|name| label(tag(name)?));
        bought.content_name = said(&self.tags.name).or(bought.content_name);
        bought.content_category = said(&self.tags.category).or(bought.content_category);
        (origin, bought)
    }

    /// The lines of a cart, with the catalogue's price, name and category of each product.
    fn of_cart(&self, lines: &[(String, u32)], paid: Money) -> CustomData {
        let product = |id: &str| self.by_id.get(id).and_then(|index| self.products.get(*index));
        let contents = lines.iter().map(|(id, pieces)| {
            // With several prices (e.g. for a sale) it is unknown which one was paid.
            let mut prices = product(id)
                .into_iter()
                .flat_map(|product| &product.prices)
                .map(|price| price.money)
                .filter(|price| price.currency == paid.currency);
            let item_price = prices.next().filter(|_| prices.next().is_none());
            Content { id: id.clone(), quantity: *pieces, item_price }
        });
        let mut bought = of_contents(contents.collect());
        let names = lines.iter().map(|(id, _)| product(id).and_then(|product| product.name.as_ref()));
        let categories =
            lines.iter().map(|(id, _)| product(id).and_then(|product| product.category.as_ref()));
        bought.content_name = common(names);
        bought.content_category = common(categories);
        bought
    }

    fn of_meaning(&self, meaning: Meaning) -> CustomData {
        match meaning {
            Meaning::Product { index, pieces, each } => {
                let Some(product) = self.products.get(index) else { return CustomData::default() };
                let line = Content { id: product.id.clone(), quantity: pieces, item_price: Some(each) };
                CustomData {
                    content_name: product.name.clone(),
                    content_category: product.category.clone(),
                    ..of_contents(vec![line])
                }
            }
            Meaning::Bundle { index } => {
                let Some(bundle) = self.bundles.get(index) else { return CustomData::default() };
                let lines = bundle.items.iter().map(|(id, pieces)| Content {
                    id: id.clone(),
                    quantity: *pieces,
                    // The price of a piece in a bundle is unknown; it is not the price of a single piece.
                    item_price: None,
                });
                CustomData {
                    content_name: bundle.name.clone(),
                    content_category: bundle.category.clone(),
                    ..of_contents(lines.collect())
                }
            }
        }
    }

    fn of_fallback(&self, paid: Money) -> Option<CustomData> {
        let fallback = self.fallback.as_ref()?;
        let line =
            fallback.id.as_ref().map(|id| Content { id: id.clone(), quantity: 1, item_price: Some(paid) });
        let bought = line.map_or_else(CustomData::default, |line| of_contents(vec![line]));
        Some(CustomData {
            content_name: fallback.name.clone(),
            content_category: fallback.category.clone(),
            ..bought
        })
    }
}

fn of_contents(contents: Vec<Content>) -> CustomData {
    CustomData {
        content_ids: contents.iter().map(|line| line.id.clone()).collect(),
        num_items: Some(contents.iter().fold(0, |sum: u32, line| sum.saturating_add(line.quantity))),
        content_type: Some(CONTENT_TYPE.to_owned()),
        contents,
        ..CustomData::default()
    }
}

/// The text that all items share; `None` when they differ or one has none.
fn common<'a>(mut texts: impl Iterator<Item = Option<&'a String>>) -> Option<String> {
    let first = texts.next()??;
    texts.all(|text| text == Some(first)).then(|| first.clone())
}

/// The text of a tag without personal data; `None` when it is blank or too long.
fn label(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty() && text.len() <= TEXT_BYTES_MAX).then(|| scrub_text(text).text)
}
