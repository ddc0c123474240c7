//! A lead: one event ID for the pixel and the server.

use anyhow::Context as _;
use prost_types::Timestamp;
use serde_json::json;
use tandem_proto::v1::{Browser, CaptureLeadRequest, Consent, EventState, Experiment, User};
use tandem_tests::cashfree::now_ms;
use tandem_tests::person::sha256_hex;
use tandem_tests::sandbox::minor;
use tandem_tests::status::expect_fields;
use tandem_tests::{Person, World, messages};

fn now_s() -> i64 {
    i64::try_from(now_ms() / 1000).unwrap_or(i64::MAX)
}

#[tokio::test]
async fn the_page_and_the_graph_api_get_the_same_lead() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (visitor, person) = (world.visitor(), Person::unique());
    let request = messages::lead(&person);
    let proposed = request.client_event_id.clone();
    let before_s = now_s();

    let answer = visitor.capture_lead(request).await?.outcome?;
    assert_eq!(answer.event_id, proposed);
    assert_eq!(answer.lead_id, format!("lead_{proposed}"));
    assert!(!answer.duplicate);
    assert_eq!(answer.suppressed_reason, "");
    let to_fire = answer.browser_event.expect("the page is told what to fire");
    assert_eq!((to_fire.event_name.as_str(), to_fire.event_id.as_str()), ("Lead", proposed.as_str()));
    assert!(!to_fire.custom, "Lead is one of Meta's own events");

    let arrived = world.wait_for_server_event("Lead", &proposed).await?;
    let fired = to_fire.custom_data.expect("the page is told the parameters");
    let value = fired.value.expect("the value comes back");
    assert_eq!(minor(&json!(value.amount)), Some(149_900));
    assert_eq!(arrived.value_minor(), 149_900);
    assert_eq!(value.currency_code, "INR");
    assert_eq!(arrived.text(&["custom_data", "currency"]), "INR");
    assert_eq!(fired.content_name, "Newsletter");
    assert_eq!(arrived.text(&["custom_data", "content_name"]), "Newsletter");

    assert_eq!(arrived.text(&["action_source"]), "website");
    assert_eq!(arrived.text(&["event_source_url"]), visitor.page);
    let time_s = arrived.field(&["event_time"]).as_i64().expect("event_time is in whole seconds");
    assert!((before_s..=now_s()).contains(&time_s), "event_time {time_s} is not the receipt");

    assert_eq!(arrived.match_key("em"), person.email_hash());
    assert_eq!(arrived.match_key("ph"), person.phone_hash());
    assert_eq!(arrived.match_key("fn"), person.first_name_hash());
    assert_eq!(arrived.match_key("ln"), person.last_name_hash());
    assert_eq!(arrived.match_key("fbp"), visitor.fbp);
    assert_eq!(arrived.match_key("fbc"), visitor.fbc);
    assert_eq!(arrived.match_key("client_ip_address"), visitor.address);
    assert_eq!(arrived.match_key("client_user_agent"), visitor.user_agent);
    Ok(())
}

#[tokio::test]
async fn a_repeated_lead_is_a_duplicate_and_the_first_payload_wins() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (visitor, person) = (world.visitor(), Person::unique());
    let request = messages::lead(&person);
    let first = visitor.capture_lead(request.clone()).await?.outcome?;

    // The same call again, and one with the same ID and other content.
    let mut other = messages::lead(&Person::unique());
    other.client_event_id.clone_from(&request.client_event_id);
    other.custom_data = Some(messages::deck("5.00"));
    for (case, request) in [("the same call", request), ("another payload", other)] {
        let again = visitor.capture_lead(request).await?.outcome?;
        assert!(again.duplicate, "{case}");
        assert_eq!(again.event_id, first.event_id, "{case}");
        assert_eq!(again.lead_id, first.lead_id, "{case}");
        assert_eq!(again.browser_event, first.browser_event, "{case}: answers the same");
    }

    world.wait_until_all_is_sent().await?;
    let arrived = world.wait_for_server_event("Lead", &first.event_id).await?;
    assert_eq!(arrived.match_key("em"), person.email_hash());
    assert_eq!(arrived.value_minor(), 149_900);
    // Two leads were accepted: this one, and the one that showed that everything was sent.
    world.wait_for_health("two leads", |health| health["last_24h"]["lead_events"] == 2).await?;
    Ok(())
}

