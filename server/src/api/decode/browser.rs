//! Decodes the visit: the page's address, Meta's identifiers, and the client.

use std::net::IpAddr;

use tandem_core::event::Page;
use tandem_core::scrub;
use tandem_core::user_data::{UserData, clean_user_agent};
use tandem_proto::v1;
use url::Url;

use super::person::is_public;
use super::reader::Reader;
use crate::api::caller::{Caller, Stranger};

/// Longest page address that is kept, bytes. A longer one loses its query.
const URL_BYTES_MAX: usize = 2048;

impl Reader<'_> {
    /// Reads the visit at `time_s`, Unix seconds. Fills `user_data` and returns the page.
    pub(super) fn browser(
        &mut self,
        browser: Option<v1::Browser>,
        time_s: i64,
        user_data: &mut UserData,
    ) -> Page {
        let browser = browser.unwrap_or_default();
        let event_source_url = self.page_url(browser.event_source_url.as_deref());
        // The address as it came: a long one is cut, and the click ID is often at its end.
        let page = browser.event_source_url.as_deref().filter(|_| event_source_url.is_some());
        self.click(&browser, page, time_s, user_data);
        match self.caller {
            Caller::Internal => {
                if let Some(text) = browser.client_ip_address.as_deref().filter(|text| !text.is_empty()) {
                    let address =
                        text.trim().parse::<IpAddr>().map_err(|_| "must be an IPv4 or IPv6 address");
                    user_data.client_ip_address = self
                        .violations
                        .take("browser.client_ip_address", address)
                        .map(|address| address.to_canonical());
                }
                user_data.client_user_agent = browser.client_user_agent.as_deref().and_then(clean_user_agent);
            }
            Caller::Stranger(stranger) => {
                user_data.client_ip_address = stranger.address;
                user_data.client_user_agent = stranger.user_agent.clone();
            }
        }
        let reported =
            |address: &IpAddr| is_public(address) || (self.settings.keeps_loopback && address.is_loopback());
        user_data.client_ip_address = user_data.client_ip_address.filter(reported);
        let referrer_url =
            browser.referrer_url.as_deref().and_then(|text| self.clean_url(text)).map(|(url, _)| url);
        Page { event_source_url: event_source_url.or_else(|| self.origin_as_page()), referrer_url }
    }

    /// The page's address, if it is one of the shop's.
    fn page_url(&self, text: Option<&str>) -> Option<String> {
        let (clean, url) = self.clean_url(text?)?;
        let covered = matches!(self.caller, Caller::Internal) || self.origins.covers(&url);
        covered.then_some(clean)
    }

    fn origin_as_page(&self) -> Option<String> {
        match self.caller {
            Caller::Stranger(Stranger { origin: Some(origin), .. }) => Some(format!("{origin}/")),
            _ => None,
        }
    }

    /// A web address without its fragment and without personal data, and its parsed form.
    fn clean_url(&self, text: &str) -> Option<(String, Url)> {
        let mut url = Url::parse(text.trim()).ok()?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return None;
        }
        url.set_fragment(None);
        if url.as_str().len() > URL_BYTES_MAX {
            url.set_query(None);
        }
        let scrubbed = scrub::scrub_url(url.as_str());
        self.keys.metrics.count_redactions(scrubbed.cuts);
        (scrubbed.text.len() <= URL_BYTES_MAX).then_some((scrubbed.text, url))
    }
}
