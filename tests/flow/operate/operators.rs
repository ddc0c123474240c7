//! An operator's actions on a running server: dead letters, replay, pause, erasure, watching.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tandem_proto::v1::{
    DeadLetterFilter, ErasePersonRequest, EventState, EventSummary, ListDeadLettersRequest,
    PauseDeliveryRequest, ReplayDeadLettersRequest, ResumeDeliveryRequest, WatchEventsRequest,
};
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::process::{Process, clean_command};
use tandem_tests::status::{expect_code, expect_fields};
use tandem_tests::{GRAPH_TOKEN, OTHER_PIXEL_ID, PATIENCE, PIXEL_ID, Person, World, binaries, messages};
use tonic::{Code, Streaming};

use crate::tool::{environment, tool};

/// Runs the operator's tool with `input` on standard input, and expects success.
async fn tandem(world: &World, arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut command = clean_command(&binaries::program("tandem")?);
    command.envs(environment(world)).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn()?;
        // The tool may end without reading.
        let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        child.wait_with_output()
    })
    .await??;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "tandem {arguments:?}: {}", said(&output.stderr));
    Ok(said(&output.stdout))
}

async fn tandem_json(world: &World, arguments: &[&str]) -> anyhow::Result<Value> {
    let said = tandem(world, &[arguments, &["--json"]].concat(), "").await?;
    serde_json::from_str(&said).with_context(|| format!("tandem {arguments:?}: {said}"))
}

/// The Graph API's refusal of an event with too few match keys (error 100, subcode 2804050).
fn refusal() -> Value {
    let error = json!({"message": "Invalid parameter", "type": "OAuthException", "code": 100, "error_subcode": 2_804_050, "is_transient": false, "fbtrace_id": "A9"});
    json!({ "answer": { "status": 400, "body": json!({ "error": error }).to_string(), "headers": {} } })
}

/// A lead that the Graph API refuses. The fault ends afterwards.
async fn refused_lead(world: &World) -> anyhow::Result<EventSummary> {
    world.sandbox.fault("graph", None, refusal()).await?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let letter = world.wait_for_state("Lead", &id, EventState::DeadLetter).await?;
    world.sandbox.heal().await?;
    Ok(letter)
}

async fn attempt_results(world: &World, id: &str) -> anyhow::Result<Vec<String>> {
    let attempts = world.event("Lead", id).await?.attempts;
    Ok(attempts.into_iter().map(|attempt| attempt.result).collect())
}

async fn pause(world: &World) -> anyhow::Result<()> {
    let answer =
        world.internal()?.pause_delivery(PauseDeliveryRequest { pixel_id: PIXEL_ID.to_owned() }).await?;
    ensure!(answer.pixels == 1, "{answer:?}");
    Ok(())
}

