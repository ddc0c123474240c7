//! Money in minor units (paise, cents). Amounts are read and written digit by digit, because
//! 0.29 × 100 is not 29 in binary floating point.

use alloc::string::{String, ToString as _};
use core::fmt;

use crate::currency::Currency;

/// Largest amount that is accepted, in minor units: the largest signed 64-bit number, because the
/// database stores amounts as such.
pub const MINOR_UNITS_MAX: u64 = i64::MAX as u64;

/// An amount in a currency's minor units, 0 to [`MINOR_UNITS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "full", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "full", serde(try_from = "u64", into = "u64"))]
pub struct MinorUnits(u64);

/// An amount in one currency. `Display` and `Debug` write `1499.00 INR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "full", derive(serde::Serialize, serde::Deserialize))]
pub struct Money {
    /// Amount in the currency's minor units.
    pub amount: MinorUnits,
    /// Currency of `amount`.
    pub currency: Currency,
}

/// Why a text is not an amount. The error does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is empty.
    #[error("is missing")]
    Missing,
    /// The text is not a decimal number.
    #[error("must be a decimal number such as 1499.00, without sign, spaces or separators")]
    NotDecimal,
    /// The number is below zero.
    #[error("must not be negative")]
    Negative,
    /// The number has more decimals than the currency. The field is the currency's number.
    #[error("has more decimals than the currency ({0})")]
    TooPrecise(u8),
    /// The amount is more than [`MINOR_UNITS_MAX`].
    #[error("is too large")]
    TooLarge,
}

impl MoneyError {
    /// Stable code of the error, for metrics and operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "amount_missing",
            Self::NotDecimal => "amount_not_decimal",
            Self::Negative => "amount_negative",
            Self::TooPrecise(_) => "amount_too_precise",
            Self::TooLarge => "amount_too_large",
        }
    }
}

impl MinorUnits {
    /// Makes an amount from a number of minor units; `None` above [`MINOR_UNITS_MAX`].
    pub fn new(amount: u64) -> Option<Self> {
        (amount <= MINOR_UNITS_MAX).then_some(Self(amount))
    }

    /// The number of minor units.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Whether the amount is 0.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; `None` when it is more than [`MINOR_UNITS_MAX`].
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// The sum, or the largest amount there is.
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self(MINOR_UNITS_MAX))
    }

    /// The amount this many times; `None` when it is more than [`MINOR_UNITS_MAX`].
    pub fn checked_mul(self, times: u32) -> Option<Self> {
        self.0.checked_mul(u64::from(times)).and_then(Self::new)
    }

    /// The difference, unless it is negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Reads an amount in whole units from the text of a JSON number or, if `quoted`, from the
    /// content of a JSON string; payment providers send both. Both have the grammar of JSON numbers
    /// (RFC 8259, section 6, exponents included), so `null`, `00.5` and `1,499` are refused.
    ///
    /// # Errors
    /// The [`MoneyError`] that names why the text is not an amount in `currency`.
    pub fn from_json_token(token: &str, quoted: bool, currency: Currency) -> Result<Self, MoneyError> {
        if quoted && token.is_empty() {
            return Err(MoneyError::Missing);
        }
        Decimal::read(token)?.to_minor_units(currency)
    }
}

impl TryFrom<u64> for MinorUnits {
    type Error = MoneyError;
    fn try_from(amount: u64) -> Result<Self, MoneyError> {
        Self::new(amount).ok_or(MoneyError::TooLarge)
    }
}

impl From<MinorUnits> for u64 {
    fn from(amount: MinorUnits) -> u64 {
        amount.0
    }
}

