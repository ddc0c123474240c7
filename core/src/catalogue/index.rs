//! The catalogue as an index: each price means one thing, or it is refused.

use std::collections::BTreeMap;

use crate::money::{MinorUnits, Money};

/// Most pieces of one product that one price may be multiplied to.
pub const PIECES_MAX: u32 = 100;
/// Most prices a catalogue may stand for, multiples included.
pub const PRICES_MAX: usize = 100_000;

/// A price, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub money: Money,
    /// Where the reader found it; comes back with an error.
    pub mark: usize,
}

/// Something the shop sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its ID in Meta's product catalogue.
    pub id: String,
    /// `content_name`.
    pub name: Option<String>,
    /// `content_category`.
    pub category: Option<String>,
    /// What one piece costs; several for sales and currencies, none for what is sold in
    /// bundles only.
    pub prices: Vec<Price>,
    /// Up to how many pieces a multiple of a price stands for; 1: multiples say nothing.
    pub pieces_max: u32,
}

/// Several products, or several pieces of one, under one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// `content_name`.
    pub name: Option<String>,
    /// `content_category`.
    pub category: Option<String>,
    /// Product IDs with the number of pieces.
    pub items: Vec<(String, u32)>,
    /// What it costs.
    pub prices: Vec<Price>,
}

/// What stands for a price that the catalogue does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fallback {
    /// Its ID in Meta's product catalogue.
    pub id: Option<String>,
    /// `content_name`.
    pub name: Option<String>,
    /// `content_category`.
    pub category: Option<String>,
}

/// Names of the order tags that say what was bought; of each list the first that the
/// order carries and that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagNames {
    /// Lists of product IDs, `deck:2,guide`.
    pub cart: Vec<String>,
    /// `content_name`.
    pub name: Vec<String>,
    /// `content_category`.
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

/// Why a catalogue contradicts itself. `mark`: where; `first`: where it was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceError {
    /// Where.
    pub mark: usize,
    /// Where it was said before, if it was.
    pub first: Option<usize>,
    /// What is wrong.
    pub kind: PriceErrorKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceErrorKind {
    /// Two things cost the same.
    #[error("{0} already stands for something else; a price must mean one thing")]
    SamePrice(Money),
    /// Multiples of two prices meet.
    #[error("{0} would be a multiple of two prices; lower max_quantity of one, or make it a bundle")]
    SameMultiple(Money),
    /// A price of nothing.
    #[error("a price must be more than 0: a sale for nothing is no Purchase")]
    Nothing,
    /// Too many.
    #[error("the prices and their multiples are more than {PRICES_MAX}")]
    TooMany,
}

/// What a price stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// So many pieces of a product (its index), each at this price.
    Product { index: usize, pieces: u32, each: Money },
    /// A bundle (its index).
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
    /// Puts a catalogue together. The reader has checked that product IDs are given once
    /// and that bundles name products.
    ///
    /// # Errors
    /// When a price would stand for two things.
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

    /// Whether it knows nothing at all.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty() && self.bundles.is_empty() && self.fallback.is_none()
    }

    /// How many products and bundles it holds.
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

    /// A price of its own always wins over a multiple.
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
