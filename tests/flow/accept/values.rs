//! Values as they come in the field: placeholders, clicks of another time, phone numbers with something
//! around them.

use prost_types::Timestamp;
use tandem_proto::v1::{Browser, CaptureLeadRequest, User};
use tandem_tests::cashfree::now_ms;
use tandem_tests::person::sha256_hex;
use tandem_tests::status::expect_fields;
use tandem_tests::{Person, World, messages};

const DAY_S: u64 = 86_400;

/// How many values of a key were dropped, as `/metrics` says.
async fn dropped(world: &World, key: &str) -> anyhow::Result<u64> {
    let metrics = world.get("/metrics").await?.text().await?;
    let label = format!("key=\"{key}\"");
    let line = metrics.lines().find(|line| line.contains("match_keys_dropped") && line.contains(&label));
    Ok(line.and_then(|line| line.rsplit(' ').next()).map_or(Ok(0), str::parse)?)
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn lead(person: &Person, browser: Browser) -> CaptureLeadRequest {
    CaptureLeadRequest { browser: Some(browser), ..messages::lead(person) }
}

#[tokio::test]
async fn placeholders_are_dropped_and_counted_and_the_lead_stays() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (visitor, person) = (world.visitor(), Person::unique());
    let user = User {
        email: Some(person.email.clone()),
        phone: text("N/A"),
        first_name: text("None"),
        last_name: text("nil"),
        city: text("none"),
        state: text("-- Select State --"),
        postal_code: text("000000"),
        country: text("N/A"),
        date_of_birth: text("0000-00-00"),
        external_id: text("guest"),
        ..User::default()
    };
    let browser = Browser {
        fbp: Some(format!("fb.1.{}.abc", now_ms())),
        fbc: Some(format!("fb.1.{}.None", now_ms())),
        fbclid: text("{{click_id}}"),
        event_source_url: Some(format!("{}?fbclid=%255Bfbclid%255D", visitor.page)),
        ..Browser::default()
    };
    let id = visitor
        .capture_lead(CaptureLeadRequest { user: Some(user), ..lead(&person, browser) })
        .await?
        .outcome?
        .event_id;
    let arrived = world.wait_for_server_event("Lead", &id).await?;
    assert_eq!(arrived.match_key("em"), person.email_hash());
    for key in ["ph", "fn", "ln", "ct", "st", "zp", "country", "db", "external_id", "fbp", "fbc"] {
        assert!(arrived.field(&["user_data", key]).is_null(), "{key} was sent");
    }
    for key in ["ph", "fn", "ln", "ct", "st", "zp", "country", "db", "external_id", "fbp", "fbc"] {
        assert_eq!(dropped(&world, key).await?, 1, "{key}");
    }
    assert_eq!(dropped(&world, "fbclid").await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_lead_needs_an_address_or_a_number_that_is_somebodys() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    for (user, field) in [
        (User { phone: text("9999999999"), ..User::default() }, "user.phone"),
        (User { email: text("noreply@shop.example"), phone: text("none"), ..User::default() }, "user.email"),
        (User { email: text("{{contact.email}}"), ..User::default() }, "user.email"),
    ] {
        let request = CaptureLeadRequest { user: Some(user), ..messages::lead(&Person::unique()) };
        expect_fields(field, visitor.capture_lead(request).await?.outcome, &[field]);
    }
    Ok(())
}

#[tokio::test]
async fn a_click_is_never_later_than_its_visit() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let yesterday_s = now_ms() / 1000 - DAY_S;
    for fbc in [None, Some(format!("fb.1.{}.IwAR5-Click", now_ms()))] {
        let browser = Browser {
            fbc,
            event_source_url: Some(format!("{}?fbclid=IwAR5-Click", visitor.page)),
            ..Browser::default()
        };
        let request = CaptureLeadRequest {
            occurred_at: Some(Timestamp { seconds: i64::try_from(yesterday_s)?, nanos: 0 }),
            ..lead(&Person::unique(), browser)
        };
        let id = visitor.capture_lead(request).await?.outcome?.event_id;
        let arrived = world.wait_for_server_event("Lead", &id).await?;
        assert_eq!(arrived.match_key("fbc"), format!("fb.1.{}.IwAR5-Click", yesterday_s * 1000));
    }
    Ok(())
}

#[tokio::test]
async fn clicks_are_read_in_any_unit_at_any_place_and_bad_ones_block_none() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let made_s = now_ms() / 1000 - 3 * DAY_S;
    let of_cookie = format!("fb.1.{made_s}000.AbC-1_x");
    let long = format!("{}?utm={}&fbclid=IwAR6-Click", visitor.page, "a".repeat(2400));
    for (fbc, page, expected) in [
        (Some(format!("fb.1.{made_s}.AbC-1_x")), None, of_cookie.as_str()),
        (Some(format!("fb.1.{made_s}.AbC-1_x")), Some("fbclid=IwAR6-Click"), "IwAR6-Click"),
        (Some(format!("fb.1.{made_s}000.9998.AbC-1_x")), Some("fbclid=IwAR6-Click"), "IwAR6-Click"),
        (Some(format!("fb.1.{made_s}000.9998.AbC-1_x")), None, ""),
        (Some(format!("fb.1.{made_s}000.None")), Some("fbclid=null&fbclid=IwAR6-Click"), "IwAR6-Click"),
        (Some(of_cookie.clone()), Some("fbclid=(not%20set)"), of_cookie.as_str()),
        (None, Some(long.rsplit('?').next().unwrap_or_default()), "IwAR6-Click"),
        (None, Some(&*format!("fbclid={of_cookie}")), of_cookie.as_str()),
    ] {
        let address = format!("{}?{}", visitor.page, page.unwrap_or_default());
        let browser = Browser { fbc: fbc.clone(), event_source_url: Some(address), ..Browser::default() };
        let id = visitor.capture_lead(lead(&Person::unique(), browser)).await?.outcome?.event_id;
        let arrived = world.wait_for_server_event("Lead", &id).await?;
        let sent = arrived.match_key("fbc");
        assert!(
            sent.ends_with(expected) && sent.is_empty() == expected.is_empty(),
            "{fbc:?} {page:?}: {sent}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_phone_number_is_one_number_or_refused() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let with = |phone: &str| CaptureLeadRequest {
        user: Some(User { phone: text(phone), ..User::default() }),
        ..messages::lead(&Person::unique())
    };
    for (phone, digits) in [
        ("+44+447911123456", "447911123456"),
        ("+91 98765 01234 (extn. 12)", "919876501234"),
        ("+1 415 555 2671 #5", "14155552671"),
        ("+91 098765 01234", "919876501234"),
    ] {
        let id = visitor.capture_lead(with(phone)).await?.outcome?.event_id;
        let arrived = world.wait_for_server_event("Lead", &id).await?;
        assert_eq!(arrived.match_key("ph"), sha256_hex(digits), "{phone}");
    }
    for phone in [
        "+91 9876S 01234",
        "9876501234 / 9123456780",
        "+91 98765 01234, +91 91234 56780",
        "9876501234 or 9123456780",
    ] {
        expect_fields(phone, visitor.capture_lead(with(phone)).await?.outcome, &["user.phone"]);
    }
    Ok(())
}
