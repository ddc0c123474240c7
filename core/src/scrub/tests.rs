use proptest::prelude::*;

use super::*;
use crate::normalise::email::is_address;

/// Checks that `input` becomes `expected`, where `¤` stands for the placeholder.
#[track_caller]
fn url(input: &str, expected: &str) {
    let scrubbed = scrub_url(input);
    assert_eq!(scrubbed.text, expected.replace('¤', PLACEHOLDER));
    assert_eq!(scrubbed.cuts as usize, expected.matches('¤').count());
}

#[track_caller]
fn untouched(input: &str) {
    assert_eq!(scrub_url(input), Scrubbed { text: input.to_owned(), cuts: 0 });
    assert_eq!(scrub_text(input), Scrubbed { text: input.to_owned(), cuts: 0 });
}

#[test]
fn addresses_leave_paths_and_parameters_in_any_encoding() {
    url("https://shop.example/u/asha@example.com/cart", "https://shop.example/u/¤/cart");
    url("https://shop.example/?e=Asha.K+tag@example.co.in&x=1", "https://shop.example/?e=¤&x=1");
    url("https://shop.example/?asha%40example.com", "https://shop.example/?¤");
    url("/thanks?next=%2Fa%3Femail%3Dasha%2540example.com%26x%3D1", "/thanks?next=%2Fa%3Femail%3D¤%26x%3D1");
    url("?a=%61sha%40example%2Ecom", "?a=¤");
    url("?a=x@b.com,y@c.com&b=x@b.com@c.com", "?a=¤,¤&b=¤");
    url("?e=%E0%A4%B0%E0%A4%BE%E0%A4%AE@%E0%A4%AD.%E0%A4%AD%E0%A4%BE", "?e=¤");
    url("mailto:asha@example.com", "mailto:¤");
}

#[test]
fn phones_leave_paths_and_parameters_in_any_encoding() {
    url("https://shop.example/?ph=9876543210&x=1", "https://shop.example/?ph=¤&x=1");
    url("https://shop.example/?ph=%2B91%2098765-43210", "https://shop.example/?ph=¤");
    url("https://shop.example/?ph=+919876543210", "https://shop.example/?ph=¤");
    url("https://shop.example/?ph=%252B919876543210#x", "https://shop.example/?ph=¤");
    url("/lead/9876543210/09876543210/919876543210/00919876543210", "/lead/¤/¤/¤/¤");
    url("?q=call+98765+43210+today", "?q=call+¤+today");
    url(
        "?q=%E0%A5%AF%E0%A5%AE%E0%A5%AD%E0%A5%AC%E0%A5%AB%E0%A5%AA%E0%A5%A9%E0%A5%A8%E0%A5%A7%E0%A5%A6",
        "?q=¤",
    );
    url("tel:+16505551212", "tel:¤");
    url("?utm_source=9876543210", "?utm_source=¤");
    url("https://wa.me/?phone=91%209876543210", "https://wa.me/?phone=¤");
    url("?vpa=9876543210@ybl", "?vpa=¤@ybl");
}

#[test]
fn fields_of_people_lose_their_values_whatever_their_form() {
    url(
        "https://shop.example/thanks?first_name=Asha&last_name=Rao&pincode=411001&size=8",
        "https://shop.example/thanks?first_name=¤&last_name=¤&pincode=¤&size=8",
    );
    url("/t?billing%5BfirstName%5D=Asha+Devi&utm_source=x", "/t?billing%5BfirstName%5D=¤&utm_source=x");
    url("/go?next=%2Fa%3Fcity%3DPune%26x%3D1&y=2", "/go?next=%2Fa%3Fcity%3D¤%26x%3D1&y=2");
    url("/t?email=asha@example.com;zip=411001", "/t?email=¤;zip=¤");
    untouched_url("/t?city=&product_name=deck&state=ok&em&x=em=1");
}

#[track_caller]
fn untouched_url(input: &str) {
    assert_eq!(scrub_url(input), Scrubbed { text: input.to_owned(), cuts: 0 });
}

