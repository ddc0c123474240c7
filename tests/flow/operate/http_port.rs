//! The HTTP port: probes, metrics, health and dashboard. Nothing on it changes anything.

use reqwest::Method;
use serde_json::Value;
use tandem_tests::{PIXEL_ID, Person, World, http};

#[tokio::test]
async fn probes_metrics_and_health_are_there() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    world.wait_until_all_is_sent().await?;
    world.wait_for_health("the delivery", |health| health["last_24h"]["delivery_rate"] == 1.0).await?;
    for path in ["/livez", "/readyz"] {
        assert_eq!(world.get(path).await?.status(), 200, "{path}");
    }
    let metrics = world.get("/metrics").await?;
    assert_eq!(metrics.status(), 200);
    let metrics = metrics.text().await?;
    let samples: Vec<&str> =
        metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert!(samples.len() > 10, "{metrics}");
    for sample in &samples {
        assert!(sample.starts_with("tandem_"), "a metric without Tandem's prefix: {sample}");
    }
    assert!(metrics.contains("# TYPE tandem_") && metrics.contains("# HELP tandem_"));

    let health = world.get("/api/tracking-health").await?;
    assert_eq!(health.status(), 200);
    let kind = health.headers()["content-type"].to_str()?.to_owned();
    assert!(kind.starts_with("application/json"), "{kind}");
    let health: Value = health.json().await?;
    assert_eq!(health["status"], "healthy", "{health}");
    assert!(health["reasons"].as_array().is_some_and(Vec::is_empty), "{health}");
    let figures = &health["last_24h"];
    assert_eq!(figures["lead_events"], 1);
    assert_eq!(figures["purchase_events"], 0);
    assert_eq!(figures["error_rate"].as_f64(), Some(0.0));
    assert_eq!(figures["delivery_rate"].as_f64(), Some(1.0));
    for name in ["avg_response_time", "p99_response_time"] {
        assert!(figures[name].as_f64().is_some_and(|ms| ms >= 0.0), "{name} in {health}");
    }
    for name in ["deduplication_rate", "capi_timeout_rate"] {
        let value = figures.get(name);
        assert!(value.is_some_and(|value| value.is_null() || value.is_number()), "{name} in {health}");
    }
    for name in ["pending", "oldest_age_seconds", "held", "dead_letters"] {
        assert_eq!(health["outbox"][name], 0, "{name} in {health}");
    }
    let pixel = &health["pixels"][0];
    assert_eq!((pixel["pixel_id"].as_str(), pixel["state"].as_str()), (Some(PIXEL_ID), Some("delivering")));
    assert!(pixel.get("reason").is_some());
    Ok(())
}

#[tokio::test]
async fn the_page_shows_events_and_changes_nothing() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let person = Person::unique();
    let id = world.capture_lead(&world.visitor(), &person).await?.event_id;
    world.wait_for_server_event("Lead", &id).await?;
    let page = world.get("/").await?;
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-type"].to_str()?.starts_with("text/html"));
    let html = page.text().await?;
    assert!(html.contains("Lead") && html.contains(PIXEL_ID), "{html}");
    assert!(!html.to_lowercase().contains(&person.email.to_lowercase()));

    for path in ["/", "/livez", "/readyz", "/metrics", "/api/tracking-health"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let url = format!("{}{path}", world.http_url);
            let status = http::client().request(method.clone(), url).send().await?.status();
            assert_eq!(status, 405, "{method} {path}");
        }
    }
    assert_eq!(world.get("/no/such/page").await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn a_foreign_host_is_refused_and_probes_answer_every_host() -> anyhow::Result<()> {
    // Otherwise a page on the internet could read the dashboard by rebinding its own name (DNS rebinding).
    let names = "tandem.internal, Metrics.Shop.example";
    let world = World::builder().server("TANDEM_HTTP_HOSTS", names).without_gateway().start().await?;
    let get = |path: &str, host: &str| {
        http::client().get(format!("{}{path}", world.http_url)).header("host", host).send()
    };
    let guarded = ["/", "/api/tracking-health", "/metrics", "/dashboard.js"];
    for host in [
        "evil.example",
        "evil.example:9090",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.tandem.internal",
        "tandem.internal.evil.example",
    ] {
        for path in guarded {
            assert_eq!(get(path, host).await?.status(), 421, "{path} for {host}");
        }
        for path in ["/livez", "/readyz"] {
            assert_eq!(get(path, host).await?.status(), 200, "{path} for {host}");
        }
    }
    let port = world.http_url.rsplit(':').next().unwrap_or_default();
    for host in [
        format!("localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("[::1]:{port}"),
        "10.1.2.3".to_owned(),
        "tandem.internal:9090".to_owned(),
        "TANDEM.internal".to_owned(),
        "metrics.shop.example.".to_owned(),
    ] {
        for path in guarded {
            assert_eq!(get(path, &host).await?.status(), 200, "{path} for {host}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_start_on_all_addresses_says_who_can_read_what() -> anyhow::Result<()> {
    let open = World::builder().server("TANDEM_HTTP_ADDR", "0.0.0.0:0").without_gateway().start().await?;
    let log = open.server_log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("can be read by everybody")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in ["/metrics", "dashboard", "TANDEM_HTTP_ADDR"] {
        assert!(lines[0].contains(part), "{}", lines[0]);
    }
    let closed = World::builder().without_gateway().start().await?;
    assert!(!closed.server_log().contains("can be read by everybody"));
    Ok(())
}