#[tokio::test]
async fn a_lead_may_leave_out_what_is_not_required() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (visitor, person) = (world.visitor(), Person::unique());
    let with = |user: User| CaptureLeadRequest { user: Some(user), ..CaptureLeadRequest::default() };

    let only_email = with(User { email: Some(person.email.clone()), ..User::default() });
    let answer = visitor.capture_lead(only_email).await?.outcome?;
    let id = uuid::Uuid::parse_str(&answer.event_id)?;
    assert_eq!(id.get_version_num(), 7, "an ID of the server's own is a UUIDv7");
    let arrived = world.wait_for_server_event("Lead", &answer.event_id).await?;
    assert_eq!(arrived.match_key("em"), person.email_hash());
    for key in ["ph", "fn", "ln", "ct", "zp"] {
        assert!(arrived.field(&["user_data", key]).is_null(), "an empty {key} is never hashed nor sent");
    }

    let only_phone = with(User { phone: Some(format!("+91 {}", person.phone)), ..User::default() });
    let answer = visitor.capture_lead(only_phone).await?.outcome?;
    let arrived = world.wait_for_server_event("Lead", &answer.event_id).await?;
    assert_eq!(arrived.match_key("ph"), person.phone_hash());
    assert!(arrived.field(&["user_data", "em"]).is_null());

    // 64 hex digits are already a hash. The server drops the parameter builder's appendix.
    let hashed = with(User {
        email: Some(format!("{}.AQQAAQMC", person.email_hash())),
        phone: Some(person.phone_hash().to_uppercase()),
        ..User::default()
    });
    let answer = visitor.capture_lead(hashed).await?.outcome?;
    let arrived = world.wait_for_server_event("Lead", &answer.event_id).await?;
    assert_eq!(arrived.match_key("em"), person.email_hash());
    assert_eq!(arrived.match_key("ph"), person.phone_hash());
    Ok(())
}

#[tokio::test]
async fn every_match_key_arrives_normalised_and_hashed() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut request = messages::lead(&Person::unique());
    request.user = Some(User {
        email: Some("  John_Smith@gmail.com ".to_owned()),
        phone: Some("098765 43210".to_owned()),
        first_name: Some("O'Brien".to_owned()),
        last_name: Some(" Valéry ".to_owned()),
        city: Some("New Delhi".to_owned()),
        state: Some("Tamil Nadu".to_owned()),
        postal_code: Some("560 001".to_owned()),
        country: Some("India".to_owned()),
        gender: Some("Female".to_owned()),
        date_of_birth: Some("1990-02-28".to_owned()),
        external_id: Some(" User_123 ".to_owned()),
        default_country: None,
    });
    let id = world.visitor().capture_lead(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    for (key, normalised) in [
        ("em", "john_smith@gmail.com"),
        ("ph", "919876543210"),
        ("fn", "obrien"),
        ("ln", "valéry"),
        ("ct", "newdelhi"),
        ("st", "tamilnadu"),
        ("zp", "560001"),
        ("country", "in"),
        ("ge", "f"),
        ("db", "19900228"),
        ("external_id", "User_123"),
    ] {
        assert_eq!(arrived.match_key(key), sha256_hex(normalised), "{key}");
    }
    // Meta's own example, so that the test's hash is not compared only with itself.
    assert_eq!(arrived.match_key("em"), "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f");
    Ok(())
}

#[tokio::test]
async fn experiment_limited_data_use_and_time_travel_along() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let mut request = messages::lead(&Person::unique());
    request.experiment = Some(Experiment {
        experiment_id: "exp-7".to_owned(),
        variant: "blue".to_owned(),
        test_group: "control".to_owned(),
    });
    request.consent = Some(Consent { limited_data_use: true, country: 1, state: 1000, ..Consent::default() });
    let an_hour_ago = now_s() - 3600;
    request.occurred_at = Some(Timestamp { seconds: an_hour_ago, nanos: 900_000_000 });
    let answer = visitor.capture_lead(request).await?.outcome?;

    let fired = answer.browser_event.and_then(|event| event.custom_data).expect("parameters for the page");
    let arrived = world.wait_for_server_event("Lead", &answer.event_id).await?;
    for (key, value) in [("experiment_id", "exp-7"), ("variant", "blue"), ("test_group", "control")] {
        assert_eq!(arrived.text(&["custom_data", key]), value, "{key} at the server");
        let property = fired.properties.iter().find(|property| property.key == key);
        assert_eq!(property.map(|property| property.value.as_str()), Some(value), "{key} in the page");
    }
    assert_eq!(arrived.field(&["data_processing_options"]), &json!(["LDU"]));
    assert_eq!(arrived.field(&["data_processing_options_country"]), 1);
    assert_eq!(arrived.field(&["data_processing_options_state"]), 1000);
    assert_eq!(arrived.field(&["event_time"]), an_hour_ago);

    // Meta refuses other codes, and with them the batch.
    for (country, state, field) in [(5, 0, "consent.country"), (1, 77, "consent.state")] {
        let mut request = messages::lead(&Person::unique());
        request.consent = Some(Consent { limited_data_use: true, country, state, ..Consent::default() });
        let outcome = visitor.capture_lead(request).await?.outcome;
        expect_fields("a code that Meta does not know", outcome, &[field]);
    }

    // The server ignores a clock that is ahead.
    let mut request = messages::lead(&Person::unique());
    request.occurred_at = Some(Timestamp { seconds: now_s() + 86_400, nanos: 0 });
    let id = visitor.capture_lead(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    let time_s = arrived.field(&["event_time"]).as_i64().unwrap_or_default();
    assert!(time_s <= now_s(), "a time after the receipt becomes the receipt");
    Ok(())
}

