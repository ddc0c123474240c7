//! `tandem doctor` on healthy deployments and on faulty ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tandem_tests::certificates::Authority;
use tandem_tests::process::{Ended, Process};
use tandem_tests::world::WorldBuilder;
use tandem_tests::{CASHFREE_SECRET, GRAPH_TOKEN, INTERNAL_TOKEN, PIXEL_ID, Person, World, binaries};

struct Doctor<'a> {
    world: &'a World,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
}

impl<'a> Doctor<'a> {
    /// A doctor with all checks, and with the secret.
    fn new(world: &'a World) -> Self {
        let pairs = [
            ("TANDEM_SERVER_URL", world.grpc.as_str()),
            ("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN),
            ("CASHFREE_CLIENT_SECRET", CASHFREE_SECRET),
        ];
        let environment =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let shop = format!("{}/shop/", world.sandbox.url);
        let arguments = ["doctor", "--gateway-url", &world.gateway, "--shop-url", &shop];
        Self { world, environment, arguments: arguments.map(str::to_owned).to_vec() }
    }

    fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    fn without_gateway(mut self) -> Self {
        self.arguments.retain(|argument| argument != "--gateway-url" && !argument.is_empty());
        self.with("--skip-gateway")
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    async fn says(self) -> anyhow::Result<Ended> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let program = binaries::program("tandem")?;
        let said = Process::run(&program, &self.world.log_dir(), &self.environment, &arguments).await?;
        for secret in [GRAPH_TOKEN, INTERNAL_TOKEN, CASHFREE_SECRET] {
            assert!(!said.out.contains(secret) && !said.log.contains(secret), "{} {}", said.out, said.log);
        }
        Ok(said)
    }

    /// Runs with `--json`. Returns exit code and findings.
    async fn findings(self) -> anyhow::Result<Findings> {
        let said = self.with("--json").says().await?;
        let report: Value = serde_json::from_str(&said.out)?;
        let result = if said.code == Some(0) { "ok" } else { "failed" };
        assert_eq!(report["result"], result, "{report}");
        let list = report["findings"].as_array().cloned().unwrap_or_default();
        for finding in &list {
            let needs_advice = finding["level"] == "failed" || finding["level"] == "warning";
            assert_eq!(finding["advice"] != "", needs_advice, "{finding}");
            assert!(finding["code"] != "" && finding["detail"] != "", "{finding}");
        }
        Ok(Findings { code: said.code, list })
    }
}

struct Findings {
    code: Option<i32>,
    list: Vec<Value>,
}

impl Findings {
    /// `check:code` of each finding with this level.
    fn at(&self, level: &str) -> Vec<String> {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found = self.list.iter().filter(|finding| finding["level"] == level);
        found.map(|finding| format!("{}:{}", word(&finding["check"]), word(&finding["code"]))).collect()
    }

