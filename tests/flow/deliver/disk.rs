//! The disk is full, read-only, or in use by another server. Nothing is stored half, and the server continues when
//! there is room.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tandem_proto::v1::{CaptureLeadRequest, RecordPurchaseRequest};
use tandem_tests::binaries::program;
use tandem_tests::integrity;
use tandem_tests::process::{Ended, Environment, Process};
use tandem_tests::status::expect_code;
use tandem_tests::{Caller, Person, World, messages};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Expects that the store refuses the call, and that the caller learns when to retry.
#[track_caller]
fn expect_unavailable<T>(case: &str, outcome: Result<T, Status>) {
    let status = expect_code(case, outcome, Code::Unavailable);
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
    assert!(wait.is_some_and(|wait| !wait.is_zero()), "{case}: the refusal must say when to retry: {status}");
}

fn lead() -> CaptureLeadRequest {
    messages::lead(&Person::unique())
}

fn report() -> RecordPurchaseRequest {
    let mut report = messages::purchase(&messages::order_id(), "10.00");
    report.user = Some(Person::unique().user());
    report
}

/// Whether health gives the store as a reason.
fn is_refusing(health: &Value) -> bool {
    health["reasons"].as_array().is_some_and(|reasons| reasons.iter().any(|reason| reason == "store_refuses"))
}

/// Waits until the store accepts a call that it refused before. Expects that it had stored nothing of that call.
async fn expect_taken_as_new(
    world: &World,
    caller: &Caller,
    lead: &CaptureLeadRequest,
) -> anyhow::Result<()> {
    let answer = world
        .eventually("the store to take leads again", async || match caller.capture_lead(lead.clone()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(status) if status.code() == Code::Unavailable => Ok(None),
            Err(status) => Err(status.into()),
        })
        .await?;
    assert!(!answer.duplicate, "the store had a part of the refused lead");
    Ok(())
}

/// Expects that every acknowledged event arrives once, and that no other arrives.
async fn expect_arrivals(world: &World, mut ids: Vec<String>) -> anyhow::Result<()> {
    world
        .eventually("everything acknowledged to arrive", async || {
            let arrived = world.sandbox.server_events("").await?.len();
            Ok((arrived >= ids.len()).then_some(()))
        })
        .await?;
    let open = |health: &Value| health["outbox"]["pending"] == 0 && health["outbox"]["held"] == 0;
    world.wait_for_health("an empty outbox", open).await?;
    let events = world.sandbox.server_events("").await?;
    let mut arrived: Vec<String> = events.iter().map(|event| event.event_id().to_owned()).collect();
    arrived.sort();
    ids.sort();
    assert_eq!(arrived, ids);
    Ok(())
}

#[tokio::test]
async fn a_full_disk_refuses_whole_calls_and_takes_them_when_there_is_room() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let caller = world.internal()?;
    // One lead is being sent while the disk fills up, so its result cannot be written for some time.
    world.sandbox.delay("graph", Some(1), Duration::from_millis(700)).await?;
    let before = caller.capture_lead(lead()).await?.event_id;
    world.limit_files(Some(1))?;

    let (refused_lead, refused_report) = (lead(), report());
    let mut refused_event = messages::event("AddToCart", "5.00");
    refused_event.user = Some(Person::unique().user());
    for round in 0..3 {
        expect_unavailable(&format!("lead {round}"), caller.capture_lead(refused_lead.clone()).await);
        expect_unavailable(&format!("event {round}"), caller.track_event(refused_event.clone()).await);
        expect_unavailable(&format!("report {round}"), caller.record_purchase(refused_report.clone()).await);
    }
    let confirmed = world.confirm_fired(&world.visitor(), "Lead", &before).await;
    assert!(confirmed.is_err(), "the report must not be acknowledged either");
    world.wait_for_server_event("Lead", &before).await?;
    assert_eq!(world.get("/livez").await?.status(), 200);
    assert_eq!(world.get("/readyz").await?.status(), 503);
    world
        .wait_for_health("health to give the store as the reason", |health| {
            is_refusing(health) && health["status"] == "critical"
        })
        .await?;
    assert_eq!(world.get("/api/tracking-health").await?.status(), 503);
    assert!(world.server_runs()?, "a full disk ended the server");

    world.limit_files(None)?;
    expect_taken_as_new(&world, &caller, &refused_lead).await?;
    assert!(!caller.track_event(refused_event.clone()).await?.duplicate);
    let paid = caller.record_purchase(refused_report).await?;
    assert!(!paid.duplicate);
    world
        .eventually(
            "a ready server",
            async || Ok((world.get("/readyz").await?.status() == 200).then_some(())),
        )
        .await?;
    // For a day the server remembers that calls failed, but it is not critical.
    world
        .wait_for_health("recovery", |health| !is_refusing(health) && health["status"] != "critical")
        .await?;
    let ids = vec![before, refused_lead.client_event_id, refused_event.client_event_id, paid.event_id];
    expect_arrivals(&world, ids).await
}

