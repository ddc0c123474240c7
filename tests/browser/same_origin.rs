//! One address for shop and server: a real web server passes one path to Tandem, with the configuration in
//! `docs/serving.md`.

use anyhow::{Context as _, ensure};
use serde_json::json;
use tandem_proto::v1::CaptureLeadResponse;
use tandem_proto::v1::tracking_service_paths::CAPTURE_LEAD;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::grpc_web::{self, Framing};
use tandem_tests::web_server::{Kind, WebServer, free_port};
use tandem_tests::{PIXEL_ID, Person, World, documents, messages, skip};

use crate::wait_until_deduplicated;

/// A world behind a web server. `None` where that is not installed.
async fn behind(kind: Kind, test: &str) -> anyhow::Result<Option<(World, WebServer)>> {
    let Some(program) = kind.installed() else {
        skip(&format!("same_origin::{test}"), &format!("{} is not installed", kind.name()));
        return Ok(None);
    };
    let port = free_port()?;
    let origin = format!("http://127.0.0.1:{port}");
    let settings = documents::serving_block("sh")?;
    ensure!(settings.contains("TANDEM_TRUSTED_PROXIES="), "the settings name the proxy: {settings}");
    let mut builder = World::builder();
    for line in settings.lines() {
        let (name, value) = line.split_once('=').context("a setting")?;
        builder = builder.server(name, value.replace("https://shop.example", &origin));
    }
    let world = builder.start().await?;
    let shop = world.sandbox.url.trim_end_matches('/');
    let server = WebServer::start(kind, &program, port, &world.grpc, shop).await?;
    Ok(Some((world, server)))
}

#[tokio::test]
async fn package_lead_and_purchase_go_through_a_path_that_nginx_passes() -> anyhow::Result<()> {
    buy(Kind::Nginx, "package_lead_and_purchase_go_through_a_path_that_nginx_passes").await
}

#[tokio::test]
async fn package_lead_and_purchase_go_through_a_path_that_caddy_passes() -> anyhow::Result<()> {
    buy(Kind::Caddy, "package_lead_and_purchase_go_through_a_path_that_caddy_passes").await
}

#[tokio::test]
async fn nginx_reports_the_visitors_address_and_passes_no_token() -> anyhow::Result<()> {
    call_directly(Kind::Nginx, "nginx_reports_the_visitors_address_and_passes_no_token").await
}

#[tokio::test]
async fn caddy_reports_the_visitors_address_and_passes_no_token() -> anyhow::Result<()> {
    call_directly(Kind::Caddy, "caddy_reports_the_visitors_address_and_passes_no_token").await
}

async fn buy(kind: Kind, test: &str) -> anyhow::Result<()> {
    let Some((world, server)) = behind(kind, test).await? else { return Ok(()) };
    let (session, person, order) = (Session::start().await?, Person::unique(), messages::order_id());
    Shop::new(&session, &server.url).open("/events-manager").await?;
    let script = "
        const [pixelId, person, orderId] = given;
        const { Tandem } = await import('/t/web/index.js');
        const options = { pixelId, endpoint: '/t', pixelScript: '/fbevents.js', currency: 'INR', defaultCountry: 'IN' };
        const tandem = window.connected = await Tandem.connect(options);
        const lead = await tandem.captureLead(person);
        await tandem.track('InitiateCheckout', { orderId, value: 1499 });
        const asked = performance.getEntriesByType('resource').map(({ name }) => name);
        return { lead, asked, cookies: document.cookie };";
    let who = json!({ "email": person.email, "phone": person.phone });
    let seen = session.run(script, vec![json!(PIXEL_ID), who, json!(order)]).await?;
    assert_eq!(seen["lead"]["pixel"], "fired", "{seen}");
    assert_eq!(seen["lead"]["queued"], false, "{seen}");
    assert!(seen["cookies"].as_str().is_some_and(|cookies| cookies.contains("_fbp=")), "{seen}");
    let asked: Vec<&str> =
        seen["asked"].as_array().into_iter().flatten().filter_map(|url| url.as_str()).collect();
    for part in ["/t/web/index.js", "/t/web/tandem_web_bg.wasm", "/t/tandem.v1.TrackingService/CaptureLead"] {
        assert!(asked.iter().any(|url| *url == format!("{}{part}", server.url)), "{part}: {asked:?}");
    }
    assert!(
        asked.iter().all(|url| url.starts_with(&server.url)),
        "nothing leaves the shop's origin: {asked:?}"
    );
    let id = seen["lead"]["eventId"].as_str().unwrap_or_default();
    world.wait_for_server_event("Lead", id).await?;
    wait_until_deduplicated(&world, "Lead", id).await?;

    world.pay_order(&order, "1499.00", &person).await?;
    let purchase =
        session.run("return connected.recordPurchase({ orderId: given[0] });", vec![json!(order)]).await?;
    assert_eq!(purchase["pixel"], "fired", "{purchase}");
    wait_until_deduplicated(&world, "Purchase", &format!("purchase_{order}")).await
}

/// What a visitor writes into the headers counts for nothing.
async fn call_directly(kind: Kind, test: &str) -> anyhow::Result<()> {
    let Some((world, server)) = behind(kind, test).await? else { return Ok(()) };
    // Another loopback address than the proxy's stands for a visitor's.
    let http = reqwest::Client::builder()
        .no_proxy()
        .local_address("127.0.0.2".parse::<std::net::IpAddr>()?)
        .build()?;
    let endpoint = format!("{}/t", server.url);
    let headers = [("x-forwarded-for", "203.0.113.9".to_owned()), ("origin", server.url.clone())];
    let lead = messages::lead(&Person::unique());
    let answer: grpc_web::Answer<CaptureLeadResponse> =
        grpc_web::call(&http, &endpoint, CAPTURE_LEAD, Framing::Binary, &headers, &lead).await?;
    let id = answer.outcome.context("the lead")?.event_id;
    let event = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(event.match_key("client_ip_address"), "127.0.0.2");

    // The shop's own services do not come this way: the proxy takes their token away.
    let token = [("authorization", format!("Bearer {}", tandem_tests::INTERNAL_TOKEN))];
    let path = "/tandem.v1.OperationsService/GetTrackingHealth";
    let refused: grpc_web::Answer<()> =
        grpc_web::call(&http, &endpoint, path, Framing::Binary, &token, &()).await?;
    assert_eq!(refused.outcome.err().map(|status| status.code()), Some(tonic::Code::Unauthenticated));
    Ok(())
}
