//! Requests to Meta past the outbox: what Meta knows about a token, and a test event.

use std::sync::Arc;
use std::time::Instant;

use tandem_core::code;
use tandem_core::event::Event;

use super::classify::{CallOutcome, Reply, classify};
use super::fields::{Field, Fields};
use super::graph::{Credentials, Graph};
use super::handoff::LEASE;
use super::meta_codes::SUB_TOKEN_EXPIRED;
use crate::config::{Pixel, SecretSource};
use crate::outbox::{LeasedEvent, Payload};

/// Longest permission name that is repeated, in bytes. Meta has no longer ones.
const SCOPE_BYTES_MAX: usize = 64;

/// What Meta says about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenAnswer {
    /// Meta gave no answer; the stable code of the reason.
    None(&'static str),
    /// The token was valid and has expired.
    Expired,
    /// Meta refuses the token; the stable code of the reason.
    Refused(&'static str),
    /// Meta tells nothing about the token; Meta's error code, 0 when it sent none.
    Unclear(i64),
    /// What the token may do, and until when.
    Known(TokenFacts),
}

/// What a token may do, and until when (Meta, debug_token).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenFacts {
    /// When the token expires, Unix seconds. `None`: never.
    pub expires_s: Option<i64>,
    /// When the app's access to data ends, Unix seconds. `None`: never.
    pub data_access_expires_s: Option<i64>,
    /// Names of the token's permissions.
    pub scopes: Vec<String>,
}

/// Asks Meta about a pixel's token. Also returns the time that Meta's clock showed, Unix seconds.
/// `None` where the pixel has no token.
pub async fn ask_about_token(graph: &Graph, pixel: &Pixel, now_s: i64) -> Option<(TokenAnswer, Option<i64>)> {
    let token = pixel.token.as_ref()?.current()?;
    let app_secret = pixel.app_secret.as_ref().and_then(SecretSource::current);
    let (reply, date_s) = graph.debug_token(&token, app_secret.as_ref()).await;
    Some((token_answer(&reply, now_s), date_s))
}

