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
use super::decode::{DecodeSettings, ads_consent, fbclid_of, is_click, seen, visit_time_s};

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
    (consent, occurred_at): (Option<&v1::Consent>, Option<&prost_types::Timestamp>),
) -> SetCookies {
    let Some(domain) = &settings.cookie_domain else { return SetCookies::default() };
    let Caller::Stranger(Stranger { origin: Some(origin), .. }) = caller else {
        return SetCookies::default();
    };
    let ads = consent.map(v1::Consent::ads).unwrap_or_default();
    if !domain.covers(origin.host()) || settings.consent.allows(ads_consent(ads)) == AdsUse::Nothing {
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
    let of_page =
        || browser.event_source_url.as_deref().filter(|page| is_on(domain, page)).and_then(fbclid_of);
    let given = browser.fbclid.clone().filter(|id| is_click(id));
    let fbclid = given.or_else(of_page);
    let seen = seen(visit_time_s(occurred_at, now_ms), now_ms);
    let after = brought.after_visit(named, fbclid.as_deref(), seen, rand::random(), domain.subdomain_index());
    let text = |value: Option<&str>| value.map(str::to_owned);
    if has_fbp {
        browser.fbp = text(after.fbp.as_ref().map(Fbp::as_str));
    }
    if after.fbc.as_ref().is_some_and(Fbc::fits_cookie) {
        browser.fbc = text(after.fbc.as_ref().map(Fbc::as_str));
    }
    SetCookies(after.set_cookie(domain).filter_map(|line| line.parse().ok()).collect())
}

/// Whether a page lies on the domain.
fn is_on(domain: &CookieDomain, page: &str) -> bool {
    Url::parse(page.trim()).is_ok_and(|url| url.host_str().is_some_and(|host| domain.covers(host)))
}
