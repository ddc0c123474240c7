//! Readers, the writer and the checkpointer beside each other: nobody waits for a reader, and nothing fails unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::broadcast;

use super::committer::{Command, Writer};
use super::run_time::RunTime;
use super::tests::work_off;
use super::*;
use crate::clock::Clock;
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::{EventStore as _, Lane, OrderEffects, OrderStep, OrderStore as _, StoreError};

/// How long a lead waits that comes together with the order to empty the log.
fn lead_takes(writer: &mut Writer, n: u32) -> Duration {
    let event = conformance::event(n);
    let (lead, answer) = Command::write(move |writer, now_ms| writer.append(&event, now_ms));
    work_off(writer, vec![Command::Truncate(None)]);
    let started = Instant::now();
    work_off(writer, vec![Command::Truncate(None), lead]);
    let took = started.elapsed();
    answer.blocking_recv().unwrap().unwrap();
    took
}

#[test]
fn an_open_read_transaction_delays_no_lead() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open::open(dir.path(), NOW_MS).unwrap();
    let changes = broadcast::channel(1).0;
    let clock = Clock::fixed(NOW_MS);
    let run_time = RunTime::recall(&opened.writer, clock.clone()).unwrap();
    let mut writer = Writer::new(opened.writer, run_time, clock, Arc::default(), changes);
    lead_takes(&mut writer, 0);
    let alone = (1..20).map(|n| lead_takes(&mut writer, n)).max().unwrap();

    let reader = Connection::open(dir.path().join("tandem.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    let beside = (20..40).map(|n| lead_takes(&mut writer, n)).max().unwrap();
    eprintln!("the slowest of twenty leads took {alone:?}, beside an open read transaction {beside:?}");
    assert!(beside < alone * 20 + Duration::from_millis(200), "{alone:?} became {beside:?}");

    // Once the reader has left, the log is emptied.
    drop(reader);
    lead_takes(&mut writer, 40);
    work_off(&mut writer, vec![Command::Truncate(None)]);
    assert_eq!(std::fs::metadata(dir.path().join("tandem.db-wal")).unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_does_not_wait_behind_the_events_of_strangers() {
    const EVENTS: u32 = 5_000;
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap());
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let busy = {
        let store = Arc::clone(&store);
        let wait = move |_: &mut Writer, _| {
            wait.recv().unwrap();
            Ok(())
        };
        tokio::spawn(async move { store.write(Lane::Page, wait).await })
    };
    let stored = Arc::new(AtomicUsize::new(0));
    let (queued, events): (Vec<_>, Vec<_>) = (0..EVENTS)
        .map(|n| {
            let (store, stored) = (Arc::clone(&store), Arc::clone(&stored));
            let (queued, is_queued) = tokio::sync::oneshot::channel();
            let event = tokio::spawn(async move {
                let append = store.append(conformance::event(n));
                tokio::pin!(append);
                assert!(futures_util::poll!(&mut append).is_pending());
                queued.send(()).unwrap();
                append.await.unwrap();
                stored.fetch_add(1, Ordering::SeqCst);
            });
            (is_queued, event)
        })
        .unzip();
    for queued in queued {
        queued.await.unwrap();
    }
    let webhook = store.record_webhook(conformance::webhook("key"));
    tokio::pin!(webhook);
    assert!(futures_util::poll!(&mut webhook).is_pending());
    go.send(()).unwrap();
    assert!(webhook.await.unwrap());
    let before = stored.load(Ordering::SeqCst);
    busy.await.unwrap().unwrap();
    for event in events {
        event.await.unwrap();
    }
    assert!(before <= 2 * lanes::PER_COMMIT_MAX, "{before} of {EVENTS} events were stored first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_counts_as_a_reader_until_it_ends_whoever_left() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap();
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..20 {
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        let query = store.read(move |_| {
            most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(30));
            open.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        });
        // Its caller leaves while it runs.
        drop(tokio::time::timeout(Duration::from_millis(2), query).await);
    }
    store.read(|_| Ok(())).await.unwrap();
    let most = most.load(Ordering::SeqCst);
    assert!(most <= store::READERS, "{most} queries ran at once");
    let files = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|file| {
        let target = std::fs::read_link(file.ok()?.path()).ok()?;
        (target == dir.path().join("tandem.db-wal")).then_some(())
    });
    // The writer and the checkpointer have one each.
    let files = files.count();
    assert!(files <= store::READERS + 2, "{files} connections are open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_panics_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap();
    for _ in 0..store::READERS * 2 {
        let outcome = store.read(|_| -> rusqlite::Result<()> { panic!("as a test wants it") }).await;
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    }
    store.read(|_| Ok(())).await.unwrap();
}

fn step() -> OrderStep {
    Box::new(|_| OrderEffects::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_order_fails_alone_and_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let key = conformance::order_key("KB-1");
    {
        let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap();
        store.update(Lane::Shop, key.clone(), conformance::pixel(), None, step()).await.unwrap();
    }
    let opened = open::open(dir.path(), NOW_MS).unwrap();
    opened.writer.execute("UPDATE orders SET state = '{'", []).unwrap();
    let changes = broadcast::channel(1).0;
    let clock = Clock::fixed(NOW_MS);
    let run_time = RunTime::recall(&opened.writer, clock.clone()).unwrap();
    let mut writer = Writer::new(opened.writer, run_time, clock, Arc::default(), changes);
    let runs = Arc::new(AtomicUsize::new(0));
    let mut commands = Vec::new();
    let mut answers = Vec::new();
    for n in 0..100 {
        let (runs, event) = (Arc::clone(&runs), conformance::event(n));
        let (command, answer) = Command::write(move |writer, now_ms| {
            runs.fetch_add(1, Ordering::SeqCst);
            writer.append(&event, now_ms)
        });
        commands.push(command);
        answers.push(answer);
    }
    let webhook = conformance::webhook("key");
    let (mut step, known) = (step(), webhook.clone());
    let (unreadable, refused) = Command::write(move |writer, now_ms| {
        writer.update_order(&key, &conformance::pixel(), Some(&webhook), &mut step, now_ms)
    });
    commands.insert(50, unreadable);
    work_off(&mut writer, commands);
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    let refused = refused.await.unwrap();
    assert!(matches!(refused, Ok(Err(StoreError::Unavailable(_)))), "{refused:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 100, "the others are written once, at the first try");
    let (again, is_new) = Command::write(move |writer, _| writer.record_webhook(&known));
    work_off(&mut writer, vec![again]);
    assert!(is_new.await.unwrap().unwrap(), "its webhook is not half there: the provider's retry is taken");
}

#[test]
fn a_panic_of_the_writer_ends_the_process() {
    let name = "outbox::embedded::contention_tests::a_panic_of_the_writer_ends_the_process";
    crate::vital::tests::expect_end_of_process(name, || {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(
            runtime.block_on(store.write(Lane::Shop, |_, _| -> rusqlite::Result<()> { panic!("no way on") })),
        );
        std::mem::forget(store);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_log_is_emptied_once_no_reader_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap();
    let log_bytes = || std::fs::metadata(dir.path().join("tandem.db-wal")).unwrap().len();
    let reader = Connection::open(dir.path().join("tandem.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let _: i64 = reader.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    store.append(conformance::event(0)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(log_bytes() > 0, "the reader needs it");
    let started = Instant::now();
    store.append(conformance::event(1)).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    drop(reader);
    let emptied = async {
        while log_bytes() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), emptied).await.expect("nobody reads or writes");
}
