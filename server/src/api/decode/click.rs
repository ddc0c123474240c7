//! Decodes Meta's identifiers of browser and click. What cannot be one, a placeholder above all, is dropped
//! and counted, and stands in nobody's way.

use tandem_core::click_id::{self, Fbc, Fbp, Seen};
use tandem_core::user_data::UserData;
use tandem_proto::v1;
use url::Url;

use super::reader::Reader;

impl Reader<'_> {
    /// Reads `fbp` and `fbc`. The click is the first usable one of the request's `fbclid`, the page's
    /// address and the page before it. `page`: the address, if it counts. `time_s`: when the page was
    /// visited, Unix seconds.
    pub(super) fn click(
        &self,
        browser: &v1::Browser,
        page: Option<&str>,
        time_s: i64,
        user_data: &mut UserData,
    ) {
        let given = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (fbp, fbc) = (given(&browser.fbp), given(&browser.fbc));
        user_data.fbp = self.counted("fbp", fbp, |text| Some(Fbp::parse(text)?.as_str().to_owned()));
        let fbc = self.counted("fbc", fbc, |text| Some(Fbc::parse(text)?.as_str().to_owned()));
        let addresses = [page, browser.referrer_url.as_deref()].into_iter().flatten();
        let clicks = given(&browser.fbclid).into_iter().chain(addresses.filter_map(fbclid_of));
        let usable = |click: &str| is_click(click).then(|| click.to_owned());
        let fbclid = clicks.filter_map(|click| self.counted("fbclid", Some(click), usable)).next();
        let seen = seen(time_s, self.now_ms);
        user_data.fbc =
            click_id::choose_fbc(fbc.as_deref(), fbclid.as_deref(), seen).map(|fbc| fbc.as_str().to_owned());
    }

    /// Reads a text, and counts it if it cannot be read.
    fn counted(
        &self,
        name: &'static str,
        text: Option<String>,
        read: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let text = text?;
        let found = read(&text);
        if found.is_none() {
            self.keys.metrics.count_dropped_key(name);
        }
        found
    }
}

/// The click ID in a page's address, of any length. Of several, the first usable one counts.
pub(in crate::api) fn fbclid_of(page: &str) -> Option<String> {
    let url = Url::parse(page.trim()).ok()?;
    let mut clicks = url
        .query_pairs()
        .filter(|(name, value)| name == "fbclid" && !value.is_empty())
        .map(|(_, value)| value);
    let first = clicks.next()?;
    if is_click(&first) {
        return Some(first.into_owned());
    }
    Some(clicks.find(|click| is_click(click)).unwrap_or(first).into_owned())
}

/// A visit at `time_s`, Unix seconds, that is reported at `now_ms`, Unix milliseconds.
pub(in crate::api) fn seen(time_s: i64, now_ms: i64) -> Seen {
    Seen { at_ms: time_s.saturating_mul(1000).unsigned_abs(), now_ms: now_ms.unsigned_abs() }
}

/// Whether a text can be a click ID, or a whole `fbc` in its place.
pub(in crate::api) fn is_click(text: &str) -> bool {
    (click_id::is_fbclid(text) && !text.starts_with("fb.")) || Fbc::parse(text).is_some()
}
