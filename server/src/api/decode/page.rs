//! The page of a visit: its address, and the page before it.

use tandem_core::event::Page;
use tandem_core::field_code::FieldCode;
use tandem_core::page_url::PageUrl;
use url::Url;

use super::reader::Reader;
use crate::api::caller::{Caller, Stranger};

const FIELD: &str = "browser.event_source_url";

impl Reader<'_> {
    /// Reads the page of a visit, and whether its address is one of the shop's. An address that is none is an error where a service
    /// of the shop gave it. A page cannot correct it: its `Origin` takes the place, and else the pixel's own page,
    /// when the event is sent. The page before may be anything (`android-app://…`) and is kept if it is a web address.
    pub(super) fn page(&mut self, address: Option<&str>, referrer: Option<&str>) -> (Page, bool) {
        let referrer_url = referrer.and_then(web_address).and_then(|url| self.clean(&url));
        let given = address.map(str::trim).filter(|text| !text.is_empty());
        let url = given.and_then(web_address);
        if given.is_some() && url.is_none() {
            match self.caller {
                Caller::Internal => self.violations.add(FIELD, FieldCode::UrlMalformed),
                Caller::Stranger(_) => self.keys.metrics.count_dropped_key("event_source_url"),
            }
        }
        let of_shop = url.filter(|url| matches!(self.caller, Caller::Internal) || self.origins.covers(url));
        let event_source_url = match &of_shop {
            Some(url) => self.clean(url),
            None => self.origin_as_page(),
        };
        (Page { event_source_url, referrer_url }, of_shop.is_some())
    }

    fn origin_as_page(&self) -> Option<PageUrl> {
        match self.caller {
            Caller::Stranger(Stranger { origin: Some(origin), .. }) => origin.page(),
            _ => None,
        }
    }

    /// The address as it is kept.
    fn clean(&self, url: &Url) -> Option<PageUrl> {
        let (url, cuts) = PageUrl::clean(url.as_str())?;
        self.keys.metrics.count_redactions(cuts);
        Some(url)
    }
}

/// A complete address of the web; `None` for other texts.
fn web_address(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}