    fn has(&self, level: &str, what: &str) -> bool {
        self.at(level).iter().any(|found| found == what)
    }
}

/// A world whose shop is on the sandbox's origin.
fn world() -> WorldBuilder {
    World::builder().server_without("TANDEM_SHOP_URL")
}

#[tokio::test]
async fn a_healthy_deployment_is_told_so() -> anyhow::Result<()> {
    let world = world().start().await?;
    let visitor = world.visitor();
    let id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.wait_for_server_event("Lead", &id).await?;
    world.confirm_fired(&visitor, "Lead", &id).await?;
    world
        .wait_for_health("a merged lead", |health| health["last_24h"]["deduplication_rate"] == json!(1.0))
        .await?;
    let events = world.sandbox.graph_rows().await?.len();
    let webhooks = world.sandbox.webhooks().await?.len();

    let found = Doctor::new(&world).findings().await?;
    assert_eq!(found.code, Some(0), "{:?}", found.list);
    assert_eq!((found.at("failed"), found.at("warning")), (vec![], vec![]));
    assert_eq!(found.at("skipped"), ["test_event:not_asked_for"]);
    for expected in [
        "server:answers",
        "version:same_version",
        "pixel:delivering",
        "token:token_good",
        "cashfree:secret_set",
        "clock:clock_agrees",
        "clock:clocks_agree",
        "gateway:ready",
        "webhook:unsigned_refused",
        "webhook:ping_taken",
        "cors:origin_listed",
        "cors:others_refused",
        "cors:headers_exposed",
        "page:pixel_on_page",
        "deduplication:seen",
    ] {
        assert!(found.has("ok", expected), "{expected} is not among {:?}", found.at("ok"));
    }
    let said = Doctor::new(&world).says().await?;
    assert!(said.out.contains(" ok, 0 warning, 0 failed, 1 skipped"), "{}", said.out);

    // The checks changed nothing: there is no new event, order or dead letter.
    assert_eq!(world.sandbox.graph_rows().await?.len(), events, "nothing was sent");
    assert_eq!(world.sandbox.webhooks().await?.len(), webhooks);
    let health = world.health().await?;
    assert_eq!(
        (&health["last_24h"]["lead_events"], &health["outbox"]["dead_letters"]),
        (&json!(1), &json!(0))
    );
    let orders = world.internal()?.list_orders(tandem_proto::v1::ListOrdersRequest::default()).await?;
    assert!(orders.orders.is_empty(), "a test webhook must not create an order");
    assert!(!world.server_log().contains(GRAPH_TOKEN), "the token is in no log line");
    Ok(())
}

#[tokio::test]
async fn tokens_that_end_or_may_not_send_are_found() -> anyhow::Result<()> {
    let world = world().without_gateway().start().await?;
    let now_s = i64::try_from(tandem_tests::cashfree::now_ms() / 1000)?;
    for (change, level, code, exit) in [
        (json!({ "token_expires_at": now_s - 60 }), "failed", "token:token_expired", 1),
        (json!({ "token_expires_at": now_s + 3 * 86_400 }), "warning", "token:token_expires_soon", 0),
        (json!({ "token_expires_at": 0, "token_scopes": ["ads_read"] }), "failed", "token:scope_missing", 1),
        (
            json!({ "token_scopes": ["ads_management"], "token": "another" }),
            "failed",
            "token:token_refused",
            1,
        ),
    ] {
        world.sandbox.configure(change.clone()).await?;
        let found = Doctor::new(&world).without_gateway().findings().await?;
        assert!(found.has(level, code), "{change}: {:?}", found.list);
        assert_eq!(found.code, Some(exit), "{change}: {:?}", found.at("failed"));
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_secret_and_a_gateway_that_is_away_are_found() -> anyhow::Result<()> {
    let mut world = world().start().await?;
    let wrong = Doctor::new(&world).variable("CASHFREE_CLIENT_SECRET", "cfsk_wrong").findings().await?;
    assert_eq!((wrong.code, wrong.at("failed")), (Some(1), vec!["webhook:secret_wrong".to_owned()]));

    // The secret may be in a file, and is optional.
    let file = world.log_dir().join("secret");
    std::fs::write(&file, format!("{CASHFREE_SECRET}\n"))?;
    let from_file = Doctor::new(&world)
        .variable("CASHFREE_CLIENT_SECRET", "")
        .variable("CASHFREE_CLIENT_SECRET_FILE", &file.display().to_string())
        .findings()
        .await?;
    assert!(from_file.has("ok", "webhook:ping_taken"), "{:?}", from_file.list);
    let none = Doctor::new(&world).variable("CASHFREE_CLIENT_SECRET", "").findings().await?;
    assert!(none.code == Some(0) && none.has("skipped", "webhook:no_secret_here"), "{:?}", none.list);

    world.restart_server_with(&[("CASHFREE_CLIENT_SECRET", "")]).await?;
    let unset = Doctor::new(&world).findings().await?;
    assert!(unset.has("warning", "cashfree:no_secret"), "{:?}", unset.list);
    world.stop_gateway().await?;
    let away = Doctor::new(&world).findings().await?;
    assert_eq!((away.code, away.at("failed")), (Some(1), vec!["gateway:gateway_away".to_owned()]));
    Ok(())
}

#[tokio::test]
async fn a_shop_that_may_not_call_is_found() -> anyhow::Result<()> {
    let world = world()
        .without_gateway()
        .server("TANDEM_ALLOWED_ORIGINS", "https://www.shop.example")
        .server("TANDEM_COOKIE_DOMAIN", "shop.example")
        .start()
        .await?;
    let found = Doctor::new(&world).without_gateway().findings().await?;
    assert_eq!((found.code, found.at("failed")), (Some(1), vec!["cors:origin_not_listed".to_owned()]));
    assert!(found.has("ok", "cors:others_refused") && found.has("ok", "cookies:set_by_http"));
    assert!(found.has("warning", "cookies:not_under_domain"), "the server is an address");

    world.sandbox.configure(json!({ "pixel_id": "999999999999999" })).await?;
    let other = Doctor::new(&world).without_gateway().findings().await?;
    assert!(other.has("failed", "page:other_pixel"), "{:?}", other.list);
    Ok(())
}

#[tokio::test]
async fn a_server_with_a_certificate_of_the_shops_own_ca_is_looked_at_over_tls() -> anyhow::Result<()> {
    let (authority, folder) = (Authority::new("the shop's CA")?, tempfile::tempdir()?);
    authority.sign("127.0.0.1")?.write(folder.path(), "server")?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("ca.pem"), &authority.pem)?;
    let world = world()
        .without_gateway()
        .server("TANDEM_TLS_CERT", path("server.pem"))
        .server("TANDEM_TLS_KEY", path("server.key"))
        .start()
        .await?;
    let doctor = || Doctor::new(&world).without_gateway();
    let found = doctor().variable("TANDEM_TLS_CA", &path("ca.pem")).findings().await?;
    assert_eq!((found.code, found.at("failed")), (Some(0), vec![]));
    assert!(found.has("ok", "tls:tls") && found.has("ok", "cors:origin_listed"), "{:?}", found.list);
    let unknown = doctor().findings().await?;
    assert!(unknown.has("failed", "server:server_away"), "{:?}", unknown.list);
    assert!(unknown.has("failed", "cors:public_url_away"), "{:?}", unknown.list);
    Ok(())
}

#[tokio::test]
async fn a_clock_that_is_off_is_found() -> anyhow::Result<()> {
    let world = world().without_gateway().start().await?;
    for (offset_s, level, code, exit) in [
        (0, "ok", "clock:clock_agrees", 0),
        (-30, "warning", "clock:clock_off", 0),
        (30, "warning", "clock:clock_off", 0),
        (-3600, "failed", "clock:clock_wrong", 1),
    ] {
        world.sandbox.configure(json!({ "clock_offset_s": offset_s })).await?;
        let found = Doctor::new(&world).without_gateway().findings().await?;
        assert!(found.has(level, code), "{offset_s}: {:?}", found.list);
        assert_eq!(found.code, Some(exit), "{offset_s}: {:?}", found.at("failed"));
        assert!(found.has("ok", "clock:clocks_agree"), "both run on this machine");
    }
    Ok(())
}

#[tokio::test]
async fn a_test_event_goes_out_when_asked_for_and_never_without_its_code() -> anyhow::Result<()> {
    let mut world = world().without_gateway().start().await?;
    let refused = Doctor::new(&world).without_gateway().with("--send-test-event").findings().await?;
    assert_eq!(
        (refused.code, refused.at("failed")),
        (Some(1), vec!["test_event:test_event_code_missing".to_owned()])
    );
    assert!(
        world.sandbox.graph_rows().await?.is_empty(),
        "a test event without a code must not be sent: nobody would see that it is one"
    );

    world.restart_server_with(&[("FACEBOOK_TEST_EVENT_CODE", "TEST12345")]).await?;
    let quiet = Doctor::new(&world).without_gateway().findings().await?;
    assert!(quiet.has("skipped", "test_event:not_asked_for"), "{:?}", quiet.list);
    assert!(world.sandbox.graph_rows().await?.is_empty(), "the doctor must not send a test event unasked");

    let sent = Doctor::new(&world).without_gateway().with("--send-test-event").findings().await?;
    assert!(sent.code == Some(0) && sent.has("ok", "test_event:test_event_taken"), "{:?}", sent.list);
    let rows = world.sandbox.graph_rows().await?;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["test_event_code"], &rows[0]["pixel_id"]), (&json!("TEST12345"), &json!(PIXEL_ID)));
    assert_eq!(rows[0]["event"]["event_name"], "TandemDoctor");
    let lists = world.events("", tandem_proto::v1::EventState::Unspecified).await?;
    assert!(lists.is_empty(), "Tandem must not count the test event");
    Ok(())
}

