//! Reads and sets `_fbp` and `_fbc` as HTTP cookies (`TANDEM_COOKIE_DOMAIN`). Identifiers that the
//! message lacks come from the `Cookie` header, and the answer sets both cookies again. Only pages
//! of the domain get cookies, and only with consent.

use tandem_core::click_id::{Fbc, Fbp};
use tandem_core::cookie::{CookieDomain, MetaCookies};
use tandem_core::event::AdsUse;
use tandem_proto::v1;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Response, Status};
use url::Url;

use super::caller::{Caller, Stranger};
use super::decode::{DecodeSettings, ads_consent};

/// `Set-Cookie` values for an answer.
#[derive(Debug, Default)]
pub(super) struct SetCookies(Vec<MetadataValue<Ascii>>);

impl SetCookies {
    /// Adds the cookies to an answer. Refusals carry none.
    pub(super) fn add_to<T>(self, answer: Result<Response<T>, Status>) -> Result<Response<T>, Status> {
        answer.map(|mut answer| {
            for value in self.0 {
                answer.metadata_mut().append("set-cookie", value);
            }
            answer
        })
    }
}

/// Completes the message with the browser's cookies, so that the event and the cookies name the
/// same click. Returns the cookies that the answer sets. A browser ID created here enters no event
/// until the browser has sent it back. Otherwise a browser that keeps no cookies would look like a
/// new person with each call.
pub(super) fn exchange(
    settings: &DecodeSettings,
    now_ms: i64,
    caller: &Caller,
    headers: &MetadataMap,
    browser: &mut Option<v1::Browser>,
    consent: Option<&v1::Consent>,
) -> SetCookies {
    let Some(domain) = &settings.cookie_domain else { return SetCookies::default() };
    let Caller::Stranger(Stranger { origin: Some(origin), .. }) = caller else {
        return SetCookies::default();
    };
    let ads = consent.map(v1::Consent::ads).unwrap_or_default();
    if !is_on(domain, origin) || settings.consent.allows(ads_consent(ads)) == AdsUse::Nothing {
        return SetCookies::default();
    }
    let browser = browser.get_or_insert_default();
    let headers = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let brought = MetaCookies::read(headers);
    let named = MetaCookies {
        fbp: browser.fbp.as_deref().and_then(Fbp::parse),
        fbc: browser.fbc.as_deref().and_then(Fbc::parse),
    };
    let has_fbp = named.fbp.is_some() || brought.fbp.is_some();
    let of_page = || browser.event_source_url.as_deref().and_then(|url| fbclid_of(url, domain));
    let fbclid = browser.fbclid.clone().filter(|id| !id.is_empty()).or_else(of_page);
    let after = brought.after_visit(named, fbclid.as_deref(), now_ms.unsigned_abs(), rand::random(), domain);
    let text = |value: Option<&str>| value.map(str::to_owned);
    browser.fbp = text(after.fbp.as_ref().map(Fbp::as_str)).filter(|_| has_fbp);
    if after.fbc.is_some() {
        browser.fbc = text(after.fbc.as_ref().map(Fbc::as_str));
    }
    SetCookies(after.set_cookie(domain).filter_map(|line| line.parse().ok()).collect())
}

/// Whether a page's origin lies on the domain.
fn is_on(domain: &CookieDomain, origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| url.host_str().is_some_and(|host| domain.covers(host)))
}

/// The click ID in the address of a page of the domain.
fn fbclid_of(page: &str, domain: &CookieDomain) -> Option<String> {
    let url = Url::parse(page.trim()).ok()?;
    domain.covers(url.host_str()?).then_some(())?;
    url.query_pairs().find(|(name, _)| name == "fbclid").map(|(_, value)| value.into_owned())
}
