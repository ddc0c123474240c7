use proptest::prelude::*;

use super::*;

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn token(text: &str, quoted: bool) -> Result<u64, MoneyError> {
    MinorUnits::from_json_token(text, quoted, Currency::INR).map(MinorUnits::get)
}

#[test]
fn amounts_of_the_contract_are_read() {
    for (text, minor) in
        [("1499", 149_900), ("1499.0", 149_900), ("1499.000", 149_900), ("0.29", 29), ("0", 0)]
    {
        assert_eq!(Money::parse(text, Currency::INR).unwrap().amount.get(), minor, "{text}");
    }
    for (text, error) in [
        ("", MoneyError::Missing),
        ("1499.005", MoneyError::TooPrecise(2)),
        ("-1", MoneyError::Negative),
        ("-0", MoneyError::Negative),
        ("+1", MoneyError::NotDecimal),
        ("1e2", MoneyError::NotDecimal),
        ("1,499.00", MoneyError::NotDecimal),
        ("1 499", MoneyError::NotDecimal),
        (" 1499", MoneyError::NotDecimal),
        ("₹1499", MoneyError::NotDecimal),
        (".5", MoneyError::NotDecimal),
        ("5.", MoneyError::NotDecimal),
        ("00.5", MoneyError::NotDecimal),
        ("1.2.3", MoneyError::NotDecimal),
        ("१४९९", MoneyError::NotDecimal),
        ("NaN", MoneyError::NotDecimal),
        ("-abc", MoneyError::NotDecimal),
        ("92233720368547758.08", MoneyError::TooLarge),
        ("99999999999999999999999999", MoneyError::TooLarge),
    ] {
        assert_eq!(Money::parse(text, Currency::INR), Err(error), "{text:?}");
    }
    assert_eq!(Money::parse("92233720368547758.07", Currency::INR).unwrap().amount.get(), MINOR_UNITS_MAX);
}

/// Cashfree sends amounts as JSON numbers and as strings that hold a number.
#[test]
fn json_tokens_become_minor_units() {
    for (text, minor) in [
        ("1", 100),
        ("1.0", 100),
        ("1.00", 100),
        ("1.000", 100),
        ("1.1", 110),
        ("170.00", 17_000),
        ("0.29", 29),
        ("1.15", 115),
        ("8.2", 820),
        ("4.35", 435),
        ("90071992547409.93", 9_007_199_254_740_993),
        ("1e2", 10_000),
        ("1E+2", 10_000),
        ("12345e-2", 12_345),
        ("1500e-1", 15_000),
        ("0", 0),
        ("0.00", 0),
        ("0e400", 0),
    ] {
        assert_eq!(token(text, false), Ok(minor), "{text}");
        assert_eq!(token(text, true), Ok(minor), "{text}");
    }
    assert_eq!(token("22.00", true), Ok(2200));
    for (text, error) in [
        ("1.005", MoneyError::TooPrecise(2)),
        ("1e-3", MoneyError::TooPrecise(2)),
        ("-1.00", MoneyError::Negative),
        ("null", MoneyError::NotDecimal),
        ("true", MoneyError::NotDecimal),
        ("1,499.00", MoneyError::NotDecimal),
        ("abc", MoneyError::NotDecimal),
        ("00.5", MoneyError::NotDecimal),
        ("1e", MoneyError::NotDecimal),
        ("1e+", MoneyError::NotDecimal),
        ("1e1.5", MoneyError::NotDecimal),
        ("1e400", MoneyError::TooLarge),
        ("1e18446744073709551616", MoneyError::TooLarge),
        ("1e-18446744073709551616", MoneyError::TooPrecise(2)),
        ("1e999999999999999999999999999999999999999999", MoneyError::TooLarge),
    ] {
        assert_eq!(token(text, false), Err(error), "{text}");
        assert_eq!(token(text, true), Err(error), "{text}");
    }
    assert_eq!(token("", true), Err(MoneyError::Missing));
    assert_eq!(token("", false), Err(MoneyError::NotDecimal));
}

#[test]
fn each_currency_has_its_own_decimals() {
    for (code, text, minor, decimal, number) in [
        ("INR", "1499.5", 149_950, "1499.50", "1499.5"),
        ("INR", "0.05", 5, "0.05", "0.05"),
        ("INR", "0.5", 50, "0.50", "0.5"),
        ("INR", "1400", 140_000, "1400.00", "1400"),
        ("JPY", "1500", 1500, "1500", "1500"),
        ("JPY", "1500.0", 1500, "1500", "1500"),
        ("KWD", "1.234", 1234, "1.234", "1.234"),
        ("KWD", "0.001", 1, "0.001", "0.001"),
        ("INR", "0", 0, "0.00", "0"),
    ] {
        let money = Money::parse(text, currency(code)).unwrap();
        assert_eq!(
            (money.amount.get(), money.decimal().as_str(), money.json_number().as_str()),
            (minor, decimal, number),
            "{text} {code}"
        );
    }
    assert_eq!(Money::parse("1500.5", currency("JPY")), Err(MoneyError::TooPrecise(0)));
    assert_eq!(Money::parse("1499.5", Currency::INR).unwrap().to_string(), "1499.50 INR");
}

