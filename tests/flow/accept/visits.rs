//! Which page an event happened on, and who is nobody's visit.

use tandem_proto::v1::{Browser, TrackEventRequest, User};
use tandem_tests::status::expect_fields;
use tandem_tests::{Person, World, messages};

/// Addresses that pages and services give as `event_source_url`, and that are none.
const NO_ADDRESSES: [&str; 6] = [
    "www.shop.example/thanks?x=1",
    "./cart",
    "/thanks",
    "about:blank",
    "file:///C:/shop/index.html",
    "https://",
];
const GOOGLEBOT: &str = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) \
     Chrome/120.0.0.0 Safari/537.36";

fn on(address: &str) -> Option<Browser> {
    Some(Browser { event_source_url: Some(address.to_owned()), ..Browser::default() })
}

#[tokio::test]
async fn an_address_that_is_none_costs_a_page_nothing_and_is_told_to_a_service() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_ALLOWED_ORIGINS", "https://shop.example")
        .server("TANDEM_SHOP_URL", "https://shop.example/start")
        .without_gateway()
        .start()
        .await?;
    let mut visitor = world.visitor();
    for address in NO_ADDRESSES {
        for (origin, page) in
            [(Some("https://shop.example"), "https://shop.example/"), (None, "https://shop.example/start")]
        {
            visitor.origin = origin.map(str::to_owned);
            let mut request = messages::lead(&Person::unique());
            request.browser = on(address);
            let id = visitor.capture_lead(request).await?.outcome?.event_id;
            let arrived = world.wait_for_server_event("Lead", &id).await?;
            assert_eq!(arrived.text(&["event_source_url"]), page, "{address} from {origin:?}");
        }
        let mut request = messages::lead(&Person::unique());
        request.browser = on(address);
        let refused = world.internal()?.capture_lead(request).await;
        expect_fields(address, refused, &["browser.event_source_url"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_long_address_is_cut_after_its_click_id_was_read() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_ALLOWED_ORIGINS", "https://shop.example")
        .without_gateway()
        .start()
        .await?;
    let mut visitor = world.visitor();
    visitor.origin = Some("https://shop.example".to_owned());
    let (query, path) = ("q".repeat(2400), "p".repeat(2400));
    for (address, kept) in [
        (format!("https://shop.example/deck?{query}=1&fbclid=IwAR-Click_1"), "https://shop.example/deck"),
        (format!("https://shop.example/{path}?fbclid=IwAR-Click_1"), "https://shop.example/"),
    ] {
        let mut request = messages::lead(&Person::unique());
        request.browser = on(&address);
        let id = visitor.capture_lead(request).await?.outcome?.event_id;
        let arrived = world.wait_for_server_event("Lead", &id).await?;
        assert_eq!(arrived.text(&["event_source_url"]), kept);
        assert!(arrived.match_key("fbc").ends_with(".IwAR-Click_1"), "{}", arrived.match_key("fbc"));
    }
    Ok(())
}

#[tokio::test]
async fn page_events_of_crawlers_are_kept_out_and_counted() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut crawler = world.visitor();
    crawler.user_agent = GOOGLEBOT.to_owned();
    let view = || TrackEventRequest {
        client_event_id: messages::event_id(),
        event_name: "PageView".to_owned(),
        ..TrackEventRequest::default()
    };

    let kept_out = view();
    let answer = crawler.track_event(kept_out.clone()).await?.outcome?;
    assert_eq!(answer.suppressed_reason, "crawler");
    assert_eq!((answer.event_id, answer.browser_event), (kept_out.client_event_id.clone(), None));
    let metrics = world.get("/metrics").await?.text().await?;
    assert!(metrics.contains("tandem_ingest_crawler_events_total 1"), "{metrics}");

    // A wrong guess must cost neither a lead nor an order's signals, and a service may repeat any User-Agent.
    let person = Person::unique();
    let lead = crawler.capture_lead(messages::lead(&person)).await?.outcome?;
    world.wait_for_server_event("Lead", &lead.event_id).await?;
    let known = TrackEventRequest {
        user: Some(User { email: Some(person.email.clone()), ..User::default() }),
        ..view()
    };
    let of_order = TrackEventRequest {
        event_name: "InitiateCheckout".to_owned(),
        order_id: messages::order_id(),
        ..view()
    };
    for request in [known, of_order] {
        let name = request.event_name.clone();
        let id = crawler.track_event(request).await?.outcome?.event_id;
        world.wait_for_server_event(&name, &id).await?;
    }
    let mut repeated = view();
    repeated.browser = Some(Browser {
        client_user_agent: Some(GOOGLEBOT.to_owned()),
        client_ip_address: Some("49.37.1.2".to_owned()),
        ..Browser::default()
    });
    let id = world.internal()?.track_event(repeated).await?.event_id;
    world.wait_for_server_event("PageView", &id).await?;
    assert!(world.sandbox.server_events_with_id("PageView", &kept_out.client_event_id).await?.is_empty());
    Ok(())
}
