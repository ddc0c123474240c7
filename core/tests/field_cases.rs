//! Inputs from public reports about other integrations, through the rules of this crate. The reports are in
//! `docs/field-cases.md`.

// Without `full` the Unicode functions come from a browser, and there is none here.
#![cfg(feature = "full")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tandem_core::capi::{Payload, batch_body, custom_data};
use tandem_core::cashfree::{Effect, Proof, Webhook};
use tandem_core::click_id::{Fbc, Fbp, Seen, choose_fbc, mint_fbc};
use tandem_core::code;
use tandem_core::country::Country;
use tandem_core::crawler::is_crawler;
use tandem_core::currency::Currency;
use tandem_core::custom_data::{Content, CustomData, is_standard_field};
use tandem_core::event::{ActionSource, Event, LimitedDataUse, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, EventName, IdError, OrderId, PixelId};
use tandem_core::money::{Money, MoneyError};
use tandem_core::normalise::{Day, KeyContext, MatchKey, hash_key, normalise};
use tandem_core::page_url::PageUrl;
use tandem_core::personal::Raw;
use tandem_core::scrub::scrub_url;
use tandem_core::unicode::NativeUnicode;
use tandem_core::user_data::UserData;

const CASES: &str = include_str!("../../docs/field-cases.md");
const NOW_MS: u64 = 1_788_781_160_733;

// ---- the table ---------------------------------------------------------------------------------------

#[test]
fn each_row_has_a_number_a_source_and_a_test() {
    let rows: Vec<&str> =
        CASES.lines().filter(|line| line.starts_with("| ") && line.contains("](http")).collect();
    assert!(rows.len() >= 35, "{} rows", rows.len());
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        assert_eq!(cells[0], (at + 1).to_string(), "{row}");
        assert!(cells[4].contains(".rs::"), "{row}");
    }
}

#[test]
fn each_test_here_has_its_row() {
    let here = include_str!("field_cases.rs");
    let tests =
        here.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name);
    for test in tests.filter(|name| !name.starts_with("each_row_") && !name.starts_with("each_test_")) {
        assert!(CASES.contains(&format!("`core/tests/field_cases.rs::{test}`")), "no row names {test}");
    }
}

// ---- values ------------------------------------------------------------------------------------------

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

#[test]
fn a_third_decimal_of_a_price_is_refused_and_never_rounded() {
    assert_eq!(Money::parse("5.6753", currency("EUR")), Err(MoneyError::TooPrecise(2)));
    assert_eq!(Money::parse("5.6700", currency("EUR")).unwrap().decimal(), "5.67");
}

#[test]
fn separators_of_thousands_are_refused() {
    for text in ["1,000.00", "1.000,00", "1 000.00", "1'000.00", "1,00,000", "₹1499", "1499,00"] {
        assert_eq!(Money::parse(text, currency("GBP")), Err(MoneyError::NotDecimal), "{text}");
    }
}

#[test]
fn yen_have_no_decimals_and_dinars_have_three() {
    for (code, text, minor, number) in [
        ("JPY", "10000", 10_000, "10000"),
        ("KWD", "1.234", 1234, "1.234"),
        ("EUR", "100.25", 10_025, "100.25"),
    ] {
        let money = Money::parse(text, currency(code)).unwrap();
        assert_eq!((money.amount.get(), money.json_number().as_str()), (minor, number), "{text} {code}");
    }
    assert_eq!(Money::parse("16.24", currency("JPY")), Err(MoneyError::TooPrecise(0)));
}

#[test]
fn a_currency_is_read_in_any_case_and_sent_in_capitals() {
    for text in ["eur", "Eur", "EUR"] {
        let data = CustomData { value: Money::parse("1", currency(text)).ok(), ..CustomData::default() };
        assert_eq!(json_of(&data)["currency"], "EUR", "{text}");
    }
}

