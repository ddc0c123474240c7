//! Many dead letters: listed, replayed and purged in steps, over gRPC and with the tool.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tandem_proto::v1::{
    DeadLetterFilter, DeadLetterKind, EventState, EventSummary, GetDeadLetterRequest, ListDeadLettersRequest,
    PurgeDeadLettersRequest, PurgeDeadLettersResponse, ReplayDeadLettersRequest, ReplayDeadLettersResponse,
    ReplayVerdict,
};
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::status::{expect_code, expect_fields};
use tandem_tests::{Person, World, messages};
use tonic::Code;

use crate::tool::tool;

/// Enough events that one step handles only a small part of them.
const MANY: usize = 2_000;
/// How many calls create them at once.
const CALLS: usize = 64;
/// Time limit until all of them are refused. Each takes about two Graph calls, one after the other.
const REFUSALS: Duration = Duration::from_secs(180);

fn refusal(subcode: u32) -> Value {
    let error = json!({"message": "Invalid parameter", "type": "OAuthException", "code": 100, "error_subcode": subcode, "is_transient": false, "fbtrace_id": "A9"});
    json!({ "answer": { "status": 400, "body": json!({ "error": error }).to_string(), "headers": {} } })
}

/// A server without rate limits, and without trace lines for thousands of events.
async fn world() -> anyhow::Result<World> {
    let world = World::builder().without_gateway();
    world.server("TANDEM_RATE_LIMIT", "off").server("TANDEM_LOG", "warn").start().await
}

/// Creates this many leads and other events that the Graph API refuses. Ends the fault afterwards.
async fn refused(world: &World, leads: usize, others: usize) -> anyhow::Result<BTreeSet<String>> {
    world.sandbox.fault("graph", None, refusal(2_804_019)).await?;
    let visitor = world.visitor();
    let ids: BTreeSet<String> = stream::iter(0..leads)
        .map(|_| async { anyhow::Ok(world.capture_lead(&visitor, &Person::unique()).await?.event_id) })
        .buffer_unordered(CALLS)
        .try_collect()
        .await?;
    stream::iter(0..others)
        .map(|_| async {
            visitor.track_event(messages::event("AddToCart", "10.00")).await?.outcome?;
            anyhow::Ok(())
        })
        .buffer_unordered(CALLS)
        .try_collect::<Vec<()>>()
        .await?;
    let all = leads + others;
    world
        .eventually_within(REFUSALS, "every refusal", async || {
            let health = world.health().await?;
            Ok((health["outbox"]["dead_letters"] == all).then_some(()))
        })
        .await?;
    world.sandbox.heal().await?;
    ensure!(ids.len() == leads, "{} IDs of {leads} leads", ids.len());
    Ok(ids)
}

fn of_name(name: &str) -> Option<DeadLetterFilter> {
    Some(DeadLetterFilter { event_name: name.to_owned(), ..DeadLetterFilter::default() })
}

fn of_id(id: &str) -> Option<DeadLetterFilter> {
    Some(DeadLetterFilter { event_id: id.to_owned(), ..DeadLetterFilter::default() })
}

async fn purge(world: &World, request: PurgeDeadLettersRequest) -> anyhow::Result<(u64, u64)> {
    let PurgeDeadLettersResponse { purged_events, purged_webhooks, next_page_token } =
        world.internal()?.purge_dead_letters(request).await?;
    ensure!(next_page_token.is_empty(), "{next_page_token}");
    Ok((purged_events, purged_webhooks))
}

/// The number of dead letters in `/metrics`, over all pixels.
async fn dead_in_metrics(world: &World) -> anyhow::Result<u64> {
    let metrics = world.get("/metrics").await?.text().await?;
    let dead = metrics
        .lines()
        .filter(|line| line.starts_with("tandem_outbox_entries{") && line.contains("state=\"dead_letter\""));
    dead.map(|line| anyhow::Ok(line.rsplit(' ').next().context("a value")?.parse::<u64>()?)).sum()
}

async fn tool_json(world: &World, arguments: &[&str]) -> anyhow::Result<Value> {
    let ended = tool(world, &[arguments, &["--json"]].concat()).await?;
    ensure!(ended.code == Some(0), "tandem {arguments:?}: {}", ended.log);
    Ok(serde_json::from_str(&ended.out)?)
}

