//! Reads a shop from an address: the page and the scripts that it loads from its own origin.

use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};
use url::Url;

use crate::shop::Shop;

/// Most scripts of a page that are fetched.
const SCRIPTS_MAX: usize = 40;
/// Largest page or script, in bytes.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Most bytes of all bodies together.
const ALL_BYTES_MAX: usize = 32 << 20;
/// How long one answer may take, its body included.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long everything may take.
const ALL_WAIT: Duration = Duration::from_secs(60);
/// Most redirects of one address.
const REDIRECTS_MAX: usize = 5;

/// Why an address could not be read. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address does not answer.
    #[error("no page from {url}: {why}; does a browser on this machine open it?")]
    Away { url: String, why: String },
    /// The address answers with another status than success.
    #[error("{url} answers {status}; give an address that a visitor can open")]
    Refused { url: String, status: StatusCode },
    /// The page or the whole shop exceeds a limit of size or time.
    #[error("{url} is {what}; save the page and give the file")]
    TooMuch { url: String, what: &'static str },
}

struct Answer {
    /// The address after redirects.
    url: Url,
    body: String,
    policies: Vec<String>,
}

/// Fetches a page and the scripts that it loads from its own origin. Limits: 40 scripts, 8 MiB each, 32 MiB and one
/// minute for everything. Like a browser, leaves out scripts that cannot be loaded.
///
/// # Errors
/// [`FetchError`] if the page itself cannot be loaded, or if the page and its scripts exceed a limit.
pub async fn fetch(url: &Url) -> Result<Shop, FetchError> {
    let away = |why: String| FetchError::Away { url: url.to_string(), why };
    // Installs rustls' provider, unless the program has one already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .redirect(redirect::Policy::limited(REDIRECTS_MAX))
        .timeout(ANSWER_WAIT)
        .user_agent(concat!("tandem-lint/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| away(words(&error)))?;
    let all = tokio::time::timeout(ALL_WAIT, all(&client, url));
    all.await.unwrap_or(Err(FetchError::TooMuch { url: url.to_string(), what: "slower than a minute" }))
}

async fn all(client: &Client, url: &Url) -> Result<Shop, FetchError> {
    let mut shop = Shop::default();
    let answer = get(client, url, BODY_BYTES_MAX).await?;
    let mut bytes = answer.body.len();
    let page_url = answer.url;
    let page = shop.add_page(page_url.to_string(), answer.body);
    for policy in answer.policies {
        shop.add_policy(page, policy);
    }
    let mut fetched: Vec<(Url, usize)> = Vec::new();
    for (element, address) in shop.links(page) {
        let Ok(script_url) = page_url.join(&address) else { continue };
        if script_url.origin() != page_url.origin() {
            continue;
        }
        if let Some((_, script)) = fetched.iter().find(|(known, _)| *known == script_url) {
            shop.link(page, element, *script);
            continue;
        }
        if fetched.len() >= SCRIPTS_MAX || bytes >= ALL_BYTES_MAX {
            break;
        }
        let room = BODY_BYTES_MAX.min(ALL_BYTES_MAX - bytes);
        let Ok(answer) = get(client, &script_url, room).await else { continue };
        bytes += answer.body.len();
        let script = shop.add_script(script_url.to_string(), answer.body);
        shop.link(page, element, script);
        fetched.push((script_url, script));
    }
    Ok(shop)
}

async fn get(client: &Client, url: &Url, bytes_max: usize) -> Result<Answer, FetchError> {
    let away = |error: &reqwest::Error| FetchError::Away { url: url.to_string(), why: words(error) };
    let mut response = client.get(url.clone()).send().await.map_err(|error| away(&error))?;
    if !response.status().is_success() {
        return Err(FetchError::Refused { url: url.to_string(), status: response.status() });
    }
    let policies = response.headers().get_all("content-security-policy").iter();
    let policies = policies.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    let answered = response.url().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(FetchError::TooMuch { url: url.to_string(), what: "too large" });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { url: answered, body: String::from_utf8_lossy(&body).into_owned(), policies })
}

/// An error's innermost cause: the outer ones repeat the address.
fn words(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
