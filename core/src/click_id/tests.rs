use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_700_000_000_000;
const DAY: u64 = 24 * 3600 * 1000;

fn text(fbc: Option<Fbc>) -> Option<String> {
    fbc.map(|fbc| fbc.as_str().to_owned())
}

#[test]
fn envelopes_are_read_and_kept_verbatim() {
    for (value, creation_ms, payload) in [
        ("fb.1.1600000000000.AbC-1_x", 1_600_000_000_000, "AbC-1_x"),
        ("fb.2.1600000000000.AbC-1_x.AQQCAQMC", 1_600_000_000_000, "AbC-1_x"),
        ("fb.0.1600000000000.A.AQ", 1_600_000_000_000, "A"),
        ("fb.1.1.IwAR0", 1, "IwAR0"),
    ] {
        let fbc = Fbc::parse(value).unwrap();
        assert_eq!((fbc.as_str(), fbc.creation_ms(), fbc.payload()), (value, creation_ms, payload));
    }
    for (value, payload) in [
        ("fb.1.1600000000000.1234567890", "1234567890"),
        ("fb.2.1600000000000.123456789012345678.AQYCAQMC", "123456789012345678"),
        ("fb.0.1600000000000.5.Bg", "5"),
    ] {
        let fbp = Fbp::parse(value).unwrap();
        assert_eq!((fbp.as_str(), fbp.creation_ms(), fbp.payload()), (value, 1_600_000_000_000, payload));
    }
}

#[test]
fn other_texts_are_no_envelopes() {
    let long = format!("fb.1.1600000000000.{}", "1".repeat(COOKIE_BYTES_MAX));
    for value in [
        "",
        "garbage",
        "fb.x.1.2",
        "fb.1.x.2",
        "fb.1.1600000000000",
        "fb.1.1600000000000.",
        "fb.1..1",
        "fb..1600000000000.1",
        "FB.1.1600000000000.1",
        "fb.1.1600000000000.1.2.3",
        "fb.1.1600000000000.1..",
        "fb.1.-5.1",
        "fb.1.99999999999999999999.1",
        "fb.1.1600000000000.1 2",
        "fb.1.1600000000000.é",
        "fb.1.1600000000000.asha@example",
        "fb.1.1600000000000.1;x=1",
        " fb.1.1600000000000.1",
        // A fifth field that is no appendix. Meta's param builder takes neither.
        "fb.1.1600000000000.1.2",
        "fb.1.1600000000000.1.BB",
        "fb.1.1699000000000.9998.IwAR2-Click_ID",
        "fb.1.1699000000000.9998.AbCdEfGh",
        "fb.1.1699000000000.9998.1234567890",
        // A whole value in place of the click ID.
        "fb.1.1699000000000.fb.1.1699000000000.AbC",
        "fb.1.1600000000000.0",
        long.as_str(),
    ] {
        assert_eq!((Fbc::parse(value), Fbp::parse(value)), (None, None), "{value}");
    }
}

#[test]
fn placeholders_are_no_clicks_and_no_browsers() {
    for text in [
        "None",
        "null",
        "undefined",
        "[fbclid]",
        "(not set)",
        "(not%20set)",
        "{{click_id}}",
        "%5Bfbclid%5D",
        "{fbclid}",
        "FBCLID",
        "click_id",
        "__FBCLID__",
        "N-A",
        "0000",
        "-",
        "_",
    ] {
        let value = format!("fb.1.1699000000000.{text}");
        assert_eq!((Fbc::parse(&value), Fbp::parse(&value)), (None, None), "{text}");
        assert_eq!(mint_fbc(text, NOW, 1), None, "{text}");
        // It neither replaces a good click nor stands in the way of one.
        let good = "fb.1.1699000000000.AbC";
        assert_eq!(self::text(choose_fbc(Some(good), Some(text), Seen::now(NOW))).as_deref(), Some(good));
        let fresh = self::text(choose_fbc(Some(&value), Some("AbC"), Seen::now(NOW)));
        assert_eq!(fresh.as_deref(), Some("fb.1.1700000000000.AbC"), "{text}");
    }
    for text in ["abc", "AbC-1_x", "-5", "[fbp]", "1234567890a"] {
        assert_eq!(Fbp::parse(&format!("fb.1.1699000000000.{text}")), None, "{text}");
    }
}