#[tokio::test]
async fn many_are_replayed_in_steps_each_under_its_id_with_its_attempts() -> anyhow::Result<()> {
    let world = world().await?;
    let ids = refused(&world, MANY, 100).await?;
    let operator = world.internal()?;
    let request = ReplayDeadLettersRequest { filter: of_name("Lead"), ..Default::default() };

    let counted = ReplayDeadLettersRequest { dry_run: true, ..request.clone() };
    let counted = operator.replay_dead_letters(counted).await?;
    assert_eq!((counted.replayed, counted.next_page_token.as_str()), (MANY as u64, ""));
    let too_long = ReplayDeadLettersRequest { max_events: 10_001, ..request.clone() };
    expect_fields("too long a step", operator.replay_dead_letters(too_long).await, &["max_events"]);
    let foreign = ReplayDeadLettersRequest { page_token: "w4".to_owned(), ..request.clone() };
    expect_fields("a foreign token", operator.replay_dead_letters(foreign).await, &["page_token"]);

    let (mut replayed, mut steps, mut page_token) = (0, 0, String::new());
    loop {
        let step = ReplayDeadLettersRequest { max_events: 300, page_token, ..request.clone() };
        let ReplayDeadLettersResponse { replayed: n, next_page_token, .. } =
            operator.replay_dead_letters(step).await?;
        assert!(n <= 300, "{n}");
        (replayed, steps, page_token) = (replayed + n, steps + 1, next_page_token);
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((replayed, steps), (MANY as u64, MANY.div_ceil(300)), "each dead letter must be listed once");

    let only_others = |health: &Value| health["outbox"]["dead_letters"] == 100;
    world.wait_for_health("the leads' arrival", only_others).await?;
    world
        .eventually("all leads to arrive", async || {
            let arrived = world.sandbox.server_events("Lead").await?;
            ensure!(arrived.len() <= MANY, "{} arrived of {MANY}", arrived.len());
            let arrived: BTreeSet<String> = arrived.iter().map(|e| e.event_id().to_owned()).collect();
            Ok(Some(()).filter(|()| arrived == ids))
        })
        .await?;
    for id in ids.iter().step_by(MANY / 5) {
        let event = world.wait_for_state("Lead", id, EventState::Delivered).await?;
        let attempts = world.event("Lead", id).await?.attempts;
        let results: Vec<&str> = attempts.iter().map(|attempt| attempt.result.as_str()).collect();
        assert_eq!(results.last(), Some(&"delivered"), "{results:?}");
        assert!(results[..results.len() - 1].iter().all(|result| *result == "refused"), "{results:?}");
        assert!(
            results.len() >= 2 && event.attempts as usize == results.len(),
            "the history is kept: {event:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_tool_replays_many_and_purges_the_rest() -> anyhow::Result<()> {
    let world = world().await?;
    let ids = refused(&world, 1_200, 1_100).await?;
    assert_eq!(dead_in_metrics(&world).await?, 2_300);

    let dry = ["dead-letters", "replay", "--event-name", "Lead", "--dry-run"];
    assert_eq!(tool_json(&world, &dry).await?["replayed"], 1_200);
    let said = tool(&world, &["dead-letters", "replay", "--event-name", "Lead"]).await?;
    assert_eq!(said.code, Some(0), "{}", said.log);
    assert!(said.out.starts_with("replayed                    1200\n"), "{}", said.out);
    assert_eq!(said.log, "", "no terminal, no progress");
    world.wait_for_health("the leads' arrival", |health| health["outbox"]["pending"] == 0).await?;
    let arrived = world.sandbox.server_events("Lead").await?;
    assert_eq!(arrived.len(), 1_200, "each once");
    assert!(arrived.iter().all(|event| ids.contains(event.event_id())), "each lead must keep its ID");

    // Lists everything, page by page.
    let all = tool(&world, &["events", "list", "--state", "dead_letter", "--all", "--json"]).await?;
    assert_eq!((all.code, all.out.lines().count()), (Some(0), 1_100), "{}", all.log);

    let unconfirmed = tool(&world, &["dead-letters", "purge", "--code", "meta_refused"]).await?;
    assert_eq!(unconfirmed.code, Some(2), "{}", unconfirmed.log);
    let nothing_said = tool(&world, &["dead-letters", "purge", "--yes"]).await?;
    assert_eq!(nothing_said.code, Some(2), "{}", nothing_said.log);
    assert!(nothing_said.log.contains("filter"), "{}", nothing_said.log);
    let refused = ["dead-letters", "purge", "--code", "meta_refused"];
    let counts = json!({ "purged_events": 1_100, "purged_webhooks": 0 });
    assert_eq!(tool_json(&world, &[&refused[..], &["--dry-run"]].concat()).await?, counts);
    assert_eq!(dead_in_metrics(&world).await?, 1_100, "a dry run changes nothing");
    assert_eq!(tool_json(&world, &[&refused[..], &["--yes"]].concat()).await?, counts);

    world.wait_for_health("no dead letters", |health| health["outbox"]["dead_letters"] == 0).await?;
    assert_eq!(dead_in_metrics(&world).await?, 0);
    let listed = world.internal()?.list_dead_letters(ListDeadLettersRequest::default()).await?;
    assert_eq!((listed.events.len(), listed.webhooks.len()), (0, 0));
    assert!(
        world.events("AddToCart", EventState::Unspecified).await?.is_empty(),
        "purged events must not come back"
    );
    assert_eq!(
        world.events("Lead", EventState::Delivered).await?.len(),
        1_000,
        "the delivered leads must stay (the list ends after one page)"
    );
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_says_what_meta_said_and_what_to_do() -> anyhow::Result<()> {
    let world = world().await?;
    let id = refused(&world, 1, 0).await?.pop_first().context("one lead")?;
    let operator = world.internal()?;
    let request = GetDeadLetterRequest { event_id: id.clone(), ..GetDeadLetterRequest::default() };
    let stranger = world.stranger()?.get_dead_letter(request.clone()).await;
    expect_code("a stranger", stranger, Code::Unauthenticated);
    let letter = operator.get_dead_letter(request.clone()).await?;
    assert_eq!(letter.replay(), ReplayVerdict::Ready);
    let attempt = letter.attempts.last().context("its attempt")?;
    assert_eq!((attempt.meta_code, attempt.meta_subcode), (100, 2_804_019));
    assert_eq!(attempt.fbtrace_id, "A9");
    let page = letter.page.context("what to do")?;
    assert_eq!((page.code.as_str(), page.path.as_str()), ("meta_refused", "docs/codes/meta_refused.md"));
    assert!(page.what_to_do.contains("2804019"), "{page:?}");

    let shown = tool(&world, &["dead-letters", "show", &id]).await?;
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    for text in [&id, "2804019", "A9", "what to do:", "docs/codes/meta_refused.md", "replay: yes"] {
        assert!(shown.out.contains(text), "{text}: {}", shown.out);
    }
    let dashboard = world.get("/").await?.text().await?;
    for text in [id.as_str(), "href=\"#code-meta_refused\"", "id=\"code-meta_refused\"", "Subcode 2804050"] {
        assert!(dashboard.contains(text), "{text}: {dashboard}");
    }

    // A delivered event is no dead letter any more, and the error says so. An unknown event has another error.
    let replay = ReplayDeadLettersRequest { filter: of_id(&id), ..Default::default() };
    assert_eq!(operator.replay_dead_letters(replay).await?.replayed, 1);
    world.wait_for_state("Lead", &id, EventState::Delivered).await?;
    let delivered = expect_code("delivered", operator.get_dead_letter(request).await, Code::NotFound);
    assert!(delivered.message().contains("delivered"), "{delivered}");
    let unknown = GetDeadLetterRequest { event_id: "somebody-elses".to_owned(), ..Default::default() };
    expect_code("unknown", operator.get_dead_letter(unknown).await, Code::NotFound);
    let nothing = operator.get_dead_letter(GetDeadLetterRequest::default()).await;
    expect_fields("nothing named", nothing, &["event_id"]);
    Ok(())
}

/// A paid order whose Purchase the Graph API refuses.
async fn refused_purchase(world: &World) -> anyhow::Result<(String, Webhook, EventSummary)> {
    world.sandbox.fault("graph", None, refusal(2_804_019)).await?;
    let order = messages::order_id();
    let webhook = Webhook::paid(&order, "1499.00", &Person::unique());
    ensure!(world.post_webhook(&webhook).await? == 200);
    let id = format!("purchase_{order}");
    let letter = world.wait_for_state("Purchase", &id, EventState::DeadLetter).await?;
    world.sandbox.heal().await?;
    Ok((order, webhook, letter))
}

#[tokio::test]
async fn a_purged_purchases_order_makes_no_second_one() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_JOIN_WAIT", "0s").start().await?;
    let (order, webhook, letter) = refused_purchase(&world).await?;
    assert_eq!(letter.order_id, order);
    let request = PurgeDeadLettersRequest { filter: of_id(&letter.event_id), ..Default::default() };
    assert_eq!(purge(&world, request).await?, (1, 0));
    assert!(world.events("Purchase", EventState::Unspecified).await?.is_empty());

    // The same webhook again, a second one about the same order, and the order's page.
    assert_eq!(world.post_webhook(&webhook).await?, 200);
    assert_eq!(world.post_webhook(&Webhook::paid(&order, "1499.00", &Person::unique())).await?, 200);
    let visitor = world.visitor();
    visitor.claim_purchase(messages::purchase(&order, "1499.00")).await?.outcome?;
    // Delivery works: a later event arrives.
    let later = world.capture_lead(&visitor, &Person::unique()).await?.event_id;
    world.wait_for_server_event("Lead", &later).await?;
    world.wait_until_all_is_sent().await?;
    assert!(world.events("Purchase", EventState::Unspecified).await?.is_empty(), "no second Purchase");
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn webhooks_are_listed_in_pages_shown_and_purged_apart() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_JOIN_WAIT", "0s").start().await?;
    let (_, _, purchase) = refused_purchase(&world).await?;
    for _ in 0..5 {
        let torn =
            payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "1.2345", &Person::unique());
        assert_eq!(world.post_webhook(&Webhook::signed(torn)).await?, 200);
    }
    let operator = world.internal()?;
    let (mut seen, mut webhook_page_token) = (Vec::new(), String::new());
    loop {
        let request = ListDeadLettersRequest { page_size: 2, webhook_page_token, ..Default::default() };
        let page = operator.list_dead_letters(request).await?;
        let events = usize::from(seen.is_empty());
        assert_eq!(page.events.len(), events, "webhooks are listed after the events");
        seen.extend(page.webhooks);
        webhook_page_token = page.next_webhook_page_token;
        if webhook_page_token.is_empty() {
            break;
        }
    }
    let sequences: BTreeSet<u64> = seen.iter().map(|webhook| webhook.sequence).collect();
    assert_eq!((seen.len(), sequences.len()), (5, 5), "{seen:?}");
    let only = ListDeadLettersRequest { kind: DeadLetterKind::Webhooks.into(), ..Default::default() };
    assert!(operator.list_dead_letters(only).await?.events.is_empty());

    let shown = &seen[1];
    for webhook in [shown.sequence.to_string(), shown.body_sha256.clone()] {
        let json = tool_json(&world, &["dead-letters", "show", "--webhook", &webhook]).await?;
        assert_eq!(json["webhook"]["sequence"], shown.sequence, "{json}");
        assert!(json["page"]["what_to_do"].as_str().is_some_and(|text| text.contains("resend it")), "{json}");
    }
    let of_webhook = Some(DeadLetterFilter { webhook_sequence: shown.sequence, ..Default::default() });
    let replay = ReplayDeadLettersRequest { filter: of_webhook.clone(), ..Default::default() };
    let left = operator.replay_dead_letters(replay).await?;
    assert_eq!((left.replayed, left.skipped_webhooks), (0, 1), "without an order only Cashfree can help");

    // Purges one webhook. A name selects no webhooks, and the code selects the rest.
    let one = PurgeDeadLettersRequest { filter: of_webhook, ..Default::default() };
    assert_eq!(purge(&world, one).await?, (0, 1));
    let named = PurgeDeadLettersRequest { filter: of_name("Lead"), ..Default::default() };
    assert_eq!(purge(&world, named.clone()).await?, (0, 0));
    let kind = DeadLetterKind::Webhooks.into();
    let contradiction = operator.purge_dead_letters(PurgeDeadLettersRequest { kind, ..named }).await;
    expect_fields("webhooks have no name", contradiction, &["kind"]);
    let nothing_said =
        operator.purge_dead_letters(PurgeDeadLettersRequest { kind, ..Default::default() }).await;
    expect_fields("an empty filter without all", nothing_said, &["filter"]);
    let code = Some(DeadLetterFilter { code: shown.code.clone(), ..Default::default() });
    let step = PurgeDeadLettersRequest { filter: code, max_events: 3, ..Default::default() };
    let first = operator.purge_dead_letters(step.clone()).await?;
    assert_eq!((first.purged_events, first.purged_webhooks), (0, 3));
    let rest = PurgeDeadLettersRequest { page_token: first.next_page_token, ..step };
    assert_eq!(purge(&world, rest).await?, (0, 1));
    let left = operator.list_dead_letters(ListDeadLettersRequest::default()).await?;
    assert_eq!((left.events.len(), left.webhooks.len()), (1, 0));
    assert_eq!(left.events[0].event_id, purchase.event_id);
    assert_eq!(purge(&world, PurgeDeadLettersRequest { all: true, ..Default::default() }).await?, (1, 0));
    world.wait_for_health("nothing", |health| health["outbox"]["dead_letters"] == 0).await?;
    Ok(())
}