#[test]
fn fragments_and_logins_are_dropped() {
    assert_eq!(scrub_url("https://a.example/p?x=1#asha@example.com").text, "https://a.example/p?x=1");
    assert_eq!(scrub_url("https://a.example/#/route").cuts, 0);
    for (input, expected) in [
        ("https://u:secret@a.example/p", "https://a.example/p"),
        ("https://asha%40example.com:x@a.example:8080?y", "https://a.example:8080?y"),
        ("//u@a.example", "//a.example"),
        ("https://u:p@ss@a.example/", "https://a.example/"),
    ] {
        assert_eq!(scrub_url(input), Scrubbed { text: expected.to_owned(), cuts: 1 });
    }
    url("/go?to=https%3A%2F%2Fname:pass@localhost%2F", "/go?to=https%3A%2F%2F¤localhost%2F");
    assert_eq!(scrub_text("see ftp://u:a:b@host/x").text, format!("see ftp://{PLACEHOLDER}host/x"));
    let hidden = scrub_url("/p?mail=asha@example.com&u=https://u:p@host/");
    assert!(!hidden.text.contains("asha") && hidden.cuts == 2, "{hidden:?}");
}

#[test]
fn control_characters_do_not_hide_an_address() {
    assert_eq!(scrub_url(" /?e=asha\n@exam\tple.com ").text, format!("/?e={PLACEHOLDER}"));
}

#[test]
fn free_text_loses_addresses_and_numbers_only() {
    for (input, expected) in [
        ("Ring +91 98765 43210 or 98765-43210.", "Ring ¤ or ¤."),
        ("asha@example.com, +44 20 7946 0958; (650) 555-1212", "¤, ¤; (¤"),
        ("1-650-555-1212 / 650.555.1212", "¤ / ¤"),
        ("+33 6 12 34 56 78", "¤"),
        ("+49 1511 2345 678", "¤"),
        ("98 76 54 32 10", "¤"),
        ("091 98765 43210, 91 98765 43210, 0 98765 43210", "¤, ¤, ¤"),
        ("9876543210 9876543211", "¤ ¤"),
        ("फोन९८७६५४३२१०, ईमेल: asha@example.com", "फोन¤, ईमेल: ¤"),
        ("<asha@example.com>", "<¤>"),
        ("9876543210asha@example.com9876543210", "¤"),
        ("o'brien@example.com", "¤"),
    ] {
        assert_eq!(scrub_text(input).text, expected.replace('¤', PLACEHOLDER), "{input}");
    }
}

#[test]
fn other_numbers_and_names_stay() {
    for text in [
        "",
        "https://shop.example/p/42?fbclid=IwZXh0bgNhZW0CMTEAAR0-_9876543210abcXYZ_aem_Q9876543210q",
        "?fbc=fb.1.1763942400123.IwAR0_x-1&fbp=fb.1.1763942400123.9876543210",
        "?order_id=ORD-2026-001&order=order_18482MtTPz7w0y5V7pMMtOFQFRUqzr",
        "?ts=1763942400123&t=1763942400",
        "?eid=019ab324-af7b-7fff-bfff-ffffffffffff&u=01991234-5678-7123-8456-919876543210",
        "?date=2026-11-24&at=2026-11-24T10:30:00Z&d=08-12-2026-123&dmy=08-12-2026+10:30",
        "?value=1499.00&total=1,499,999.00&price=9876543210.50",
        "?utm_source=facebook&utm_campaign=120210000000000000&utm_content=deck%2042",
        "/products/98765/43210?sku=SKU9876543210&gtin=8901234567894&isbn=978-3-16-148410-0",
        "?lat=12.9715987654&lng=77.5945627654&maps=/@12.97,77.59,17z",
        "?q=100%25%20silk&r=50%&s=%zz",
        "@shop, pkg@1.2.3, a@b, 5 @ 10.00",
        "127.0.0.1:8090 10.98.76.54",
        "+91, +1 2 3, 1+1",
        "12345678901234567890123456789012345678901234567890",
        "राम कुमार — 1499 रुपये",
    ] {
        untouched(text);
    }
}