#[test]
fn times_in_other_units_become_milliseconds() {
    for (value, read) in [
        ("fb.1.1699000000.AbC", "fb.1.1699000000000.AbC"),
        ("fb.1.1699000000.AbC.AQQCAQMC", "fb.1.1699000000000.AbC.AQQCAQMC"),
        ("fb.1.1699000000123456.AbC", "fb.1.1699000000123.AbC"),
    ] {
        let fbc = Fbc::parse(value).unwrap();
        assert_eq!((fbc.as_str(), fbc.payload()), (read, "AbC"));
        assert_eq!(text(choose_fbc(Some(value), None, Seen::now(NOW))).as_deref(), Some(read));
        let fresh = text(choose_fbc(Some(value), Some("DeF"), Seen::now(NOW)));
        assert_eq!(fresh.as_deref(), Some("fb.1.1700000000000.DeF"));
    }
    assert_eq!(Fbp::parse("fb.1.1699000000.5").unwrap().as_str(), "fb.1.1699000000000.5");
}

/// Cases that were also run with Meta's param builder. The appendix that it adds is left out.
#[test]
fn the_fbc_follows_the_click() {
    for (cookie, fbclid, expected) in [
        (None, Some("AbC-1_x"), Some("fb.1.1700000000000.AbC-1_x")),
        (None, None, None),
        // The same click keeps its time and its appendix.
        (Some("fb.1.1699000000000.A"), Some("A"), Some("fb.1.1699000000000.A")),
        (Some("fb.1.1699000000000.A.AQQAAQMC"), Some("A"), Some("fb.1.1699000000000.A.AQQAAQMC")),
        (Some("fb.2.1699000000000.A"), None, Some("fb.2.1699000000000.A")),
        // A click ID that differs only in case is another click.
        (Some("fb.1.1699000000000.A.AQ"), Some("B"), Some("fb.1.1700000000000.B")),
        (Some("fb.1.1699000000000.A"), Some("a"), Some("fb.1.1700000000000.a")),
        (Some("garbage"), None, None),
        (Some("garbage"), Some("A"), Some("fb.1.1700000000000.A")),
        (Some("fb.1.1699000000000.9998.A"), None, None),
        (Some("fb.1.1699000000000.9998.A"), Some("A"), Some("fb.1.1700000000000.A")),
        // A text that is no click ID does not replace a good cookie.
        (Some("fb.1.1699000000000.A"), Some(""), Some("fb.1.1699000000000.A")),
        (Some("fb.1.1699000000000.A"), Some("a b"), Some("fb.1.1699000000000.A")),
        // A dot can be part of the click ID. No cookie can hold it.
        (None, Some("A.B"), Some("fb.1.1700000000000.A.B")),
        (Some("fb.1.1699000000000.A.BC"), Some("A.BC"), Some("fb.1.1700000000000.A.BC")),
        // A whole value in place of the click ID has its own time.
        (None, Some("fb.1.1699000000000.A"), Some("fb.1.1699000000000.A")),
        (Some("fb.1.1698000000000.A"), Some("fb.1.1699000000000.A"), Some("fb.1.1698000000000.A")),
        (None, Some("fb.1.x.A"), None),
    ] {
        let chosen = text(choose_fbc(cookie, fbclid, Seen::now(NOW)));
        assert_eq!(chosen.as_deref(), expected, "{cookie:?} {fbclid:?}");
    }
}

