//! The page of events that name none.

use tandem_core::page_url::PageUrl;
use url::Url;

use super::origins::{ListedOrigin, Origins};

/// The page that a pixel's website events get where their caller named none: the shop's address, else the first
/// concrete origin of the pixel's own list, else of the list of all. This machine's own names and wildcards are no
/// shop's address.
pub(super) fn page_of(
    shop_url: Option<&Url>,
    own_origins: Option<&Origins>,
    all_origins: &Origins,
) -> Option<PageUrl> {
    let listed = || own_origins.and_then(first_concrete).or_else(|| first_concrete(all_origins));
    shop_url.and_then(|url| PageUrl::clean(url.as_str())).map(|(page, _)| page).or_else(listed)
}

fn first_concrete(origins: &Origins) -> Option<PageUrl> {
    let Origins::Listed(list) = origins else { return None };
    list.iter().find_map(ListedOrigin::page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_shops_address_or_the_first_origin_that_is_one() {
        let list = |text: &str| Origins::parse(text).unwrap();
        let all = list("http://localhost:3000,https://*.shop.example,https://shop.example,https://b.example");
        let own = list("https://own.example");
        let text = |page: Option<PageUrl>| page.map(|page| page.to_string());
        let page = |shop: Option<&str>, own| {
            text(page_of(shop.map(|shop| Url::parse(shop).unwrap()).as_ref(), own, &all))
        };
        assert_eq!(
            page(Some("https://x.example/a?tel=1#b"), Some(&own)).as_deref(),
            Some("https://x.example/a?tel=(removed)")
        );
        assert_eq!(page(None, Some(&own)).as_deref(), Some("https://own.example/"));
        let of_this_machine = list("http://127.0.0.1:8090");
        for own in [None, Some(&of_this_machine)] {
            assert_eq!(page(None, own).as_deref(), Some("https://shop.example/"));
        }
        assert_eq!(page_of(None, None, &of_this_machine), None);
        assert_eq!(page_of(None, None, &Origins::Loopback), None);
    }
}
