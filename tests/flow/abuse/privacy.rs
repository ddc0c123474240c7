//! No file, log line, metric or error contains raw personal data or secrets.

use std::path::Path;

use serde_json::{Value, json};
use tandem_proto::v1::{EventState, Property, User};
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::leak_scan::{self, Haystack, Needle, files_below};
use tandem_tests::{CASHFREE_SECRET, GRAPH_TOKEN, INTERNAL_TOKEN, Person, World, messages};

/// A buyer's data that nothing may store.
fn personal(person: &Person) -> Vec<Needle> {
    vec![
        Needle::new("e-mail", &person.email),
        Needle::new("phone", &person.phone),
        Needle::new("phone with calling code", &person.phone_international()),
        Needle::new("phone in groups", &format!("{} {}", &person.phone[..5], &person.phone[5..])),
        Needle::new("first name", &person.first_name),
        Needle::new("last name", &person.last_name),
        Needle::new("city", "Thiruvananthapuram"),
        Needle::new("postal code", "695-014-XY"),
        Needle::new("postal code, normalised", "695014XY"),
        Needle::new("birth date", "1987-06-05"),
        Needle::new("external ID", "customer-of-the-shop-4711"),
    ]
}

/// A `User` with every field that a form can ask for.
fn known_well(person: &Person) -> User {
    User {
        city: Some("Thiruvananthapuram".to_owned()),
        postal_code: Some("695-014-XY".to_owned()),
        date_of_birth: Some("1987-06-05".to_owned()),
        external_id: Some("customer-of-the-shop-4711".to_owned()),
        ..person.user()
    }
}

/// Makes every call that handles personal data for one buyer, with mistakes among them.
async fn live_through(world: &World, person: &Person) -> anyhow::Result<()> {
    let visitor = world.visitor();
    let mut lead = messages::lead(person);
    lead.user = Some(known_well(person));
    let mut browser = visitor.browser();
    let [email, phone, first_name] = [&person.email, &person.phone, &person.first_name];
    browser.event_source_url = Some(format!(
        "{}?email={email}&tel=%2B91{phone}&billing%5Bfirst_name%5D={first_name}&city=Thiruvananthapuram#{email}",
        visitor.page
    ));
    browser.referrer_url = Some(format!("https://mail.example/?q={}", email.replace('@', "%40")));
    lead.browser = Some(browser);
    let custom_data = lead.custom_data.get_or_insert_default();
    custom_data.content_name = format!("Call me: {phone}, or write to {email}");
    custom_data.properties = vec![
        Property { key: "customerFirstName".to_owned(), value: first_name.clone() },
        Property { key: "city".to_owned(), value: "Thiruvananthapuram".to_owned() },
    ];
    let id = visitor.capture_lead(lead.clone()).await?.outcome?.event_id;
    assert!(visitor.capture_lead(lead.clone()).await?.outcome?.duplicate);

    // Mistakes: a broken phone, a broken e-mail, a forged origin, a wrong token.
    for broken in [
        User { phone: Some(format!("{phone}{phone}{phone}")), ..person.user() },
        User { email: Some(format!("{email} <{phone}>")), ..person.user() },
    ] {
        let mut lead = messages::lead(person);
        lead.user = Some(broken);
        visitor.capture_lead(lead).await?.outcome.expect_err("a broken key is refused");
    }
    let mut forger = visitor.clone();
    forger.origin = Some("https://evil.example".to_owned());
    forger.capture_lead(messages::lead(person)).await?.outcome.expect_err("a forged origin is refused");
    let forger = world.stranger()?.with_token("wrong");
    forger.capture_lead(messages::lead(person)).await.expect_err("a wrong token is refused");

    // Checkout, claim, failed and paid webhook, a forged and an unusable webhook, and a merchant report.
    let order = messages::order_id();
    let mut checkout = messages::event("InitiateCheckout", "1499.00");
    checkout.order_id.clone_from(&order);
    checkout.user = Some(known_well(person));
    visitor.track_event(checkout).await?.outcome?;
    let failed = payment("FAILED", &order, &unique_payment_id(), "1499.00", person);
    assert_eq!(world.post_webhook(&Webhook::signed(failed)).await?, 200);
    let mut claim = messages::purchase(&order, "1499.00");
    claim.user = Some(known_well(person));
    let claim = async { visitor.claim_purchase(claim).await?.outcome.map_err(anyhow::Error::from) };
    let (claimed, paid) = tokio::join!(claim, world.pay_order(&order, "1499.00", person));
    claimed?;
    paid?;
    let mut forged = Webhook::paid(&messages::order_id(), "5.00", person);
    forged.body[0] ^= 1;
    assert_eq!(world.post_webhook(&forged).await?, 401);
    let cut = payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "5.00", person);
    assert_eq!(world.post_webhook(&Webhook::signed(&cut.as_bytes()[..cut.len() - 40])).await?, 200);
    let torn = payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "1.2345", person);
    assert_eq!(world.post_webhook(&Webhook::signed(torn)).await?, 200);
    let mut report = messages::purchase(&messages::order_id(), "10.00");
    report.user = Some(known_well(person));
    world.internal()?.record_purchase(report).await?;

    world.wait_for_server_event("Lead", &id).await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    Ok(())
}