/// Meta is asked about a token with the token in the URL. No line may have that URL, however much is logged.
#[tokio::test]
async fn the_token_is_in_no_line_even_of_the_finest_log() -> anyhow::Result<()> {
    let world = world().without_gateway().server("TANDEM_LOG", "trace").start().await?;
    let found = Doctor::new(&world).without_gateway().findings().await?;
    assert!(found.has("ok", "token:token_good"), "{:?}", found.list);
    world.capture_lead(&world.visitor(), &Person::unique()).await?;
    world.wait_until_all_is_sent().await?;
    let log = world.server_log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is fine");
    for line in log.lines() {
        assert!(!line.contains(GRAPH_TOKEN) && !line.contains("input_token"), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_away_keeps_nothing_else_from_being_looked_at() -> anyhow::Result<()> {
    let mut world = world().start().await?;
    let token = Doctor::new(&world).variable("TANDEM_INTERNAL_TOKEN", "a-wrong-token").says().await?;
    assert_eq!(token.code, Some(1), "{} {}", token.out, token.log);
    assert!(token.out.contains("[token_refused]") && !token.out.contains("a-wrong-token"), "{}", token.out);
    world.stop_server().await?;
    // For a moment the gateway still believes that the server is up.
    let found = world
        .eventually("the gateway to miss the server", async || {
            let found = Doctor::new(&world).findings().await?;
            Ok(Some(found).filter(|found| found.has("failed", "gateway:gateway_not_ready")))
        })
        .await?;
    assert_eq!(found.code, Some(1));
    for failed in ["server:server_away", "webhook:webhooks_unavailable", "cors:public_url_away"] {
        assert!(found.has("failed", failed), "{failed}: {:?}", found.list);
    }
    assert!(found.has("skipped", "page:no_pixel_known"), "{:?}", found.list);
    let usage = Doctor::new(&world).with("--shop-url").with("nonsense").says().await?;
    assert_eq!(usage.code, Some(2), "{}", usage.log);
    Ok(())
}
