//! The catalogue as an index by price. A price must stand for one product or bundle; otherwise
//! the catalogue is refused.

use std::collections::BTreeMap;

use crate::money::{MinorUnits, Money};

/// Most pieces of one product whose total price the catalogue knows.
pub const PIECES_MAX: u32 = 100;
/// Most prices in a catalogue, multiples included.
pub const PRICES_MAX: usize = 100_000;

/// A price, and its place in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The amount and its currency.
    pub money: Money,
    /// The reader's mark for the place of the price, e.g. a byte offset. An error returns it.
    pub mark: usize,
}

/// A product that the shop sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Product ID in Meta's product catalogue.
    pub id: String,
    /// Name for Meta's `content_name`.
    pub name: Option<String>,
    /// Category for Meta's `content_category`.
    pub category: Option<String>,
    /// Prices of one piece: several for sales and currencies, none for a product that is sold only
    /// in bundles.
    pub prices: Vec<Price>,
    /// Most pieces that a multiple of a price can stand for; 1: no multiples count.
    pub pieces_max: u32,
}

/// Several products, or several pieces of one product, for one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Name for Meta's `content_name`.
    pub name: Option<String>,
    /// Category for Meta's `content_category`.
    pub category: Option<String>,
    /// Product IDs with the number of pieces.
    pub items: Vec<(String, u32)>,
    /// Prices of the whole bundle: several for sales and currencies.
    pub prices: Vec<Price>,
}

/// The answer for a price that the catalogue does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fallback {
    /// Product ID in Meta's product catalogue.
    pub id: Option<String>,
    /// Name for Meta's `content_name`.
    pub name: Option<String>,
    /// Category for Meta's `content_category`.
    pub category: Option<String>,
}

/// Names of the order tags that say what was bought. Of each list, the first tag counts that the
/// order has and that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagNames {
    /// Names of the tags with product IDs, such as `deck:2,guide`.
    pub cart: Vec<String>,
    /// Names of the tags for Meta's `content_name`.
    pub name: Vec<String>,
    /// Names of the tags for Meta's `content_category`.
    pub category: Vec<String>,
}

impl Default for TagNames {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            cart: names(&["cart", "content_ids"]),
            name: names(&["content_name"]),
            category: names(&["content_category"]),
        }
    }
}

/// Why the prices of a catalogue cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceError {
    /// [`Price::mark`] of the unusable price.
    pub mark: usize,
    /// [`Price::mark`] of the earlier price that it contradicts, if there is one.
    pub first: Option<usize>,
    /// What is wrong with the price.
    pub kind: PriceErrorKind,
}

/// What is wrong with a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceErrorKind {
    /// Two products or bundles have the same price.
    #[error("{0} already stands for something else; a price must mean one thing")]
    SamePrice(Money),
    /// A multiple of one price is also a multiple of another.
    #[error("{0} would be a multiple of two prices; lower max_quantity of one, or make it a bundle")]
    SameMultiple(Money),
    /// The price is 0.
    #[error("a price must be more than 0: a sale for nothing is no Purchase")]
    Nothing,
    /// There are more than [`PRICES_MAX`] prices and multiples.
    #[error("there are more than {PRICES_MAX} prices and multiples")]
    TooMany,
}

/// What a price stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `pieces` of the product at `index`, each at the price `each`.
    Product { index: usize, pieces: u32, each: Money },
    /// The bundle at `index`.
    Bundle { index: usize },
}

/// A catalogue without contradictions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    pub(super) products: Vec<Product>,
    pub(super) by_id: BTreeMap<String, usize>,
    pub(super) bundles: Vec<Bundle>,
    pub(super) fallback: Option<Fallback>,
    pub(super) tags: TagNames,
    pub(super) prices: BTreeMap<(crate::currency::Currency, MinorUnits), (Meaning, usize)>,
}

impl Catalogue {
    /// Makes a catalogue. The caller must have checked that each product ID is given once and that
    /// bundles name known products.
    ///
    /// # Errors
    /// A [`PriceError`] when a price is 0, when a price or a multiple would stand for two products
    /// or bundles, or when there are more than [`PRICES_MAX`] prices and multiples.
    pub fn new(
        products: Vec<Product>,
        bundles: Vec<Bundle>,
        fallback: Option<Fallback>,
        tags: TagNames,
    ) -> Result<Self, PriceError> {
        let by_id = products.iter().enumerate().map(|(index, product)| (product.id.clone(), index)).collect();
        let mut catalogue = Self { products, by_id, bundles, fallback, tags, prices: BTreeMap::new() };
        catalogue.take_prices()?;
        catalogue.take_multiples()?;
        Ok(catalogue)
    }

    /// Whether the catalogue has no products, no bundles and no fallback.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty() && self.bundles.is_empty() && self.fallback.is_none()
    }

    /// Number of products and number of bundles.
    pub fn size(&self) -> (usize, usize) {
        (self.products.len(), self.bundles.len())
    }

    fn take_prices(&mut self) -> Result<(), PriceError> {
        let products = self.products.iter().enumerate().flat_map(|(index, product)| {
            product
                .prices
                .iter()
                .map(move |price| (*price, Meaning::Product { index, pieces: 1, each: price.money }))
        });
        let bundles = self.bundles.iter().enumerate().flat_map(|(index, bundle)| {
            bundle.prices.iter().map(move |price| (*price, Meaning::Bundle { index }))
        });
        let all: Vec<(Price, Meaning)> = products.chain(bundles).collect();
        for (price, meaning) in all {
            if price.money.amount.is_zero() {
                return Err(PriceError { mark: price.mark, first: None, kind: PriceErrorKind::Nothing });
            }
            self.make_room(price.mark)?;
            let key = (price.money.currency, price.money.amount);
            if let Some((_, first)) = self.prices.insert(key, (meaning, price.mark)) {
                let kind = PriceErrorKind::SamePrice(price.money);
                return Err(PriceError { mark: price.mark, first: Some(first), kind });
            }
        }
        Ok(())
    }

    /// Adds the multiples of prices. A listed price always wins over a multiple.
    fn take_multiples(&mut self) -> Result<(), PriceError> {
        let mut multiples: BTreeMap<_, (Meaning, usize)> = BTreeMap::new();
        for (index, product) in self.products.iter().enumerate() {
            for price in &product.prices {
                let each = price.money;
                for pieces in 2..=product.pieces_max.min(PIECES_MAX) {
                    let amount = each.amount.get().checked_mul(pieces.into()).and_then(MinorUnits::new);
                    let Some(amount) = amount else { break };
                    let key = (each.currency, amount);
                    if self.prices.contains_key(&key) {
                        continue;
                    }
                    if self.prices.len() + multiples.len() >= PRICES_MAX {
                        return Err(PriceError {
                            mark: price.mark,
                            first: None,
                            kind: PriceErrorKind::TooMany,
                        });
                    }
                    let meaning = Meaning::Product { index, pieces, each };
                    if let Some((_, first)) = multiples.insert(key, (meaning, price.mark)) {
                        let kind = PriceErrorKind::SameMultiple(Money { amount, currency: each.currency });
                        return Err(PriceError { mark: price.mark, first: Some(first), kind });
                    }
                }
            }
        }
        self.prices.extend(multiples);
        Ok(())
    }

    fn make_room(&self, mark: usize) -> Result<(), PriceError> {
        if self.prices.len() >= PRICES_MAX {
            return Err(PriceError { mark, first: None, kind: PriceErrorKind::TooMany });
        }
        Ok(())
    }
}
