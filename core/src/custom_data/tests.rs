use super::*;
use crate::currency::Currency;

fn price(text: &str, currency: &str) -> Option<Money> {
    Money::parse(text, Currency::parse(currency).unwrap()).ok()
}

fn cart(lines: &[(u32, Option<Money>)]) -> CustomData {
    let line = |(quantity, item_price): &(u32, Option<Money>)| Content {
        id: "deck".into(),
        quantity: *quantity,
        item_price: *item_price,
    };
    CustomData { contents: lines.iter().map(line).collect(), ..CustomData::default() }
}

#[test]
fn a_cart_with_all_prices_has_a_value_and_prices_alone_are_dropped() {
    let of = |lines: &[_]| {
        let mut data = cart(lines);
        data.value_of_prices();
        let kept = data.contents.iter().any(|line| line.item_price.is_some());
        (data.value.map(|value| value.to_string()), kept)
    };
    let inr = |text| price(text, "INR");
    assert_eq!(of(&[(2, inr("499.50")), (1, inr("1"))]), (Some("1000.00 INR".into()), true));
    assert_eq!(of(&[(1, inr("0"))]), (Some("0.00 INR".into()), true));
    assert_eq!(of(&[(2, inr("499.50")), (1, None)]), (None, false), "one price is missing");
    assert_eq!(of(&[(1, inr("1")), (1, price("1", "USD"))]), (None, false), "two currencies");
    assert_eq!(of(&[(u32::MAX, inr("9999999999"))]), (None, false), "no amount is that large");
    assert_eq!(of(&[]), (None, false));
    let mut given = CustomData { value: inr("5"), ..cart(&[(2, inr("499.50"))]) };
    given.value_of_prices();
    assert_eq!(given.value, inr("5"), "what the shop says stays");
}

/// A cart with all that strangers may fill, `bytes` of it in each text.
fn crammed(lines: usize, bytes: usize) -> CustomData {
    let text = |n: usize| format!("{n}\"\u{1}").repeat(bytes).chars().take(bytes).collect::<String>();
    let mut data = CustomData {
        content_ids: (0..lines).map(text).collect(),
        properties: (0..PROPERTIES_MAX).map(|n| (format!("p{n}"), text(n))).collect(),
        value: price("999999999.99", "INR"),
        predicted_ltv: price("999999999.99", "INR"),
        num_items: Some(u32::MAX),
        order_id: OrderId::parse("order").ok(),
        experiment: Experiment { experiment_id: text(1), variant: text(2), test_group: text(3) },
        ..CustomData::default()
    };
    let line = |n| Content { id: text(n), quantity: u32::MAX, item_price: price("999999999.99", "INR") };
    data.contents = (0..lines).map(line).collect();
    for name in CustomData::TEXT_FIELDS {
        *data.text_mut(name).unwrap() = Some(text(7));
    }
    data
}

#[test]
fn the_size_is_never_told_too_small() {
    for data in [CustomData::default(), crammed(1, 3), crammed(20, 100), crammed(CONTENTS_MAX, 1000)] {
        let (told, real) = (data.stored_bytes(), serde_json::to_string(&data).unwrap().len());
        assert!(real <= told, "{real} bytes, and told {told}");
        assert!(told <= 2 * real + 600, "{real} bytes, and told {told}");
    }
}

#[test]
fn a_real_cart_is_kept_whole_and_of_a_crammed_one_what_counts_most() {
    let mut real = crammed(60, 0);
    for (n, line) in real.contents.iter_mut().enumerate() {
        line.id = format!("0192f6c5-1d0e-7c3a-9b5e-{n:012}");
    }
    let before = real.clone();
    real.keep_within(KEPT_BYTES_MAX);
    assert_eq!(real, before);

    let mut data = crammed(13, 150);
    data.keep_within(KEPT_BYTES_MAX);
    assert!(data.properties.is_empty() && data.contents.len() == 13 && data.search_string.is_none());
    let mut data = crammed(CONTENTS_MAX, 1000);
    data.keep_within(KEPT_BYTES_MAX);
    assert!(data.contents.is_empty() && data.value.is_some() && data.stored_bytes() <= KEPT_BYTES_MAX);
}

#[test]
fn an_experiment_of_control_characters_goes_last() {
    let text = "\u{1}".repeat(TEXT_BYTES_MAX);
    let experiment =
        || Experiment { experiment_id: text.clone(), variant: text.clone(), test_group: text.clone() };
    let mut data = CustomData { experiment: experiment(), ..crammed(CONTENTS_MAX, 1000) };
    data.keep_within(KEPT_BYTES_MAX);
    assert!(data.value.is_some() && data.stored_bytes() <= KEPT_BYTES_MAX, "{}", data.stored_bytes());
    let experiment = Experiment { variant: "blue".into(), ..Experiment::default() };
    let mut data = CustomData { experiment: experiment.clone(), ..crammed(CONTENTS_MAX, 1000) };
    data.keep_within(KEPT_BYTES_MAX);
    assert_eq!(data.experiment, experiment);
}

#[test]
fn filling_again_and_again_has_an_end() {
    let mut kept = crammed(20, 200);
    kept.keep_within(KEPT_BYTES_MAX);
    for n in 0..200 {
        let properties = (0..10).map(|p| (format!("q{n}-{p}"), "x".repeat(1000))).collect();
        kept.fill_blanks(&CustomData { properties, ..CustomData::default() });
        kept.fill_blanks(&crammed(10, 100));
    }
    assert!(kept.stored_bytes() <= FACTS_BYTES_MAX + 5 * 6 * TEXT_BYTES_MAX, "{}", kept.stored_bytes());
    assert!(!kept.properties.is_empty());
}

#[test]
fn a_content_type_is_one_of_metas_or_none() {
    for (text, read) in [
        ("product", Some("product")),
        (" Product_Group ", Some("product_group")),
        ("PRODUCT", Some("product")),
        ("", None),
        ("hotel", None),
        ("products", None),
    ] {
        assert_eq!(content_type(text), read, "{text}");
    }
}
