//! Turns the file's text into a catalogue. The format is documented in `docs/catalogue.md`.

use std::collections::BTreeSet;

use tandem_core::catalogue::{Bundle, Catalogue, Fallback, PIECES_MAX, Price, Product, TagNames};
use tandem_core::currency::Currency;
use tandem_core::custom_data::CONTENTS_MAX;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::CatalogueError;
use super::value::{Fields, ValueError, prices, text, texts};

/// Most pieces of one product in a bundle.
const PIECES_IN_BUNDLE_MAX: u32 = 9_999;

/// Reads a catalogue. `file`: its name, for errors. `currency`: assumed for prices that name none.
pub(super) fn read(file: &str, source: &str, currency: Currency) -> Result<Catalogue, CatalogueError> {
    catalogue(source, currency).map_err(|ValueError { at, what }| {
        let line = 1 + source.bytes().take(at).filter(|byte| *byte == b'\n').count();
        CatalogueError { place: format!("{file}:{line}"), what }
    })
}

fn catalogue(source: &str, assumed: Currency) -> Result<Catalogue, ValueError> {
    let root = DeTable::parse(source).map_err(|error| {
        let what = error.message().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        ValueError { at: error.span().map_or(0, |span| span.start), what: format!("is not TOML: {what}") }
    })?;
    let keys = ["currency", "products", "bundles", "fallback", "tags"];
    let fields = Fields::new(root.get_ref(), 0..0, "a catalogue", &keys)?;
    let currency = match fields.get("currency") {
        None => assumed,
        Some(value) => Currency::parse(&text("currency", value)?).map_err(|_| {
            ValueError::new(value.span(), "currency must be a code of ISO 4217 such as \"INR\"")
        })?,
    };
    let products = products(fields.get("products"), currency)?;
    let known: BTreeSet<&str> = products.iter().map(|product| product.id.as_str()).collect();
    let mut bundles = Vec::new();
    for (table, span) in tables("bundles", fields.get("bundles"))? {
        bundles.push(bundle(&Fields::new(table, span, "a bundle", &BUNDLE_KEYS)?, currency, &known)?);
    }
    let fallback = fields.get("fallback").map(fallback).transpose()?;
    let tags = fields.get("tags").map_or_else(|| Ok(TagNames::default()), tags)?;
    Catalogue::new(products, bundles, fallback, tags).map_err(|error| {
        let first = error.first.map(|at| 1 + source.bytes().take(at).filter(|byte| *byte == b'\n').count());
        let seen = first.map_or_else(String::new, |line| format!(" (see line {line})"));
        ValueError { at: error.mark, what: format!("{}{seen}", error.kind) }
    })
}

const PRODUCT_KEYS: [&str; 5] = ["id", "price", "name", "category", "max_quantity"];
const BUNDLE_KEYS: [&str; 4] = ["items", "price", "name", "category"];

fn products(value: Option<&Spanned<DeValue<'_>>>, currency: Currency) -> Result<Vec<Product>, ValueError> {
    let mut products: Vec<Product> = Vec::new();
    let mut seen = BTreeSet::new();
    for (table, span) in tables("products", value)? {
        let fields = Fields::new(table, span, "a product", &PRODUCT_KEYS)?;
        let id_value = fields.need("id", "\"…\", its ID in Meta's catalogue")?;
        let id = text("id", id_value)?;
        if !seen.insert(id.clone()) {
            return Err(ValueError::new(
                id_value.span(),
                format!("product {id:?} is given twice; give it several prices"),
            ));
        }
        products.push(Product {
            id,
            name: fields.text("name")?,
            category: fields.text("category")?,
            prices: fields.get("price").map_or_else(|| Ok(Vec::new()), |value| marked(value, currency))?,
            pieces_max: fields.count("max_quantity", PIECES_MAX)?.unwrap_or(1),
        });
    }
    Ok(products)
}