async fn resume(world: &World) -> anyhow::Result<()> {
    let answer =
        world.internal()?.resume_delivery(ResumeDeliveryRequest { pixel_id: PIXEL_ID.to_owned() }).await?;
    ensure!(answer.pixels == 1, "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_is_listed_replayed_and_arrives_under_its_id() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let operator = world.internal()?;
    let letter = refused_lead(&world).await?;
    let id = letter.event_id.as_str();
    assert_eq!(letter.code, "meta_refused");

    let list = async |code: &str| {
        let filter = Some(DeadLetterFilter { code: code.to_owned(), ..DeadLetterFilter::default() });
        operator.list_dead_letters(ListDeadLettersRequest { filter, ..Default::default() }).await
    };
    let listed = list("meta_refused").await?.events;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].event_id.as_str(), listed[0].code.as_str()), (id, "meta_refused"));
    assert!(listed[0].finished_at.is_some(), "a dead letter must say when the server gave it up");
    assert!(list("too_old").await?.events.is_empty());

    let nothing_said = operator.replay_dead_letters(ReplayDeadLettersRequest::default()).await;
    expect_fields("an empty filter without all", nothing_said, &["filter"]);
    let only = async |id: &str| {
        let filter = Some(DeadLetterFilter { event_id: id.to_owned(), ..DeadLetterFilter::default() });
        operator.replay_dead_letters(ReplayDeadLettersRequest { filter, ..Default::default() }).await
    };
    assert_eq!(only("somebody-elses").await?.replayed, 0);
    assert!(world.sandbox.server_events_with_id("Lead", id).await?.is_empty());

    let answer = only(id).await?;
    assert_eq!((answer.replayed, answer.skipped_double_count, answer.skipped_unsendable), (1, 0, 0));
    assert_eq!(world.wait_for_server_event("Lead", id).await?.event_id(), id);
    world.wait_for_state("Lead", id, EventState::Delivered).await?;
    assert_eq!(attempt_results(&world, id).await?, ["refused", "delivered"]);
    assert!(list("").await?.events.is_empty(), "a delivered event is no dead letter");
    assert_eq!(only(id).await?.replayed, 0, "a delivered event must not be replayed");
    world.wait_for_health("no dead letters", |health| health["outbox"]["dead_letters"] == 0).await?;
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events_with_id("Lead", id).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_tool_lists_and_replays_dead_letters() -> anyhow::Result<()> {
    let world = World::start().await?;
    let first = refused_lead(&world).await?.event_id;
    let second = refused_lead(&world).await?.event_id;
    // A genuine webhook with an amount that rupees cannot have.
    let order = messages::order_id();
    let torn = payment("SUCCESS", &order, &unique_payment_id(), "1.2345", &Person::unique());
    assert_eq!(world.post_webhook(&Webhook::signed(torn)).await?, 200);

    let page = tandem(&world, &["dead-letters", "list"], "").await?;
    for text in [first.as_str(), &second, "meta_refused", &order] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let newest = tandem_json(&world, &["dead-letters", "list", "--page-size", "1"]).await?;
    assert_eq!(newest["events"][0]["event_id"], json!(second));
    assert_eq!(newest["webhooks"].as_array().map(Vec::len), Some(1), "{newest}");
    assert_ne!(newest["webhooks"][0]["code"], "", "it says why");
    let token = newest["next_page_token"].as_str().context("a token")?;
    let older = ["dead-letters", "list", "--page-size", "1", "--page-token", token];
    assert_eq!(tandem_json(&world, &older).await?["events"][0]["event_id"], json!(first));
    let none = ["dead-letters", "list", "--event-name", "Purchase"];
    assert_eq!(tandem_json(&world, &none).await?["events"], json!([]));

    let nothing_said = tool(&world, &["replay"]).await?;
    assert_eq!(nothing_said.code, Some(2), "{}", nothing_said.log);
    assert!(nothing_said.log.contains("filter"), "{}", nothing_said.log);
    let counts =
        json!({ "replayed": 1, "skipped_double_count": 0, "skipped_unsendable": 0, "skipped_webhooks": 0 });
    assert_eq!(tandem_json(&world, &["dead-letters", "replay", "--event-id", &first]).await?, counts);
    world.wait_for_server_event("Lead", &first).await?;
    assert_eq!(tandem_json(&world, &["replay", "--all"]).await?, counts);
    world.wait_for_server_event("Lead", &second).await?;
    Ok(())
}

#[tokio::test]
async fn a_pause_outlives_a_restart_and_resume_ends_it() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().other_pixel(GRAPH_TOKEN).start().await?;
    let unknown = PauseDeliveryRequest { pixel_id: "999999999999999".to_owned() };
    expect_fields("an unknown pixel", world.internal()?.pause_delivery(unknown).await, &["pixel_id"]);
    pause(&world).await?;
    let visitor = world.visitor();
    let first = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    let paused = |waiting: u64| {
        move |health: &Value| {
            let of_pixel = |pixel: &&Value| pixel["pixel_id"] == PIXEL_ID;
            let pixel = health["pixels"].as_array().into_iter().flatten().find(of_pixel);
            let is_paused = |pixel: &Value| pixel["state"] == "held" && pixel["reason"] == "paused";
            pixel.is_some_and(is_paused) && health["outbox"]["held"] == waiting
        }
    };
    let health = world.wait_for_health("a paused pixel", paused(1)).await?;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["outbox"]["pending"], 0);
    world.wait_for_state("Lead", &first, EventState::Held).await?;

    world.stop_server().await?;
    world.restart_server().await?;
    let second = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.wait_for_health("the pause after the restart", paused(2)).await?;
    assert_eq!(world.get("/readyz").await?.status(), 200, "the server must still accept leads");
    // Later leads of another pixel are sent meanwhile, one after the other.
    for _ in 0..3 {
        let mut lead = messages::lead(&Person::unique());
        lead.pixel_id = OTHER_PIXEL_ID.to_owned();
        let id = visitor.capture_lead(lead).await?.outcome?.event_id;
        world.wait_for_server_event("Lead", &id).await?;
    }
    let requests = world.sandbox.graph_requests().await?;
    let of_paused = requests.iter().filter(|request| request["pixel_id"] == PIXEL_ID);
    assert_eq!(of_paused.count(), 0, "no event of the paused pixel may be sent: {requests:?}");

    resume(&world).await?;
    for id in [&first, &second] {
        world.wait_for_server_event("Lead", id).await?;
    }
    let delivering = |health: &Value| {
        let mut pixels = health["pixels"].as_array().into_iter().flatten();
        pixels.all(|pixel| pixel["state"] == "delivering") && health["outbox"]["held"] == 0
    };
    world.wait_for_health("recovery", delivering).await?;
    world.wait_until_all_is_sent().await?;

    // The server also remembers the end of the pause.
    world.restart_server().await?;
    world.wait_until_all_is_sent().await
}

