//! The layout of every page, and how a page loads Tandem.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::json;

use crate::config::LiveConfig;

pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) body: Markup,
    /// The function of `assets/shop.js` that the page calls, and its JSON argument.
    pub(super) script: Option<(&'static str, serde_json::Value)>,
}

pub(super) fn document(live: &LiveConfig, page: &Page<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en-IN" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (page.title) " · Saanjh Paper" }
                meta name="description" content=(page.description);
                meta name="theme-color" content="#3d2a4d";
                link rel="icon" href=(ICON);
                link rel="preload" href="/shop/assets/serif.woff2" as="font" type="font/woff2" crossorigin;
                link rel="preload" href="/shop/assets/sans.woff2" as="font" type="font/woff2" crossorigin;
                link rel="stylesheet" href="/shop/assets/shop.css";
                script src="/shop/assets/ui.js" defer {}
                (tandem(live, page.script.as_ref()))
            }
            body {
                a.skip href="#content" { "Skip to content" }
                p.announcement { "Free delivery across India · posted within two working days" }
                (header())
                main #content { (page.body) }
                (footer())
            }
        }
    }
}

/// A module script. If it cannot load the package, the rest of the page still works.
fn tandem(live: &LiveConfig, script: Option<&(&'static str, serde_json::Value)>) -> Markup {
    let options = json!({
        "endpoint": live.tandem_url.trim_end_matches('/'),
        "pixelId": live.shop_pixel(),
        "defaultCountry": "IN",
        "currency": "INR",
        "pixelScript": "/fbevents.js",
    });
    let (imports, call) = match script {
        Some((function, argument)) => (
            format!("import {{ {function} }} from \"/shop/assets/shop.js\";\n"),
            format!("{function}(tandem, {});\n", for_script(argument)),
        ),
        None => (String::new(), "tandem.catch(() => {});\n".to_owned()),
    };
    let module = format!(
        "\nimport {{ Tandem }} from \"/pkg/index.js\";\n{imports}const tandem = Tandem.connect({});\n{call}",
        for_script(&options)
    );
    html! { script type="module" { (PreEscaped(module)) } }
}

/// JSON for the inside of a script element. It contains no `<`, so no value can end the element.
fn for_script(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%233d2a4d'/%3E%3Cpath d='M7 19a9 9 0 0 1 18 0z' fill='%23f6c667'/%3E%3Cpath d='M5 22h22M9 26h14' stroke='%23d9643a' stroke-width='2'/%3E%3C/svg%3E";

fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 32 24" width="30" height="22" aria-hidden="true" {
            path d="M6 14a10 10 0 0 1 20 0z" fill="#e8a33d" {}
            path d="M2 17.500h28M7 21.500h18" stroke="#d9643a" stroke-width="2.200" stroke-linecap="round" {}
        }
    }
}

fn header() -> Markup {
    html! {
        header.site {
            div.wrap {
                a.brand href="/shop/" aria-label="Saanjh Paper, front page" { (mark()) span { "Saanjh" } }
                nav aria-label="Main" {
                    a href="/shop/#shop" { "Shop" }
                    a href="/shop/#evenings" { "How it works" }
                    a href="/shop/#free" { "Seven evenings" }
                }
                a.button.small href="/shop/product" { "Buy the deck" }
            }
        }
    }
}

fn footer() -> Markup {
    html! {
        footer.site {
            div.wrap {
                div {
                    p.brand { (mark()) span { "Saanjh" } }
                    p { "Saanjh (sāñjh) is the Hindi word for dusk. We are four people, two presses and one very patient dog." }
                }
                div {
                    h2 { "Care" }
                    p { "Posted in two working days." br; "Returns within 30 days, no questions." br; "hello@saanjh.example" }
                }
                div {
                    h2 { "Workshop" }
                    p { "14 Rue Suffren" br; "Puducherry 605 001" br; "Open Thursday to Saturday, four to seven" }
                }
                div {
                    h2 { "Sandbox" }
                    p {
                        "An invented shop for trying Tandem. Nothing is sold and no money moves." br;
                        a href="/events-manager" { "See what Meta would see" }
                    }
                }
            }
        }
    }
}
