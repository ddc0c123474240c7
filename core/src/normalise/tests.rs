use proptest::prelude::*;

use super::*;
use crate::unicode::NativeUnicode;

fn context(country: &str, person: Option<&str>) -> KeyContext<'static, NativeUnicode> {
    KeyContext {
        unicode: &NativeUnicode,
        default_country: Country::parse(country).unwrap(),
        person_country: person.map(|text| Country::parse(text).unwrap()),
        today: Day::new(2026, 11, 24).unwrap(),
    }
}

fn normal(key: MatchKey, text: &str) -> Result<Option<String>, MatchKeyError> {
    normalise(key, &Raw::new(text), &context("IN", None))
        .map(|found| found.map(|text| text.expose().to_owned()))
}

const DIGEST: &str = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";

#[test]
fn a_hashed_word_for_nothing_is_a_placeholder_where_the_word_itself_is() {
    let hashed = |key, word: &str, country| {
        let digest = Sha256Hex::of_bytes(word.as_bytes());
        hash_key(key, &Raw::new(digest.to_hex()), &context("IN", country)) == Ok(Some(digest))
    };
    for (key, kept, country) in [
        (MatchKey::Country, &["na"][..], None),
        (MatchKey::State, &["na"], Some("IT")),
        (MatchKey::State, &[], None),
        (MatchKey::FirstName, &["na", "nan", "null"], None),
        (MatchKey::LastName, &["na", "nan", "null"], None),
        (MatchKey::City, &[], None),
        (MatchKey::Email, &[], None),
        (MatchKey::ExternalId, &[], None),
    ] {
        for word in ["na", "nan", "null", "none", "undefined", "n/a", "0"] {
            assert_eq!(hashed(key, word, country), kept.contains(&word), "{key:?} {word}");
        }
    }
}

#[test]
fn blank_values_are_nothing_for_every_key() {
    for key in MatchKey::ALL {
        for blank in ["", " ", "\u{a0}\t\n", "\u{200b}", "\u{200d}"] {
            assert_eq!(hash_key(key, &Raw::new(blank), &context("IN", None)), Ok(None), "{key:?} {blank:?}");
        }
    }
}

#[test]
fn digests_are_taken_as_they_are_but_not_that_of_nothing() {
    let digest = Sha256Hex::parse(DIGEST);
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for key in MatchKey::ALL {
        for text in [DIGEST.to_owned(), format!(" {} ", DIGEST.to_uppercase()), format!("{DIGEST}.AQQCAQMC")]
        {
            assert_eq!(hash_key(key, &Raw::new(text), &context("IN", None)), Ok(digest), "{key:?}");
        }
        assert_eq!(hash_key(key, &Raw::new(nothing), &context("IN", None)), Ok(None), "{key:?}");
    }
}

#[test]
fn md5_is_refused_but_for_external_ids() {
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    for key in MatchKey::ALL {
        let expected =
            if key == MatchKey::ExternalId { Ok(Some(md5.to_owned())) } else { Err(MatchKeyError::Md5) };
        assert_eq!(normal(key, md5), expected, "{key:?}");
    }
}

#[test]
fn what_leaves_nothing_to_hash_is_no_error() {
    for (key, text) in [
        (MatchKey::LastName, "."),
        (MatchKey::LastName, " - "),
        (MatchKey::City, "--"),
        (MatchKey::State, "…"),
        (MatchKey::PostalCode, "-"),
        (MatchKey::Gender, "Non-binary"),
        (MatchKey::Gender, "prefer not to say"),
    ] {
        assert_eq!(normal(key, text), Ok(None), "{key:?} {text}");
    }
}

#[test]
fn a_letter_and_its_accent_meet_when_what_was_between_them_goes() {
    assert_eq!(normal(MatchKey::FirstName, "Vale-\u{301}ry").unwrap().as_deref(), Some("valéry"));
    // They meet before the length is checked, and two characters are no postal code.
    assert_eq!(normal(MatchKey::PostalCode, "ÀA-\u{300}"), Err(MatchKeyError::PostalCodeMalformed));
}

#[test]
fn the_persons_country_decides_on_state_and_postal_code() {
    for (merchant, person, state, postal) in [
        ("IN", Some("US"), "ca", "94025"),
        ("US", None, "ca", "94025"),
        ("US", Some("IN"), "california", "940251234"),
        ("IN", None, "california", "940251234"),
    ] {
        let of = |key, text| {
            let found = normalise(key, &Raw::new(text), &context(merchant, person)).unwrap().unwrap();
            found.expose().to_owned()
        };
        assert_eq!(of(MatchKey::State, "California"), state, "{merchant} {person:?}");
        assert_eq!(of(MatchKey::PostalCode, "94025-1234"), postal, "{merchant} {person:?}");
    }
}

#[test]
fn errors_have_codes_of_their_own_and_never_show_the_value() {
    let mut codes: Vec<_> = MatchKeyError::ALL.iter().map(|error| error.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), MatchKeyError::ALL.len());

    let long = "qqzz ".repeat(300);
    for (key, text) in [
        (MatchKey::Email, "qqzz"),
        (MatchKey::Phone, "qqzz"),
        (MatchKey::DateOfBirth, "qqzz"),
        (MatchKey::Country, "qqzz"),
        (MatchKey::PostalCode, "qqzzqqzzqqzzqqzz"),
        (MatchKey::FirstName, long.as_str()),
    ] {
        let error = normal(key, text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("qqzz"), "{key:?}");
    }
}

fn any_key() -> impl Strategy<Value = MatchKey> {
    prop::sample::select(MatchKey::ALL.to_vec())
}

fn any_country() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["IN", "US", "CA", "GB", "DE", "IT", "SG", "RU"])
}