#[tokio::test]
async fn a_commit_that_the_full_disk_tears_leaves_nothing_even_after_a_kill() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let caller = world.internal()?;
    let log = world.data_dir().join("tandem.db-wal");
    let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
    for room in [1, 3000, 9000, 20_000] {
        // The next commits fit, and a later one is cut off in its middle.
        world.limit_files(Some(std::fs::metadata(&log)?.len() + room))?;
        loop {
            let lead = lead();
            match caller.capture_lead(lead.clone()).await {
                Ok(answer) => acknowledged.push(answer.event_id),
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status}");
                    refused.push(lead);
                    break;
                }
            }
            anyhow::ensure!(acknowledged.len() < 1000, "the limit is never met");
        }
        if room == 9000 {
            world.kill_server();
            integrity::check(&world.data_dir())?;
            world.restart_server().await?;
        } else {
            world.limit_files(None)?;
        }
        let latest = refused.last().context("a lead must have been refused")?;
        expect_taken_as_new(&world, &caller, latest).await?;
    }
    acknowledged.extend(refused.into_iter().map(|lead| lead.client_event_id));
    world
        .eventually("everything acknowledged to arrive", async || {
            let events = world.sandbox.server_events("Lead").await?;
            let arrived: Vec<&str> =
                events.iter().map(tandem_tests::sandbox::ServerEvent::event_id).collect();
            Ok(acknowledged.iter().all(|id| arrived.contains(&id.as_str())).then_some(()))
        })
        .await?;
    for event in world.sandbox.server_events("Lead").await? {
        assert!(acknowledged.iter().any(|id| id == event.event_id()), "{} was refused", event.event_id());
    }
    Ok(())
}

/// Starts a server that must fail to start. Returns its one line of output.
async fn refused_start(environment: &Environment, data: &Path) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let mut environment = environment.clone();
    environment.insert("TANDEM_DATA_DIR".to_owned(), data.display().to_string());
    for address in ["TANDEM_GRPC_ADDR", "TANDEM_HTTP_ADDR"] {
        environment.insert(address.to_owned(), "127.0.0.1:0".to_owned());
    }
    environment.insert("TANDEM_LOG".to_owned(), "info".to_owned());
    let Ended { code, out, log } =
        Process::run(&program("tandem-server")?, folder.path(), &environment, &[]).await?;
    assert_eq!(code, Some(1), "{out}{log}");
    assert_eq!((out.as_str(), log.lines().count()), ("", 1), "one line: {log}");
    assert!(log.contains(&data.display().to_string()), "the line names the directory: {log}");
    Ok(log)
}

#[tokio::test]
async fn a_second_server_on_a_data_directory_refuses_in_one_line() -> anyhow::Result<()> {
    let mut world = World::builder().without_gateway().start().await?;
    let before = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    let line = refused_start(world.server_environment(), &world.data_dir()).await?;
    assert!(line.contains("another tandem-server"), "{line}");

    // The first server is not affected.
    assert!(world.server_runs()?);
    let after = world.capture_lead(&world.visitor(), &Person::unique()).await?.event_id;
    expect_arrivals(&world, vec![before, after]).await
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_a_clear_line() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    // No user can create folders there, not even root.
    let line = refused_start(world.server_environment(), Path::new("/proc/tandem/data")).await?;
    assert!(line.contains("TANDEM_DATA_DIR"), "{line}");
    Ok(())
}