#[tokio::test]
async fn without_consent_nothing_goes_to_meta() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let mut request = messages::lead(&Person::unique());
    request.consent =
        Some(Consent { ads: tandem_proto::v1::AdsConsent::ConsentDenied.into(), ..Consent::default() });
    let denied = visitor.capture_lead(request).await?.outcome?;
    assert_eq!(denied.browser_event, None, "the page must not fire either");
    assert_eq!(denied.suppressed_reason, "consent_denied");

    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events_with_id("Lead", &denied.event_id).await?.is_empty());
    world.wait_for_state("Lead", &denied.event_id, EventState::Suppressed).await?;
    // Suppressed leads are counted apart.
    world.wait_for_health("one lead", |health| health["last_24h"]["lead_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn unspecified_consent_counts_as_denied_where_consent_is_required() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_CONSENT_REQUIRED", "true").without_gateway().start().await?;
    let visitor = world.visitor();
    let silent = visitor.capture_lead(messages::lead(&Person::unique())).await?.outcome?;
    assert_eq!(silent.browser_event, None);

    let mut request = messages::lead(&Person::unique());
    request.consent =
        Some(Consent { ads: tandem_proto::v1::AdsConsent::ConsentGranted.into(), ..Consent::default() });
    let granted = visitor.capture_lead(request).await?.outcome?;
    world.wait_for_server_event("Lead", &granted.event_id).await?;
    assert!(world.sandbox.server_events_with_id("Lead", &silent.event_id).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn address_and_user_agent_come_from_who_can_know_them() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let told = Browser {
        client_ip_address: Some("49.37.1.2".to_owned()),
        client_user_agent: Some("Told/1.0".to_owned()),
        event_source_url: Some(format!("{}/shop/", world.sandbox.url)),
        ..Browser::default()
    };

    // The server ignores the address in a stranger's message and uses the connection's.
    let visitor = world.visitor();
    let mut request = messages::lead(&Person::unique());
    request.browser = Some(told.clone());
    let id = visitor.capture_lead(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(arrived.match_key("client_ip_address"), visitor.address);
    assert_eq!(arrived.match_key("client_user_agent"), visitor.user_agent);

    // It uses the address in an internal caller's message, and never that caller's own connection.
    let internal = world.internal()?;
    let mut request = messages::lead(&Person::unique());
    request.browser = Some(told);
    let id = internal.capture_lead(request).await?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(arrived.match_key("client_ip_address"), "49.37.1.2");
    assert_eq!(arrived.match_key("client_user_agent"), "Told/1.0");

    let mut request = messages::lead(&Person::unique());
    request.browser = Some(visitor.browser());
    let id = internal
        .with_header("x-forwarded-for", visitor.address.clone())
        .capture_lead(request)
        .await?
        .event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert!(arrived.field(&["user_data", "client_ip_address"]).is_null());
    assert!(arrived.field(&["user_data", "client_user_agent"]).is_null());
    Ok(())
}

#[tokio::test]
async fn page_addresses_and_click_ids_are_cleaned_and_kept() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_ALLOWED_ORIGINS", "https://shop.example")
        .without_gateway()
        .start()
        .await?;
    let mut visitor = world.visitor();
    visitor.origin = Some("https://shop.example".to_owned());

    // The server removes personal data and the fragment from the address, and makes an fbc from a click ID.
    let person = Person::unique();
    let mut request = messages::lead(&person);
    let before_ms = now_ms();
    request.browser = Some(Browser {
        event_source_url: Some(format!("https://www.shop.example/deck?mail={}&size=8#top", person.email)),
        fbclid: Some("IwAR2-Click_ID".to_owned()),
        ..Browser::default()
    });
    let id = visitor.capture_lead(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    let address = arrived.text(&["event_source_url"]);
    assert!(
        address.starts_with("https://www.shop.example/deck?"),
        "a subdomain is the shop's too: {address}"
    );
    assert!(address.contains("size=8"), "{address}");
    assert!(!address.contains('#') && !address.to_lowercase().contains("example.com"), "{address}");
    let fbc: Vec<&str> = arrived.match_key("fbc").splitn(4, '.').collect();
    assert_eq!((fbc[0], fbc[1], fbc[3]), ("fb", "1", "IwAR2-Click_ID"));
    let minted_ms: u64 = fbc[2].parse()?;
    assert!(
        (before_ms - 1000..=now_ms() + 1000).contains(&minted_ms),
        "the click ID's time is in milliseconds"
    );

    // The server does not report a page that is not the shop's.
    let mut request = messages::lead(&Person::unique());
    request.browser =
        Some(Browser { event_source_url: Some("https://evil.example/".to_owned()), ..Browser::default() });
    let id = visitor.capture_lead(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert!(arrived.text(&["event_source_url"]).starts_with("https://shop.example"));
    Ok(())
}

#[tokio::test]
async fn of_equal_leads_at_once_one_is_first() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (visitor, request) = (world.visitor(), messages::lead(&Person::unique()));
    let calls = (0..20).map(|_| visitor.capture_lead(request.clone()));
    let mut firsts = 0;
    for answer in futures_util::future::try_join_all(calls).await? {
        let answer = answer.outcome?;
        assert_eq!(answer.event_id, request.client_event_id);
        firsts += u32::from(!answer.duplicate);
    }
    assert_eq!(firsts, 1);
    world.wait_until_all_is_sent().await?;
    world.wait_for_server_event("Lead", &request.client_event_id).await?;
    Ok(())
}

#[tokio::test]
async fn the_visitors_address_is_the_last_one_that_no_proxy_of_ours_has() -> anyhow::Result<()> {
    let trusted = "127.0.0.0/8, 10.0.0.0/8, 2001:db8::/32";
    let world = World::builder().server("TANDEM_TRUSTED_PROXIES", trusted).without_gateway().start().await?;
    for (forwarded, address) in [
        ("49.36.1.1", Some("49.36.1.1")),
        ("1.1.1.1, 49.36.1.2", Some("49.36.1.2")),
        ("1.1.1.1, 49.36.1.3, 10.9.8.7", Some("49.36.1.3")),
        ("49.36.1.4, 10.9.8.7, 10.1.1.1", Some("49.36.1.4")),
        ("2401:4900:1c2a:5d0f::1", Some("2401:4900:1c2a:5d0f::1")),
        ("192.168.1.20", None),
        // The connection's own address remains: the proxy, which is this machine. (The server reports loopback
        // addresses only to a sandbox.)
        ("garbage", Some("127.0.0.1")),
    ] {
        let mut visitor = world.visitor();
        visitor.address = forwarded.to_owned();
        let id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
        let arrived = world.wait_for_server_event("Lead", &id).await;
        let arrived = arrived.with_context(|| format!("X-Forwarded-For: {forwarded}"))?;
        let reported = arrived.field(&["user_data", "client_ip_address"]).as_str();
        assert_eq!(reported, address, "X-Forwarded-For: {forwarded}");
    }

    // Without trusted proxies anyone can write this header.
    let world = World::builder().server_without("TANDEM_TRUSTED_PROXIES").without_gateway().start().await?;
    let visitor = world.visitor();
    let id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert_ne!(arrived.match_key("client_ip_address"), visitor.address);
    Ok(())
}

#[tokio::test]
async fn a_national_number_is_one_of_the_country_that_the_page_names() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let mut request = messages::lead(&Person::unique());
    request.user = Some(User {
        phone: Some("(650) 555-1212".to_owned()),
        default_country: Some("US".to_owned()),
        ..User::default()
    });
    let id = visitor.capture_lead(request).await?.outcome?.event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    // Meta's example for 16505551212 ("Customer Information Parameters").
    let known = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176";
    assert_eq!(arrived.match_key("ph"), known);
    assert!(
        arrived.field(&["user_data", "country"]).is_null(),
        "the default country must not become a match key"
    );
    Ok(())
}
