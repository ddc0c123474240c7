//! Checks that the shop's page loads a pixel, and the same one that the server reports to. The check
//! does not see what a tag manager or a bundle adds later.

use std::collections::BTreeSet;

use reqwest::Client;
use url::Url;

use super::finding::Finding;
use super::web;

/// Where Meta's own script comes from.
const META: [&str; 2] = ["fbevents.js", "connect.facebook.net"];
/// Signs of Tandem's browser package.
const TANDEM: [&str; 4] = ["Tandem.connect", "tandem-web", "tandem_web", "data-tandem"];
/// Marks that come before a pixel's ID: in Meta's base code, its image and Tandem's options.
const BEFORE_ID: [&str; 7] =
    ["'init'", "\"init\"", "facebook.com/tr?id=", "pixelId", "data-pixel-id", "data-pixel", "pixel_id"];
/// Longest gap between such a mark and the ID, in bytes.
const GAP_BYTES_MAX: usize = 8;
/// How many digits a pixel's ID has.
const ID_DIGITS: std::ops::RangeInclusive<usize> = 5..=20;

const REACH: &str = "--shop-url must be a page of the shop that anybody may open";
const ADD: &str = "add Tandem's package or Meta's base code to the page (docs/shop.md); if a tag manager adds it, look \
    with Meta Pixel Helper in a browser";
const SAME_ID: &str =
    "the page and FACEBOOK_PIXEL_ID must name the same pixel: Meta merges copies within one pixel only";
const ONE_PIXEL: &str = "keep one pixel per page: events of a page with several go to all of them";

/// Fetches the page and judges it. `pixels` are the server's pixel IDs.
pub(super) async fn check(client: &Client, shop: &Url, pixels: &[String]) -> Vec<Finding> {
    let fetched = match client.get(shop.clone()).send().await {
        Ok(answer) if answer.status().is_success() => web::text(answer).await.map_err(web::why),
        Ok(answer) => Err(format!("it answers {}", answer.status().as_u16())),
        Err(error) => Err(web::why(error)),
    };
    match fetched {
        Ok(page) => judge(&page, pixels),
        Err(why) => {
            let detail = format!("the page cannot be read ({why})");
            vec![Finding::failed("page", "page_away", &detail, REACH)]
        }
    }
}

fn judge(page: &str, pixels: &[String]) -> Vec<Finding> {
    let has = |signs: &[&str]| signs.iter().any(|sign| page.contains(sign));
    let loader = match (has(&TANDEM), has(&META)) {
        (true, _) => "Tandem's package",
        (false, true) => "Meta's base code",
        (false, false) => {
            let detail = "the page has neither Tandem's package nor Meta's base code";
            return vec![Finding::warning("page", "no_pixel", detail, ADD)];
        }
    };
    let named = named_ids(page);
    let mut findings = Vec::new();
    if named.len() > 1 {
        let ids = named.iter().copied().collect::<Vec<_>>().join(", ");
        let detail = format!("the page names several pixels: {ids}");
        findings.push(Finding::warning("page", "several_pixels", &detail, ONE_PIXEL));
    }
    let ours = pixels.iter().find(|id| named.contains(id.as_str()));
    findings.push(match (ours, named.first()) {
        _ if pixels.is_empty() => {
            Finding::skipped("page", "no_pixel_known", "the server's pixels are not known from here")
        }
        (Some(id), _) => Finding::ok("page", "pixel_on_page", &format!("pixel {id} by {loader}")),
        (None, Some(other)) => {
            let detail = format!("the page names pixel {other}, which the server does not have");
            Finding::failed("page", "other_pixel", &detail, SAME_ID)
        }
        (None, None) => {
            let detail = format!("the page has {loader}, and no pixel's ID in its own text");
            Finding::warning("page", "no_pixel_id", &detail, ADD)
        }
    });
    findings
}

/// The pixel IDs that the page names.
fn named_ids(page: &str) -> BTreeSet<&str> {
    let mut ids = BTreeSet::new();
    for sign in BEFORE_ID {
        for (at, _) in page.match_indices(sign) {
            let rest = &page[at + sign.len()..];
            let gap = rest.bytes().take_while(|b| b" \t\n\r\"':=,\\".contains(b)).count();
            let digits = rest[gap..].bytes().take_while(u8::is_ascii_digit).count();
            if gap <= GAP_BYTES_MAX && ID_DIGITS.contains(&digits) {
                ids.insert(&rest[gap..gap + digits]);
            }
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(page: &str) -> Vec<String> {
        judge(page, &["123456789012345".to_owned()]).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn the_servers_pixel_is_found_however_it_is_written() {
        for page in [
            "<script src='https://connect.facebook.net/en_US/fbevents.js'></script>fbq('init', '123456789012345');",
            "fbevents.js fbq(\"init\",\"123456789012345\", {em: 'x'})",
            "fbevents.js <noscript><img src=\"https://www.facebook.com/tr?id=123456789012345&ev=PageView\"/>",
            "Tandem.connect({\"endpoint\":\"/\",\"pixelId\":\"123456789012345\"})",
            "tandem-web Tandem.connect({ pixelId: '123456789012345' })",
            "<script src=tandem-web/loader.js data-pixel-id=123456789012345>",
        ] {
            assert_eq!(codes(page), ["pixel_on_page"], "{page}");
        }
    }

    #[test]
    fn other_pixels_several_and_none_are_told_apart() {
        assert_eq!(codes("<html>nothing 123456789012345"), ["no_pixel"]);
        assert_eq!(codes("fbevents.js fbq('init', '999999999999999')"), ["other_pixel"]);
        let two = "fbevents.js fbq('init', '999999999999999'); fbq('init', '123456789012345')";
        assert_eq!(codes(two), ["several_pixels", "pixel_on_page"]);
        assert_eq!(codes("fbevents.js fbq('init', PIXEL)"), ["no_pixel_id"]);
        assert_eq!(judge("fbevents.js", &[])[0].code, "no_pixel_known");
    }

    #[test]
    fn odd_pages_make_nothing_panic() {
        for page in ["fbevents.js 'init'", "fbevents.js 'init'é1234567", "fbevents.js pixelId:", "é"] {
            assert!(!judge(page, &["1".to_owned()]).is_empty());
        }
    }
}