/// A small disk for users who may mount one. It is unmounted when this is dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", folder.to_str()?]).then_some(Self(folder))
    }

    fn make_read_only(&self) -> bool {
        self.0.to_str().is_some_and(|folder| run("mount", &["-o", "remount,ro", folder]))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Unmounts lazily, because a server that a failed test left behind may still have open files.
        self.0.to_str().map(|folder| run("umount", &["-l", folder]));
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn a_disk_without_a_free_byte_is_survived_and_a_read_only_one_is_refused() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(disk) = SmallDisk::mount(folder.path(), "4m") else {
        tandem_tests::skip(
            "deliver::disk::a_disk_without_a_free_byte_is_survived_and_a_read_only_one_is_refused",
            "only root may mount the small disk; the tests with a file-size limit stand for it",
        );
        return Ok(());
    };
    let data = folder.path().join("data");
    let mut world = World::builder()
        .without_gateway()
        .server("TANDEM_DATA_DIR", data.display().to_string())
        .start()
        .await?;
    let caller = world.internal()?;
    let before = caller.capture_lead(lead()).await?.event_id;
    world.wait_for_server_event("Lead", &before).await?;

    let ballast = folder.path().join("ballast");
    let written = std::fs::write(&ballast, vec![1; 8 << 20]);
    assert!(written.is_err(), "the disk is full");
    let mut ids = vec![before];
    let refused = loop {
        // Writes still fit into the room that the log already has.
        let lead = lead();
        match caller.capture_lead(lead.clone()).await {
            Ok(answer) => ids.push(answer.event_id),
            outcome => {
                expect_unavailable("a lead on a full disk", outcome);
                break lead;
            }
        }
        anyhow::ensure!(ids.len() < 5000, "the disk is never full");
    };
    world
        .eventually("a server that is not ready", async || {
            Ok((world.get("/readyz").await?.status() == 503).then_some(()))
        })
        .await?;
    std::fs::remove_file(&ballast)?;
    expect_taken_as_new(&world, &caller, &refused).await?;
    ids.push(refused.client_event_id);
    assert!(world.server_runs()?);
    expect_arrivals(&world, ids).await?;

    world.stop_server().await?;
    assert!(disk.make_read_only(), "the disk cannot be made read-only");
    let line = refused_start(world.server_environment(), &data).await?;
    assert!(line.contains("TANDEM_DATA_DIR"), "{line}");
    Ok(())
}

#[tokio::test]
async fn strangers_are_refused_before_the_shops_services_are() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let Some(_disk) = SmallDisk::mount(folder.path(), "80m") else {
        tandem_tests::skip(
            "deliver::disk::strangers_are_refused_before_the_shops_services_are",
            "only root may mount the small disk",
        );
        return Ok(());
    };
    let data = folder.path().join("data");
    let world = World::builder().server("TANDEM_DATA_DIR", data.display().to_string()).start().await?;
    let (stranger, shop) = (world.stranger()?, world.internal()?);
    stranger.capture_lead(lead()).await?;

    // All but 3 of 80 MiB are taken; a twentieth is the reserve.
    let room = rustix::fs::statvfs(folder.path())?;
    let ballast = folder.path().join("ballast");
    let size = room.f_bavail.saturating_mul(room.f_frsize).saturating_sub(3 << 20);
    std::fs::write(&ballast, vec![1; usize::try_from(size)?])?;
    let refused = world
        .eventually("strangers to be refused", async || {
            let lead = lead();
            Ok(match stranger.capture_lead(lead.clone()).await {
                Ok(_) => None,
                outcome => {
                    expect_unavailable("a stranger's lead", outcome);
                    Some(lead)
                }
            })
        })
        .await?;
    expect_unavailable("a claim", stranger.record_purchase(messages::purchase("KB-7", "1.00")).await);
    let order_id = messages::order_id();
    world.pay_order(&order_id, "1499.00", &Person::unique()).await?;
    shop.record_purchase(report()).await?;
    world.wait_for_server_event("Purchase", &format!("purchase_{order_id}")).await?;
    world
        .eventually("health to tell of it", async || {
            let reasons = world.health().await?["reasons"].to_string();
            Ok(reasons.contains("disk_low").then_some(()))
        })
        .await?;
    assert_eq!(world.get("/readyz").await?.status(), 200, "what matters most is still taken");

    std::fs::remove_file(&ballast)?;
    expect_taken_as_new(&world, &stranger, &refused).await?;
    Ok(())
}
