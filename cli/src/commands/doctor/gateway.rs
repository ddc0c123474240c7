//! Checks that the gateway is ready, refuses unsigned webhooks, and accepts Cashfree's test ping
//! signed with the secret in this environment. A ping creates no order.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::Url;

use super::finding::Finding;
use super::web;

/// What Cashfree's "Test" button sends.
const PING: &str = r#"{"data":{"test_object":{"test_key":"test_value"}},"type":"WEBHOOK"}"#;

const START: &str = "start tandem-gateway, or name it with --gateway-url; --skip-gateway leaves it out";
const READY: &str =
    "give the gateway the server's internal token and address (TANDEM_INTERNAL_TOKEN, TANDEM_SERVER_URL)";
const SECRET: &str = "the server's CASHFREE_CLIENT_SECRET (in production CASHFREE_CLIENT_SECRET_PRODUCTION) must be the one \
    in Cashfree's dashboard";
const AVAILABLE: &str = "the server must be running and have a client secret of CASHFREE_ENVIRONMENT; the gateway's log \
    says which it is";
const CLOCK: &str = "set the clocks of this machine and the server by NTP";

/// Runs the checks. `secret` is Cashfree's client secret, if the environment has one.
pub(super) async fn check(client: &Client, gateway: &Url, secret: Option<&SecretString>) -> Vec<Finding> {
    let base = gateway.as_str().trim_end_matches('/');
    let ready = readiness(client, base).await;
    let is_away = ready.code == "gateway_away";
    let mut findings = vec![ready];
    if is_away {
        return findings;
    }
    let unsigned = unsigned(client, base).await;
    let is_refused = unsigned.code == "unsigned_refused";
    findings.push(unsigned);
    if !is_refused {
        // A signed ping would get the same answer.
        return findings;
    }
    findings.push(match secret {
        Some(secret) => signed(client, base, secret).await,
        None => Finding::skipped(
            "webhook",
            "no_secret_here",
            "no signed ping was sent: CASHFREE_CLIENT_SECRET is not in this environment",
        ),
    });
    findings
}

async fn readiness(client: &Client, base: &str) -> Finding {
    match client.get(format!("{base}/readyz")).send().await {
        Err(error) => {
            let detail = format!("no answer from {base} ({})", web::why(error));
            Finding::failed("gateway", "gateway_away", &detail, START)
        }
        Ok(answer) => match answer.status() {
            StatusCode::OK => Finding::ok("gateway", "ready", &format!("{base} is ready")),
            StatusCode::SERVICE_UNAVAILABLE => {
                let body = web::text(answer).await.unwrap_or_default();
                let reason = match body.contains("no_token") {
                    true => "it has no internal token",
                    false => "the server is away",
                };
                Finding::failed(
                    "gateway",
                    "gateway_not_ready",
                    &format!("{base} is not ready: {reason}"),
                    READY,
                )
            }
            status => {
                let detail = format!("{base}/readyz answers {}", status.as_u16());
                Finding::failed("gateway", "not_a_gateway", &detail, START)
            }
        },
    }
}

async fn unsigned(client: &Client, base: &str) -> Finding {
    let status = post(client, base, None).await;
    match status {
        Ok((401, _)) => Finding::ok("webhook", "unsigned_refused", "unsigned webhooks are refused"),
        Ok((200, _)) => Finding::failed(
            "webhook",
            "unsigned_taken",
            "a webhook without a signature is accepted",
            "remove what answers in the gateway's place: anybody could report a payment",
        ),
        other => odd(other, base),
    }
}

async fn signed(client: &Client, base: &str, secret: &SecretString) -> Finding {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let timestamp = now_ms.to_string();
    let signature = sign(secret, &timestamp, PING);
    match post(client, base, Some((&timestamp, &signature))).await {
        Ok((200, _)) => {
            Finding::ok("webhook", "ping_taken", "a signed test ping is accepted; it creates no order")
        }
        Ok((401, body)) if body.contains("stale") => {
            Finding::failed("webhook", "ping_stale", "the server considers a fresh ping too old", CLOCK)
        }
        Ok((401, _)) => Finding::failed(
            "webhook",
            "secret_wrong",
            "the server does not have the secret of this environment",
            SECRET,
        ),
        other => odd(other, base),
    }
}

/// Findings that signed and unsigned webhooks share.
fn odd(answer: Result<(u16, String), String>, base: &str) -> Finding {
    match answer {
        Ok((503, _)) => {
            Finding::failed("webhook", "webhooks_unavailable", "webhooks are answered with 503", AVAILABLE)
        }
        Ok((403, _)) => Finding::skipped(
            "webhook",
            "address_refused",
            "this machine's address is not in CASHFREE_ALLOWED_ADDRESSES: run this on a machine whose address is",
        ),
        Ok((status, _)) => {
            let detail = format!("{base}/webhooks/cashfree answers {status}");
            Finding::failed("webhook", "not_a_gateway", &detail, START)
        }
        Err(why) => {
            Finding::failed("webhook", "no_answer", &format!("no answer to a webhook ({why})"), AVAILABLE)
        }
    }
}

async fn post(client: &Client, base: &str, proof: Option<(&str, &str)>) -> Result<(u16, String), String> {
    let mut request = client
        .post(format!("{base}/webhooks/cashfree"))
        .header("content-type", "application/json")
        .header("x-webhook-version", "2025-01-01");
    if let Some((timestamp, signature)) = proof {
        request = request.header("x-webhook-timestamp", timestamp).header("x-webhook-signature", signature);
    }
    let answer = request.body(PING).send().await.map_err(web::why)?;
    let status = answer.status().as_u16();
    Ok((status, web::text(answer).await.unwrap_or_default()))
}

/// Cashfree's signature: base64 of HMAC-SHA256(secret, timestamp and body).
fn sign(secret: &SecretString, timestamp: &str, body: &str) -> String {
    // An HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with OpenSSL over the timestamp and the body.
    #[test]
    fn pings_are_signed_as_cashfree_signs() {
        let signature = sign(&"cfsk_ma_test_secret".to_owned().into(), "1763942400123", "{}");
        assert_eq!(signature, "rL8udATcvnn1MnuLt86cz2B/uCaoQjKrKhqPTGBVGGc=");
    }
}
