//! Single values of the file, each with its place.

use std::ops::Range;

use tandem_core::currency::Currency;
use tandem_core::custom_data::TEXT_BYTES_MAX;
use tandem_core::money::Money;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong, and its place: an offset in the file.
#[derive(Debug)]
pub(super) struct ValueError {
    pub(super) at: usize,
    pub(super) what: String,
}

impl ValueError {
    pub(super) fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self { at: span.start, what: what.into() }
    }
}

/// A table whose keys are known.
pub(super) struct Fields<'a, 'i> {
    table: &'a DeTable<'i>,
    /// Place of the table in the file.
    span: Range<usize>,
    /// What the table describes, such as `a product`.
    what: &'static str,
}

impl<'a, 'i> Fields<'a, 'i> {
    /// Checks that a table has no keys other than these.
    pub(super) fn new(
        table: &'a DeTable<'i>,
        span: Range<usize>,
        what: &'static str,
        keys: &[&str],
    ) -> Result<Self, ValueError> {
        match table.keys().find(|key| !keys.contains(&key.get_ref().as_ref())) {
            Some(key) => {
                let name = key.get_ref();
                let known = keys.join(", ");
                Err(ValueError::new(key.span(), format!("{name:?} is not a key of {what}; it has {known}")))
            }
            None => Ok(Self { table, span, what }),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// A required value.
    pub(super) fn need(&self, key: &str, hint: &str) -> Result<&'a Spanned<DeValue<'i>>, ValueError> {
        let missing = || ValueError::new(self.span.clone(), format!("{} needs {key} = {hint}", self.what));
        self.get(key).ok_or_else(missing)
    }

    /// An optional text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, ValueError> {
        self.get(key).map(|value| text(key, value)).transpose()
    }

    /// An optional whole number from 1 to `max`.
    pub(super) fn count(&self, key: &str, max: u32) -> Result<Option<u32>, ValueError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        match number.filter(|number| (1..=max).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                Err(ValueError::new(value.span(), format!("{key} must be a whole number from 1 to {max}")))
            }
        }
    }
}

/// A text that is not empty.
pub(super) fn text(key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, ValueError> {
    let error = |what: &str| Err(ValueError::new(value.span(), format!("{key} {what}")));
    let Some(text) = value.get_ref().as_str() else { return error("must be a text, such as \"deck\"") };
    match text.trim() {
        "" => error("must not be empty"),
        text if text.len() > TEXT_BYTES_MAX => error(&format!("must be at most {TEXT_BYTES_MAX} bytes")),
        text if text.chars().any(char::is_control) => error("must not hold control characters"),
        text => Ok(text.to_owned()),
    }
}

/// A text, or a list of texts.
pub(super) fn texts(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, ValueError> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(|item| text(key, item)).collect(),
        _ => text(key, value).map(|text| vec![text]),
    }
}

/// Prices with their places. The value is an amount, a list of amounts, or a table from currencies
/// to either.
pub(super) fn prices(
    value: &Spanned<DeValue<'_>>,
    currency: Currency,
) -> Result<Vec<(Money, usize)>, ValueError> {
    let DeValue::Table(table) = value.get_ref() else { return amounts(value, currency) };
    let mut prices = Vec::new();
    for (key, value) in table {
        let currency = Currency::parse(key.get_ref()).map_err(|_| {
            let name = key.get_ref();
            ValueError::new(key.span(), format!("{name:?} is not a currency code of ISO 4217 such as INR"))
        })?;
        prices.extend(amounts(value, currency)?);
    }
    if prices.is_empty() {
        return Err(ValueError::new(value.span(), "price must name a currency, such as { INR = 1499 }"));
    }
    Ok(prices)
}

fn amounts(value: &Spanned<DeValue<'_>>, currency: Currency) -> Result<Vec<(Money, usize)>, ValueError> {
    match value.get_ref() {
        DeValue::Array(items) if items.is_empty() => {
            Err(ValueError::new(value.span(), "price must not be an empty list"))
        }
        DeValue::Array(items) => items.iter().map(|item| amount(item, currency)).collect(),
        _ => amount(value, currency).map(|price| vec![price]),
    }
}

/// One amount. Numbers are read digit by digit as they are written, so that 1499.50 never becomes a
/// float.
fn amount(value: &Spanned<DeValue<'_>>, currency: Currency) -> Result<(Money, usize), ValueError> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        _ => {
            return Err(ValueError::new(value.span(), "price must be an amount such as 1499 or \"1499.00\""));
        }
    };
    match Money::parse(text, currency) {
        Ok(money) => Ok((money, value.span().start)),
        Err(error) => Err(ValueError::new(value.span(), format!("price {error}"))),
    }
}
