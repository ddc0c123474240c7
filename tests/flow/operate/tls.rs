//! TLS on the gRPC port: certificates of the server and of internal callers.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tandem_proto::v1::{
    CaptureLeadResponse, GetTrackingHealthRequest, VerifyWebhookRequest, tracking_service_paths as paths,
};
use tandem_tests::cashfree::Webhook;
use tandem_tests::certificates::{Authority, Pair};
use tandem_tests::grpc_web::{self, Framing};
use tandem_tests::process::{Ended, Process};
use tandem_tests::status::expect_code;
use tandem_tests::world::WorldBuilder;
use tandem_tests::{Caller, INTERNAL_TOKEN, Person, World, binaries, messages, raw};
use tempfile::TempDir;
use tonic::Code;

/// The shop's own authority, and the server's certificate in files.
struct Shop {
    authority: Authority,
    folder: TempDir,
}

impl Shop {
    fn new() -> anyhow::Result<Self> {
        let shop = Self { authority: Authority::new("the shop's CA")?, folder: tempfile::tempdir()? };
        shop.authority.sign("127.0.0.1")?.write(shop.folder.path(), "server")?;
        std::fs::write(shop.folder.path().join("ca.pem"), &shop.authority.pem)?;
        Ok(shop)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn world(&self) -> WorldBuilder {
        World::builder()
            .server("TANDEM_TLS_CERT", self.path("server.pem"))
            .server("TANDEM_TLS_KEY", self.path("server.key"))
            .server("TANDEM_TLS_CLIENT_CA", self.path("ca.pem"))
    }

    fn caller(&self, world: &World) -> anyhow::Result<Caller> {
        Caller::over_tls(&world.grpc, self.authority.believed())
    }

    fn certified(&self, world: &World, pair: &Pair) -> anyhow::Result<Caller> {
        Caller::over_tls(&world.grpc, self.authority.believed().identity(pair.identity()))
    }
}

async fn lead(caller: &Caller) -> Result<CaptureLeadResponse, tonic::Status> {
    caller.capture_lead(messages::lead(&Person::unique())).await
}

#[tokio::test]
async fn services_and_pages_speak_tls_and_nobody_speaks_plainly() -> anyhow::Result<()> {
    let shop = Shop::new()?;
    let world = shop.world().without_gateway().start().await?;
    assert!(world.grpc.starts_with("https://127.0.0.1:"), "the ready line says {}", world.grpc);
    let taken = lead(&shop.caller(&world)?).await?;
    world.wait_for_server_event("Lead", &taken.event_id).await?;

    let root = reqwest::Certificate::from_pem(shop.authority.pem.as_bytes())?;
    for versions in ["HTTP/2.0", "HTTP/1.1"] {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([root.clone()]);
        let client = if versions == "HTTP/1.1" { client.http1_only() } else { client }.build()?;
        let probe = client.get(&world.grpc).send().await?;
        assert_eq!(format!("{:?}", probe.version()), versions);
        let headers = [("origin", world.sandbox.url.clone())];
        let request = messages::lead(&Person::unique());
        let answer = grpc_web::call::<CaptureLeadResponse>(
            &client,
            &world.grpc,
            paths::CAPTURE_LEAD,
            Framing::Binary,
            &headers,
            &request,
        )
        .await?;
        assert_eq!(answer.header("access-control-allow-origin"), world.sandbox.url);
        world.wait_for_server_event("Lead", &answer.outcome?.event_id).await?;
    }

    let plain = Caller::new(&world.grpc.replace("https://", "http://"))?;
    // The code depends on when the caller's library gives up.
    lead(&plain).await.expect_err("without TLS");
    let other = Caller::over_tls(&world.grpc, Authority::new("another CA")?.believed())?;
    expect_code("a caller that does not know the CA", lead(&other).await, Code::Unavailable);
    world.wait_for_health("three leads", |health| health["last_24h"]["lead_events"] == 3).await?;
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_the_shops_ca_stands_for_the_token() -> anyhow::Result<()> {
    let shop = Shop::new()?;
    let world = shop.world().without_gateway().start().await?;
    let health = GetTrackingHealthRequest {};
    let service = shop.certified(&world, &shop.authority.sign("reports.internal")?)?;
    service.get_tracking_health(health).await?;
    let webhook = Webhook::paid(&messages::order_id(), "1499.00", &Person::unique());
    let outcome = service
        .verify_webhook(VerifyWebhookRequest {
            provider: tandem_proto::v1::Provider::Cashfree.into(),
            raw_body: webhook.body,
            headers: [
                ("x-webhook-signature".to_owned(), webhook.signature),
                ("x-webhook-timestamp".to_owned(), webhook.timestamp),
            ]
            .into(),
            ..VerifyWebhookRequest::default()
        })
        .await?;
    assert_eq!(outcome.verdict(), tandem_proto::v1::Verdict::Accepted);

    // A certificate does not make up for a wrong token, and a page's certificate proves nothing.
    let confused = service.clone().with_token("a-wrong-token");
    expect_code("a wrong token", confused.get_tracking_health(health).await, Code::Unauthenticated);
    expect_code("a wrong token", lead(&confused).await, Code::Unauthenticated);
    let page = service.clone().with_header("origin", world.sandbox.url.clone());
    expect_code("a page", page.get_tracking_health(health).await, Code::Unauthenticated);
    lead(&page).await?;

    // Without a certificate the token is enough. Without both, the server refuses the call.
    let stranger = shop.caller(&world)?;
    expect_code("a stranger", stranger.get_tracking_health(health).await, Code::Unauthenticated);
    stranger.clone().with_token(INTERNAL_TOKEN).get_tracking_health(health).await?;

    // The server closes connections with another authority's certificate, for public and internal calls alike.
    let foreign = Authority::new("another CA")?.sign("reports.internal")?;
    lead(&shop.certified(&world, &foreign)?).await.expect_err("another CA's certificate");
    world.wait_for_health("only the page's lead", |health| health["last_24h"]["lead_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn only_the_named_certificates_are_internal() -> anyhow::Result<()> {
    let shop = Shop::new()?;
    let names = "gateway.internal, reports.internal";
    let world = shop.world().server("TANDEM_TLS_CLIENT_NAMES", names).without_gateway().start().await?;
    let health = GetTrackingHealthRequest {};
    for name in ["gateway.internal", "reports.internal"] {
        let service = shop.certified(&world, &shop.authority.sign(name)?)?;
        service.get_tracking_health(health).await?;
    }
    for other in ["laptop.internal", "internal", "gateway.internal.example"] {
        let caller = shop.certified(&world, &shop.authority.sign(other)?)?;
        expect_code(other, caller.get_tracking_health(health).await, Code::Unauthenticated);
        lead(&caller).await.map_err(|status| anyhow::anyhow!("{other} is a stranger: {status}"))?;
        caller.with_token(INTERNAL_TOKEN).get_tracking_health(health).await?;
    }
    let ended = start_with(shop.folder.path(), &[("TANDEM_TLS_CLIENT_NAMES", "gateway.internal")]).await?;
    assert_eq!(ended.code, Some(2), "names without a CA: {}", ended.log);
    assert!(ended.log.contains("TANDEM_TLS_CLIENT_NAMES"), "{}", ended.log);
    Ok(())
}

#[tokio::test]
async fn renewed_certificates_are_used_without_a_restart_and_broken_ones_are_not() -> anyhow::Result<()> {
    let mut shop = Shop::new()?;
    let world = shop.world().without_gateway().start().await?;
    let before = shop.caller(&world)?;
    lead(&before).await?;

    // Another authority signs the new certificate, so that callers can trust only that one.
    let first = std::mem::replace(&mut shop.authority, Authority::new("the shop's next CA")?);
    shop.authority.sign("127.0.0.1")?.write(shop.folder.path(), "server")?;
    lead(&shop.caller(&world)?).await?;
    lead(&before).await?;
    let late = Caller::over_tls(&world.grpc, first.believed())?;
    expect_code("the certificate before", lead(&late).await, Code::Unavailable);

    // Half a file, then a key of another certificate, then no file: none of them changes the certificate in use.
    let good = std::fs::read(shop.path("server.pem"))?;
    std::fs::write(shop.path("server.pem"), &good[..good.len() / 2])?;
    lead(&shop.caller(&world)?).await?;
    std::fs::write(shop.path("server.pem"), &good)?;
    std::fs::write(shop.path("server.key"), shop.authority.sign("127.0.0.1")?.key)?;
    lead(&shop.caller(&world)?).await?;
    lead(&shop.caller(&world)?).await?;
    std::fs::remove_file(shop.path("server.key"))?;
    lead(&shop.caller(&world)?).await?;
    let log = world.server_log();
    let warnings =
        log.lines().filter(|line| line.contains("the changed certificates cannot be used")).count();
    assert_eq!(warnings, 3, "each broken state is one warning");
    assert!(log.contains("TANDEM_TLS_KEY") && log.contains("is not the key of the certificate"));

    // Last step of the rotation: the next CA signs the callers' certificates too.
    shop.authority.sign("127.0.0.1")?.write(shop.folder.path(), "server")?;
    std::fs::write(shop.path("ca.pem"), &shop.authority.pem)?;
    let service = shop.certified(&world, &shop.authority.sign("reports.internal")?)?;
    service.get_tracking_health(GetTrackingHealthRequest {}).await?;
    Ok(())
}

#[tokio::test]
async fn a_silent_handshake_keeps_nobody_waiting_and_is_ended() -> anyhow::Result<()> {
    let shop = Shop::new()?;
    let world = shop.world().without_gateway().start().await?;
    let address = world.grpc.trim_start_matches("https://").to_owned();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(tokio::net::TcpStream::connect(&address).await?);
    }
    let started = std::time::Instant::now();
    lead(&shop.caller(&world)?).await?;
    assert!(started.elapsed() < Duration::from_secs(5), "answered after {:?}", started.elapsed());
    for stream in &mut silent {
        raw::read_to_end(stream, Duration::from_secs(20)).await?;
    }
    Ok(())
}

async fn tandem(world: &World, settings: &[(&str, &str)]) -> anyhow::Result<Ended> {
    let mut environment = BTreeMap::from([("TANDEM_SERVER_URL".to_owned(), world.grpc.clone())]);
    environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Process::run(&binaries::program("tandem")?, &world.log_dir(), &environment, &["health"]).await
}

#[tokio::test]
async fn gateway_and_tool_trust_a_private_ca_and_show_a_certificate() -> anyhow::Result<()> {
    let shop = Shop::new()?;
    shop.authority.sign("gateway.internal")?.write(shop.folder.path(), "gateway")?;
    let settings = [
        ("TANDEM_TLS_CA", shop.path("ca.pem")),
        ("TANDEM_TLS_CLIENT_CERT", shop.path("gateway.pem")),
        ("TANDEM_TLS_CLIENT_KEY", shop.path("gateway.key")),
    ];
    let mut world = shop.world();
    for (name, value) in &settings {
        world = world.gateway(name, value);
    }
    // Neither program has a token or a file with one.
    let world = world
        .gateway_without("TANDEM_INTERNAL_TOKEN")
        .gateway("TANDEM_DATA_DIR", "/does/not/exist")
        .start()
        .await?;
    let ready = reqwest::get(format!("{}/readyz", world.gateway)).await?;
    assert_eq!(ready.status(), 200);
    let order_id = messages::order_id();
    world.pay_order(&order_id, "1499.00", &Person::unique()).await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order_id}")).await?;

    // The gateway gets a new certificate while it runs.
    shop.authority.sign("gateway.internal")?.write(shop.folder.path(), "gateway")?;
    world.pay_order(&messages::order_id(), "1.00", &Person::unique()).await?;

    let nowhere = ("TANDEM_DATA_DIR", "/does/not/exist");
    let [ca, cert, key] = &settings;
    let certified = tandem(&world, &[(ca.0, &ca.1), (cert.0, &cert.1), (key.0, &key.1), nowhere]).await?;
    assert_eq!(certified.code, Some(0), "{}", certified.log);
    let by_token = tandem(&world, &[(ca.0, &ca.1), ("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN)]).await?;
    assert_eq!(by_token.code, Some(0), "{}", by_token.log);
    let unknown = tandem(&world, &[("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN)]).await?;
    assert_eq!(unknown.code, Some(3), "the system does not know the CA: {}", unknown.log);
    assert_eq!(unknown.log.trim().lines().count(), 1, "{}", unknown.log);
    let nobody = tandem(&world, &[(ca.0, &ca.1), nowhere]).await?;
    assert_eq!(nobody.code, Some(2), "neither token nor certificate: {}", nobody.log);
    Ok(())
}

#[tokio::test]
async fn unusable_certificates_end_the_start_with_one_line() -> anyhow::Result<()> {
    let shop = Shop::new()?;
    shop.authority.sign("127.0.0.1")?.write(shop.folder.path(), "other")?;
    let (cert, key, other) = (shop.path("server.pem"), shop.path("server.key"), shop.path("other.key"));
    let cases: [(&str, &[(&str, &str)]); 6] = [
        ("TANDEM_TLS_CERT: ", &[("TANDEM_TLS_CERT", &cert)]),
        ("TANDEM_TLS_KEY: ", &[("TANDEM_TLS_KEY", &key)]),
        ("TANDEM_TLS_CLIENT_CA: ", &[("TANDEM_TLS_CLIENT_CA", &cert)]),
        ("TANDEM_TLS_CERT: ", &[("TANDEM_TLS_CERT", "/does/not/exist"), ("TANDEM_TLS_KEY", &key)]),
        ("TANDEM_TLS_KEY: ", &[("TANDEM_TLS_CERT", &cert), ("TANDEM_TLS_KEY", &other)]),
        (
            "TANDEM_TLS_CLIENT_CA: ",
            &[("TANDEM_TLS_CERT", &cert), ("TANDEM_TLS_KEY", &key), ("TANDEM_TLS_CLIENT_CA", &key)],
        ),
    ];
    for (expected, settings) in cases {
        let ended = start_with(shop.folder.path(), settings).await?;
        assert_eq!(ended.code, Some(2), "{settings:?}: {}", ended.log);
        let line = ended.log.trim();
        assert!(line.contains(expected) && line.lines().count() == 1, "{settings:?}: {line}");
        assert!(!line.contains("PRIVATE KEY"), "{line}");
    }
    Ok(())
}

async fn start_with(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Ended> {
    let mut environment = BTreeMap::from([
        ("TANDEM_DATA_DIR".to_owned(), folder.join("data").display().to_string()),
        ("TANDEM_GRPC_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
        ("TANDEM_HTTP_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
    ]);
    environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Process::run(&binaries::program("tandem-server")?, folder, &environment, &[]).await
}