/// Searches the data directory and the product's logs. Fails the test if it finds something.
fn assert_nothing_found(when: &str, world: &World, needles: &[Needle]) -> anyhow::Result<()> {
    let (data, logs) = (world.data_dir(), world.product_logs());
    let mut folders: Vec<&Path> = vec![&data];
    folders.extend(logs.iter().map(std::path::PathBuf::as_path));
    let found = leak_scan::search(&folders, needles)?;
    assert!(found.is_empty(), "{when}: {found:#?}");
    Ok(())
}

#[tokio::test]
async fn nothing_personal_is_kept_or_said() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let person = Person::unique();
    let mut needles = personal(&person);

    // One event fails, so that the logs also contain retries and refusals.
    let error = json!({"message": format!("bad: {}", person.email), "type": "OAuthException", "code": 2, "is_transient": true, "fbtrace_id": "A1"});
    let body = json!({ "error": error }).to_string();
    let action = json!({ "answer": { "status": 500, "body": body, "headers": {} } });
    world.sandbox.fault("graph", Some(1), action).await?;
    live_through(&world, &person).await?;

    // The events that arrived prove that the server had the data.
    let arrived = world.sandbox.server_events("Lead").await?;
    assert!(arrived.iter().any(|event| event.match_key("em") == person.email_hash()));
    let kept = |health: &Value| health["outbox"]["dead_letters"] == 2;
    world.wait_for_health("the unusable webhooks to become dead letters", kept).await?;

    let logs = world.product_logs();
    for (name, mark) in [("server-1.log", "DEBUG"), ("gateway.log", "webhook")] {
        let log = logs.iter().find(|log| log.ends_with(name)).map(std::fs::read_to_string);
        assert!(log.transpose()?.unwrap_or_default().contains(mark), "{name} is searched and holds {mark}");
    }
    let data = world.data_dir();
    let wal = files_below(&[&data])?.into_iter().any(|file| file.to_string_lossy().ends_with("-wal"));
    assert!(wal, "the write-ahead log is searched too");

    needles.extend([
        Needle::new("access token", GRAPH_TOKEN),
        Needle::new("Cashfree's secret", CASHFREE_SECRET),
        Needle::new("internal token", INTERNAL_TOKEN),
    ]);
    assert_nothing_found("running", &world, &needles)?;
    for path in ["/metrics", "/", "/api/tracking-health"] {
        let text = Haystack::new(&world.get(path).await?.bytes().await?);
        for needle in &needles {
            assert_eq!(needle.spelling_in(&text), None, "{path} says {needle:?}");
        }
    }
    for event in world.events("", EventState::Unspecified).await? {
        let text = Haystack::new(format!("{event:?}").as_bytes());
        for needle in &needles {
            assert_eq!(needle.spelling_in(&text), None, "ListEvents says {needle:?}");
        }
    }
    world.stop_server().await?;
    world.stop_gateway().await?;
    assert_nothing_found("stopped", &world, &needles)
}

#[tokio::test]
async fn the_search_finds_what_is_planted() -> anyhow::Result<()> {
    // Searches a real world's files again, with one planted leak of each kind.
    let mut world = World::start().await?;
    let person = Person::unique();
    world.capture_lead(&world.visitor(), &person).await?;
    world.stop_server().await?;
    let needles = personal(&person);
    assert_nothing_found("before anything is planted", &world, &needles)?;

    let data = world.data_dir();
    let leaks = [
        ("db-wal", format!("\u{1}{}\u{2}", person.email.to_lowercase())),
        ("rows.bin", hex::encode(person.phone_international())),
        ("trace.log", format!("{{\"name\":\"{}\"}}", person.last_name.to_uppercase())),
    ];
    for (name, leak) in &leaks {
        let file = data.join(name);
        std::fs::write(&file, leak)?;
        let found = leak_scan::search(&[&data], &needles)?;
        assert!(found.iter().any(|found| found.file == file), "{name}: {found:?}");
        std::fs::remove_file(&file)?;
    }
    assert_nothing_found("after the leaks are gone", &world, &needles)
}
