//! Settings that work and that somebody should look at: the log, `--check`, health and doctor say the same.

use serde_json::{Value, json};
use tandem_tests::process::{Ended, Process};
use tandem_tests::{CASHFREE_SECRET, GRAPH_TOKEN, INTERNAL_TOKEN, Person, World, binaries};

fn has_reason(health: &Value, reason: &str) -> bool {
    health["reasons"].as_array().is_some_and(|reasons| reasons.iter().any(|found| found == reason))
}

async fn run(world: &World, program: &str, arguments: &[&str]) -> anyhow::Result<Ended> {
    let mut environment = world.server_environment().clone();
    environment.insert("TANDEM_SERVER_URL".to_owned(), world.grpc.clone());
    Process::run(&binaries::program(program)?, &world.log_dir(), &environment, arguments).await
}

#[tokio::test]
async fn a_weak_or_misplaced_secret_is_told_in_every_place_and_works() -> anyhow::Result<()> {
    let world = World::builder()
        .without_gateway()
        .server("TANDEM_CLAIM_SECRET", "x")
        .server("CASHFREE_ENVIRONMENT", "PRODUCTION")
        .server("CASHFREE_CLIENT_SECRET_PRODUCTION", CASHFREE_SECRET)
        .start()
        .await?;
    let reasons =
        ["secret_short:TANDEM_CLAIM_SECRET", "secret_of_other_environment:CASHFREE_CLIENT_SECRET_PRODUCTION"];
    let health = world.health().await?;
    assert_eq!((&health["status"], &health["reasons"]), (&json!("healthy"), &json!(reasons)));
    world.capture_lead(&world.visitor(), &Person::unique()).await?;
    let check = run(&world, "tandem-server", &["--check"]).await?;
    assert_eq!(check.code, Some(0), "{}", check.log);
    let doctor = run(&world, "tandem", &["doctor", "--skip-gateway", "--json"]).await?;
    let report: Value = serde_json::from_str(&doctor.out)?;
    for (code, subject) in reasons.iter().filter_map(|reason| reason.split_once(':')) {
        for (place, said) in [("the log", world.server_log()), ("--check", check.log.clone())] {
            assert!(said.contains(subject) && !said.contains(CASHFREE_SECRET), "{place}: {said}");
        }
        let found = report["findings"].as_array().into_iter().flatten();
        let found: Vec<_> = found.filter(|found| found["code"] == code).collect();
        assert_eq!(found.len(), 1, "{report}");
        assert_eq!((&found[0]["subject"], &found[0]["level"]), (&json!(subject), &json!("warning")));
    }
    Ok(())
}

#[tokio::test]
async fn a_token_file_that_is_spoilt_is_named_and_the_last_good_token_stays() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("token");
    std::fs::write(&file, GRAPH_TOKEN)?;
    let world = World::builder()
        .without_gateway()
        .server_without("FACEBOOK_ACCESS_TOKEN")
        .server("FACEBOOK_ACCESS_TOKEN_FILE", file.display().to_string())
        .start()
        .await?;
    let reason = "secret_file_unusable:FACEBOOK_ACCESS_TOKEN_FILE";
    assert!(!has_reason(&world.health().await?, reason));
    for spoilt in ["EAAB\tx", "EAAB–x", "\"EAAB\"", ""] {
        std::fs::write(&file, spoilt)?;
        let health = world.wait_for_health("the file", |health: &Value| has_reason(health, reason)).await?;
        assert_eq!(health["status"], "degraded", "{spoilt:?}");
        let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
        world.wait_for_server_event("Lead", &id).await?;
        std::fs::write(&file, GRAPH_TOKEN)?;
        world.wait_for_health("the good file", |health: &Value| !has_reason(health, reason)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_gateway_without_a_token_says_so_at_its_start() -> anyhow::Result<()> {
    let world = World::builder().gateway_without("TANDEM_INTERNAL_TOKEN").start().await?;
    let logs = world.product_logs().into_iter();
    let gateways = logs.filter(|path| path.to_string_lossy().contains("gateway"));
    let said: String = gateways.filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    assert!(said.contains("no internal token") && !said.contains(INTERNAL_TOKEN), "{said}");
    Ok(())
}
