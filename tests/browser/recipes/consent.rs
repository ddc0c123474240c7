//! What a visitor tells a consent banner reaches Tandem: before and after Tandem and the recipe have loaded, and again
//! when the visitor changes their mind.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tandem_tests::browser::{Session, ShopPages};
use tandem_tests::{Person, World};

use super::banners::{COOKIEBOT, GOOGLE, ONETRUST, TCF};
use super::recipe;
use crate::docs::{addressed, page};
use crate::world_with_shop;

const RECIPES: [(&str, &str); 4] = [
    ("consent-google.js", GOOGLE),
    ("consent-tcf.js", TCF),
    ("consent-cookiebot.js", COOKIEBOT),
    ("consent-onetrust.js", ONETRUST),
];

const TANDEM: &str =
    "<script type=\"module\" src=\"/tandem/auto.js\" data-endpoint=\"https://track.shop.example\"
    data-pixel-id=\"123456789012345\" data-consent-required></script>";

/// What the tests' scripts use. A held call says `pending`, and its event is told of when it is fired.
const HAVE: &str = "
    const until = async (is) => {
        for (let looks = 0; looks < 400; looks++) {
            if (await is()) return true;
            await new Promise((resolve) => { setTimeout(resolve, 25); });
        }
        throw new Error('waited in vain for ' + is);
    };
    await until(() => window.tandem?.captureLead && !window.tandem.q);
    const told = window.told ??= [];
    if (!window.isListening) document.addEventListener('tandem:fired', ({ detail }) => told.push(detail.eventId));
    window.isListening = true;
    const lead = async () => (await tandem.captureLead({ email: given[0] })).sent;
    const traces = () => document.cookie.includes('_fb') || typeof window.fbq != 'undefined';";

struct Shop<'a> {
    world: &'a World,
    session: &'a Session,
    pages: &'a ShopPages,
}

impl Shop<'_> {
    /// Opens a page with a banner and a recipe. `head` runs after the banner's script, before the recipe's.
    async fn open(&self, name: &str, banner: &str, head: &str) -> anyhow::Result<()> {
        self.pages.put("/recipe.js", addressed(self.world, &recipe(name)?));
        let body = format!("<script>{banner} {head}</script><script src=\"/recipe.js\"></script>{TANDEM}");
        self.pages.put("/", page(self.world, &body));
        self.session.page.goto(&self.pages.url).await?;
        // Each visit is a new visitor's.
        self.session.page.delete_all_cookies().await?;
        self.session.page.goto(&self.pages.url).await?;
        Ok(())
    }

    async fn run(&self, script: &str) -> anyhow::Result<Value> {
        self.session.run(&format!("{HAVE}{script}"), vec![json!(Person::unique().email)]).await
    }
}

#[tokio::test]
async fn what_a_visitor_tells_a_banner_reaches_tandem() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let pages = ShopPages::start(&world.sandbox.url).await?;
    let shop = Shop { world: &world, session: &session, pages: &pages };
    for (name, banner) in RECIPES {
        for is_late in [false, true] {
            for decided in ["null", "true", "false"] {
                let (head, later) = if is_late {
                    (String::new(), format!("banner.load({decided});"))
                } else {
                    (format!("banner.load({decided});"), String::new())
                };
                shop.open(name, banner, &head).await?;
                let seen = match decided {
                    "null" => undecided(&shop, &later).await,
                    "true" => granted(&shop, &later).await,
                    _ => denied(&shop, &later).await,
                };
                seen.with_context(|| format!("{name}, late: {is_late}, said before: {decided}"))?;
            }
        }
    }
    Ok(())
}

async fn undecided(shop: &Shop<'_>, load: &str) -> anyhow::Result<()> {
    let script = format!(
        "const early = await lead(); {load} const pending = await lead(); const before = traces();
        banner.decide(true); await until(() => told.length === 1 || told.length === 2); const granted = await lead();
        banner.decide(false); const changed = await lead();
        return {{ early, pending, before, granted, changed }};"
    );
    let seen = shop.run(&script).await?;
    let expected = json!({ "early": "pending", "pending": "pending", "before": false, "granted": "fired", "changed": "suppressed" });
    ensure!(seen == expected, "{seen}");
    Ok(())
}

async fn granted(shop: &Shop<'_>, load: &str) -> anyhow::Result<()> {
    let script =
        format!("{load} await until(traces); const now = await lead(); return {{ now, told: told.length }};");
    let seen = shop.run(&script).await?;
    ensure!(seen == json!({ "now": "fired", "told": 1 }), "{seen}");
    Ok(())
}

async fn denied(shop: &Shop<'_>, load: &str) -> anyhow::Result<()> {
    let script = format!(
        "{load} await until(async () => await lead() === 'suppressed'); const before = traces();
        banner.decide(true); const changed = await lead(); return {{ before, changed }};"
    );
    let seen = shop.run(&script).await?;
    ensure!(seen == json!({ "before": false, "changed": "fired" }), "{seen}");
    Ok(())
}

#[tokio::test]
async fn what_is_particular_to_a_banner_is_understood() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let pages = ShopPages::start(&world.sandbox.url).await?;
    let shop = Shop { world: &world, session: &session, pages: &pages };
    let measured =
        "banner.load(null); gtag('consent', 'update', { ...all('granted'), ad_personalization: 'denied' });";
    let regional = "gtag('consent', 'default', { ...all('granted'), region: ['US'] });";
    let by_default = "gtag('consent', 'default', all('granted'));";
    let partial = "banner.load(true); gtag('consent', 'update', { ad_user_data: 'denied' });";
    let no_gdpr = "banner.applies = false; banner.load(true); banner.decide(false);";
    for (name, banner, head, expected) in [
        ("consent-google.js", GOOGLE, measured, "measure_only"),
        ("consent-google.js", GOOGLE, regional, "pending"),
        ("consent-google.js", GOOGLE, by_default, "fired"),
        ("consent-google.js", GOOGLE, partial, "suppressed"),
        ("consent-tcf.js", TCF, no_gdpr, "fired"),
    ] {
        shop.open(name, banner, head).await?;
        let seen =
            shop.run("return { pixel: await lead(), cookies: document.cookie.includes('_fbp') };").await?;
        // For measurement alone, the pixel is left alone and cookies are written.
        let (pixel, cookies) = match expected {
            "measure_only" => ("suppressed", true),
            "fired" => ("fired", true),
            other => (other, false),
        };
        ensure!(seen == json!({ "pixel": pixel, "cookies": cookies }), "{name}, {head}: {seen}");
    }

    // With Meta's number in Google's list, the purposes alone are not enough.
    let required = |number: &str| {
        recipe("consent-tcf.js")
            .map(|text| text.replace("PROVIDER = \"\"", &format!("PROVIDER = \"{number}\"")))
    };
    for (number, expected) in [("89", "fired"), ("9", "suppressed")] {
        shop.open("consent-tcf.js", TCF, "banner.load(true);").await?;
        pages.put("/recipe.js", required(number)?);
        session.page.refresh().await?;
        let seen = shop.run("return lead();").await?;
        ensure!(seen == expected, "{number}: {seen}");
    }
    Ok(())
}
