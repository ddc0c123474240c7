//! Callers that hold a connection and send nothing useful. The server ends them, and others are not affected.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use prost::Message as _;
use tandem_proto::v1::{
    CaptureLeadRequest, CaptureLeadResponse, ListEventsRequest, WatchEventsRequest,
    tracking_service_paths as paths,
};
use tandem_tests::{INTERNAL_TOKEN, Person, World, messages, raw};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Number of callers of a kind in one test.
const CROWD: usize = 200;
/// Time limit of a lead beside them, on a machine that is busy with other tests.
const PROMPT: Duration = Duration::from_secs(3);
/// The server's limit for heads and bodies, and the delay of a busy machine.
const ENDED_WITHIN: Duration = Duration::from_secs(25);

async fn quiet_world() -> anyhow::Result<World> {
    // With thousands of connections, the log lines of the libraries would fill the disk.
    World::builder()
        .without_gateway()
        .server("TANDEM_LOG", "tandem_server=debug,tandem_net=debug")
        .start()
        .await
}

/// Sends a lead over a new connection. Returns how long it took.
async fn lead_on_a_new_connection(world: &World) -> anyhow::Result<Duration> {
    let started = Instant::now();
    world.stranger()?.capture_lead(messages::lead(&Person::unique())).await?;
    Ok(started.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Sends `begin`, then one byte a second until the server closes the connection. Returns the time until then.
async fn trickle(url: String, begin: String) -> anyhow::Result<Duration> {
    let mut stream = raw::connect(&url).await?;
    let started = Instant::now();
    stream.write_all(begin.as_bytes()).await?;
    let (mut reading, mut writing) = stream.split();
    let drip = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if writing.write_all(b"x").await.is_err() {
                break;
            }
        }
    };
    let mut answer = Vec::new();
    let hang_up = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut answer);
    tokio::time::timeout(ENDED_WITHIN, async {
        tokio::select! {
            () = drip => {}
            _ = hang_up => {}
        }
    })
    .await?;
    Ok(started.elapsed())
}

async fn crowd_that_trickles(begin: impl Fn(&str) -> String) -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let host = world.grpc.trim_start_matches("http://").to_owned();
    let crowd: Vec<_> = (0..CROWD).map(|_| tokio::spawn(trickle(world.grpc.clone(), begin(&host)))).collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        slowest = slowest.max(lead_on_a_new_connection(&world).await?);
    }
    assert!(slowest < PROMPT, "a lead beside {CROWD} slow callers took {slowest:?}");
    for caller in crowd {
        let held_on = caller.await??;
        assert!(
            held_on > Duration::from_secs(5),
            "a slow caller must be ended after ten seconds, not {held_on:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn heads_that_trickle_are_ended_and_keep_nobody_waiting() -> anyhow::Result<()> {
    let path = paths::CAPTURE_LEAD;
    crowd_that_trickles(|host| format!("POST {path} HTTP/1.1\r\nhost: {host}\r\nx-slow: ")).await
}

#[tokio::test]
async fn bodies_that_trickle_are_ended_and_keep_nobody_waiting() -> anyhow::Result<()> {
    let path = paths::CAPTURE_LEAD;
    crowd_that_trickles(|host| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/grpc-web+proto\r\n\
             content-length: 4096\r\n\r\n"
        )
    })
    .await
}

#[tokio::test]
async fn connections_that_say_nothing_are_ended() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    for url in [&world.grpc, &world.http_url] {
        let mut silent = raw::connect(url).await?;
        let mut hesitant = raw::connect(url).await?;
        hesitant.write_all(b"PRI").await?;
        assert_eq!(raw::read_to_end(&mut silent, ENDED_WITHIN).await?, 0);
        raw::read_to_end(&mut hesitant, ENDED_WITHIN).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_call_whose_message_never_comes_is_answered_and_its_connection_kept() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let stranger = world.stranger()?;
    let mut client = tonic::client::Grpc::new(stranger.channel());
    client.ready().await?;
    let nothing = tonic::Request::new(tokio_stream::pending::<CaptureLeadRequest>());
    let codec = tonic_prost::ProstCodec::<CaptureLeadRequest, CaptureLeadResponse>::default();
    let call = client.client_streaming(nothing, PathAndQuery::from_static(paths::CAPTURE_LEAD), codec);
    let outcome: Result<_, Status> = tokio::time::timeout(ENDED_WITHIN, call).await?;
    let status = outcome.expect_err("there was no message");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    stranger.capture_lead(messages::lead(&Person::unique())).await?;

    // Otherwise a few such calls would take all the places of health checks.
    client.ready().await?;
    let nothing = tonic::Request::new(tokio_stream::pending::<HealthCheckRequest>());
    let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let check = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
    let call = client.client_streaming(nothing, check, codec);
    let outcome: Result<_, Status> = tokio::time::timeout(ENDED_WITHIN, call).await?;
    let status = outcome.expect_err("there was no question");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    Ok(())
}

