//! The address of a page, as it is stored and sent.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::scrub::scrub_url;

/// Longest page address that is kept, bytes. A longer one loses its query, then its path.
pub const PAGE_URL_BYTES_MAX: usize = 2048;

/// Address of a web page without fragment, login and personal data, at most [`PAGE_URL_BYTES_MAX`] bytes long.
/// [`PageUrl::clean`] is the only way to one; what was stored passes it again when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PageUrl(String);

impl PageUrl {
    /// Cleans an address, and says how many values were removed from it. `None` for what is no complete address of
    /// the web (`http://…`, `https://…`), or has a host longer than an address may be. The address is best the
    /// serialisation of a parsed one.
    pub fn clean(address: &str) -> Option<(Self, u32)> {
        // The fragment is not kept, so it is not measured either.
        let address = address.split('#').next().unwrap_or_default().trim();
        let scheme = address.find("://").filter(|at| is_web(&address[..*at]))?;
        let host = scheme + "://".len();
        let path = address[host..].find(['/', '?', '\\']).map_or(address.len(), |at| host + at);
        let query = address[path..].find('?').map_or(address.len(), |at| path + at);
        if path == host {
            return None;
        }
        for end in [address.len(), query] {
            let scrubbed = scrub_url(&address[..end]);
            // The address itself is bounded too: a long one that is cut to its placeholders says nothing.
            if end.max(scrubbed.text.len()) <= PAGE_URL_BYTES_MAX {
                return Some((Self(scrubbed.text), scrubbed.cuts));
            }
        }
        let scrubbed = scrub_url(&format!("{}/", &address[..path]));
        (scrubbed.text.len() <= PAGE_URL_BYTES_MAX).then_some((Self(scrubbed.text), scrubbed.cuts))
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a stored address. One that cannot be cleaned is left out, so that its order or event stays readable.
    pub(crate) fn read_stored<'de, D: serde::Deserializer<'de>>(stored: D) -> Result<Option<Self>, D::Error> {
        let text = Option::<String>::deserialize(stored)?;
        Ok(text.and_then(|text| Self::clean(&text)).map(|(url, _)| url))
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_web(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(address: &str) -> Option<String> {
        PageUrl::clean(address).map(|(url, _)| url.to_string())
    }

    #[test]
    fn an_address_keeps_nothing_of_a_person_and_is_bounded() {
        let of = |address: &str| clean(address).unwrap();
        assert_eq!(of("https://shop.example/a?x=1#me@b.example"), "https://shop.example/a?x=1");
        assert_eq!(of("https://me:pass@shop.example/"), "https://shop.example/");
        assert_eq!(
            of("https://shop.example/?email=asha@example.com"),
            "https://shop.example/?email=(removed)"
        );
        let long = "y".repeat(PAGE_URL_BYTES_MAX);
        assert_eq!(of(&format!("https://shop.example/a?x={long}")), "https://shop.example/a");
        assert_eq!(of(&format!("https://shop.example/{long}?x=1")), "https://shop.example/");
        assert_eq!(of(&format!("https://shop.example?x={long}")), "https://shop.example");
        // The fragment is not kept, so its length costs nothing.
        assert_eq!(of(&format!("https://shop.example/a?x=1#{long}")), "https://shop.example/a?x=1");
        assert_eq!(of(&format!("https://shop.example/a#?x={long}")), "https://shop.example/a");
    }

    #[test]
    fn what_is_no_page_of_the_web_is_none() {
        let long = format!("https://{}.example/", "y".repeat(PAGE_URL_BYTES_MAX));
        for text in ["", "null", "android-app://x/", "https://", "https:///x", "shop.example", long.as_str()]
        {
            assert_eq!(clean(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_stored_address_is_cleaned_when_it_is_read() {
        let page: crate::event::Page = serde_json::from_str(
            r#"{"event_source_url":"https://shop.example/?email=asha@example.com/","referrer_url":"x"}"#,
        )
        .unwrap();
        assert_eq!(page.event_source_url.unwrap().as_str(), "https://shop.example/?email=(removed)");
        assert_eq!(page.referrer_url, None);
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_more(rest in "[a-z0-9@.%?&=/#+ ]{0,60}") {
            if let Some(once) = clean(&format!("https://shop.example/{rest}")) {
                prop_assert_eq!(clean(&once), Some(once.clone()));
            }
        }
    }
}
