//! Currencies and their numbers of decimals (ISO 4217, list one).

use core::fmt;

/// A currency of ISO 4217 that has minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

/// The error for a text that is not the code of a currency. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a currency code of ISO 4217 such as INR")]
pub struct CurrencyError;

/// Codes by their number of decimals. Metals, test codes and units of account without minor units
/// (such as XAU, XTS, XXX and XDR) are left out, because nobody pays an order with them. ANG (until
/// 2025) and BGN (until 2026) stay, because old orders are still refunded in them.
const BY_EXPONENT: [(u8, &str); 4] = [
    (
        2,
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF \
         CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD \
         HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT \
         MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR \
         SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU \
         UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
    ),
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

impl Currency {
    /// The Indian rupee, with 2 decimals.
    pub const INR: Self = Self { code: "INR", exponent: 2 };

    /// Reads a code of three letters in any case, such as `INR`.
    ///
    /// # Errors
    /// [`CurrencyError`] when the text is not the code of a currency with minor units.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        Self::all().find(|currency| currency.code.eq_ignore_ascii_case(text)).ok_or(CurrencyError)
    }

    /// All currencies that [`Currency::parse`] reads.
    pub fn all() -> impl Iterator<Item = Self> {
        BY_EXPONENT.into_iter().flat_map(|(exponent, codes)| {
            (0..codes.len()).step_by(4).map(move |at| Self { code: &codes[at..at + 3], exponent })
        })
    }

    /// Number of decimals: 2 for INR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u8 {
        self.exponent
    }

    /// The code in capitals, e.g. `INR`.
    pub fn as_str(self) -> &'static str {
        self.code
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

#[cfg(feature = "full")]
impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

#[cfg(feature = "full")]
impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let code = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&code).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_iso_4217s() {
        for (code, exponent) in [
            ("INR", 2),
            ("usd", 2),
            ("JPY", 0),
            ("KRW", 0),
            ("VND", 0),
            ("Isk", 0),
            ("KWD", 3),
            ("BHD", 3),
            ("CLF", 4),
        ] {
            assert_eq!(Currency::parse(code).unwrap().exponent(), exponent, "{code}");
        }
        assert_eq!(Currency::parse("INR"), Ok(Currency::INR));
    }

    #[test]
    fn what_is_not_money_is_refused() {
        for text in ["", "IN", "INRR", "XXX", "XAU", "XTS", "₹", "Rs.", " INR", "INR ", "AED AFN", "ÉUR"] {
            assert_eq!(Currency::parse(text), Err(CurrencyError), "{text:?}");
        }
    }

    #[test]
    fn the_table_holds_each_code_once() {
        let mut codes: Vec<_> = Currency::all().map(Currency::as_str).collect();
        assert!(codes.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
