//! Meta's cookies as the package sets them.

use serde_json::{Value, json};
use tandem_tests::Person;
use tandem_tests::browser::Session;

use crate::page::Page;
use crate::world_with_shop;

/// Connects without Meta's library, which sets such cookies itself, and reads the cookies.
const COOKIES: &str = "
    await Tandem.connect({ ...options, pixelScript: '/none.js', ...more });
    return Object.fromEntries(document.cookie.split('; ').filter(Boolean).map((pair) => pair.split('=')));";

/// Reads the cookies without Tandem.
const LOOK: &str =
    "return Object.fromEntries(document.cookie.split('; ').filter(Boolean).map((pair) => pair.split('=')))";

fn parts<'a>(cookies: &'a Value, name: &str) -> Vec<&'a str> {
    cookies[name].as_str().unwrap_or_default().split('.').collect()
}

#[tokio::test]
async fn cookies_live_on_the_shops_own_domain_below_a_public_suffix() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open_on("www.shop.example.co.in", "?fbclid=IwAR1-Click_ID").await?;
    let made = page.run(COOKIES, json!({})).await?;
    let (fbp, fbc) = (parts(&made, "_fbp"), parts(&made, "_fbc"));
    assert_eq!((fbp[0], fbp[1], fbp[2].len(), fbp[3].len()), ("fb", "2", 13, 10), "{made}");
    assert_eq!((fbc[0], fbc[1], fbc[3]), ("fb", "2", "IwAR1-Click_ID"), "{made}");
    assert_eq!(made.as_object().map(serde_json::Map::len), Some(2), "no other cookie is set: {made}");

    page.open_on("example.co.in", "").await?;
    assert_eq!(page.session.run(LOOK, vec![]).await?, made, "the whole domain has the cookies");
    let stored = session.page.get_named_cookie("_fbc").await?;
    assert_eq!(stored.domain().map(|domain| domain.trim_start_matches('.')), Some("example.co.in"));
    assert_eq!(stored.same_site().map(|rule| rule.to_string()).as_deref(), Some("Lax"));
    let left_s = stored.expires_datetime().map_or(0, |at| at.unix_timestamp() - now_s());
    assert!((89 * 86_400..=90 * 86_400).contains(&left_s), "{left_s} s");
    Ok(())
}

fn now_s() -> i64 {
    std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() as i64)
}

#[tokio::test]
async fn a_click_is_dated_once_and_another_click_takes_its_place() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    page.open("?fbclid=AbC-1_x").await?;
    let first = page.run(COOKIES, json!({})).await?;
    assert_eq!((parts(&first, "_fbc")[1], parts(&first, "_fbc")[3]), ("0", "AbC-1_x"), "an address: {first}");
    for query in [
        "?fbclid=AbC-1_x",
        "",
        "?fbclid=A.B",
        "?fbclid=",
        "?fbclid=None",
        "?fbclid=%5Bfbclid%5D",
        "?fbclid=null&fbclid=AbC-1_x",
    ] {
        page.open(query).await?;
        assert_eq!(page.run(COOKIES, json!({})).await?, first, "{query}");
    }
    // Meta's own library refuses a click ID of this length.
    page.open(&format!("?fbclid={}", "a".repeat(501))).await?;
    assert_eq!(page.run(COOKIES, json!({})).await?, first);

    page.open("?fbclid=abc-1_x").await?;
    let second = page.run(COOKIES, json!({})).await?;
    assert_eq!(second["_fbp"], first["_fbp"]);
    assert_eq!(parts(&second, "_fbc")[3], "abc-1_x", "click IDs are case-sensitive");
    assert!(parts(&second, "_fbc")[2] > parts(&first, "_fbc")[2]);
    Ok(())
}

#[tokio::test]
async fn placeholders_are_neither_written_nor_kept() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    for query in ["?fbclid=None", "?fbclid=(not%20set)", "?fbclid=%7B%7Bclick_id%7D%7D", "?fbclid=0000"] {
        page.open(query).await?;
        let made = page.run(COOKIES, json!({})).await?;
        assert!(made["_fbc"].is_null(), "{query}: {made}");
    }
    page.open("?fbclid=AbC-1_x").await?;
    let before = "document.cookie = '_fbp=fb.1.1700000000000.abc'; document.cookie = '_fbc=fb.1.1700000000000.undefined';";
    let made = page.run(&format!("{before}{COOKIES}"), json!({})).await?;
    assert!(parts(&made, "_fbp")[3].parse::<u64>().is_ok(), "{made}");
    assert_eq!(parts(&made, "_fbc")[3], "AbC-1_x", "{made}");
    Ok(())
}

#[tokio::test]
async fn no_cookie_is_written_without_consent() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let page = Page { world: &world, session: &session, person: &person };
    for refusal in [json!({ "consent": { "ads": "denied" } }), json!({ "consentRequired": true })] {
        page.open("?fbclid=AbC-1_x").await?;
        assert_eq!(page.run(COOKIES, refusal).await?, json!({}));
    }
    Ok(())
}

#[tokio::test]
async fn where_the_server_makes_the_cookies_the_page_makes_none_and_sends_them_along() -> anyhow::Result<()> {
    let (mut world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let port = world.sandbox.url.rsplit(':').next().unwrap_or_default().to_owned();
    let origin = format!("http://www.shop.example.co.in:{port}");
    world
        .restart_server_with(&[
            ("TANDEM_COOKIE_DOMAIN", "example.co.in"),
            ("TANDEM_ALLOWED_ORIGINS", &origin),
        ])
        .await?;
    let page = Page { world: &world, session: &session, person: &person };
    page.open_on("www.shop.example.co.in", "?fbclid=IwAR1-Click_ID").await?;
    let script = "
        const asked = [];
        const { fetch } = window;
        window.fetch = (url, how) => {
            if (String(url).startsWith(endpoint)) asked.push(how.credentials);
            return fetch(url, how);
        };
        const tandem = await Tandem.connect({ ...options, pixelScript: '/none.js', ...more });
        const made = document.cookie;
        const { eventId, queued } = await tandem.captureLead(person);
        return { made, eventId, queued, asked };";
    let seen = page.run(script, json!({ "cookies": "server" })).await?;
    assert_eq!((&seen["made"], &seen["queued"]), (&json!(""), &json!(false)), "{seen}");
    let asked = seen["asked"].as_array().cloned().unwrap_or_default();
    assert!(!asked.is_empty() && asked.iter().all(|credentials| credentials == "include"), "{seen}");
    let id = seen["eventId"].as_str().unwrap_or_default();
    let arrived = world.wait_for_server_event("Lead", id).await?;
    assert!(
        arrived.match_key("fbc").ends_with(".IwAR1-Click_ID"),
        "the call carries the click ID without a cookie"
    );
    Ok(())
}
