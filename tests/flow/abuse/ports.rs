//! What one address may cost at the ports: streams that stay open, wrong tokens, and calls that are refused at the door.

use std::time::Duration;

use tandem_proto::v1::GetTrackingHealthRequest;
use tandem_tests::{Caller, INTERNAL_TOKEN, Person, World, messages};
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt as _;

const RATE: &str = "50/s burst 200";

async fn world() -> anyhow::Result<World> {
    World::builder().server("TANDEM_RATE_LIMIT", RATE).without_gateway().start().await
}

fn from_address(caller: &Caller, address: &str) -> Caller {
    caller.clone().with_header("x-forwarded-for", address.to_owned())
}

fn question(address: &str) -> anyhow::Result<Request<HealthCheckRequest>> {
    let mut request = Request::new(HealthCheckRequest::default());
    request.metadata_mut().insert("x-forwarded-for", address.parse()?);
    Ok(request)
}

async fn watch(caller: &Caller, address: &str) -> anyhow::Result<Option<Streaming<HealthCheckResponse>>> {
    match HealthClient::new(caller.channel()).watch(question(address)?).await.map(Response::into_inner) {
        Ok(mut stream) => {
            stream.next().await.transpose()?;
            Ok(Some(stream))
        }
        Err(status) => {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            Ok(None)
        }
    }
}

async fn check(caller: &Caller, address: &str) -> anyhow::Result<Result<(), Status>> {
    Ok(HealthClient::new(caller.channel()).check(question(address)?).await.map(drop))
}

#[tokio::test]
async fn watches_are_few_and_leave_room_for_checks_and_leads() -> anyhow::Result<()> {
    let world = world().await?;
    let mut open = Vec::new();
    for connection in 0..2 {
        let caller = world.stranger()?;
        for number in 0..150 {
            // A network of its own each third time, so that neither one address nor many take more than their share.
            let address = match number % 3 {
                0 => format!("49.36.{connection}.{number}"),
                _ => "49.36.7.7".to_owned(),
            };
            open.extend(watch(&caller, &address).await?);
        }
    }
    assert!((1..=64).contains(&open.len()), "{} watches are open", open.len());
    let caller = world.stranger()?;
    check(&caller, "49.36.9.9").await??;
    from_address(&caller, "49.36.7.7").capture_lead(messages::lead(&Person::unique())).await?;
    // A place is free as soon as its watcher leaves.
    open.clear();
    world.eventually("a free place", async || watch(&caller, "49.36.9.9").await).await?;
    Ok(())
}

#[tokio::test]
async fn health_checks_have_a_rate_and_take_nothing_from_leads() -> anyhow::Result<()> {
    let world = world().await?;
    let caller = world.stranger()?;
    let mut refused = 0;
    for _ in 0..400 {
        if let Err(status) = check(&caller, "49.36.7.7").await? {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            assert!(status.get_details_retry_info().is_some(), "{status}");
            refused += 1;
        }
    }
    assert!(refused >= 50, "{refused} of 400 checks were refused");
    from_address(&caller, "49.36.7.7").capture_lead(messages::lead(&Person::unique())).await?;
    check(&caller, "49.36.9.9").await??;
    Ok(())
}

#[tokio::test]
async fn bytes_are_limited_by_address_too() -> anyhow::Result<()> {
    let world = world().await?;
    let caller = world.stranger()?;
    let mut large = messages::lead(&Person::unique());
    large.custom_data.get_or_insert_default().search_string = "x".repeat(60_000);
    let mut limited = 0;
    for _ in 0..60 {
        let status = from_address(&caller, "49.36.7.7").capture_lead(large.clone()).await.expect_err("large");
        if status.code() == Code::ResourceExhausted {
            assert!(status.get_details_retry_info().is_some(), "{status}");
            limited += 1;
        }
    }
    assert!(limited >= 20, "{limited} of 60 messages of 60 kB were refused");
    from_address(&caller, "49.36.9.9").capture_lead(messages::lead(&Person::unique())).await?;
    Ok(())
}

#[tokio::test]
async fn wrong_tokens_are_limited_and_counted_and_the_shops_services_pass() -> anyhow::Result<()> {
    let world = world().await?;
    let stranger = world.stranger()?;
    let health = GetTrackingHealthRequest {};
    let gateway = from_address(&stranger, "49.36.1.1").with_token(INTERNAL_TOKEN);
    gateway.get_tracking_health(health).await?;
    let (mut compared, mut limited) = (0, 0);
    for number in 0..400 {
        let guess =
            from_address(&stranger, "49.36.7.7").with_token(&format!("guess-number-{number}-of-many"));
        let status = guess.get_tracking_health(health).await.expect_err("a guess");
        match status.code() {
            Code::Unauthenticated => compared += 1,
            Code::ResourceExhausted => {
                let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
                assert!(retry.is_some_and(|wait| wait > Duration::ZERO), "{status}");
                limited += 1;
            }
            _ => panic!("{status}"),
        }
    }
    assert!((1..=100).contains(&compared) && limited >= 300, "{compared} compared, {limited} limited");
    // Where the guesses come from, a right token is not compared either: otherwise the limit would be none.
    let late = from_address(&stranger, "49.36.7.7").with_token(INTERNAL_TOKEN);
    assert!(late.get_tracking_health(health).await.is_err(), "a guess too many");
    gateway.get_tracking_health(health).await?;

    // An address from which a right token came is never locked out by wrong ones.
    for _ in 0..200 {
        let wrong = from_address(&stranger, "49.36.1.1").with_token("the-token-before-the-rotation");
        wrong.get_tracking_health(health).await.expect_err("a wrong token");
    }
    gateway.get_tracking_health(health).await?;
    let metrics = world.get("/metrics").await?.text().await?;
    assert!(metrics.contains("tandem_access_refused_tokens_total 601\n"), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn calls_that_are_refused_at_the_door_are_counted() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_RATE_LIMIT", "1/s burst 5").without_gateway().start().await?;
    let caller = from_address(&world.stranger()?, "49.36.7.7");
    let lead = async |caller: Caller| caller.capture_lead(messages::lead(&Person::unique())).await;
    lead(caller.clone().with_header("origin", "https://evil.example".to_owned())).await.expect_err("a page");
    lead(caller.clone().with_token("wrong")).await.expect_err("a wrong token");
    let mut too_large = messages::lead(&Person::unique());
    too_large.custom_data.get_or_insert_default().search_string = "x".repeat(100_000);
    caller.capture_lead(too_large).await.expect_err("too large");
    let (mut taken, mut too_fast) = (0, 0);
    for _ in 0..20 {
        match lead(caller.clone()).await {
            Ok(_) => taken += 1,
            Err(_) => too_fast += 1,
        }
    }
    assert!(too_fast > 0 && taken > 0, "{taken} taken, {too_fast} too fast");
    let metrics = world.get("/metrics").await?.text().await?;
    let answers = |code: &str, count: u32| {
        let line = format!("tandem_ingest_answers_total{{rpc=\"CaptureLead\",code=\"{code}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    };
    answers("permission_denied", 1);
    answers("unauthenticated", 1);
    answers("out_of_range", 1);
    answers("resource_exhausted", too_fast);
    answers("ok", taken);
    let health = world.health().await?;
    assert_eq!(health["last_24h"]["error_rate"], 0.0, "one address's limit is no error of the server");
    Ok(())
}