#[tokio::test]
async fn the_tool_pauses_and_resumes() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    assert!(tandem(&world, &["pause", "--pixel", PIXEL_ID], "").await?.starts_with("paused 1 pixel"));
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    world.wait_for_state("Lead", &id, EventState::Held).await?;
    let held = |health: &Value| health["outbox"]["held"] == 1;
    world.wait_for_health("a held lead", held).await?;
    assert!(tandem(&world, &["health"], "").await?.contains("paused"));
    assert_eq!(tandem_json(&world, &["resume"]).await?, json!({ "pixels": 1 }));
    world.wait_for_server_event("Lead", &id).await?;
    Ok(())
}

#[tokio::test]
async fn what_waits_of_an_erased_person_never_leaves() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let operator = world.internal()?;
    pause(&world).await?;
    let (by_email, by_phone, stays) = (Person::unique(), Person::unique(), Person::unique());
    let mut erased = Vec::new();
    // Each has a browser of their own; what shares one is erased with the person.
    for person in [&by_email, &by_email, &by_phone] {
        erased.push(world.capture_lead(&world.visitor(), person).await?.event_id);
    }
    let kept = world.capture_lead(&world.visitor(), &stays).await?.event_id;

    expect_fields("nobody", operator.erase_person(ErasePersonRequest::default()).await, &["email"]);
    let broken = ErasePersonRequest { email: Some("no address".to_owned()), ..Default::default() };
    let refused = expect_fields("no e-mail address", operator.erase_person(broken).await, &["email"]);
    assert!(
        !format!("{refused:?}").contains("no address"),
        "an error must not repeat the value: {refused:?}"
    );
    let unknown = ErasePersonRequest { email: Some(Person::unique().email), ..Default::default() };
    assert_eq!(operator.erase_person(unknown).await?.events, 0);

    // The same address in capital letters and with spaces.
    let email = Some(format!(" {} ", by_email.email.to_uppercase()));
    let answer = operator.erase_person(ErasePersonRequest { email, ..Default::default() }).await?;
    assert_eq!(answer.events, 2);
    let counted =
        tandem(&world, &["erase", "--dry-run", "--phone", "-"], &format!("{}\n", by_phone.phone)).await?;
    assert!(counted.contains("events to erase  1"), "{counted}");
    // The number is on standard input, so that the shell's history does not contain it.
    let said =
        tandem(&world, &["erase", "--yes", "--phone", "-", "--json"], &format!("{}\n", by_phone.phone))
            .await?;
    assert_eq!(serde_json::from_str::<Value>(&said)?["events"], 1);
    for id in &erased {
        let event = world.wait_for_state("Lead", id, EventState::Suppressed).await?;
        assert_eq!(event.code, "erased");
    }
    assert_eq!(
        tandem(&world, &["erase", "--yes", "--email", &by_email.email], "").await?.trim(),
        "nothing is stored about this person"
    );

    resume(&world).await?;
    let arrived = world.wait_for_server_event("Lead", &kept).await?;
    assert_eq!(arrived.match_key("em"), stays.email_hash());
    world.wait_until_all_is_sent().await?;
    for id in &erased {
        assert!(world.sandbox.server_events_with_id("Lead", id).await?.is_empty(), "{id} left");
    }
    Ok(())
}