#[test]
fn identifiers_lose_addresses_and_written_numbers_only() {
    for text in ["9876543210", "98765-43210", "exp_9876543210", "650-555-1212", "SKU 42", "019876543210"] {
        assert_eq!(scrub_id(text), Scrubbed { text: text.to_owned(), cuts: 0 });
    }
    for (input, expected) in [
        ("asha@example.com", "¤"),
        ("deck-asha%40example.com", "¤"),
        ("+91 98765 43210", "¤"),
        ("+919876543210/deck", "¤/deck"),
        ("98765 43210", "¤"),
    ] {
        assert_eq!(scrub_id(input).text, expected.replace('¤', PLACEHOLDER), "{input}");
    }
}

#[test]
fn an_address_is_told_from_a_number() {
    for text in ["asha@example.com", "KB-asha%40example.com"] {
        assert!(holds_address(text), "{text}");
    }
    for text in ["KB-1001", "INV 98765 43210", "+919876543210", "a@b", "100%"] {
        assert!(!holds_address(text), "{text}");
    }
}

#[test]
fn a_long_text_takes_time_in_proportion() {
    // These texts would take minutes if each start of a number read all following text, or each `@` all
    // text before it.
    for unit in ["@", "a@", "%25", "%", "1 ", "98765 ", "+1 ", "a.", "a@b.", "-", "//:@", "123e4567-"] {
        let long = unit.repeat(200_000 / unit.len());
        let started = std::time::Instant::now();
        let scrubbed = scrub_url(&long);
        assert!(scrubbed.text.len() <= long.len() * 3);
        assert!(started.elapsed().as_secs() < 10, "{unit:?} took {:?}", started.elapsed());
    }
}

/// Whether a text holds an e-mail address. It tries every window between characters that no address has.
fn has_address(text: &str) -> bool {
    text.split(|c: char| c.is_ascii_whitespace() || "/=?&,;:<>()[]\"\\%".contains(c)).any(|word| {
        word.match_indices('@').any(|(at, _)| {
            let local = word[..at].rsplit('@').next().unwrap_or_default();
            let domain: String = word[at + 1..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
                .collect();
            domain.char_indices().any(|(end, _)| is_address(&format!("{local}@{}", &domain[..end])))
                || is_address(&format!("{local}@{domain}"))
        })
    })
}

proptest! {
    #[test]
    fn no_address_survives(text in "([a-c@.%42065 /?=&:9-]|[?&]em=){0,60}") {
        let plain: String = decode(&scrub_text(&text).text).iter().map(|unit| unit.c).collect();
        prop_assert!(!has_address(&plain), "{plain}");
        let plain: String = decode(&scrub_url(&text).text).iter().map(|unit| unit.c).collect();
        prop_assert!(!has_address(&plain), "{plain}");
    }

    #[test]
    fn a_planted_address_is_cut(before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let text = format!("{before} asha.k@example.co.in {after}");
        let scrubbed = scrub_text(&text);
        prop_assert!(!scrubbed.text.contains("asha.k@example"), "{}", scrubbed.text);
        prop_assert!(scrubbed.cuts >= 1);
    }

    #[test]
    fn a_planted_number_is_cut(before in "[^0-9+]{0,20}", after in "[^0-9]{0,20}", number in "[6-9][0-9]{9}") {
        let scrubbed = scrub_text(&format!("{before} {number} {after}"));
        prop_assert!(!scrubbed.text.contains(&number), "{}", scrubbed.text);
    }

    #[test]
    fn scrubbing_twice_changes_nothing_more(text in "\\PC{0,40}|[a@.+%0-9 /-]{0,40}|([?&;]zip=[a@.+%0-9()]{0,9}){0,4}") {
        for scrub in [scrub_text, scrub_url] {
            let once = scrub(&text);
            prop_assert_eq!(scrub(&once.text), Scrubbed { text: once.text.clone(), cuts: 0 });
        }
    }

    #[test]
    fn without_a_cut_the_text_is_the_same(text in "\\PC{0,60}") {
        let scrubbed = scrub_text(&text);
        prop_assert_eq!(scrubbed.cuts == 0, scrubbed.text == text);
    }
}