#[tokio::test]
async fn ten_thousand_idle_connections_cost_little_and_keep_nobody_waiting() -> anyhow::Result<()> {
    let files = raw::raise_own_file_limit();
    // The server has the same limit, and needs a part of it for other files.
    let count = files.saturating_sub(2000).min(10_000);
    assert!(count >= 1000, "the limit on open files ({files}) is too small for this test");
    let world = quiet_world().await?;
    let server = world.server_id()?;
    let caller = world.stranger()?;
    let lead = async || {
        let started = Instant::now();
        caller.capture_lead(messages::lead(&Person::unique())).await.map(|_| started.elapsed())
    };
    // The first calls allocate memory that the server keeps.
    let mut alone = Vec::new();
    for _ in 0..300 {
        alone.push(lead().await?);
    }
    let alone = median(alone);
    let before = raw::resident_bytes(server)?;

    let mut idle = Vec::with_capacity(count);
    for _ in 0..count {
        idle.push(raw::begin_http2(&world.grpc).await?);
    }
    // The server answers the last connections, so it serves all of them by now.
    for stream in idle.iter_mut().rev().take(50) {
        assert!(raw::is_answered(stream).await?, "an idle connection was ended");
    }
    let grown = raw::resident_bytes(server)?.saturating_sub(before);
    let mut beside = Vec::new();
    for _ in 0..300 {
        beside.push(lead().await?);
    }
    let beside = median(beside);
    let fresh = lead_on_a_new_connection(&world).await?;
    let each = grown / count as u64;
    eprintln!(
        "{count} idle connections: {} MB more ({each} bytes each); a lead took {alone:?} before and {beside:?} beside \
         them (ratio {:.2}), {fresh:?} on a new connection",
        grown / 1_000_000,
        beside.as_secs_f64() / alone.as_secs_f64()
    );
    assert!(each < 32 * 1024, "{each} bytes for each idle connection");
    assert!(beside < PROMPT && fresh < PROMPT, "a lead took {beside:?}, on a new connection {fresh:?}");
    for stream in idle.iter_mut().step_by(count / 50) {
        assert!(raw::is_answered(stream).await?, "an idle connection was ended");
    }
    Ok(())
}

#[tokio::test]
async fn too_many_open_files_are_survived() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    world.capture_lead(&world.visitor(), &Person::unique()).await?;
    world.wait_until_all_is_sent().await?;
    let open = std::fs::read_dir(format!("/proc/{}/fd", world.server_id()?))?.count();
    world.limit_open_files(Some(open as u64 + 30))?;
    let mut idle = Vec::new();
    for _ in 0..CROWD {
        idle.push(raw::begin_http2(&world.grpc).await?);
    }
    let took = lead_on_a_new_connection(&world).await?;
    assert!(took < PROMPT, "a lead took {took:?}");
    assert!(world.server_log().contains("new connections are refused"), "the log must have a line about it");
    world.limit_open_files(None)?;
    drop(idle);
    world.wait_until_all_is_sent().await?;
    Ok(())
}

#[tokio::test]
async fn a_watch_on_health_may_be_silent_for_longer_than_a_call() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let mut probe = tonic_health::pb::health_client::HealthClient::new(world.stranger()?.channel());
    let mut watch = probe.watch(HealthCheckRequest::default()).await?.into_inner();
    assert!(watch.message().await?.is_some());
    let silence = tokio::time::timeout(Duration::from_secs(65), watch.message()).await;
    assert!(silence.is_err(), "the watch was ended: {silence:?}");
    Ok(())
}

