//! What is particular to the embedded store: opening, crashing, the log of the writer.

use super::*;
use crate::outbox::conformance::{self, NOW_MS};

fn open(dir: &Path) -> Embedded {
    Embedded::open(dir, Clock::fixed(NOW_MS)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_conforms() {
    conformance::run(|| async {
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn Outbox> = Arc::new(open(dir.path()));
        (store, dir)
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
    let fault = Embedded::open(dir.path(), Clock::system()).expect_err("newer");
    assert!(matches!(fault, OpenError::FromTheFuture(_, 99)), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_leased_at_the_crash_is_due_again() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = open(dir.path());
        store.append(conformance::event(0)).await.unwrap();
        store.append(conformance::leased(2)).await.unwrap();
        assert_eq!(store.claim(conformance::pixel(), 10, NOW_MS, NOW_MS + 60_000).await.unwrap().len(), 1);
    }
    let store = open(dir.path());
    let claimed = store.claim(conformance::pixel(), 10, NOW_MS, NOW_MS + 60_000).await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert!(claimed.iter().all(|event| event.lease_no == 2), "under new numbers");
    conformance::check_totals(&store, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_may_be_cut_at_any_byte_and_what_is_before_the_cut_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..20 {
        store.append(conformance::event(n)).await.unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    let wal = std::fs::read(dir.path().join("tandem.db-wal")).unwrap();
    let db = std::fs::read(dir.path().join("tandem.db")).unwrap();
    drop(store);
    let mut last = 0;
    for cut in (0..=wal.len()).step_by(wal.len() / 40).chain([wal.len()]) {
        let torn = copy.path().join(cut.to_string());
        std::fs::create_dir_all(&torn).unwrap();
        std::fs::write(torn.join("tandem.db"), &db).unwrap();
        std::fs::write(torn.join("tandem.db-wal"), &wal[..cut]).unwrap();
        let store = open(&torn);
        let events = store.list(EventFilter::default(), Page { below_seq: None, size: 100 }).await.unwrap();
        assert!(events.len() >= last, "a longer log holds no less");
        last = events.len();
        conformance::check_totals(&store, last as u64).await;
    }
    assert_eq!(last, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open::open(dir.path(), NOW_MS).unwrap();
    opened.writer.pragma_update(None, "max_page_count", 60).unwrap();
    let (commands, receiver) = mpsc::channel(64);
    let writer = Writer::new(opened.writer, Clock::fixed(NOW_MS), broadcast::channel(1).0);
    let thread = std::thread::spawn(move || writer.run(receiver));
    let append = async |n: u32| {
        let (reply, answer) = oneshot::channel();
        commands.send(Command::Append(Box::new(conformance::event(n)), reply)).await.unwrap();
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
    // Retention makes room; the next event is taken, and no refused one is half there.
    let (reply, answer) = oneshot::channel();
    let late = NOW_MS + 100 * 24 * 3600 * 1000;
    commands
        .send(Command::Claim {
            pixel: conformance::pixel(),
            max: 10_000,
            now_ms: late,
            lease_until_ms: late,
            reply,
        })
        .await
        .unwrap();
    drop(answer.await);
    drop(commands);
    thread.join().unwrap();
    drop(opened.lock);
    let store = open(dir.path());
    let events = store.list(EventFilter::default(), Page { below_seq: None, size: 10_000 }).await.unwrap();
    assert_eq!(events.len() as u32, stored);
    store.append(conformance::event(stored)).await.expect("there is room again");
    conformance::check_totals(&store, u64::from(stored) + 1).await;
}
