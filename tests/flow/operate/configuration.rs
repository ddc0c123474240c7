//! Bad settings end a program with exit code 2 and one clear line, never with a panic. Refusals by the system end it
//! with exit code 1.

use std::collections::BTreeMap;

use tandem_tests::binaries::program;
use tandem_tests::process::{Ended, Process};

/// All programs, each with arguments that make it read its settings.
const PROGRAMS: [(&str, &[&str]); 4] =
    [("tandem-server", &[]), ("tandem-gateway", &[]), ("tandem", &["health"]), ("tandem-sandbox", &[])];

/// Runs a program with only these settings, in an empty folder.
async fn run(name: &str, settings: &[(&str, &str)], arguments: &[&str]) -> anyhow::Result<Ended> {
    let folder = tempfile::tempdir()?;
    let mut environment = BTreeMap::from([
        ("TANDEM_DATA_DIR".to_owned(), folder.path().join("data").display().to_string()),
        ("TANDEM_GRPC_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
        ("TANDEM_HTTP_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
        ("TANDEM_GATEWAY_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
        ("TANDEM_SANDBOX_ADDR".to_owned(), "127.0.0.1:0".to_owned()),
        ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
    ]);
    environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Process::run(&program(name)?, folder.path(), &environment, arguments).await
}

/// Expects that the program refused to start, in one line that contains each of `hints`.
#[track_caller]
fn assert_refused(case: &str, ended: &Ended, hints: &[&str]) {
    let said = format!("{}{}", ended.out, ended.log);
    assert_eq!(ended.code, Some(2), "{case}: {said}");
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "{case}: one line, not\n{said}");
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{case}: {said}");
    for hint in hints {
        let named = said.to_lowercase().contains(&hint.to_lowercase());
        assert!(named, "{case}: the line does not name {hint}: {said}");
    }
}

#[tokio::test]
async fn the_server_says_which_setting_is_wrong() -> anyhow::Result<()> {
    let cases: [(&str, &str); 33] = [
        ("TANDEM_GRPC_ADDR", "nonsense"),
        ("TANDEM_HTTP_ADDR", "127.0.0.1:99999"),
        ("FACEBOOK_PIXEL_ID", "my-pixel"),
        ("META_GRAPH_URL", "graph.facebook.com"),
        ("META_GRAPH_VERSION", "newest"),
        ("META_TIMEOUT", "soon"),
        ("META_CONNECT_TIMEOUT", "-1s"),
        ("CASHFREE_ENVIRONMENT", "STAGING"),
        ("TANDEM_STORE", "postgres://db.example/tandem"),
        ("TANDEM_RETENTION", "a while"),
        ("TANDEM_RETENTION", "191h"),
        ("TANDEM_ALLOWED_ORIGINS", "shop.example"),
        ("TANDEM_ALLOWED_ORIGINS", ","),
        ("TANDEM_ALLOWED_ORIGINS", "https://*"),
        ("TANDEM_TRUSTED_PROXIES", " , "),
        ("FACEBOOK_ACCESS_TOKEN", "EAAB\tx"),
        ("FACEBOOK_ACCESS_TOKEN", "EAAB–x"),
        ("FACEBOOK_APP_SECRET", "'abc'"),
        ("TANDEM_INTERNAL_TOKEN", "Bearer abc"),
        ("CASHFREE_CLIENT_SECRET", ","),
        ("CASHFREE_CLIENT_ID", "TEST_without_its_secret"),
        ("TANDEM_SHOP_URL", "shop"),
        ("TANDEM_TRUSTED_PROXIES", "10.0.0.0/99"),
        ("TANDEM_DEFAULT_COUNTRY", "Atlantis"),
        ("TANDEM_DEFAULT_CURRENCY", "RUPEE"),
        ("TANDEM_WEBHOOK_MAX_AGE", "old"),
        ("TANDEM_JOIN_WAIT", "30"),
        ("TANDEM_BROWSER_POLICY", "hopeful"),
        ("TANDEM_CONSENT_REQUIRED", "perhaps"),
        ("TANDEM_RATE_LIMIT", "fast"),
        ("TANDEM_REFUND_EVENT", "Purchase"),
        ("TANDEM_REFUND_EVENT", "add to cart"),
        ("TANDEM_LOG", "tandem=louder=still"),
    ];
    for (name, value) in cases {
        let ended = run("tandem-server", &[(name, value)], &[]).await?;
        assert_refused(&format!("{name}={value}"), &ended, &[name]);
    }
    Ok(())
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() -> anyhow::Result<()> {
    let secret = "cfsk_ma_prod_very_secret";
    let settings = [("CASHFREE_CLIENT_SECRET_PRODUCTION", secret)];
    let ended = run("tandem-server", &settings, &[]).await?;
    assert_refused("a production secret alone", &ended, &["CASHFREE_ENVIRONMENT"]);
    assert!(!ended.log.contains(secret), "secrets are never shown: {}", ended.log);

    let settings = [("CASHFREE_LEGACY_WEBHOOKS", "true")];
    let ended = run("tandem-server", &settings, &[]).await?;
    assert_refused(
        "legacy notifications without the Orders API",
        &ended,
        &["CASHFREE_LEGACY_WEBHOOKS", "CASHFREE_CLIENT_ID"],
    );

    let settings = [("FACEBOOK_ACCESS_TOKEN_FILE", "/no/such/file")];
    let ended = run("tandem-server", &settings, &[]).await?;
    assert_refused("a secret's file that is not there", &ended, &["FACEBOOK_ACCESS_TOKEN_FILE"]);
    Ok(())
}

#[tokio::test]
async fn the_file_is_checked_like_the_environment() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| -> anyhow::Result<String> {
        let file = folder.path().join(name);
        std::fs::write(&file, text)?;
        Ok(file.display().to_string())
    };
    for (case, text, hint) in [
        ("an unknown key", "join_wiat = \"1s\"\n", "join_wiat"),
        ("an unknown key of a pixel", "[[pixels]]\nid = \"123456789012345\"\ntoken = \"x\"\n", "token"),
        ("a wrong value", "join_wait = \"soon\"\n", "join_wait"),
        ("no TOML", "join_wait: 1s\n", ""),
    ] {
        let file = write("bad.toml", text)?;
        let ended = run("tandem-server", &[("TANDEM_CONFIG", &file)], &[]).await?;
        assert_refused(case, &ended, &[hint]);
    }
    let ended = run("tandem-server", &[("TANDEM_CONFIG", "/no/such/file.toml")], &[]).await?;
    assert_refused("no such file", &ended, &["/no/such/file.toml"]);
    Ok(())
}

#[tokio::test]
async fn a_broken_file_is_told_by_its_line_and_shows_no_secret() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("broken.toml");
    let config = file.display().to_string();
    for broken in ["'topsecret-1234", "\"topsecret-1234", "topsecret-1234", "'topsecret-1234' x"] {
        std::fs::write(&file, format!("join_wait = '1s'\nclaim_secret = {broken}\nlog = 'info'\n"))?;
        for (name, command) in PROGRAMS {
            let ended = run(name, &[("TANDEM_CONFIG", &config)], command).await?;
            let case = format!("{name} with {broken}");
            assert_refused(&case, &ended, &["TANDEM_CONFIG", &config, "line 2"]);
            assert!(!ended.log.contains("topsecret"), "{case}: {}", ended.log);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_no_program_knows_is_refused_by_each() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("misspelt.toml");
    std::fs::write(&file, "claim_secert = 'topsecret-1234'\n")?;
    for (name, command) in PROGRAMS {
        let ended = run(name, &[("TANDEM_CONFIG", &file.display().to_string())], command).await?;
        assert_refused(name, &ended, &["claim_secert", "did you mean claim_secret?"]);
        assert!(!ended.log.contains("topsecret"), "{name}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn a_level_of_the_log_that_does_not_exist_is_refused() -> anyhow::Result<()> {
    for (name, command) in PROGRAMS {
        let ended = run(name, &[("TANDEM_LOG", "verbose")], command).await?;
        assert_refused(name, &ended, &["TANDEM_LOG", "debug"]);
    }
    Ok(())
}

#[tokio::test]
async fn unknown_variables_of_ours_are_told_without_their_value() -> anyhow::Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    // Each program ends by itself, because its port is taken or its server is down.
    let settings = [
        ("TANDEM_GRPC_ADDR", address.as_str()),
        ("TANDEM_GATEWAY_ADDR", &address),
        ("TANDEM_SANDBOX_ADDR", &address),
        ("TANDEM_SERVER_URL", "http://127.0.0.1:9"),
        ("TANDEM_INTERNAL_TOKEN", "token"),
        ("TANDEM_GRPC_ADR", "topsecret-1234"),
        ("CASHFREE_CLIENT_SECERT", "topsecret-1234"),
        ("TANDEM_TESTS_KEEP", "1"),
    ];
    for (name, command) in PROGRAMS {
        let ended = run(name, &settings, command).await?;
        for hint in ["TANDEM_GRPC_ADR", "did you mean TANDEM_GRPC_ADDR?", "CASHFREE_CLIENT_SECERT"] {
            assert!(ended.log.contains(hint), "{name} does not say {hint}: {}", ended.log);
        }
        assert!(!ended.log.contains("topsecret"), "{name}: {}", ended.log);
        assert!(!ended.log.contains("TANDEM_TESTS_KEEP"), "{name}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn check_prints_what_was_understood_and_opens_nothing() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tandem.toml");
    std::fs::write(
        &file,
        "join_wait = '60s'\n[[pixels]]\nid = '123456789012345'\naccess_token = 'topsecret-1234'\n",
    )?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let data = folder.path().join("never-made").display().to_string();
    let settings = [
        ("TANDEM_CONFIG", file.to_str().unwrap_or_default()),
        ("TANDEM_GRPC_ADDR", &address),
        ("TANDEM_DATA_DIR", &data),
        ("TANDEM_CLAIM_SECRET", "topsecret-5678"),
        ("TANDEM_RATE_LIMT", "off"),
    ];
    let ended = run("tandem-server", &settings, &["--check"]).await?;
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
    let lines: Vec<String> =
        ended.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for expected in [
        format!("TANDEM_GRPC_ADDR {address} (environment)").as_str(),
        "TANDEM_JOIN_WAIT 60s (file)",
        "TANDEM_RETENTION 30d (default)",
        "TANDEM_CLAIM_SECRET set (environment)",
        "FACEBOOK_ACCESS_TOKEN unset (default)",
        "pixels[0] 123456789012345, access_token set, app_secret unset (file)",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected} is not in\n{}", ended.out);
    }
    assert!(ended.log.contains("TANDEM_RATE_LIMT"), "the output must name unknown variables: {}", ended.log);
    assert!(!format!("{}{}", ended.out, ended.log).contains("topsecret"), "{}", ended.out);
    assert!(!std::path::Path::new(&data).exists(), "no store is opened");

    let ended = run("tandem-server", &[("TANDEM_JOIN_WAIT", "soon")], &["--check"]).await?;
    assert_refused("--check of a bad setting", &ended, &["TANDEM_JOIN_WAIT"]);
    let ended = run("tandem-server", &[("TANDEM_LOG", "verbose")], &["--check"]).await?;
    assert_refused("--check of a bad level", &ended, &["TANDEM_LOG"]);
    Ok(())
}

#[tokio::test]
async fn the_file_configures_and_the_environment_wins() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tandem.toml");
    std::fs::write(
        &file,
        "browser_policy = \"optimistic\"\njoin_wait = \"60s\"\nrate_limit = \"1/s burst 1\"\n",
    )?;
    let world = tandem_tests::World::builder()
        .without_gateway()
        .server("TANDEM_CONFIG", file.display().to_string())
        .start()
        .await?;
    // The environment has `off`. With the file's limit the server would refuse the second call.
    for _ in 0..3 {
        let claim = tandem_tests::messages::purchase(&tandem_tests::messages::order_id(), "1.00");
        let answer = world.visitor().claim_purchase(claim).await?.outcome?;
        assert!(answer.browser_event.is_some(), "the policy is the file's");
    }
    Ok(())
}

#[tokio::test]
async fn the_gateway_says_which_setting_is_wrong() -> anyhow::Result<()> {
    for (name, value) in [
        ("TANDEM_GATEWAY_ADDR", "here"),
        ("TANDEM_SERVER_URL", "not a url"),
        ("CASHFREE_ALLOWED_ADDRESSES", "52.66.101.190/99"),
        ("CASHFREE_ALLOWED_ADDRESSES", ","),
        ("TANDEM_INTERNAL_TOKEN", "EA–B"),
    ] {
        let ended = run("tandem-gateway", &[(name, value)], &[]).await?;
        assert_refused(&format!("{name}={value}"), &ended, &[name]);
    }
    // A token must not cross a network without TLS.
    let settings = [
        ("TANDEM_SERVER_URL", "http://tandem.internal.example:50051"),
        ("TANDEM_INTERNAL_TOKEN", "token-token-token-token"),
    ];
    let ended = run("tandem-gateway", &settings, &[]).await?;
    assert_refused("a token over plain http", &ended, &["--insecure"]);
    assert!(!ended.log.contains("token-token-token-token"), "{}", ended.log);
    Ok(())
}

#[tokio::test]
async fn every_program_explains_itself() -> anyhow::Result<()> {
    for name in ["tandem-server", "tandem-gateway", "tandem-sandbox", "tandem"] {
        let help = run(name, &[], &["--help"]).await?;
        assert_eq!(help.code, Some(0), "{name} --help: {}", help.log);
        assert!(help.out.contains("Usage"), "{name} --help: {}", help.out);
        let version = run(name, &[], &["--version"]).await?;
        assert_eq!(version.code, Some(0), "{name} --version: {}", version.log);
        assert!(version.out.contains(env!("CARGO_PKG_VERSION")), "{name} --version: {}", version.out);
        let unknown = run(name, &[], &["--no-such-flag"]).await?;
        assert_eq!(unknown.code, Some(2), "{name} --no-such-flag");
    }
    Ok(())
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() -> anyhow::Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    for (name, variable) in [
        ("tandem-server", "TANDEM_GRPC_ADDR"),
        ("tandem-server", "TANDEM_HTTP_ADDR"),
        ("tandem-gateway", "TANDEM_GATEWAY_ADDR"),
        ("tandem-sandbox", "TANDEM_SANDBOX_ADDR"),
    ] {
        let ended = run(name, &[(variable, &address)], &[]).await?;
        let said = format!("{}{}", ended.out, ended.log);
        assert_eq!(ended.code, Some(1), "{name}: the settings are good, and the system refuses: {said}");
        assert!(said.contains(&address) && !said.contains("panicked"), "{name}: {said}");
    }
    Ok(())
}