#[test]
fn sums_and_differences_have_bounds() {
    let max = MinorUnits::new(MINOR_UNITS_MAX).unwrap();
    let one = MinorUnits::new(1).unwrap();
    assert_eq!(MinorUnits::new(MINOR_UNITS_MAX + 1), None);
    assert_eq!((max.checked_add(one), one.checked_sub(max)), (None, None));
    assert_eq!(max.checked_sub(one).and_then(|less| less.checked_add(one)), Some(max));
}

#[test]
fn long_texts_cost_their_length_and_no_more() {
    let zeros = "0".repeat(1_000_000);
    assert_eq!(token(&format!("1.{zeros}"), false), Ok(100));
    assert_eq!(token(&format!("0.{zeros}1"), false), Err(MoneyError::TooPrecise(2)));
    assert_eq!(token(&format!("1{zeros}"), false), Err(MoneyError::TooLarge));
    assert_eq!(token(&format!("1{zeros}e-1000000"), false), Ok(100));
    assert_eq!(token(&format!("0.{zeros}1e1000001"), false), Ok(100));
}

#[cfg(feature = "full")]
#[test]
fn money_is_stored_in_minor_units() {
    let money = Money::parse("1499.00", Currency::INR).unwrap();
    let json = serde_json::to_string(&money).unwrap();
    assert_eq!(json, r#"{"amount":149900,"currency":"INR"}"#);
    assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    assert!(serde_json::from_str::<Money>(r#"{"amount":18446744073709551615,"currency":"INR"}"#).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"XXX"}"#).is_err());
}

/// Computes the same value in the schoolbook way: writes out all digits and zeros, then cuts at the
/// currency's decimals.
fn reference(whole: &str, fraction: &str, power: i32, decimals: usize) -> Option<u64> {
    const WIDTH: usize = 60;
    let mut laid_out = "0".repeat(WIDTH) + whole + fraction + &"0".repeat(WIDTH);
    let point = WIDTH + whole.len();
    let point = if power < 0 { point - power.unsigned_abs() as usize } else { point + power as usize };
    let rest = laid_out.split_off(point + decimals);
    if rest.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let digits = laid_out.trim_start_matches('0');
    let value = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    (value <= MINOR_UNITS_MAX).then_some(value)
}

proptest! {
    #[test]
    fn tokens_agree_with_the_schoolbook(
        whole in "0|[1-9][0-9]{0,18}",
        fraction in "[0-9]{0,12}",
        power in -20_i32..20,
        code in prop::sample::select(vec!["INR", "JPY", "KWD", "CLF"]),
    ) {
        let mut text = whole.clone();
        if !fraction.is_empty() {
            text = format!("{text}.{fraction}");
        }
        if power != 0 {
            text = format!("{text}e{power}");
        }
        let currency = currency(code);
        let expected = reference(&whole, &fraction, power, usize::from(currency.exponent()));
        let found = MinorUnits::from_json_token(&text, false, currency).ok().map(MinorUnits::get);
        prop_assert_eq!(found, expected, "{}", text);
    }

    #[test]
    fn what_is_printed_is_read_back(amount in 0..=MINOR_UNITS_MAX, at in 0_usize..150) {
        let currency = Currency::all().nth(at).unwrap();
        let money = Money { amount: MinorUnits::new(amount).unwrap(), currency };
        prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
        prop_assert_eq!(Money::parse(&money.json_number(), currency), Ok(money));
        prop_assert_eq!(token_of(&money), Ok(money.amount));
        prop_assert!(serde_json::from_str::<serde_json::Number>(&money.json_number()).is_ok());
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,20}|[-+.eE0-9]{0,30}") {
        let _ = Money::parse(&text, Currency::INR);
        let is_json = serde_json::from_str::<serde_json::Number>(&text).is_ok() && text.trim() == text;
        if MinorUnits::from_json_token(&text, false, Currency::INR).is_ok() {
            prop_assert!(is_json || text.contains(['e', 'E']), "{text}");
        }
    }
}

fn token_of(money: &Money) -> Result<MinorUnits, MoneyError> {
    MinorUnits::from_json_token(&money.json_number(), false, money.currency)
}
