use tandem_core::page_url::PageUrl;

use super::*;
use crate::config::Origin;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingError> {
    Settings::read(&Source::from_pairs(pairs.iter().copied()))
}

fn error_of(pairs: &[(&str, &str)]) -> String {
    read(pairs).expect_err("must be refused").to_string()
}

#[test]
fn an_empty_environment_is_a_working_default() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.grpc_addr.to_string(), "127.0.0.1:50051");
    assert_eq!(settings.meta.graph_version, "v25.0");
    assert_eq!(settings.join_wait.as_secs(), 30);
    assert_eq!(settings.default_currency.as_str(), "INR");
    assert!(settings.pixels.is_empty());
    assert!(settings.rate_limit.is_some());
}

#[test]
fn faults_are_one_line_that_names_the_variable() {
    for (pairs, name) in [
        (&[("TANDEM_GRPC_ADDR", "nowhere")][..], "TANDEM_GRPC_ADDR"),
        (&[("FACEBOOK_PIXEL_ID", "abc")], "FACEBOOK_PIXEL_ID"),
        (&[("FACEBOOK_ACCESS_TOKEN", "t")], "FACEBOOK_PIXEL_ID"),
        (&[("META_GRAPH_URL", "graph")], "META_GRAPH_URL"),
        (&[("META_GRAPH_URL", "http://graph.facebook.com")], "META_GRAPH_URL"),
        (&[("META_GRAPH_URL", "http://10.0.0.7:8090/graph")], "META_GRAPH_URL"),
        (&[("CASHFREE_API_URL", "http://api.cashfree.com/pg")], "CASHFREE_API_URL"),
        (&[("META_GRAPH_VERSION", "25")], "META_GRAPH_VERSION"),
        (&[("CASHFREE_ENVIRONMENT", "LIVE")], "CASHFREE_ENVIRONMENT"),
        (&[("CASHFREE_CLIENT_SECRET_PRODUCTION", "s")], "CASHFREE_ENVIRONMENT"),
        (&[("TANDEM_JOIN_WAIT", "soon")], "TANDEM_JOIN_WAIT"),
        (&[("TANDEM_RATE_LIMIT", "much")], "TANDEM_RATE_LIMIT"),
        (&[("TANDEM_ALLOWED_ORIGINS", "shop")], "TANDEM_ALLOWED_ORIGINS"),
        (&[("TANDEM_ALLOWED_ORIGINS", ",")], "TANDEM_ALLOWED_ORIGINS"),
        (&[("TANDEM_ALLOWED_ORIGINS", "https://*.in")], "TANDEM_ALLOWED_ORIGINS"),
        (&[("TANDEM_TRUSTED_PROXIES", ",")], "TANDEM_TRUSTED_PROXIES"),
        (&[("FACEBOOK_ACCESS_TOKEN", "hunter2\tx"), ("FACEBOOK_PIXEL_ID", "1")], "FACEBOOK_ACCESS_TOKEN"),
        (&[("FACEBOOK_ACCESS_TOKEN", "hunter2–x"), ("FACEBOOK_PIXEL_ID", "1")], "FACEBOOK_ACCESS_TOKEN"),
        (&[("FACEBOOK_APP_SECRET", "'hunter2'")], "FACEBOOK_APP_SECRET"),
        (&[("TANDEM_INTERNAL_TOKEN", "good,Bearer hunter2")], "TANDEM_INTERNAL_TOKEN"),
        (&[("CASHFREE_CLIENT_SECRET", ", ")], "CASHFREE_CLIENT_SECRET"),
        (&[("CASHFREE_CLIENT_ID", "TEST1")], "CASHFREE_CLIENT_ID"),
        (&[("CASHFREE_CLIENT_ID", "T 1"), ("CASHFREE_CLIENT_SECRET", "s")], "CASHFREE_CLIENT_ID"),
        (
            &[
                ("CASHFREE_CLIENT_ID", "TEST1"),
                ("CASHFREE_CLIENT_SECRET", "s"),
                ("CASHFREE_ENVIRONMENT", "PRODUCTION"),
            ],
            "CASHFREE_CLIENT_ID",
        ),
        (&[("TANDEM_BROWSER_POLICY", "maybe")], "TANDEM_BROWSER_POLICY"),
        (&[("TANDEM_CONSENT_REQUIRED", "perhaps")], "TANDEM_CONSENT_REQUIRED"),
        (&[("TANDEM_STORE", "postgres://user:hunter2@db/x")], "TANDEM_STORE"),
        (&[("TANDEM_TLS_CERT", "cert.pem")], "TANDEM_TLS_CERT"),
        (&[("TANDEM_TLS_KEY", "key.pem")], "TANDEM_TLS_KEY"),
        (&[("TANDEM_TLS_CLIENT_CA", "ca.pem")], "TANDEM_TLS_CLIENT_CA"),
        (&[("TANDEM_TLS_CERT", "/no/cert.pem"), ("TANDEM_TLS_KEY", "/no/key.pem")], "TANDEM_TLS_CERT"),
        (&[("TANDEM_DEFAULT_CURRENCY", "RUPEE")], "TANDEM_DEFAULT_CURRENCY"),
        (&[("TANDEM_COOKIE_DOMAIN", "127.0.0.1")], "TANDEM_COOKIE_DOMAIN"),
        (&[("TANDEM_COOKIE_DOMAIN", "co.in")], "TANDEM_COOKIE_DOMAIN"),
        (&[("TANDEM_COOKIE_DOMAIN", "https://shop.example")], "TANDEM_COOKIE_DOMAIN"),
    ] {
        let text = error_of(pairs);
        assert!(text.starts_with(&format!("{name}: ")), "{text}");
        assert!(!text.contains('\n') && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn variables_win_over_the_file() {
    let source = Source::from_pairs([("TANDEM_JOIN_WAIT", "5s")])
        .with_file("join_wait = \"9s\"\nfacebook_pixel_id = 123456789012345\nwebhook_max_age = \"1h\"")
        .unwrap();
    let settings = Settings::read(&source).unwrap();
    assert_eq!(settings.join_wait.as_secs(), 5);
    assert_eq!(settings.pixels[0].id.as_str(), "123456789012345");
    assert_eq!(settings.cashfree.webhook_max_age.as_secs(), 3600);
}

#[test]
fn more_pixels_come_from_the_file() {
    let source = Source::from_pairs([("FACEBOOK_PIXEL_ID", "123456789012345")])
        .with_file(
            "[[pixels]]\nid = \"555555555555555\"\naccess_token = \"t\"\norigins = [\"https://b.example\"]\n\
             [lead]\nrequired = [\"email\", \"first_name\", \"phone\"]",
        )
        .unwrap();
    let settings = Settings::read(&source).unwrap();
    assert_eq!(settings.pixels.len(), 2);
    assert!(
        settings.pixels[1]
            .origins
            .as_ref()
            .is_some_and(|origins| origins.allows(&Origin::parse("https://b.example").unwrap()))
    );
    assert_eq!(settings.lead_required, [MatchKey::Email, MatchKey::FirstName, MatchKey::Phone]);
    let twice = Source::from_pairs([("FACEBOOK_PIXEL_ID", "123456789012345")])
        .with_file("[[pixels]]\nid = \"123456789012345\"")
        .unwrap();
    assert!(Settings::read(&twice).is_err());
}

#[test]
fn play_money_is_held_back_from_the_real_meta() {
    let pixel = ("FACEBOOK_PIXEL_ID", "123456789012345");
    let hold = |pairs: &[(&str, &str)]| {
        let settings = read(pairs).unwrap();
        settings.pixels[0].money.hold(settings.cashfree.environment)
    };
    assert_eq!(hold(&[pixel]), Some("sandbox_without_test_code"));
    assert_eq!(hold(&[pixel, ("FACEBOOK_TEST_EVENT_CODE", "TEST1")]), None);
    assert_eq!(hold(&[pixel, ("CASHFREE_ENVIRONMENT", "PRODUCTION")]), None);
    assert_eq!(hold(&[pixel, ("META_GRAPH_URL", "http://127.0.0.1:8090/graph")]), None);
}

#[test]
fn a_pixel_of_the_file_is_checked_like_that_of_the_variables() {
    for (line, key) in [
        ("access_token = \"EA\\tB\"", "pixels[0].access_token"),
        ("access_token = \"Bearer EAB\"", "pixels[0].access_token"),
        ("access_token_file = '/no/such/file'", "pixels[0].access_token_file"),
        ("app_secret = '\"s\"'", "pixels[0].app_secret"),
        ("origins = []", "pixels[0].origins"),
        ("order_prefixes = []", "pixels[0].order_prefixes"),
        ("[lead]\nrequired = []", "lead.required"),
        ("origins = ['', ' ']", "pixels[0].origins"),
        ("origins = ['https://*']", "pixels[0].origins"),
    ] {
        let source = Source::default().with_file(&format!("[[pixels]]\nid = '12345'\n{line}")).unwrap();
        let error = Settings::read(&source).expect_err(line).to_string();
        assert!(error.starts_with(&format!("{key}: ")), "{error}");
    }
    let wildcard = "[[pixels]]\nid = '12345'\norigins = ['https://*.shop.example', 'https://shop.example']";
    let settings = Settings::read(&Source::default().with_file(wildcard).unwrap()).unwrap();
    assert!(
        settings.pixels[0]
            .origins
            .as_ref()
            .unwrap()
            .allows(&Origin::parse("https://www.shop.example").unwrap())
    );
    assert_eq!(settings.pixels[0].page.as_ref().map(PageUrl::as_str), Some("https://shop.example/"));
}
