//! Turns Meta's answer about a pixel's token into findings.

use jiff::Timestamp;
use tandem_core::code;

use super::finding::Finding;
use crate::delivery::{TokenAnswer, TokenFacts};

/// If a token expires within this time, it causes a warning, seconds: two weeks.
const SOON_S: i64 = 14 * 24 * 3600;
/// The permission that is needed to send events (Meta, Conversions API, get started).
const NEEDED: &str = "ads_management";

const NEW_TOKEN: &str = "make a new token (Events Manager, pixel, Settings, Conversions API; or a system user's, \
    which need not expire) and set FACEBOOK_ACCESS_TOKEN; a changed _FILE needs no restart";
const ADD_SCOPE: &str =
    "make a new token with the permission ads_management, and assign the pixel to its system user";
const CHECK_NETWORK: &str =
    "check that the server may reach META_GRAPH_URL: DNS, firewall, proxy; events wait meanwhile";
const CHECK_APP_SECRET: &str = "FACEBOOK_APP_SECRET must belong to the app that made the token";
const LOOK_BY_HAND: &str = "check the token in Meta's Access Token Debugger; delivery is not affected";

pub(super) fn findings(answer: &TokenAnswer, now_s: i64) -> Vec<Finding> {
    let one = |finding| vec![finding];
    match answer {
        TokenAnswer::None(code) => {
            one(Finding::failed("token", code, "Meta did not answer about the token", CHECK_NETWORK))
        }
        TokenAnswer::Expired => {
            one(Finding::failed("token", "token_expired", "the token has expired", NEW_TOKEN))
        }
        TokenAnswer::Refused(code @ code::APP_SECRET_PROOF) => {
            one(Finding::failed("token", code, "Meta refuses the app secret's proof", CHECK_APP_SECRET))
        }
        TokenAnswer::Refused(code) => {
            one(Finding::failed("token", code, "Meta refuses the token", NEW_TOKEN))
        }
        TokenAnswer::Unclear(meta_code) => {
            let detail = format!("Meta gave no details about the token (code {meta_code})");
            one(Finding::warning("token", "token_unknown", detail, LOOK_BY_HAND))
        }
        TokenAnswer::Known(facts) => known(facts, now_s),
    }
}

fn known(facts: &TokenFacts, now_s: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !facts.scopes.iter().any(|scope| scope == NEEDED) {
        let detail = format!("the token has no {NEEDED}; it has {}", scopes(facts));
        findings.push(Finding::failed("token", "scope_missing", detail, ADD_SCOPE));
    }
    for (end_s, over, soon, what) in [
        (facts.expires_s, "token_expired", "token_expires_soon", "the token"),
        (
            facts.data_access_expires_s,
            "data_access_expired",
            "data_access_expires_soon",
            "the token's access to data",
        ),
    ] {
        match end_s {
            Some(end_s) if end_s <= now_s => {
                findings.push(Finding::failed("token", over, format!("{what} has expired"), NEW_TOKEN));
            }
            Some(end_s) if end_s - now_s < SOON_S => {
                let detail = format!("{what} expires on {}", day(end_s));
                findings.push(Finding::warning("token", soon, detail, NEW_TOKEN));
            }
            _ => {}
        }
    }
    if findings.is_empty() {
        let end =
            facts.expires_s.map_or_else(|| "does not expire".to_owned(), |s| format!("until {}", day(s)));
        findings.push(Finding::ok("token", "token_good", format!("good, {end}; may {}", scopes(facts))));
    }
    findings
}

fn scopes(facts: &TokenFacts) -> String {
    if facts.scopes.is_empty() { "no permission".to_owned() } else { facts.scopes.join(", ") }
}

fn day(unix_s: i64) -> String {
    Timestamp::from_second(unix_s)
        .map_or_else(|_| "an unknown day".to_owned(), |at| at.strftime("%F").to_string())
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    const NOW_S: i64 = 1_795_600_800;
    const DAY_S: i64 = 24 * 3600;

    fn facts(expires_in_s: Option<i64>, scopes: &[&str]) -> TokenAnswer {
        TokenAnswer::Known(TokenFacts {
            expires_s: expires_in_s.map(|s| NOW_S + s),
            data_access_expires_s: None,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        })
    }

    fn found(answer: &TokenAnswer) -> Vec<(&'static str, Level)> {
        findings(answer, NOW_S).iter().map(|finding| (finding.code, finding.level)).collect()
    }

    #[test]
    fn a_token_needs_its_permission_and_some_days_to_live() {
        let good = ["ads_read", "ads_management"];
        assert_eq!(found(&facts(None, &good)), [("token_good", Level::Ok)]);
        assert_eq!(found(&facts(Some(15 * DAY_S), &good)), [("token_good", Level::Ok)]);
        assert_eq!(found(&facts(Some(13 * DAY_S), &good)), [("token_expires_soon", Level::Warning)]);
        assert_eq!(found(&facts(Some(0), &good)), [("token_expired", Level::Failed)]);
        let both = [("scope_missing", Level::Failed), ("token_expires_soon", Level::Warning)];
        assert_eq!(found(&facts(Some(DAY_S), &["ads_read"])), both);
        assert!(findings(&facts(Some(15 * DAY_S), &good), NOW_S)[0].detail.contains("until 2026-12-10"));
        let facts = TokenFacts {
            data_access_expires_s: Some(NOW_S + DAY_S),
            scopes: vec![NEEDED.to_owned()],
            ..TokenFacts::default()
        };
        assert_eq!(found(&TokenAnswer::Known(facts)), [("data_access_expires_soon", Level::Warning)]);
    }

    #[test]
    fn whatever_is_wrong_says_what_to_do() {
        for answer in [
            TokenAnswer::None(code::META_UNREACHABLE),
            TokenAnswer::Expired,
            TokenAnswer::Refused(code::TOKEN_REFUSED),
            TokenAnswer::Refused(code::APP_SECRET_PROOF),
            TokenAnswer::Unclear(100),
            facts(Some(1), &[]),
        ] {
            for finding in findings(&answer, NOW_S) {
                assert!(!finding.advice.is_empty() && finding.level != Level::Ok, "{answer:?}");
            }
        }
        assert_eq!(found(&TokenAnswer::Unclear(100)), [("token_unknown", Level::Warning)]);
    }
}