#[test]
fn a_value_never_leaves_without_its_currency() {
    let money = Money::parse("35", currency("USD")).ok();
    for data in [
        CustomData { value: money, ..CustomData::default() },
        CustomData { predicted_ltv: money, ..CustomData::default() },
    ] {
        assert_eq!(json_of(&data)["currency"], "USD", "{data:?}");
    }
}

#[test]
fn contents_are_a_list_of_objects_with_numbers() {
    let content = Content {
        id: "1234567890".to_owned(),
        quantity: 1,
        item_price: Money::parse("35.00", currency("EUR")).ok(),
    };
    let data = CustomData {
        content_ids: vec!["1234567890".to_owned()],
        contents: vec![content],
        ..CustomData::default()
    };
    let json = json_of(&data);
    assert_eq!(json["contents"], json!([{"id": "1234567890", "quantity": 1, "item_price": 35}]));
    assert_eq!(json["content_ids"], json!(["1234567890"]));
}

#[test]
fn the_currency_that_was_paid_counts() {
    let sample = include_str!("../vectors/cashfree_webhooks.txt")
        .lines()
        .find_map(|line| line.strip_prefix("success-2025 "));
    let body = sample.unwrap().replace("\"payment_currency\":\"INR\"", "\"payment_currency\":\"USD\"");
    // The shop's own currency is only for a payment that names none.
    let webhook = Webhook::parse(body.as_bytes(), Currency::INR).unwrap();
    let Effect::Paid(Proof { money, .. }) = webhook.effect() else { panic!("a payment") };
    assert_eq!(money.to_string(), "1399.50 USD");
}

fn json_of(data: &CustomData) -> Value {
    serde_json::from_str(&custom_data(data)).unwrap()
}

// ---- match keys --------------------------------------------------------------------------------------

fn context(country: &str) -> KeyContext<'static, NativeUnicode> {
    KeyContext {
        unicode: &NativeUnicode,
        default_country: Country::parse(country).unwrap(),
        person_country: None,
        today: Day::new(2026, 11, 27).unwrap(),
    }
}

fn normal(key: MatchKey, text: &str, country: &str) -> Option<String> {
    normalise(key, &Raw::new(text), &context(country)).ok().flatten().map(|text| text.expose().to_owned())
}

fn hash(key: MatchKey, text: &str) -> Sha256Hex {
    hash_key(key, &Raw::new(text), &context("IN")).unwrap().unwrap()
}

#[test]
fn letters_beyond_ascii_are_letters_of_an_address() {
    assert_eq!(normal(MatchKey::Email, "Tést@Gmail.com", "IN").as_deref(), Some("tést@gmail.com"));
}

#[test]
fn a_letter_and_its_accent_are_one_however_they_are_encoded() {
    let composed = hash(MatchKey::Email, "tést@example.com");
    assert_eq!(hash(MatchKey::Email, "te\u{301}st@example.com"), composed);
    assert_eq!(hash(MatchKey::Email, " TE\u{301}ST@example.com\u{a0}"), composed);
}

#[test]
fn a_phone_number_is_hashed_without_its_plus_and_its_brackets() {
    for text in ["+14155552671", "+1 415-555-2671", "(415)555-2671", "1 415 555 2671"] {
        assert_eq!(normal(MatchKey::Phone, text, "US").as_deref(), Some("14155552671"), "{text}");
    }
}