fn bundle(fields: &Fields<'_, '_>, currency: Currency, known: &BTreeSet<&str>) -> Result<Bundle, ValueError> {
    const HINT: &str = "a bundle's items must be a list such as [\"deck\", { id = \"guide\", quantity = 2 }]";
    let value = fields.need("items", "[\"…\", …], the products in it")?;
    let DeValue::Array(list) = value.get_ref() else { return Err(ValueError::new(value.span(), HINT)) };
    let mut items: Vec<(String, u32)> = Vec::new();
    for item in list {
        let (id, pieces) = match item.get_ref() {
            DeValue::String(_) => (text("an item", item)?, 1),
            DeValue::Table(table) => {
                let fields = Fields::new(table, item.span(), "an item", &["id", "quantity"])?;
                let id = text("id", fields.need("id", "\"…\", a product's ID")?)?;
                (id, fields.count("quantity", PIECES_IN_BUNDLE_MAX)?.unwrap_or(1))
            }
            _ => return Err(ValueError::new(item.span(), HINT)),
        };
        if !known.contains(id.as_str()) {
            return Err(ValueError::new(
                item.span(),
                format!("{id:?} is not the id of one of the [[products]]"),
            ));
        }
        if items.iter().any(|(known, _)| *known == id) {
            return Err(ValueError::new(
                item.span(),
                format!("{id:?} is in the bundle twice; give it a quantity"),
            ));
        }
        items.push((id, pieces));
    }
    if !(1..=CONTENTS_MAX).contains(&items.len()) {
        return Err(ValueError::new(value.span(), format!("a bundle must have 1 to {CONTENTS_MAX} items")));
    }
    Ok(Bundle {
        name: fields.text("name")?,
        category: fields.text("category")?,
        items,
        prices: marked(fields.need("price", "…, such as 1499 or { INR = 1499, USD = 19 }")?, currency)?,
    })
}

fn fallback(value: &Spanned<DeValue<'_>>) -> Result<Fallback, ValueError> {
    let fields =
        Fields::new(table("[fallback]", value)?, value.span(), "[fallback]", &["id", "name", "category"])?;
    let fallback =
        Fallback { id: fields.text("id")?, name: fields.text("name")?, category: fields.text("category")? };
    if fallback == Fallback::default() {
        return Err(ValueError::new(value.span(), "[fallback] needs id, name or category"));
    }
    Ok(fallback)
}

fn tags(value: &Spanned<DeValue<'_>>) -> Result<TagNames, ValueError> {
    let fields = Fields::new(table("[tags]", value)?, value.span(), "[tags]", &["cart", "name", "category"])?;
    let names = |key: &str, usual: Vec<String>| fields.get(key).map_or(Ok(usual), |value| texts(key, value));
    let usual = TagNames::default();
    Ok(TagNames {
        cart: names("cart", usual.cart)?,
        name: names("name", usual.name)?,
        category: names("category", usual.category)?,
    })
}

/// Prices, each marked with its offset in the file.
fn marked(value: &Spanned<DeValue<'_>>, currency: Currency) -> Result<Vec<Price>, ValueError> {
    let prices = prices(value, currency)?;
    Ok(prices.into_iter().map(|(money, mark)| Price { money, mark }).collect())
}

type Located<'a, 'i> = (&'a DeTable<'i>, std::ops::Range<usize>);

/// The tables of a list, such as `[[products]]`.
fn tables<'a, 'i>(
    key: &str,
    value: Option<&'a Spanned<DeValue<'i>>>,
) -> Result<Vec<Located<'a, 'i>>, ValueError> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let hint = || format!("{key} must be written as [[{key}]], once for each");
    let DeValue::Array(items) = value.get_ref() else { return Err(ValueError::new(value.span(), hint())) };
    items
        .iter()
        .map(|item| match item.get_ref() {
            DeValue::Table(table) => Ok((table, item.span())),
            _ => Err(ValueError::new(item.span(), hint())),
        })
        .collect()
}

fn table<'a, 'i>(name: &str, value: &'a Spanned<DeValue<'i>>) -> Result<&'a DeTable<'i>, ValueError> {
    value
        .get_ref()
        .as_table()
        .ok_or_else(|| ValueError::new(value.span(), format!("must be a table: {name}")))
}
