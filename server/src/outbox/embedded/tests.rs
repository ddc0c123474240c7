//! Tests of the embedded store alone: opening, crashes and the writer's log.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::broadcast;

use super::committer::{Command, Writer};
use super::lanes::Lanes;
use super::*;
use crate::clock::Clock;
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::{
    Appended, Ask, AttemptOutcome, AttemptResult, EventFilter, Lane, NewEvent, OrderEffects, Outbox, Page,
    StoreError,
};

/// Sizes of the log's header and of a frame: the frame's header and a page (SQLite, WAL format).
const WAL_HEADER: usize = 32;
const WAL_FRAME: usize = 24 + 4096;

fn open(dir: &Path) -> Outbox {
    Outbox::new(Embedded::open(dir, Clock::fixed(NOW_MS)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    conformance::run(|| async {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW_MS);
        let outbox = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
        (conformance::Bench { other: outbox.clone(), outbox, clock }, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = open(dir.path());
    let second = Embedded::open(dir.path(), Clock::system()).expect_err("in use");
    assert!(matches!(second, OpenError::InUse(_)), "{second}");
    assert_eq!(second.to_string().lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_the_future_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let db = Connection::open(dir.path().join("tandem.db")).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let error = Embedded::open(dir.path(), Clock::system()).expect_err("newer");
    assert!(matches!(error, OpenError::FromTheFuture(_, 99)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_leased_at_the_crash_is_due_again() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        store.events.append(conformance::event(0)).await.unwrap();
        store.events.append(conformance::leased(2)).await.unwrap();
        assert_eq!(
            store.queue.lease(conformance::pixel(), 10, Duration::from_secs(60)).await.unwrap().len(),
            1
        );
    }
    let store = open(dir.path());
    let leased = store.queue.lease(conformance::pixel(), 10, Duration::from_secs(60)).await.unwrap();
    assert_eq!(leased.len(), 2);
    assert!(leased.iter().all(|event| event.lease_no == 2), "each lease has a new number");
    conformance::check_totals(&store, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_may_be_cut_at_any_byte_and_what_is_before_the_cut_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..20 {
        store.events.append(conformance::event(n)).await.unwrap();
    }
    let wal = std::fs::read(dir.path().join("tandem.db-wal")).unwrap();
    let db = std::fs::read(dir.path().join("tandem.db")).unwrap();
    drop(store);
    let frames = (wal.len() - WAL_HEADER) / WAL_FRAME;
    // Cuts around every edge of the format, and at random bytes elsewhere.
    let edges = (0..=frames).flat_map(|frame| {
        let edge = WAL_HEADER + frame * WAL_FRAME;
        [edge.saturating_sub(1), edge, edge + 1, edge + 23, edge + 24, edge + 25]
    });
    let everywhere = (0..100).map(|n| n * 7919 * 31 % wal.len());
    let mut cuts: Vec<usize> =
        edges.chain(everywhere).chain([0, 1, 31]).filter(|cut| *cut <= wal.len()).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut last = 0;
    for cut in cuts {
        let torn = tempfile::tempdir().unwrap();
        std::fs::write(torn.path().join("tandem.db"), &db).unwrap();
        std::fs::write(torn.path().join("tandem.db-wal"), &wal[..cut]).unwrap();
        let store = open(torn.path());
        let events =
            store.operators.list(EventFilter::default(), Page { below_seq: None, size: 100 }).await.unwrap();
        assert!(events.len() >= last, "a longer log holds at least as many events");
        last = events.len();
        conformance::check_totals(&store, last as u64).await;
    }
    assert_eq!(last, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_in_garbage_opens_with_what_is_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..5 {
        store.events.append(conformance::event(n)).await.unwrap();
    }
    let copy = killed(dir.path());
    let path = copy.path().join("tandem.db-wal");
    let mut wal = std::fs::read(&path).unwrap();
    let middle = wal.len() - 2000;
    wal[middle..].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(&path, wal).unwrap();
    let torn = open(copy.path());
    conformance::check_totals(&torn, 4).await;
    assert!(
        matches!(torn.events.append(conformance::event(4)).await, Ok(Appended::New { .. })),
        "the lost event is accepted again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open::open(dir.path(), NOW_MS).unwrap();
    opened.writer.pragma_update(None, "max_page_count", 60).unwrap();
    let (lanes, waiting) = Lanes::new();
    let follows_ms = Arc::new(AtomicI64::new(0));
    let clock = Clock::fixed(NOW_MS);
    let run_time = run_time::RunTime::recall(&opened.writer, clock.clone()).unwrap();
    let writer = Writer::new(opened.writer, run_time, clock, follows_ms, broadcast::channel(1).0);
    let thread = std::thread::spawn(move || writer.run(waiting));
    let append = async |n: u32| {
        let event = conformance::event(n);
        let (command, answer) = Command::write(move |writer, now_ms| writer.append(&event, now_ms));
        lanes.put(Lane::Page, command).unwrap();
        answer.await.unwrap()
    };
    let mut stored = 0;
    let refusal = loop {
        match append(stored).await {
            Ok(_) => stored += 1,
            Err(refusal) => break refusal,
        }
        assert!(stored < 10_000, "the disk never fills");
    };
    assert!(matches!(refusal, StoreError::Unavailable(_)), "{refusal}");
    // The operator makes room. The same event is accepted now, so no half of it was stored.
    let (more, made) = Command::write(|writer, _| writer.db.pragma_update(None, "max_page_count", 10_000));
    lanes.put(Lane::Shop, more).unwrap();
    made.await.unwrap().unwrap();
    assert!(matches!(append(stored).await, Ok(Appended::New { .. })));
    stored += 1;
    drop(lanes);
    thread.join().unwrap();
    drop(opened.lock);
    let store = open(dir.path());
    let events =
        store.operators.list(EventFilter::default(), Page { below_seq: None, size: 10_000 }).await.unwrap();
    assert_eq!(events.len() as u32, stored);
    conformance::check_totals(&store, u64::from(stored)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_refused_in_one_line() {
    // Even an administrator cannot create a folder there.
    let error = Embedded::open(Path::new("/proc/tandem"), Clock::system()).expect_err("it cannot be made");
    assert!(matches!(error, OpenError::Directory(..)), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
}

/// A copy of a store's files, as a killed process leaves them.
fn killed(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in ["tandem.db", "tandem.db-wal"] {
        if dir.join(name).exists() {
            std::fs::copy(dir.join(name), copy.path().join(name)).unwrap();
        }
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_written_under_a_clock_that_was_ahead_is_due_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ahead = Clock::fixed(NOW_MS + 365 * 24 * 3_600_000);
    let ahead = Outbox::new(Embedded::open(dir.path(), ahead).unwrap());
    ahead.events.append(conformance::event(0)).await.unwrap();
    let lease = Duration::from_secs(60);
    let leased = ahead.queue.lease(conformance::pixel(), 1, lease).await.unwrap();
    let retry = AttemptResult {
        seq: leased[0].seq,
        lease_no: leased[0].lease_no,
        outcome: AttemptOutcome::Retry(Duration::from_secs(5)),
        code: "code",
    };
    ahead.queue.record(conformance::call(), vec![retry]).await.unwrap();
    let copy = killed(dir.path());
    let store = open(copy.path());
    assert_eq!(store.queue.lease(conformance::pixel(), 1, lease).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_an_order_survives_a_start_years_ago_that_ntp_sets_right() {
    const YEARS_MS: i64 = 10 * 365 * 24 * 3_600_000;
    let dir = tempfile::tempdir().unwrap();
    let order = conformance::order_key("KB-1");
    let ask: crate::outbox::OrderStep = Box::new(|order| {
        order.fail();
        OrderEffects { ask: Ask::At(NOW_MS), ..OrderEffects::default() }
    });
    open(dir.path()).orders.update(Lane::Shop, order.clone(), conformance::pixel(), None, ask).await.unwrap();
    let clock = Clock::fixed(NOW_MS - YEARS_MS);
    let store = Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap());
    clock.jump_ms(YEARS_MS);
    let due = store.orders.orders_to_ask(order.environment, 10).await.unwrap();
    assert_eq!(due.into_iter().map(|due| due.order).collect::<Vec<_>>(), [order.id]);
}

/// Number of transactions in a write-ahead log: the frames that state the size of the database
/// after them (SQLite, WAL format).
fn commits(dir: &Path) -> usize {
    let wal = std::fs::read(dir.join("tandem.db-wal")).unwrap();
    wal[WAL_HEADER..].chunks_exact(WAL_FRAME).filter(|frame| frame[4..8] != [0; 4]).count()
}

/// Has the writer do these commands as one batch: all of them wait before it looks.
pub(super) fn work_off(writer: &mut Writer, commands: Vec<Command>) {
    let (lanes, mut waiting) = Lanes::new();
    commands.into_iter().for_each(|command| lanes.put(Lane::Shop, command).unwrap());
    drop(lanes);
    std::thread::scope(|scope| scope.spawn(|| writer.work_off(&mut waiting)).join().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_write_that_fails_costs_its_batch_one_more_transaction_and_leaves_no_trace() {
    const WRITES: u32 = 500;
    let dir = tempfile::tempdir().unwrap();
    let opened = open::open(dir.path(), NOW_MS).unwrap();
    let (changes, mut watch) = broadcast::channel(8);
    let clock = Clock::fixed(NOW_MS);
    let run_time = run_time::RunTime::recall(&opened.writer, clock.clone()).unwrap();
    let mut writer = Writer::new(opened.writer, run_time, clock, Arc::default(), changes);
    let early = [conformance::fired(1)];
    let (confirm, _) = Command::write(move |writer, now_ms| {
        writer.confirm(&conformance::pixel(), tandem_core::order::Environment::Production, &early, now_ms)
    });
    work_off(&mut writer, vec![confirm]);
    let before = commits(dir.path());
    let holder = conformance::Holder::default();
    let writes = (0..=WRITES).map(|n| {
        let event = NewEvent { initial: holder.lease(), ..conformance::event(n) };
        Command::write(move |writer, now_ms| {
            let appended = writer.append(&event, now_ms)?;
            if n == WRITES / 2 { Err(rusqlite::Error::InvalidQuery) } else { Ok(appended) }
        })
    });
    let (commands, answers): (Vec<_>, Vec<_>) = writes.unzip();
    work_off(&mut writer, commands);
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.unwrap().is_err(), n as u32 == WRITES / 2, "{n}");
    }
    assert_eq!(commits(dir.path()) - before, 1, "the others are written together");
    assert_eq!(
        holder.taken().len() as u32,
        WRITES,
        "and handed over once, those of the first try not at all"
    );
    assert_eq!(watch.recv().await.unwrap().len() as u32, WRITES);
    drop((writer, opened.lock));
    let store = open(dir.path());
    conformance::check_totals(&store, u64::from(WRITES)).await;
    let confirmed = store.operators.find(conformance::key(1)).await.unwrap().remove(0).0;
    assert!(confirmed.browser.is_some(), "the rollback of the first try does not lose an early confirmation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_disk_is_told_to_all_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open::open(dir.path(), NOW_MS).unwrap();
    let changes = broadcast::channel(8).0;
    let clock = Clock::fixed(NOW_MS);
    let run_time = run_time::RunTime::recall(&opened.writer, clock.clone()).unwrap();
    let mut writer = Writer::new(opened.writer, run_time, clock, Arc::default(), changes);
    let tries = Arc::new(AtomicI64::new(0));
    let writes = (0..50).map(|n| {
        let tries = Arc::clone(&tries);
        Command::write(move |_, _| {
            tries.fetch_add(1, Ordering::Relaxed);
            let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            if n == 40 { Err(rusqlite::Error::SqliteFailure(full, None)) } else { Ok(()) }
        })
    });
    let (commands, answers): (Vec<_>, Vec<_>) = writes.unzip();
    work_off(&mut writer, commands);
    for answer in answers {
        assert!(matches!(answer.await.unwrap(), Err(StoreError::Unavailable(_))));
    }
    assert_eq!(tries.load(Ordering::Relaxed), 41, "no command runs again");
}
