//! `leaked_token`, `graph_call`: a secret that every visitor can read, and the calls that need one.

use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Span, Target};
use crate::survey::Survey;

/// The beginning of each of Meta's access tokens.
const START: &str = "EAA";
/// Fewest letters and digits of a token. Real tokens have over a hundred.
const LENGTH_MIN: usize = 30;

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for (source, text) in survey.shop.sources.iter().enumerate() {
        for span in tokens(text.text()) {
            reports.at(
                Code::LeakedToken,
                source,
                &span,
                "the page contains an access token of Meta",
                "revoke it in Business settings now, and give a new one only to the server (FACEBOOK_ACCESS_TOKEN)",
            );
        }
    }
    for unit in &survey.units {
        let calls: Vec<_> = unit.facts.calls.iter().filter(|call| call.target == Target::Network).collect();
        for text in unit.facts.texts.iter().filter(|text| text.value.contains("graph.facebook.com")) {
            let is_events = text.value.contains("/events") || text.value.contains("access_token");
            let is_called = calls.iter().any(|call| call.span.contains(&text.span.start));
            if is_events || is_called {
                reports.within(
                    Code::GraphCall,
                    unit,
                    &text.span,
                    "the page calls Meta's Graph API by itself",
                    "remove the call: Tandem's server sends the event, under the pixel's ID",
                );
            }
        }
    }
}

/// The bytes of texts that look like an access token.
fn tokens(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(START)) {
        let start = from + at;
        let length =
            bytes.get(start..).unwrap_or_default().iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let end = start + length;
        // A match inside other base64 data has base64 characters around it.
        let is_inside = |byte: Option<&u8>| {
            byte.is_some_and(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-')
            })
        };
        let before = start.checked_sub(1).and_then(|i| bytes.get(i));
        // In `access_token=EAA…` the `=` belongs to the address, not to base64 data.
        let is_begun = !is_inside(before) || before == Some(&b'=');
        if length >= LENGTH_MIN && is_begun && !is_inside(bytes.get(end)) {
            found.push(start..end);
        }
        from = end.max(start + START.len());
    }
    found
}

/// A text with tokens replaced by stars, so that printing it does not leak them again.
pub(crate) fn masked(text: &str) -> std::borrow::Cow<'_, str> {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return text.into();
    }
    let mut masked = text.to_owned();
    for span in tokens {
        let stars = START.to_owned() + &"*".repeat(span.len() - START.len());
        masked.replace_range(span, &stars);
    }
    masked.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_and_masked_and_base64_is_not_one() {
        let token = format!("EAA{}", "b7Z".repeat(20));
        assert_eq!(tokens(&format!("x=\"{token}\"")).first(), Some(&(3..66)));
        assert_eq!(tokens(&format!("?access_token={token}&y")).len(), 1);
        assert_eq!(masked(&format!("'{token}'")), format!("'EAA{}'", "*".repeat(60)));
        for harmless in ["EAAB", &format!("data:AAA/{token}"), &format!("{token}=="), &format!("A{token}")] {
            assert!(tokens(harmless).is_empty(), "{harmless}");
        }
    }
}