/// Arbitrary Unicode, and texts that are more like what people type.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[A-Za-zÀ-ÿİΣσ\u{300}-\u{304}अ-ह\u{93c}-\u{94d} .'’-]{0,20}",
        "[a-zA-Z0-9.+@éİ-]{0,30}",
        "[+]?[0-9 ()०-९-]{0,18}",
        "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_normal_form_is_its_own_and_never_empty(key in any_key(), country in any_country(), text in any_text()) {
        let context = context(country, None);
        let raw = Raw::new(text);
        if let Ok(Some(once)) = normalise(key, &raw, &context) {
            prop_assert!(!once.expose().is_empty());
            // Without its plus sign, a phone number is read as a number of the merchant's country. So only
            // that country's numbers are their own normal form.
            let again = if key == MatchKey::Phone { format!("+{}", once.expose()) } else { once.expose().to_owned() };
            let twice = normalise(key, &Raw::new(again), &context);
            let twice = twice.map(|found| found.map(|text| text.expose().to_owned()));
            // A name such as `Na` is spared only as people write it.
            if !(matches!(key, MatchKey::FirstName | MatchKey::LastName) && twice == Err(MatchKeyError::Placeholder)) {
                prop_assert_eq!(twice, Ok(Some(once.expose().to_owned())));
            }
        }
    }

    #[test]
    fn only_blank_values_and_digests_hash_without_a_normal_form(key in any_key(), text in any_text()) {
        let context = context("IN", None);
        let raw = Raw::new(text);
        let normal = normalise(key, &raw, &context);
        let hash = hash_key(key, &raw, &context);
        match (normal, hash) {
            (Ok(None), Ok(None)) => {}
            (Ok(Some(normal)), Ok(Some(hash))) => {
                prop_assert_eq!(hash, Sha256Hex::of_bytes(normal.expose().as_bytes()));
                prop_assert!(!hash.is_of_nothing());
            }
            (Err(left), Err(right)) => prop_assert_eq!(left, right),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn indian_mobiles_are_found_however_they_are_written(mobile in "[6-9][0-9]{9}", style in 0..6) {
        let (head, tail) = mobile.split_at(5);
        let text = match style {
            0 => mobile.clone(),
            1 => format!("0{mobile}"),
            2 => format!("+91 {head} {tail}"),
            3 => format!("0091-{head}-{tail}"),
            4 => format!("91{mobile}"),
            _ => format!("+91 (0) {head}.{tail}"),
        };
        prop_assert_eq!(normal(MatchKey::Phone, &text), Ok(Some(format!("91{mobile}"))));
    }

    #[test]
    fn an_extension_or_a_note_is_cut_off(
        mobile in "[6-9][0-8][0-9]{7}5", code in prop::sample::select(vec!["+91 ", "0", "", "+91-(0)", "+91+91", "+91 91"]),
        tail in r"( ?[xX]| ?[eE]xt(n|ension)?[.:]? ?| ?#| \(ext |;ext=)[0-9]{1,7}| \(WhatsApp\)| home|,{1,2}[0-9]{1,6}",
    ) {
        let text = format!("{code}{mobile}{tail}");
        prop_assert_eq!(normal(MatchKey::Phone, &text), Ok(Some(format!("91{mobile}"))), "{}", text);
    }

    #[test]
    fn two_numbers_are_never_one(
        country in any_country(),
        first in r"(\+91 ?|0|91)?[6-9][0-9]{4} ?[0-9]{5}|\+1 ?[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}|\+447[0-9]{9}|\+65[89][0-9]{7}",
        between in r" ?(/|,|;|\||&|or|and|OR|:|=|\\|\n|\r\n|\.|-| |\u{2022}|Mobile 2:|alt|x|ext|#|अथवा) ?",
        second in r"(\+91 ?|0|91)?[6-9][0-9]{4} ?[0-9]{5}|\+1 ?[2-9][0-9]{2}-[0-9]{3}-[0-9]{4}|\+447[0-9]{9}|\+65[89][0-9]{7}",
    ) {
        let text = format!("{first}{between}{second}");
        let found = normalise(MatchKey::Phone, &Raw::new(text.clone()), &context(country, None));
        prop_assert!(found.is_err(), "{:?} in {}: {:?}", text, country, found.map(|found| found.map(|text| text.expose().to_owned())));
    }

    #[test]
    fn a_letter_between_digits_is_refused(before in "[6-9][0-9]{2,6}", letter in "[A-WYZa-wyz]", after in "[0-9]{2,6}") {
        for text in [format!("{before}{letter}{after}"), format!("+91 {before}{letter} {after}")] {
            prop_assert!(normal(MatchKey::Phone, &text).is_err(), "{}", text);
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_read_in_every_form(days in 0_i64..20_000) {
        let day = normal_day(days * 86_400);
        let (year, month, date) = day;
        let expected = Ok(Some(format!("{year:04}{month:02}{date:02}")));
        prop_assert_eq!(normal(MatchKey::DateOfBirth, &format!("{year:04}-{month:02}-{date:02}")), expected.clone());
        prop_assert_eq!(normal(MatchKey::DateOfBirth, &format!("{date}/{month}/{year:04}")), expected);
    }
}

/// The day of the calendar, counted day by day from 1970.
fn normal_day(unix_s: i64) -> (u16, u8, u8) {
    let (mut year, mut month, mut date) = (1970, 1, 1);
    for _ in 0..unix_s / 86_400 {
        date += 1;
        if Day::new(year, month, date).is_none() {
            (month, date) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    assert_eq!(Day::new(year, month, date), Some(Day::of_unix_s(unix_s)));
    (year, month, date)
}
