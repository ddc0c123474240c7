//! The visitor leaves a page as soon as a call has resolved, for example for a payment page.

use anyhow::ensure;
use serde_json::json;
use tandem_tests::PIXEL_ID;
use tandem_tests::browser::{Browser, Profile, Session, Shop};

use crate::world_with_shop;

/// How often the visitor leaves the page. Milliseconds decide whether a request is sent.
const TIMES: usize = 8;

/// Runs as the page's own script, which ends with its page.
const LEAVE: &str = "
    const script = document.createElement('script');
    script.type = 'module';
    script.textContent = `
        import { Tandem } from '/pkg/index.js';
        const tandem = await Tandem.connect(${JSON.stringify(arguments[0])});
        const { eventId } = await tandem.track('Contact');
        location.assign('/livez?id=' + eventId);`;
    document.head.append(script);";

#[tokio::test]
async fn in_chromium_the_pixel_has_its_copy_when_a_call_resolves() -> anyhow::Result<()> {
    leave(Browser::Chromium).await
}

/// Firefox cancels a page's image requests when the visitor leaves the page.
#[tokio::test]
async fn in_firefox_the_pixel_has_its_copy_when_a_call_resolves() -> anyhow::Result<()> {
    leave(Browser::Firefox).await
}

async fn leave(browser: Browser) -> anyhow::Result<()> {
    let world = world_with_shop().await?;
    let session = Session::start_in(browser, Profile::Usual).await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    let options = json!({ "endpoint": world.grpc, "pixelId": PIXEL_ID, "pixelScript": "/fbevents.js" });
    let mut told = Vec::new();
    for _ in 0..TIMES {
        // A page without a policy, which would forbid the script.
        shop.open("/events-manager").await?;
        session.page.execute(LEAVE, vec![options.clone()]).await?;
        shop.arrive("/livez?id=").await?;
        let address = session.page.current_url().await?;
        told.extend(address.query_pairs().map(|(_, id)| id.into_owned()));
    }
    let sent = world.sandbox.pixel_events().await?;
    let is_there =
        |id: &String| sent.iter().any(|event| event["ev"] == "Contact" && event["eid"] == id.as_str());
    let lost = told.iter().filter(|id| !is_there(id)).count();
    ensure!(told.len() == TIMES && lost == 0, "{lost} of {} events did not reach the pixel", told.len());
    Ok(())
}