#[tokio::test]
async fn a_watcher_that_stops_reading_hurts_nobody() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let mut deaf = Vec::new();
    for _ in 0..20 {
        let watcher = world.internal()?;
        deaf.push((watcher.watch_events(WatchEventsRequest::default()).await?, watcher));
    }
    let server = world.server_id()?;
    let before = raw::resident_bytes(server)?;
    let caller = world.stranger()?;
    let mut times = Vec::new();
    for _ in 0..1000 {
        let started = Instant::now();
        caller.capture_lead(messages::lead(&Person::unique())).await?;
        times.push(started.elapsed());
    }
    let grown = raw::resident_bytes(server)?.saturating_sub(before);
    assert!(grown < 64 << 20, "20 deaf watchers cost {grown} bytes");
    assert!(median(times) < PROMPT);
    let mut watcher = world.internal()?.watch_events(WatchEventsRequest::default()).await?;
    let lead = world.capture_lead(&world.visitor(), &Person::unique()).await?;
    let seen = async {
        while let Some(change) = watcher.message().await? {
            if change.event.is_some_and(|event| event.event_id == lead.event_id) {
                return anyhow::Ok(());
            }
        }
        anyhow::bail!("the stream ended")
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await??;
    Ok(())
}

#[tokio::test]
async fn a_caller_that_asks_for_much_and_reads_nothing_is_ended() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let caller = world.stranger()?;
    for _ in 0..300 {
        caller.capture_lead(messages::lead(&Person::unique())).await?;
    }
    let message = ListEventsRequest { page_size: 1000, ..ListEventsRequest::default() };
    let answer_bytes = prost::Message::encoded_len(&world.internal()?.list_events(message.clone()).await?);
    // More than the buffers of both sides can hold.
    let questions = (64 << 20) / answer_bytes;
    let host = world.grpc.trim_start_matches("http://");
    let message = prost::Message::encode_to_vec(&message);
    let mut framed = vec![0, 0, 0, 0, u8::try_from(message.len())?];
    framed.extend(message);
    let head = format!(
        "POST /tandem.v1.OperationsService/ListEvents HTTP/1.1\r\nhost: {host}\r\n\
         authorization: Bearer {INTERNAL_TOKEN}\r\ncontent-type: application/grpc-web+proto\r\n\
         content-length: {}\r\n\r\n",
        framed.len()
    );
    let question = [head.into_bytes(), framed].concat();
    let mut deaf = raw::connect(&world.grpc).await?;
    let server = world.server_id()?;
    let before = raw::resident_bytes(server)?;
    // Once the server cannot send its answers, it stops reading, and the rest stays in this process.
    let all = question.repeat(questions);
    let asking = tokio::time::timeout(Duration::from_secs(40), deaf.write_all(&all)).await;
    let grown = raw::resident_bytes(server)?.saturating_sub(before);
    assert!(grown < 64 << 20, "answers that nobody reads cost {grown} bytes");
    assert!(lead_on_a_new_connection(&world).await? < PROMPT);
    if asking.is_ok() {
        let told = async || Ok(world.server_log().contains("the caller stopped reading").then_some(()));
        world.eventually_within(Duration::from_secs(60), "the caller to be ended", told).await?;
    }
    let read = raw::read_to_end(&mut deaf, Duration::from_secs(20)).await?;
    assert!(
        read < questions * answer_bytes,
        "the caller must be ended before it has all answers, but {read} bytes came"
    );
    Ok(())
}

#[tokio::test]
async fn a_caller_that_takes_no_answer_is_ended_however_often_it_calls() -> anyhow::Result<()> {
    let world = quiet_world().await?;
    let (mut answers, mut calls) = raw::begin_deaf_http2(&world.grpc).await?.into_split();
    let calling = async {
        for stream in (1..).step_by(2) {
            let lead = messages::lead(&Person::unique()).encode_to_vec();
            if calls.write_all(&raw::grpc_call(stream, paths::CAPTURE_LEAD, &lead)).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    let ended = async { while answers.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} };
    let started = Instant::now();
    tokio::select! {
        () = calling => {}
        ended = tokio::time::timeout(Duration::from_secs(55), ended) => ended.context("it is still connected")?,
    }
    assert!(started.elapsed() > Duration::from_secs(20), "ended after {:?}", started.elapsed());
    world.wait_for_health("its leads were taken", |health| health["last_24h"]["lead_events"] != 0).await?;
    Ok(())
}