impl Money {
    /// Reads an amount in whole units with or without decimals: `1499`, `1499.0`, `1499.00`.
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`] for more decimals than the currency has, unless they are zeros.
    /// Signs, exponents, separators, spaces, empty texts and too large amounts are errors too.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        if text.is_empty() {
            return Err(MoneyError::Missing);
        }
        let decimal = Decimal::read(text)?;
        if decimal.has_exponent {
            return Err(MoneyError::NotDecimal);
        }
        Ok(Self { amount: decimal.to_minor_units(currency)?, currency })
    }

    /// The amount in whole units with all decimals of the currency: `1499.00`, or `1499` for JPY.
    pub fn decimal(&self) -> String {
        let exponent = usize::from(self.currency.exponent());
        let mut digits = self.amount.0.to_string();
        if exponent == 0 {
            return digits;
        }
        if digits.len() <= exponent {
            digits.insert_str(0, &"0".repeat(exponent + 1 - digits.len()));
        }
        digits.insert(digits.len() - exponent, '.');
        digits
    }

    /// The amount in whole units as the shortest JSON number: `1499.5`, `1499`.
    pub fn json_number(&self) -> String {
        let mut text = self.decimal();
        if text.contains('.') {
            let kept = text.trim_end_matches('0').trim_end_matches('.').len();
            text.truncate(kept);
        }
        text
    }
}

/// Writes the amount and the currency: `1499.00 INR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The parts of a JSON number: `whole`.`fraction` × 10^`exponent`.
struct Decimal<'a> {
    whole: &'a str,
    fraction: &'a str,
    /// Clamped to ±10^12; see [`read_exponent`].
    exponent: i64,
    has_exponent: bool,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Result<Self, MoneyError> {
        let (unsigned, negative) = match text.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(MoneyError::NotDecimal),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !is_digits(whole) || !is_digits(fraction) {
            return Err(MoneyError::NotDecimal);
        }
        let decimal = Self {
            whole,
            fraction,
            exponent: exponent.map_or(Ok(0), read_exponent)?,
            has_exponent: exponent.is_some(),
        };
        // The sign is judged last, so that "-abc" is not called a negative amount.
        if negative { Err(MoneyError::Negative) } else { Ok(decimal) }
    }

    fn to_minor_units(&self, currency: Currency) -> Result<MinorUnits, MoneyError> {
        let too_precise = MoneyError::TooPrecise(currency.exponent());
        let digits = || self.whole.bytes().chain(self.fraction.bytes()).map(|b| b - b'0');
        let significant = digits().enumerate().filter(|(_, digit)| *digit != 0);
        let Some((last, _)) = significant.last() else { return Ok(MinorUnits(0)) };
        // The last significant digit is worth 10^power minor units.
        let length = self.whole.len() + self.fraction.len();
        let zeros_cut = as_i64(length - 1 - last);
        let power = self.exponent - as_i64(self.fraction.len()) + zeros_cut + i64::from(currency.exponent());
        if power < 0 {
            return Err(too_precise);
        }
        let mut value = 0_u64;
        for digit in digits().take(last + 1) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(digit)))
                .ok_or(MoneyError::TooLarge)?;
        }
        let scale = u32::try_from(power).ok().and_then(|power| 10_u64.checked_pow(power));
        scale.and_then(|scale| value.checked_mul(scale)).and_then(MinorUnits::new).ok_or(MoneyError::TooLarge)
    }
}

/// Reads the text of an exponent. The result is clamped to ±10^12: no text has enough digits to make
/// up for such an exponent.
fn read_exponent(text: &str) -> Result<i64, MoneyError> {
    let (digits, negative) = match text.as_bytes().first() {
        Some(b'+') => (&text[1..], false),
        Some(b'-') => (&text[1..], true),
        _ => (text, false),
    };
    if digits.is_empty() || !is_digits(digits) {
        return Err(MoneyError::NotDecimal);
    }
    const ENOUGH: i64 = 1_000_000_000_000;
    let size = digits.bytes().fold(0_i64, |size, b| (size * 10 + i64::from(b - b'0')).min(ENOUGH));
    Ok(if negative { -size } else { size })
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn as_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