#[test]
fn a_national_number_gets_the_calling_code_of_its_country() {
    for (text, country, expected) in [
        ("(11) 91234-5678", "BR", "5511912345678"),
        ("020 7946 0018", "GB", "442079460018"),
        ("0612345678", "FR", "33612345678"),
        ("98765 43210", "IN", "919876543210"),
    ] {
        assert_eq!(normal(MatchKey::Phone, text, country).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn an_extension_is_cut_off_and_never_joined() {
    for (text, country, expected) in [
        ("555-123-1234 x44", "US", Some("15551231234")),
        ("+1 (586) 485-7783#55", "IN", Some("15864857783")),
        ("+19052223333;ext=555", "IN", Some("19052223333")),
        ("(586) 485-7783;55", "US", Some("15864857783")),
        ("+1 586 485 7783;5553031", "IN", Some("15864857783")),
    ] {
        assert_eq!(normal(MatchKey::Phone, text, country).as_deref(), expected, "{text}");
    }
}

#[test]
fn typographic_apostrophes_and_letters_like_them_stay_in_names() {
    for (text, expected) in [
        ("D\u{2019}Souza", "d\u{2019}souza"),
        ("Kale\u{2bb}a", "kale\u{2bb}a"),
        ("N\u{2bc}Diaye", "n\u{2bc}diaye"),
    ] {
        assert_eq!(normal(MatchKey::LastName, text, "IN").as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn a_no_break_space_in_a_name_is_a_space() {
    assert_eq!(hash(MatchKey::FirstName, "Asha\u{a0}Devi"), hash(MatchKey::FirstName, "Asha Devi"));
}

#[test]
fn what_is_hashed_already_is_not_hashed_again() {
    let once = hash(MatchKey::Phone, "+91 98765 43210");
    for text in [once.to_hex(), once.to_hex().to_uppercase(), format!("{}.AQQCAQMC", once.to_hex())] {
        assert_eq!(hash(MatchKey::Phone, &text), once);
    }
}

#[test]
fn a_city_has_no_spaces_and_keeps_its_accents() {
    assert_eq!(normal(MatchKey::City, "Menlo Park", "US").as_deref(), Some("menlopark"));
    assert_eq!(normal(MatchKey::City, "São Paulo", "BR").as_deref(), Some("sãopaulo"));
}

#[test]
fn an_external_id_of_digits_is_a_text() {
    assert_eq!(hash(MatchKey::ExternalId, "4711"), Sha256Hex::of_bytes(b"4711"));
    assert_ne!(hash(MatchKey::ExternalId, "04711"), hash(MatchKey::ExternalId, "4711"));
}

#[test]
fn a_country_is_its_code_in_lower_case() {
    for (text, code) in [("US", "us"), ("us", "us"), ("USA", "us"), ("India", "in"), ("UK", "gb")] {
        assert_eq!(normal(MatchKey::Country, text, "IN").as_deref(), Some(code), "{text}");
    }
}

#[test]
fn every_key_of_a_person_leaves_as_64_hex_digits() {
    let mut event = event();
    for key in MatchKey::ALL {
        let text = match key {
            MatchKey::Email => "asha@example.com",
            MatchKey::Phone => "9876543210",
            MatchKey::Gender => "f",
            MatchKey::DateOfBirth => "1990-02-28",
            MatchKey::PostalCode => "411001",
            MatchKey::Country => "IN",
            _ => "Pune",
        };
        event.user_data.set(key, hash(key, text));
    }
    let sent = sent(&event);
    for key in MatchKey::ALL {
        let value = sent["user_data"][key.meta_name()][0].as_str().unwrap();
        assert!(
            value.len() == 64 && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "{key:?}"
        );
    }
}

// ---- click IDs ---------------------------------------------------------------------------------------

fn chosen(cookie: Option<&str>, fbclid: Option<&str>) -> Option<String> {
    choose_fbc(cookie, fbclid, Seen::now(NOW_MS)).map(|fbc| fbc.as_str().to_owned())
}

#[test]
fn a_cookie_that_lost_its_click_id_is_no_click_id() {
    let empty = "fb.1.1697698245670.";
    assert_eq!(chosen(Some(empty), None), None);
    assert_eq!(
        chosen(Some(empty), Some("IwAR1R58F0R_2m3")).as_deref(),
        Some("fb.1.1788781160733.IwAR1R58F0R_2m3")
    );
}

#[test]
fn a_click_id_without_its_envelope_is_no_fbc() {
    assert_eq!(Fbc::parse("IwAR1R58F0R_2m3"), None);
    let minted = chosen(Some("IwAR1R58F0R_2m3"), Some("IwAR1R58F0R_2m3"));
    assert_eq!(minted.as_deref(), Some("fb.1.1788781160733.IwAR1R58F0R_2m3"));
}

#[test]
fn a_server_mints_under_the_index_1() {
    assert!(chosen(None, Some("AbCdEf")).unwrap().starts_with("fb.1."));
}

#[test]
fn a_click_id_keeps_its_case() {
    assert_eq!(chosen(None, Some("UpperLowerCase")).as_deref(), Some("fb.1.1788781160733.UpperLowerCase"));
    assert!(!Fbc::parse("fb.1.1788781160000.UpperLowerCase").unwrap().is_of_click("upperlowercase"));
}

#[test]
fn what_metas_builder_adds_behind_an_id_stays() {
    let fbc = "fb.1.1788781160733.IwAR1a-b_c.AQECAQMB";
    assert_eq!(chosen(Some(fbc), Some("IwAR1a-b_c")).as_deref(), Some(fbc));
    let fbp = "fb.1.1657051589577.1088522659.AQEAAQMB";
    assert_eq!(Fbp::parse(fbp).unwrap().as_str(), fbp);
}

#[test]
fn a_browser_id_that_other_tools_made_is_one() {
    for fbp in ["fb.2.1659600000000.2147483647", "fb.1.1698887799092.241649850", "fb.1.1699294779348.7"] {
        assert_eq!(Fbp::parse(fbp).unwrap().as_str(), fbp);
    }
}

#[test]
fn a_long_click_id_is_kept_whole() {
    let click = format!("IwZXh0bgNhZW0CMTAAAR{}_aem_{}", "aB-_".repeat(60), "z".repeat(40));
    assert_eq!(mint_fbc(&click, NOW_MS, 1).unwrap().payload(), click);
}

// ---- IDs and addresses -------------------------------------------------------------------------------

#[test]
fn an_orders_number_keeps_its_zeros() {
    let order = OrderId::parse("000001").unwrap();
    assert_eq!(EventId::of_purchase(&order).as_str(), "purchase_000001");
}

#[test]
fn a_comment_behind_a_pixels_number_is_refused() {
    for text in ["1234567890 #true", "1234567890 ", "\"1234567890\""] {
        assert_eq!(PixelId::parse(text), Err(IdError::NotPixel), "{text}");
    }
}

#[test]
fn an_address_in_a_campaigns_link_is_cut_and_the_rest_stays() {
    let link = "http://www.shop.example/blog/?campaignID=dffb7af45eee08a6ab70be4489d89a5a&contactID=94086&source=EMAIL1\
                &utm_term=WTTOctober&t=&e=m.reader@mail.example&h=1c2ad484";
    let scrubbed = scrub_url(link);
    assert_eq!(scrubbed.text, link.replace("m.reader@mail.example", "(removed)"));
    assert_eq!(scrubbed.cuts, 1);
}

#[test]
fn an_orders_key_in_an_address_is_no_personal_data() {
    let address = "https://shop.example/kasse/order-received/54763/?key=wc_order_hi1u311233h";
    let scrubbed = scrub_url(address);
    assert_eq!((scrubbed.text.as_str(), scrubbed.cuts), (address, 0));
}

// ---- visitors ----------------------------------------------------------------------------------------

#[test]
fn the_browsers_of_apps_are_peoples() {
    for user_agent in [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 \
         [FBAN/FBIOS;FBAV/470.0.0.37.95;FBBV/613548018;FBDV/iPhone14,5;FBMD/iPhone;FBSN/iOS;FBSV/17.5.1]",
        "Mozilla/5.0 (Linux; Android 8.1.0; Pixel 2 Build/OPM2.171026.006.G1; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
         Version/4.0 Chrome/85.0.4183.81 Mobile Safari/537.36 Instagram 157.0.0.37.120 Android (27/8.1.0; 420dpi; 1080x1794; \
         Google/google; Pixel 2; walleye; walleye; en_US; 242168941)",
        "Mozilla/5.0 (Linux; Android 9; SM-A730F Build/PPR1.180610.011; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 \
         Chrome/76.0.3809.89 Mobile Safari/537.36 Instagram 105.0.0.18.119 Android (28/9; 420dpi; 1080x2094; samsung; SM-A730F; \
         jackpot2lte; samsungexynos7885; pt_BR; 166149717)",
        "Mozilla/5.0 (Linux; Android 13; 23028RN4DI Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
         Version/4.0 Chrome/119.0.6045.66 Mobile Safari/537.36 Instagram 308.0.0.36.109 Android (33/13; 320dpi; 720x1460; \
         Xiaomi/Redmi; 23028RN4DI; cloud; mt6765; en_IN; 534961943)",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [Pinterest/iOS]",
    ] {
        assert!(!is_crawler(user_agent), "{user_agent}");
    }
    for name in ["externalagent", "webindexer", "externalads"] {
        let crawler =
            format!("meta-{name}/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)");
        assert!(is_crawler(&crawler), "{crawler}");
    }
}

// ---- events ------------------------------------------------------------------------------------------

fn event() -> Event {
    Event {
        pixel: PixelId::parse("123456789012345").unwrap(),
        name: EventName::purchase(),
        id: EventId::parse("purchase_000001").unwrap(),
        time_s: 1_788_781_160,
        action_source: ActionSource::Website,
        page: Page {
            event_source_url: PageUrl::clean("https://shop.example/thanks").map(|(url, _)| url),
            referrer_url: None,
        },
        user_data: UserData::default(),
        custom_data: CustomData::default(),
        limited_data_use: None,
        opt_out: false,
    }
}

/// The event as Meta gets it.
fn sent(event: &Event) -> Value {
    let body = batch_body([&Payload::of(event)].into_iter(), "tandem", None, None);
    serde_json::from_str::<Value>(&body).unwrap()["data"][0].take()
}

#[test]
fn the_zeros_of_limited_data_use_are_sent() {
    let sent = sent(&Event { limited_data_use: Some(LimitedDataUse { country: 0, state: 0 }), ..event() });
    assert_eq!(sent["data_processing_options"], json!(["LDU"]));
    assert_eq!(sent["data_processing_options_country"], 0);
    assert_eq!(sent["data_processing_options_state"], 0);
}

#[test]
fn an_event_names_its_source_and_is_not_sent_without_its_page() {
    assert_eq!(sent(&event())["action_source"], "website");
    let mut event = event();
    event.user_data.set(MatchKey::Email, hash(MatchKey::Email, "asha@example.com"));
    assert_eq!(Payload::of(&event).known_refusal(event.time_s, None), None);
    event.page = Page::default();
    assert_eq!(Payload::of(&event).known_refusal(event.time_s, None), Some(code::PAGE_MISSING));
}

#[test]
fn an_events_id_and_value_are_no_properties() {
    for name in ["event_id", "eventID", "value", "currency", "contents", "order_id"] {
        assert!(is_standard_field(name), "{name}");
    }
    assert_eq!(sent(&event())["event_id"], "purchase_000001");
}

#[test]
fn an_event_has_no_field_that_meta_does_not_know() {
    let mut event = event();
    event.user_data.set(MatchKey::Email, hash(MatchKey::Email, "asha@example.com"));
    event.user_data.fbc = chosen(None, Some("AbCdEf"));
    let sent = sent(&event);
    let names: BTreeSet<&str> = sent["user_data"].as_object().unwrap().keys().map(String::as_str).collect();
    // An identifier that is not there is left out. It is neither empty nor null.
    assert_eq!(names, BTreeSet::from(["em", "fbc"]));
    assert!(sent.get("custom_data").is_none() && sent.get("referrer_url").is_none());
}