/// The next change of one event.
async fn next_change(
    changes: &mut Streaming<tandem_proto::v1::WatchEventsResponse>,
    id: &str,
) -> anyhow::Result<EventSummary> {
    let next = async {
        loop {
            let change = changes.message().await?.context("the stream goes on")?;
            let event = change.event.context("a change has its event")?;
            if event.event_id == id {
                return Ok(event);
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.with_context(|| format!("a change of {id}"))?
}

#[tokio::test]
async fn a_watcher_sees_an_event_accepted_and_then_delivered() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let everything = WatchEventsRequest::default();
    let stranger = world.stranger()?.watch_events(everything.clone()).await;
    expect_code("a stranger", stranger, Code::Unauthenticated);

    let operator = world.internal()?;
    let mut all = operator.watch_events(everything).await?;
    let delivered = WatchEventsRequest { event_name: "Lead".to_owned(), state: EventState::Delivered.into() };
    let mut delivered_leads = operator.watch_events(delivered).await?;
    // The delay makes sure that the watcher sees the event before it is delivered.
    world.sandbox.delay("graph", None, Duration::from_secs(1)).await?;
    let visitor = world.visitor();
    let other = visitor.track_event(messages::event("AddToCart", "10.00")).await?.outcome?.event_id;
    let id = world.capture_lead(&visitor, &Person::unique()).await?.event_id;

    let accepted = next_change(&mut all, &id).await?;
    assert_eq!(accepted.event_name, "Lead");
    assert!(matches!(accepted.state(), EventState::Pending | EventState::InFlight), "{accepted:?}");
    let finished = next_change(&mut all, &id).await?;
    assert_eq!((finished.state(), finished.attempts), (EventState::Delivered, 1));

    world.wait_for_state("AddToCart", &other, EventState::Delivered).await?;
    let only = delivered_leads.message().await?.and_then(|change| change.event).context("a change")?;
    assert_eq!((only.event_id.as_str(), only.state()), (id.as_str(), EventState::Delivered));
    Ok(())
}

#[tokio::test]
async fn the_tool_watches() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let arguments = ["events", "watch", "--json", "--state", "delivered", "--limit", "2"];
    let (program, folder) = (binaries::program("tandem")?, world.log_dir());
    let mut watcher = Process::start(&program, "watch", &folder, &environment(&world), &arguments)?;
    let visitor = world.visitor();
    let mut ids = Vec::new();
    // The watcher does not report when it has begun, so leads are sent until it has seen two.
    let status = world
        .eventually("two leads to be seen", async || {
            ids.push(world.capture_lead(&visitor, &Person::unique()).await?.event_id);
            Ok(watcher.ended(Duration::from_millis(250)).await.ok())
        })
        .await?;
    assert_eq!(status.code(), Some(0), "{}", watcher.logged());
    let said = std::fs::read_to_string(folder.join("watch.out"))?;
    assert_eq!(said.lines().count(), 2, "{said}");
    for line in said.lines() {
        let event: Value = serde_json::from_str(line)?;
        assert_eq!(event["state"], "EVENT_STATE_DELIVERED");
        assert!(ids.iter().any(|id| event["event_id"] == json!(id)), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn watchers_do_not_hold_up_a_stop() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let operator = world.internal()?;
    let mut changes = operator.watch_events(WatchEventsRequest::default()).await?;
    let (program, folder) = (binaries::program("tandem")?, world.log_dir());
    let mut tool = Process::start(&program, "watch", &folder, &environment(&world), &["events", "watch"])?;
    let id = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    next_change(&mut changes, &id).await?;
    world
        .eventually("the tool to watch", async || {
            world.capture_lead(&world.visitor(), &Person::unique()).await?;
            Ok(Some(())
                .filter(|()| std::fs::read(folder.join("watch.out")).is_ok_and(|said| !said.is_empty())))
        })
        .await?;

    let started = Instant::now();
    world.stop_server().await?;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "the stop took {took:?}");
    let rest = async { while changes.message().await.is_ok_and(|change| change.is_some()) {} };
    tokio::time::timeout(PATIENCE, rest).await.context("the stream ends with the server")?;
    let status = tool.ended(PATIENCE).await?;
    assert_eq!(status.code(), Some(3), "the server is away: {}", tool.logged());
    assert!(!tool.logged().contains("panicked"), "{}", tool.logged());
    Ok(())
}