#[test]
fn no_click_is_dated_after_its_visit() {
    let yesterday = Seen { at_ms: NOW - DAY, now_ms: NOW };
    for (cookie, fbclid, expected) in [
        (None, Some("A"), Some("fb.1.1699913600000.A")),
        // The click came after the visit, so it did not lead to it.
        (Some("fb.1.1700000000000.A"), None, None),
        (Some("fb.1.1700000000000.A"), Some("B"), Some("fb.1.1699913600000.B")),
        // The address shows that this click led to the visit. So the cookie's time is not its first.
        (Some("fb.1.1700000000000.A"), Some("A"), Some("fb.1.1699913600000.A")),
        (None, Some("fb.1.1700000000000.A"), None),
        (Some("fb.1.1699900000000.A"), Some("A"), Some("fb.1.1699900000000.A")),
        // Clocks differ a little.
        (Some("fb.1.1699913660000.A"), None, Some("fb.1.1699913660000.A")),
    ] {
        let chosen = text(choose_fbc(cookie, fbclid, yesterday));
        assert_eq!(chosen.as_deref(), expected, "{cookie:?} {fbclid:?}");
    }
}

#[test]
fn an_old_click_is_dropped_and_never_dated_anew() {
    let aged = |age| format!("fb.1.{}.A", NOW - age);
    for fbclid in [None, Some("A")] {
        let limit = aged(90 * DAY);
        assert_eq!(text(choose_fbc(Some(&limit), fbclid, Seen::now(NOW))), Some(limit));
        assert_eq!(choose_fbc(Some(&aged(90 * DAY + 1)), fbclid, Seen::now(NOW)), None);
    }
    let fresh = text(choose_fbc(Some(&aged(91 * DAY)), Some("B"), Seen::now(NOW)));
    assert_eq!(fresh.as_deref(), Some("fb.1.1700000000000.B"));
    // A click with a time in the future is not old.
    assert!(choose_fbc(Some("fb.1.1800000000000.A"), None, Seen::now(NOW)).is_some());
}

#[test]
fn minted_values_have_bounds_and_know_what_fits_a_cookie() {
    assert!(mint_fbc(&"x".repeat(500), NOW, 1).is_some());
    assert_eq!(mint_fbc(&"x".repeat(501), NOW, 1), None);
    for bad in ["", "a b", "a;b", "a\"b", "<b>", "é", "a\n", ".", "a.", "asha@example.com"] {
        assert_eq!(mint_fbc(bad, NOW, 1), None, "{bad:?}");
    }
    assert!(mint_fbc("AbC", NOW, 2).unwrap().fits_cookie());
    assert!(!mint_fbc("A.B", NOW, 2).unwrap().fits_cookie());
    assert!(Fbc::parse("fb.1.1600000000000.A.AQQCAQMC").unwrap().fits_cookie());
    for random in [0, u32::MAX] {
        let fbp = Fbp::mint(random, NOW, 2);
        assert_eq!((fbp.payload().len(), fbp.creation_ms()), (10, NOW));
        assert_eq!(Fbp::parse(fbp.as_str()), Some(fbp));
    }
}

#[test]
fn cookie_domains_are_the_widest_a_browser_takes() {
    for (host, domain, index) in [
        ("shop.example.com", "example.com", 1),
        ("example.com", "example.com", 1),
        ("a.b.c.example.com", "example.com", 1),
        ("www.example.co.uk", "example.co.uk", 2),
        ("example.co.uk", "example.co.uk", 2),
        ("shop.example.co.in:443", "example.co.in", 2),
        ("Shop.Example.CO.IN", "Example.CO.IN", 2),
        ("example.in", "example.in", 1),
        ("co.in", "co.in", 1),
        ("com.example", "com.example", 1),
        ("www.co.com", "co.com", 1),
        ("asha.myshopify.com", "asha.myshopify.com", 2),
        ("example.com.", "example.com", 1),
        ("com", "com", 0),
        ("localhost:8080", "localhost", 0),
        ("127.0.0.1:8080", "127.0.0.1", 0),
        ("[::1]:8080", "[::1]", 0),
        ("", "", 0),
    ] {
        assert_eq!((cookie_domain(host), subdomain_index(host)), (domain, index), "{host}");
    }
}

#[test]
fn debug_shows_no_value() {
    let fbc = Fbc::parse("fb.1.1600000000000.Secret").unwrap();
    assert_eq!(format!("{fbc:?} {:?}", Fbp::mint(1, 2, 3)), "Fbc(..) Fbp(..)");
}