fn token_answer(reply: &Reply, now_s: i64) -> TokenAnswer {
    let body = match reply {
        Reply::NotSent => return TokenAnswer::None(code::META_UNREACHABLE),
        Reply::NoAnswer => return TokenAnswer::None(code::META_NO_ANSWER),
        Reply::Http { body, .. } => body,
    };
    let data = Fields::of(body).and_then(|body| body.get("data").object());
    let judged = data.and_then(|data| Some((data.get("is_valid").switch()?, data)));
    match judged {
        None => {
            let (outcome, meta) = classify(reply, 1);
            match outcome {
                CallOutcome::Held { code: code::TOKEN_REFUSED, .. } if meta.subcode == SUB_TOKEN_EXPIRED => {
                    TokenAnswer::Expired
                }
                CallOutcome::Held { code: code @ (code::TOKEN_REFUSED | code::APP_SECRET_PROOF), .. } => {
                    TokenAnswer::Refused(code)
                }
                _ => TokenAnswer::Unclear(meta.code),
            }
        }
        Some((false, data)) => {
            let is_over = end_s(&data, "expires_at").is_some_and(|at| at <= now_s);
            let subcode = data.get("error").object().and_then(|error| error.get("subcode").whole());
            if is_over || subcode == Some(SUB_TOKEN_EXPIRED) {
                TokenAnswer::Expired
            } else {
                TokenAnswer::Refused(code::TOKEN_REFUSED)
            }
        }
        Some((true, data)) => {
            let plain = |scope: &String| {
                (1..=SCOPE_BYTES_MAX).contains(&scope.len())
                    && scope.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            let scopes = data.get("scopes").list();
            let scopes = scopes.iter().map(|scope| Field::from(&**scope).text());
            TokenAnswer::Known(TokenFacts {
                expires_s: end_s(&data, "expires_at"),
                data_access_expires_s: end_s(&data, "data_access_expires_at"),
                scopes: scopes.filter(plain).collect(),
            })
        }
    }
}

/// A date that ends something, Unix seconds. Meta writes 0 for "never".
fn end_s(data: &Fields, name: &str) -> Option<i64> {
    data.get(name).whole().filter(|at| *at > 0)
}

/// Sends an event that Meta shows under "Test events", past the outbox: no figure of ours has it.
/// Meta counts it, so its name must be one that nobody optimises for. `Err`: stable code of why it was not taken. A pixel without a token or a
/// test event code sends nothing.
pub async fn send_test_event(graph: &Graph, pixel: &Pixel, event: &Event) -> Result<(), &'static str> {
    let token = pixel.token.as_ref().and_then(SecretSource::current).ok_or(code::UNCONFIGURED)?;
    let Some(test_event_code) = pixel.test_event_code.as_deref() else {
        return Err(code::UNCONFIGURED);
    };
    let app_secret = pixel.app_secret.as_ref().and_then(SecretSource::current);
    let sent = LeasedEvent {
        seq: 0,
        lease_no: 0,
        lease_ends: Instant::now() + LEASE,
        attempts: 0,
        last_code: None,
        time_s: event.time_s,
        environment: None,
        fired_s: None,
        payload: Arc::new(Payload::of(event)),
    };
    let credentials = Credentials {
        pixel: &pixel.id,
        token: &token,
        app_secret: app_secret.as_ref(),
        test_event_code: Some(test_event_code),
    };
    match classify(&graph.send(&credentials, &[sent]).await, 1).0 {
        CallOutcome::Delivered { shortfall: 0 } => Ok(()),
        CallOutcome::Delivered { .. } => Err(code::DELIVERED_SHORT),
        CallOutcome::Retry { code, .. }
        | CallOutcome::Refused { code, .. }
        | CallOutcome::Held { code, .. }
        | CallOutcome::Unknown { code } => Err(code),
        CallOutcome::Uncounted => Err(code::META_RECEIVED_NONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::usage::Usage;

    const NOW_S: i64 = 1_795_600_800;

    fn answer(status: u16, body: &str) -> TokenAnswer {
        let reply = Reply::Http { status, body: body.as_bytes().to_vec(), usage: Usage::default() };
        token_answer(&reply, NOW_S)
    }

    #[test]
    fn a_good_token_says_what_it_may_do_and_until_when() {
        let body = r#"{"data":{"app_id":"1","type":"SYSTEM_USER","is_valid":true,"expires_at":0,
            "data_access_expires_at":1803376800,"scopes":["ads_management","business_management","<b>"],
            "granular_scopes":[{"scope":"ads_management"}],"user_id":"2"}}"#;
        let facts = TokenFacts {
            expires_s: None,
            data_access_expires_s: Some(1_803_376_800),
            scopes: vec!["ads_management".to_owned(), "business_management".to_owned()],
        };
        assert_eq!(answer(200, body), TokenAnswer::Known(facts));
    }

    #[test]
    fn bad_tokens_are_told_apart() {
        let expired = r#"{"error":{"message":"x","type":"OAuthException","code":190,"error_subcode":463}}"#;
        assert_eq!(answer(401, expired), TokenAnswer::Expired);
        assert_eq!(answer(400, expired), TokenAnswer::Expired);
        let wrong = r#"{"error":{"message":"x","type":"OAuthException","code":190}}"#;
        assert_eq!(answer(401, wrong), TokenAnswer::Refused(code::TOKEN_REFUSED));
        let over = r#"{"data":{"is_valid":false,"expires_at":1795600000}}"#;
        assert_eq!(answer(200, over), TokenAnswer::Expired);
        let over = r#"{"data":{"is_valid":false,"error":{"code":190,"subcode":463,"message":"x"}}}"#;
        assert_eq!(answer(200, over), TokenAnswer::Expired);
        let revoked = r#"{"data":{"is_valid":false,"error":{"code":190,"message":"x"}}}"#;
        assert_eq!(answer(200, revoked), TokenAnswer::Refused(code::TOKEN_REFUSED));
    }

    #[test]
    fn an_unreadable_field_hides_no_other() {
        let body = r#"{"data":{"is_valid":"true","expires_at":"1803376800","data_access_expires_at":null,
            "scopes":["ads_management",7,null,{}],"error":null}}"#;
        let facts = TokenFacts {
            expires_s: Some(1_803_376_800),
            data_access_expires_s: None,
            scopes: vec!["ads_management".to_owned(), "7".to_owned()],
        };
        assert_eq!(answer(200, body), TokenAnswer::Known(facts));
        let over = r#"{"data":{"is_valid":0,"scopes":null,"error":{"code":"190","subcode":"463"}}}"#;
        assert_eq!(answer(200, over), TokenAnswer::Expired);
        let wrong = r#"{"error":{"message":null,"code":"190","error_subcode":"463"}}"#;
        assert_eq!(answer(400, wrong), TokenAnswer::Expired);
    }

    #[test]
    fn what_says_nothing_of_the_token_is_not_held_against_it() {
        let not_told = r#"{"error":{"message":"(#100) You must provide an app access token","code":100}}"#;
        assert_eq!(answer(400, not_told), TokenAnswer::Unclear(100));
        for (status, body) in [(500, "<html>"), (200, "{}"), (200, r#"{"data":[]}"#), (200, "")] {
            assert!(matches!(answer(status, body), TokenAnswer::Unclear(_)), "{status} {body}");
        }
        assert_eq!(token_answer(&Reply::NotSent, NOW_S), TokenAnswer::None(code::META_UNREACHABLE));
        assert_eq!(token_answer(&Reply::NoAnswer, NOW_S), TokenAnswer::None(code::META_NO_ANSWER));
    }
}
