//! Cookies and click IDs as browsers, plugins and strangers write them: pieces of real values in any order.

use proptest::prelude::*;
use tandem_core::click_id::{Fbc, Fbp, Seen, choose_fbc, mint_fbc};
use tandem_core::cookie::{CookieDomain, MetaCookies};

const NOW: u64 = 1_795_600_800_000;
const DAY: u64 = 24 * 3600 * 1000;
/// Most bytes of a cookie's value that the server may write.
const VALUE_BYTES_MAX: usize = 4096;

/// Pieces of which cookies and click IDs are made, right ones and wrong ones.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "fb",
        "FB",
        ".",
        "..",
        "1",
        "0",
        "2",
        "9",
        "-1",
        "1795600800000",
        "1795600800",
        "1795600800000000",
        "1787824800000",
        "1895600800000",
        "18446744073709551615",
        "1234567890",
        "IwAR0",
        "IwAR2-Click_ID",
        "PAZXh0bgNhZW0",
        "AQQCAQMC",
        "AQ",
        "Bg",
        "null",
        "undefined",
        "None",
        "[fbclid]",
        "{{fbclid}}",
        "_fbp",
        "_fbc",
        "fbclid",
        "=",
        ";",
        "; ",
        ",",
        " ",
        "\t",
        "\"",
        "%20",
        "%3B",
        "%0d%0a",
        "\r\n",
        "\0",
        "é",
        "ﬀ",
        "\u{202e}",
        "Domain=evil.example",
        "Path=/",
        "asha@example.com",
        "9876543210",
    ])
    .prop_map(str::to_owned);
    prop_oneof![
        8 => known,
        1 => "[A-Za-z0-9_-]{1,80}",
        1 => "[0-9]{1,20}",
        1 => "\\PC{1,4}",
        1 => "[A-Za-z0-9_-]{480,520}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    let value = (0..4_u8, "1[67][0-9]{11}", piece(), prop::option::of(piece())).prop_map(
        |(index, at, payload, more)| {
            let more = more.map_or_else(String::new, |more| format!(".{more}"));
            format!("fb.{index}.{at}.{payload}{more}")
        },
    );
    prop_oneof![prop::collection::vec(piece(), 0..9).prop_map(|pieces| pieces.concat()), value]
}

fn header() -> impl Strategy<Value = String> {
    let pair = (prop::sample::select(vec!["_fbp", "_fbc", "x", " _fbp ", "_FBC"]), text());
    let pairs = prop::collection::vec(pair.prop_map(|(name, value)| format!("{name}={value}")), 0..4);
    prop_oneof![pairs.prop_map(|pairs| pairs.join("; ")), text()]
}

fn cookies(header: &str) -> MetaCookies {
    MetaCookies::read([header].into_iter())
}

/// What no value that goes to Meta or into a header may hold.
fn is_clean(value: &str) -> bool {
    value.len() <= VALUE_BYTES_MAX && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_visit_leaves_clean_cookies_and_a_second_one_changes_nothing(
        header in header(),
        named in header(),
        fbclid in prop::option::of(text()),
        random in any::<u32>(),
    ) {
        let domain = CookieDomain::parse("shop.example").unwrap();
        let visit = |before: MetaCookies, named: MetaCookies, now: u64| {
            before.after_visit(named, fbclid.as_deref(), Seen::now(now), random, domain.subdomain_index())
        };
        let first = visit(cookies(&header), cookies(&named), NOW);
        prop_assert!(first.fbp.is_some(), "a browser always has an ID");
        for value in first.fbp.iter().map(Fbp::as_str).chain(first.fbc.iter().map(Fbc::as_str)) {
            prop_assert!(is_clean(value), "{value:?}");
        }
        if let Some(fbc) = &first.fbc {
            prop_assert!(!fbc.is_expired(NOW), "{:?}", fbc.as_str());
        }
        let set: Vec<String> = first.set_cookie(&domain).collect();
        let mut jar = Vec::new();
        for line in &set {
            let mut parts = line.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            prop_assert!(matches!(name, "_fbp" | "_fbc") && is_clean(value), "{line:?}");
            prop_assert_eq!(parts.next(), Some("Domain=shop.example"), "a value adds no attribute");
            prop_assert_eq!(parts.count(), 4);
            jar.push(format!("{name}={value}"));
        }
        // What the server did not write stays as it was: the browser's cookies, and what the page says they are.
        let set_now = cookies(&jar.join("; "));
        let after = |before: MetaCookies| MetaCookies {
            fbp: set_now.fbp.clone().or(before.fbp),
            fbc: set_now.fbc.clone().or(before.fbc),
        };
        let again = visit(after(cookies(&header)), after(cookies(&named)), NOW + DAY);
        let kept: Vec<String> = again.set_cookie(&domain).collect();
        // What grows too old in a day goes.
        let is_old = |fbc: &Fbc| fbc.is_expired(NOW + DAY);
        if first.fbc.as_ref().is_none_or(|fbc| !is_old(fbc) && fbc.fits_cookie()) {
            prop_assert_eq!(kept, set);
        }
    }

    #[test]
    fn what_is_read_as_a_click_is_one(value in text(), fbclid in text(), seen in NOW - 200 * DAY..NOW + DAY) {
        for fbc in [Fbc::parse(&value), mint_fbc(&fbclid, NOW, 1), choose_fbc(Some(&value), Some(&fbclid), Seen::now(seen))]
            .into_iter()
            .flatten()
        {
            prop_assert!(is_clean(fbc.as_str()), "{:?}", fbc.as_str());
            prop_assert!(!fbc.payload().is_empty(), "{:?}", fbc.as_str());
            // What goes to Meta is read as the same by the next reader, unless a dot in it would cut it.
            if fbc.fits_cookie() {
                prop_assert_eq!(Fbc::parse(fbc.as_str()), Some(fbc));
            }
        }
        if let Some(fbp) = Fbp::parse(&value) {
            prop_assert!(is_clean(fbp.as_str()) && fbp.payload().bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(Fbp::parse(fbp.as_str()), Some(fbp));
        }
    }
}
