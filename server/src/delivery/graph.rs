//! The only file that knows how to call the Graph API (Meta, using the API).

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tandem_core::capi;
use tandem_core::id::PixelId;

use super::classify::Reply;
use super::usage::Usage;
use crate::clock::Clock;
use crate::config::Meta;
use crate::outbox::LeasedEvent;

/// `partner_agent`: Meta's dataset quality figures show this name of the software. It must be
/// shorter than 23 characters.
const PARTNER_AGENT: &str = "tandem-capi";
/// Largest part of an answer that is read, in bytes. A warning for each of 1000 events fits.
const REPLY_BYTES_MAX: usize = 1024 * 1024;

/// A client of the Graph API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Graph {
    http: reqwest::Client,
    base: String,
    /// Hears what time Meta has.
    clock: Clock,
}

/// What a call needs besides the events.
pub(super) struct Credentials<'a> {
    pub(super) pixel: &'a PixelId,
    pub(super) token: &'a SecretString,
    pub(super) app_secret: Option<&'a SecretString>,
    pub(super) test_event_code: Option<&'a str>,
}

impl Graph {
    /// Builds the HTTP client. Fails when the system's certificates cannot be read.
    pub fn new(settings: &Meta, clock: Clock) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(90))
            .user_agent(concat!("tandem/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let base =
            format!("{}/{}", settings.graph_url.as_str().trim_end_matches('/'), settings.graph_version);
        Ok(Self { http, base, clock })
    }

    /// Sends events of one pixel in one request.
    pub(super) async fn send(&self, credentials: &Credentials<'_>, events: &[LeasedEvent]) -> Reply {
        let proof = credentials.app_secret.map(|secret| appsecret_proof(secret, credentials.token));
        let body = capi::batch_body(
            events.iter().map(|event| &*event.payload),
            PARTNER_AGENT,
            credentials.test_event_code,
            proof.as_deref(),
        );
        let url = format!("{}/{}/events", self.base, credentials.pixel);
        // The token goes in a header, because URLs and bodies end up in logs.
        let sent = self
            .http
            .post(url)
            .bearer_auth(credentials.token.expose_secret())
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await;
        match sent {
            Err(error) if error.is_connect() || error.is_builder() => Reply::NotSent,
            Err(_) => Reply::NoAnswer,
            Ok(response) => self.read(response).await.0,
        }
    }
}

impl Graph {
    /// Asks Meta what it knows about a token (Meta, debug_token). The token is also the credential
    /// of the request. This is the one exception to "no token in a URL": Meta documents `input_token`
    /// as a parameter of a GET, and newer apps may no longer send a GET's parameters in the body of a
    /// POST (`method=get`, gone with Graph v27). So the URL is made here and goes nowhere else: no
    /// line and no error of ours repeats it, libraries log no URL unless somebody names them in
    /// `TANDEM_LOG`, and `META_GRAPH_URL` is https or this machine.
    pub(super) async fn debug_token(
        &self,
        token: &SecretString,
        app_secret: Option<&SecretString>,
    ) -> (Reply, Option<i64>) {
        let Ok(mut url) = url::Url::parse(&format!("{}/debug_token", self.base)) else {
            return (Reply::NotSent, None);
        };
        url.query_pairs_mut().append_pair("input_token", token.expose_secret());
        if let Some(secret) = app_secret {
            url.query_pairs_mut().append_pair("appsecret_proof", &appsecret_proof(secret, token));
        }
        match self.http.get(url).bearer_auth(token.expose_secret()).send().await {
            Err(error) if error.is_connect() || error.is_builder() => (Reply::NotSent, None),
            Err(_) => (Reply::NoAnswer, None),
            Ok(response) => self.read(response).await,
        }
    }

    /// Reads an answer, and what Meta's clock showed, Unix seconds. Whether our time is right, Meta
    /// knows: events are judged by its clock.
    async fn read(&self, mut response: reqwest::Response) -> (Reply, Option<i64>) {
        let date = response.headers().get(http::header::DATE).and_then(|value| value.to_str().ok());
        let date_s = date.and_then(http_date_s);
        if let Some(date_s) = date_s {
            self.clock.hear_meta(date_s);
        }
        let status = response.status().as_u16();
        let usage = Usage::of(response.headers(), self.clock.now_s());
        let mut body = Vec::new();
        let reply = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= REPLY_BYTES_MAX => {
                    body.extend_from_slice(&chunk);
                }
                // More than Meta ever says: not an answer of the Graph API.
                Ok(Some(_)) => break Reply::Http { status, body: Vec::new(), usage },
                Ok(None) => break Reply::Http { status, body, usage },
                Err(_) => break Reply::NoAnswer,
            }
        };
        (reply, date_s)
    }
}

/// An HTTP date (RFC 9110, 5.6.7) as Unix seconds.
fn http_date_s(text: &str) -> Option<i64> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(at.as_second())
}

/// HMAC-SHA256 of the token under the app's secret, lower-case hex.
fn appsecret_proof(secret: &SecretString, token: &SecretString) -> String {
    // An HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(token.expose_secret().as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_metas() {
        let proof =
            appsecret_proof(&"app_secret_abc".to_owned().into(), &"EAAB_test_token".to_owned().into());
        assert_eq!(proof, "91a6879a556b92a941a5a314589d6d396f4d1fa5cb7f2002e427aeea607ce379");
    }
}
