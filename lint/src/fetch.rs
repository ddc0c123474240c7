//! Reads a shop from addresses: the pages, and the scripts that each loads from its own origin.

use std::collections::HashMap;
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
    /// The address sends visitors to another host, whose pages are not this shop's.
    #[error("{url} leads to another host, {host}; give an address of that host if it is the shop's")]
    Elsewhere { url: String, host: String },
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

/// Fetches pages of one shop, and the scripts that each loads from its own origin. Limits for each page: 40 scripts,
/// 8 MiB each, 32 MiB and one minute for everything. Like a browser, leaves out scripts that cannot be loaded. Follows
/// redirects as [`redirects_of_one_site`] says.
///
/// # Errors
/// [`FetchError`] if a page itself cannot be loaded, or if a page and its scripts exceed a limit.
pub async fn fetch(urls: &[Url]) -> Result<Shop, FetchError> {
    // Installs rustls' provider, unless the program has one already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = Client::builder()
        .redirect(redirects_of_one_site())
        .timeout(ANSWER_WAIT)
        .user_agent(concat!("tandem-lint/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| FetchError::Away {
            url: urls.first().map(Url::to_string).unwrap_or_default(),
            why: words(&error),
        })?;
    let mut fetcher = Fetcher { client, shop: Shop::default(), scripts: HashMap::new() };
    for url in urls {
        let all = tokio::time::timeout(ALL_WAIT, fetcher.page(url));
        let slow = || FetchError::TooMuch { url: url.to_string(), what: "slower than a minute" };
        all.await.unwrap_or_else(|_| Err(slow()))?;
    }
    Ok(fetcher.shop)
}

/// Follows redirects on one host only, with and without `www.`, and never from https to http: what answers decides neither
/// which other host this machine asks, nor on which port.
#[must_use]
pub fn redirects_of_one_site() -> redirect::Policy {
    redirect::Policy::custom(follow)
}

/// Why a redirect was not followed: the host that it leads to.
#[derive(Debug, thiserror::Error)]
#[error("it leads to another host")]
struct LeadsElsewhere(String);

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous().last();
    if !from.is_some_and(|from| is_same_site(from, attempt.url())) {
        let host = attempt.url().host_str().unwrap_or_default().to_owned();
        attempt.error(LeadsElsewhere(host))
    } else if attempt.previous().len() > REDIRECTS_MAX {
        attempt.error("too many redirects")
    } else {
        attempt.follow()
    }
}

/// Whether a redirect stays in the shop: the same host with or without `www.`, on the same port or from http to https.
fn is_same_site(from: &Url, to: &Url) -> bool {
    let name = |url: &Url| url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned());
    let is_upgrade =
        from.scheme() == "http" && to.scheme() == "https" && from.port().is_none() && to.port().is_none();
    let is_same_port =
        from.scheme() == to.scheme() && from.port_or_known_default() == to.port_or_known_default();
    name(from).is_some() && name(from) == name(to) && (is_upgrade || is_same_port)
}

struct Fetcher {
    client: Client,
    shop: Shop,
    /// Each script that was fetched, for all pages. `None`: it cannot be loaded.
    scripts: HashMap<Url, Option<usize>>,
}

impl Fetcher {
    async fn page(&mut self, url: &Url) -> Result<(), FetchError> {
        let answer = get(&self.client, url, BODY_BYTES_MAX).await?;
        let mut bytes = answer.body.len();
        let page_url = answer.url;
        let page = self.shop.add_page(page_url.to_string(), answer.body);
        for policy in answer.policies {
            self.shop.add_policy(page, policy);
        }
        let mut fetched = 0;
        for (element, address) in self.shop.links(page) {
            let Ok(script_url) = page_url.join(&address) else { continue };
            if script_url.origin() != page_url.origin() {
                continue;
            }
            let script = match self.scripts.get(&script_url) {
                Some(known) => *known,
                None if fetched >= SCRIPTS_MAX || bytes >= ALL_BYTES_MAX => break,
                None => {
                    let room = BODY_BYTES_MAX.min(ALL_BYTES_MAX - bytes);
                    let answer = get(&self.client, &script_url, room).await.ok();
                    let script = answer.map(|answer| {
                        bytes += answer.body.len();
                        self.shop.add_script(script_url.to_string(), answer.body)
                    });
                    fetched += 1;
                    self.scripts.insert(script_url, script);
                    script
                }
            };
            if let Some(script) = script {
                self.shop.link(page, element, script);
            }
        }
        Ok(())
    }
}

async fn get(client: &Client, url: &Url, bytes_max: usize) -> Result<Answer, FetchError> {
    let away = |error: &reqwest::Error| FetchError::Away { url: url.to_string(), why: words(error) };
    let mut response = client.get(url.clone()).send().await.map_err(|error| match elsewhere(&error) {
        Some(host) => FetchError::Elsewhere { url: url.to_string(), host },
        None => away(&error),
    })?;
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

/// The other host that a redirect led to, if that is why a request failed.
fn elsewhere(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(LeadsElsewhere(host)) = error.downcast_ref() {
            return Some(host.clone());
        }
        at = error.source();
    }
    None
}

/// An error's innermost cause: the outer ones repeat the address.
fn words(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_in_the_shop() {
        let stays = |from: &str, to: &str| is_same_site(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        for (from, to) in [
            ("http://shop.example/", "https://shop.example/"),
            ("https://shop.example/", "https://www.shop.example/a"),
            ("https://www.shop.example/", "https://shop.example/in"),
            ("http://127.0.0.1:8090/", "http://127.0.0.1:8090/shop/"),
        ] {
            assert!(stays(from, to), "{from} {to}");
        }
        for (from, to) in [
            ("https://shop.example/", "https://evil.example/"),
            ("https://shop.example/", "http://169.254.169.254/latest"),
            ("https://shop.example/", "http://shop.example/"),
            ("https://shop.example/", "https://shop.example:8443/"),
            ("http://shop.example:8080/", "https://shop.example/"),
            ("http://127.0.0.1:8090/", "http://127.0.0.1:9090/metrics"),
            ("https://shop.example/", "https://admin.shop.example/"),
        ] {
            assert!(!stays(from, to), "{from} {to}");
        }
    }

    #[tokio::test]
    async fn a_page_that_leads_to_another_port_is_not_read() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (here, there) = (listener.local_addr().unwrap(), other.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let answer =
                format!("HTTP/1.1 302 Found\r\nlocation: http://{there}/\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let url = Url::parse(&format!("http://{here}/")).unwrap();
        let error = fetch(&[url]).await.unwrap_err();
        assert!(matches!(&error, FetchError::Elsewhere { host, .. } if host == "127.0.0.1"), "{error}");
        serving.await.unwrap();
        let asked = tokio::time::timeout(Duration::from_millis(100), other.accept()).await;
        assert!(asked.is_err(), "the other port was asked");
    }
}
