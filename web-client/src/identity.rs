//! Meta's cookies and the pixel's match keys, by core's rules. `js/identity.js` reads and writes the cookies.

use tandem_core::click_id::{fbclid_of, page_cookies};
use tandem_core::normalise::{MatchKey, pixel_value};

use crate::json::Json;
use crate::node::Node;

/// `[fbp, fbc]`: the values of the cookies that the page must write. Empty: it writes none. `of` has the visit, the number
/// of dots in the domain of the cookies and a random number.
pub(crate) fn cookies(of: Node<'_>, now_ms: u64) -> Json {
    let (visit, number) = (of.get(b"visit"), |key: &[u8]| crate::text::number(of.get(key).raw()));
    let index = number(b"dots").unwrap_or_default() as u8;
    let random = number(b"random").unwrap_or_default() as u32;
    let text = |key: &[u8]| as_text(visit.get(key).raw());
    let (fbp, fbc) = page_cookies(text(b"fbp"), text(b"fbc"), text(b"click"), now_ms, index, random);
    let mut json = Json::default();
    json.open(b'[');
    json.text(fbp.as_bytes());
    json.text(fbc.as_bytes());
    json.close(b']');
    json
}

/// The click ID of a visit.
pub(crate) fn click(of: Node<'_>) -> Json {
    let text = |key: &[u8]| as_text(of.get(key).raw());
    let mut json = Json::default();
    json.text(fbclid_of([text(b"page"), text(b"referrer")]).unwrap_or_default().as_bytes());
    json
}

/// What can be a cookie or an address has no escapes.
fn as_text(raw: &[u8]) -> &str {
    core::str::from_utf8(raw).unwrap_or_default()
}

/// Match keys for the pixel's `init`, by Meta's names.
pub(crate) fn matching(person: Node<'_>) -> Json {
    let mut json = Json::default();
    json.open(b'{');
    for key in MatchKey::ALL {
        let text = person.get(key.page_name().as_bytes()).text();
        if let Some(value) = pixel_value(key, as_text(&text)) {
            json.key(key.meta_name().as_bytes());
            json.text(value.as_bytes());
        }
    }
    json.close(b'}');
    json
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(visit: &serde_json::Value) -> String {
        let of = json!({ "visit": visit, "dots": "1", "random": "7" }).to_string();
        String::from_utf8(cookies(Node::read(of.as_bytes()), 1_700_000_000_000).0).unwrap()
    }

    #[test]
    fn cookies_follow_cores_rules() {
        assert_eq!(made(&json!({})), r#"["fb.1.1700000000000.1000000007",""]"#);
        let known = json!({ "fbp": "fb.1.1699000000000.5", "fbc": "fb.1.1699000000000.AbC", "click": "AbC" });
        assert_eq!(made(&known), r#"["fb.1.1699000000000.5","fb.1.1699000000000.AbC"]"#);
        let other = json!({ "fbp": "fb.1.1699000000000.5", "fbc": "fb.1.1699000000000.AbC", "click": "Two" });
        assert_eq!(made(&other), r#"["fb.1.1699000000000.5","fb.1.1700000000000.Two"]"#);
        let dotted = json!({ "fbp": "fb.1.1699000000000.5", "click": "A.B" });
        assert_eq!(made(&dotted), r#"["fb.1.1699000000000.5",""]"#);
    }

    #[test]
    fn match_keys_have_metas_names() {
        let person = json!({ "email": "Asha@Example.com", "phone": "98765 43210", "firstName": "ab".repeat(32), "city": "x" });
        let person = person.to_string();
        let expected = format!(r#"{{"em":"asha@example.com","fn":"{}"}}"#, "ab".repeat(32));
        assert_eq!(String::from_utf8(matching(Node::read(person.as_bytes())).0).unwrap(), expected);
    }
}
