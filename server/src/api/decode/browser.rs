//! Decodes the visit: Meta's identifiers and the client.

use std::net::IpAddr;

use tandem_core::event::Page;
use tandem_core::field_code::FieldCode;
use tandem_core::user_data::{UserData, clean_user_agent};
use tandem_proto::v1;

use super::person::is_public;
use super::reader::Reader;
use crate::api::caller::Caller;

impl Reader<'_> {
    /// Reads the visit at `time_s`, Unix seconds. Fills `user_data` and returns the page.
    pub(super) fn browser(
        &mut self,
        browser: Option<v1::Browser>,
        time_s: i64,
        user_data: &mut UserData,
    ) -> Page {
        let browser = browser.unwrap_or_default();
        let (page, is_shops) =
            self.page(browser.event_source_url.as_deref(), browser.referrer_url.as_deref());
        // The address as it came: a long one is cut, and the click ID is often at its end.
        let address = browser.event_source_url.as_deref().filter(|_| is_shops);
        self.click(&browser, address, time_s, user_data);
        match self.caller {
            Caller::Internal => {
                if let Some(text) = browser.client_ip_address.as_deref().filter(|text| !text.is_empty()) {
                    let address = text.trim().parse::<IpAddr>().map_err(|_| FieldCode::AddressMalformed);
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
        page
    }
}
