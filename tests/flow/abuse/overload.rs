//! More calls than the server can take. It refuses the excess at once, loses nothing, and still accepts the shop's
//! own services.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tandem_proto::v1::{CaptureLeadResponse, PurchaseState, RecordPurchaseResponse};
use tandem_tests::cashfree::Webhook;
use tandem_tests::sandbox::ServerEvent;
use tandem_tests::{Caller, Person, World, messages};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Number of calls in a flood: more than the server takes at once.
const FLOOD: usize = 3000;
/// Connections of the flood. Each carries up to 1024 calls at once.
const CONNECTIONS: usize = 6;

/// A stranger behind the proxy, with this address.
fn from_address(caller: &Caller, address: String) -> Caller {
    caller.clone().with_header("x-forwarded-for", address)
}

fn address(number: usize) -> String {
    format!("49.36.{}.{}", number / 250 % 250, number % 250 + 1)
}

fn connections(world: &World) -> anyhow::Result<Vec<Caller>> {
    (0..CONNECTIONS).map(|_| world.stranger()).collect()
}

/// Claims of orders that nobody pays, all at once. Each waits five seconds for a webhook.
fn flood_of_claims(callers: &[Caller]) -> JoinSet<(Duration, Result<RecordPurchaseResponse, Status>)> {
    let mut flood = JoinSet::new();
    for number in 0..FLOOD {
        let caller = from_address(&callers[number % callers.len()], address(number));
        flood.spawn(async move {
            let started = Instant::now();
            let outcome = caller.record_purchase(messages::purchase(&messages::order_id(), "1499.00")).await;
            (started.elapsed(), outcome)
        });
    }
    flood
}

fn expect_shed(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert!(retry.is_some_and(|delay| !delay.is_zero()), "the refusal must say when to retry: {status}");
}

#[tokio::test]
async fn a_flood_is_shed_webhooks_get_through_and_what_was_taken_arrives_once() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_LOG", "info").gateway("TANDEM_LOG", "info").start().await?;
    let callers = connections(&world)?;
    for caller in &callers {
        caller.capture_lead(messages::lead(&Person::unique())).await?;
    }
    let mut flood = flood_of_claims(&callers);

    // The first refusal shows that the server is full. Calls that it already accepted still wait.
    let mut shed = 0;
    let mut pending = 0;
    let mut slowest_refusal = Duration::ZERO;
    while shed == 0 {
        let (_, outcome) = flood.join_next().await.expect("a flood of more than fits")?;
        match outcome {
            Ok(_) => pending += 1,
            Err(status) => {
                expect_shed(&status);
                shed += 1;
            }
        }
    }
    let mut leads = JoinSet::new();
    for number in 0..FLOOD {
        let caller = from_address(&callers[number % callers.len()], address(number));
        leads.spawn(async move { caller.capture_lead(messages::lead(&Person::unique())).await });
    }
    let order_id = messages::order_id();
    let started = Instant::now();
    let status = world.post_webhook(&Webhook::paid(&order_id, "1499.00", &Person::unique())).await?;
    assert_eq!(status, 200, "a webhook beside the flood");
    let webhook_took = started.elapsed();
    let ready = reqwest::get(format!("{}/readyz", world.gateway)).await?;
    assert_eq!(ready.status(), 200, "the gateway is ready beside the flood");
    world.internal()?.capture_lead(messages::lead(&Person::unique())).await?;

    while let Some(joined) = flood.join_next().await {
        let (took, outcome) = joined?;
        match outcome {
            Ok(claim) => {
                assert_eq!(claim.state(), PurchaseState::Pending);
                pending += 1;
            }
            Err(status) => {
                expect_shed(&status);
                slowest_refusal = slowest_refusal.max(took);
                shed += 1;
            }
        }
    }
    let mut taken = BTreeSet::new();
    let mut shed_leads = 0;
    while let Some(joined) = leads.join_next().await {
        match joined? {
            Ok(CaptureLeadResponse { event_id, .. }) => {
                assert!(taken.insert(event_id), "an event ID was given twice");
            }
            Err(status) => {
                expect_shed(&status);
                shed_leads += 1;
            }
        }
    }
    eprintln!(
        "of {FLOOD} claims {pending} waited and {shed} were shed (the slowest after {slowest_refusal:?}); of {FLOOD} \
         leads {} were taken and {shed_leads} shed; a webhook beside them took {webhook_took:?}",
        taken.len()
    );
    assert!(shed >= 100 && pending >= 1000, "{shed} shed, {pending} waited");
    assert!(taken.len() >= 1000, "waiting claims kept leads out: {} were accepted", taken.len());

    world.wait_for_server_event("Purchase", &format!("purchase_{order_id}")).await?;
    world.wait_until_all_is_sent().await?;
    let arrived = world.sandbox.server_events("Lead").await?;
    let ids: Vec<&str> = arrived.iter().map(ServerEvent::event_id).collect();
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len(), "a lead arrived twice");
    assert!(taken.iter().all(|id| unique.contains(id.as_str())), "an accepted lead did not arrive");
    // The leads before the flood, the internal one, and the one that shows that everything was sent.
    let expected = taken.len() + CONNECTIONS + 2;
    assert_eq!(ids.len(), expected, "a refused lead arrived");
    world.wait_for_health("each once", |health| health["last_24h"]["lead_events"] == expected).await?;
    Ok(())
}

#[tokio::test]
async fn one_address_cannot_take_all_the_room() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_RATE_LIMIT", "5000/s burst 5000")
        .server("TANDEM_LOG", "info")
        .without_gateway()
        .start()
        .await?;
    let caller = world.stranger()?;
    let mut greedy = JoinSet::new();
    for number in 0..600 {
        // Addresses in one /64.
        let caller = from_address(&caller, format!("2401:4900:1c2a:5d0f::{number:x}"));
        greedy.spawn(async move {
            caller.record_purchase(messages::purchase(&messages::order_id(), "1499.00")).await
        });
    }
    let other = from_address(&world.stranger()?, "2401:4900:1c2a:5d10::1".to_owned());
    let started = Instant::now();
    other.capture_lead(messages::lead(&Person::unique())).await?;
    assert!(started.elapsed() < Duration::from_secs(3), "another network is not slowed down");
    let mut refused = 0;
    while let Some(outcome) = greedy.join_next().await {
        if let Err(status) = outcome? {
            expect_shed(&status);
            refused += 1;
        }
    }
    assert!((200..=400).contains(&refused), "{refused} of 600 at once were refused");
    Ok(())
}

#[tokio::test]
async fn neighbours_of_one_network_share_a_rate_over_grpc_too() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_RATE_LIMIT", "1/s burst 5").without_gateway().start().await?;
    let caller = world.stranger()?;
    let mut refused = 0;
    for host in 0..20 {
        let neighbour = from_address(&caller, format!("2401:4900:1c2a:5d0f::{host:x}"));
        if let Err(status) = neighbour.capture_lead(messages::lead(&Person::unique())).await {
            expect_shed(&status);
            refused += 1;
        }
    }
    assert!((5..=15).contains(&refused), "{refused} of 20 calls from one /64 were refused");
    let next = from_address(&caller, "2401:4900:1c2a:5d10::1".to_owned());
    next.capture_lead(messages::lead(&Person::unique())).await?;
    Ok(())
}
