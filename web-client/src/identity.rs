//! Meta's cookies and the pixel's match keys, by core's rules. `js/identity.js` reads and writes the cookies.

use tandem_core::click_id::{Fbc, Fbp, Seen};
use tandem_core::cookie::MetaCookies;
use tandem_core::normalise::{MatchKey, pixel_value};

use crate::argument::Argument;
use crate::json::Json;
use crate::schema::index::USER;

/// `[fbp, fbc]`: the values of the cookies that the page must write. Empty: it writes none. `index`: the number of dots
/// in the domain of the cookies.
pub(crate) fn cookies(visit: &impl Argument, index: u8, now_ms: u64, random: u32) -> Json {
    let text = |key: &str| visit.get(key).text();
    let known = MetaCookies { fbp: Fbp::parse(&text("fbp")), fbc: Fbc::parse(&text("fbc")) };
    let click = text("click");
    let click = Some(&*click).filter(|click| !click.is_empty());
    let after = known.after_visit(MetaCookies::default(), click, Seen::now(now_ms), random, index);
    let fbc = after.fbc.as_ref().filter(|fbc| fbc.fits_cookie());
    let mut json = Json::default();
    json.open(b'[');
    for value in [after.fbp.as_ref().map(Fbp::as_str), fbc.map(Fbc::as_str)] {
        json.text(value.unwrap_or_default().as_bytes());
    }
    json.close(b']');
    json
}

/// Match keys for the pixel's `init`, by Meta's names.
pub(crate) fn matching(person: &impl Argument) -> Json {
    let mut json = Json::default();
    json.open(b'{');
    for field in USER.fields() {
        let is_it = |key: &MatchKey| key.field().as_bytes().strip_prefix(b"user.") == Some(field.name);
        let Some(key) = MatchKey::ALL.into_iter().find(is_it) else { continue };
        if let Some(value) = pixel_value(key, &person.get(&field.page_name()).text()) {
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

    fn made(visit: serde_json::Value) -> String {
        String::from_utf8(cookies(&visit, 1, 1_700_000_000_000, 7).0).unwrap()
    }

    #[test]
    fn cookies_follow_cores_rules() {
        assert_eq!(made(json!({})), r#"["fb.1.1700000000000.1000000007",""]"#);
        let known = json!({ "fbp": "fb.1.1699000000000.5", "fbc": "fb.1.1699000000000.AbC", "click": "AbC" });
        assert_eq!(made(known), r#"["fb.1.1699000000000.5","fb.1.1699000000000.AbC"]"#);
        let other = json!({ "fbp": "fb.1.1699000000000.5", "fbc": "fb.1.1699000000000.AbC", "click": "Two" });
        assert_eq!(made(other), r#"["fb.1.1699000000000.5","fb.1.1700000000000.Two"]"#);
        let dotted = json!({ "fbp": "fb.1.1699000000000.5", "click": "A.B" });
        assert_eq!(made(dotted), r#"["fb.1.1699000000000.5",""]"#);
    }

    #[test]
    fn match_keys_have_metas_names() {
        let person = json!({ "email": "Asha@Example.com", "phone": "98765 43210", "firstName": "ab".repeat(32), "city": "x" });
        let expected = format!(r#"{{"em":"asha@example.com","fn":"{}"}}"#, "ab".repeat(32));
        assert_eq!(String::from_utf8(matching(&person).0).unwrap(), expected);
    }
}