proptest! {
    #[test]
    fn a_minted_click_is_read_back(fbclid in "[A-Za-z0-9_-]{1,500}", now in 100_000_000_000_u64..4_000_000_000_000, index in 0_u8..4) {
        prop_assume!(!crate::placeholder::is_no_click(&fbclid));
        let minted = mint_fbc(&fbclid, now, index).unwrap();
        let read = Fbc::parse(minted.as_str()).unwrap();
        prop_assert_eq!((read.payload(), read.creation_ms()), (fbclid.as_str(), now));
        prop_assert_eq!(&read, &minted);
        prop_assert!(read.is_of_click(&fbclid));
        // The next page with the same click keeps the value as it is.
        let later = choose_fbc(Some(minted.as_str()), Some(&fbclid), Seen::now(now + DAY)).unwrap();
        prop_assert_eq!(later, minted);
    }

    #[test]
    fn no_text_panics_and_what_is_taken_is_verbatim(value in "\\PC{0,40}|fb\\.[0-9.a-zA-Z@é]{0,40}", host in "\\PC{0,30}|[a-z.:\\[\\]0-9]{0,30}") {
        if let Some(fbc) = Fbc::parse(&value) {
            // Only the unit of the time can change.
            let but_time = |text: &str| text.split('.').enumerate().filter(|(n, _)| *n != 2).map(|(_, field)| field.to_owned()).collect::<Vec<_>>();
            prop_assert_eq!(but_time(fbc.as_str()), but_time(&value));
            prop_assert!(!fbc.payload().is_empty());
        }
        let _ = choose_fbc(Some(&value), Some(&value), Seen::now(NOW));
        prop_assert!(host.contains(cookie_domain(&host)));
        let _ = subdomain_index(&host);
    }
}

#[test]
fn the_click_of_a_visit_is_the_first_usable_one() {
    for (page, referrer, click) in [
        ("https://a.example/?fbclid=AbC-1_x#fbclid=no", "", Some("AbC-1_x")),
        ("https://a.example/?x=1&fbclid=null&fbclid=AbC", "", Some("AbC")),
        ("https://a.example/", "https://b.example/?fbclid=Two", Some("Two")),
        ("https://a.example/?fbclid=%5Bfbclid%5D", "https://b.example/?fbclid=Two", Some("Two")),
        ("https://a.example/?fbclid=%5Bfbclid%5D", "", Some("%5Bfbclid%5D")),
        ("https://a.example/?fbclid=", "", None),
        ("https://a.example/?xfbclid=A#?fbclid=B", "", None),
        ("", "", None),
    ] {
        assert_eq!(fbclid_of([page, referrer]), click, "{page} {referrer}");
    }
    let long = format!("?fbclid={}", "a".repeat(501));
    assert_eq!(fbclid_of([long.as_str()]), None);
}

#[test]
fn times_are_written_in_decimal() {
    assert_eq!(Fbp::mint(7, 0, 0).as_str(), "fb.0.0.1000000007");
    assert_eq!(Fbp::mint(u32::MAX, u64::MAX, 255).as_str(), "fb.255.18446744073709551615.5294967295");
}

proptest! {
    /// A page writes the cookies that the server would set for the same visit.
    #[test]
    fn a_pages_cookies_are_those_of_the_server(
        fbp in "|fb\\.1\\.169900000[0-9]{4}\\.(5|abc|0|123\\.AQ)",
        fbc in "|fb\\.1\\.169900000[0-9]{4}\\.(A|B|None|__X__|A\\.AQ|A\\.zz)",
        click in "|A|B|null|[A-Za-z_-]{1,4}",
    ) {
        let now_ms = 1_700_000_000_000;
        let (page_fbp, page_fbc) = page_cookies(&fbp, &fbc, &click, now_ms, 1, 7);
        let known = Fbp::parse(&fbp).unwrap_or_else(|| Fbp::mint(7, now_ms, 1));
        prop_assert_eq!(page_fbp.as_str(), known.as_str());
        let given = Some(click.as_str()).filter(|click| !click.is_empty());
        let chosen = choose_fbc_at(Some(&fbc), given, Seen::now(now_ms), 1);
        prop_assert_eq!(page_fbc.as_str(), chosen.as_ref().map_or("", Fbc::as_str));
    }
}
