//! What an erasure leaves in the store's files, and what overwriting costs.

use std::path::Path;

use rusqlite::Connection;
use tandem_core::hash::Sha256Hex;

use super::*;
use crate::clock::Clock;
use crate::outbox::conformance::{self, NOW_MS};
use crate::outbox::{Erasure, Outbox};

/// Which of the digests the files of a store hold, as hex or as bytes.
fn held(dir: &Path, digests: &[Sha256Hex]) -> Vec<usize> {
    let files = std::fs::read_dir(dir).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    let files: Vec<Vec<u8>> = files.collect();
    let holds =
        |needle: &[u8]| files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle));
    let is_held = |digest: &Sha256Hex| {
        let hex = digest.to_hex();
        holds(hex.as_bytes()) || holds(&hex::decode(&hex).unwrap())
    };
    digests.iter().enumerate().filter(|(_, digest)| is_held(digest)).map(|(n, _)| n).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_in_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Outbox::new(Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap());
    let digests: Vec<Sha256Hex> = (0..60_u32).map(|n| Sha256Hex::of_bytes(&n.to_le_bytes())).collect();
    for round in 0..3 {
        // Orders grow with each call, so that their pages are divided and copied.
        for (n, digest) in digests.iter().enumerate() {
            conformance::leave_person(&store, n, round, *digest).await;
        }
    }
    assert_eq!(held(dir.path(), &digests).len(), digests.len(), "the files hold them before");
    for (n, digest) in digests.iter().enumerate().filter(|(n, _)| n % 10 == 0) {
        let erased = store.events.erase(vec![*digest], Erasure::Erase).await.unwrap();
        assert_eq!((erased.events, erased.orders, erased.leaves_traces), (3, 1, false), "person {n}");
        assert_eq!(held(dir.path(), &digests[n..=n]), [0_usize; 0], "person {n}");
        let log = std::fs::metadata(dir.path().join("tandem.db-wal")).unwrap();
        assert_eq!(log.len(), 0, "the log is empty");
    }
    let left = held(dir.path(), &digests);
    assert_eq!(left.len(), 54, "all others are still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_left_in_free_pages_goes_too_and_positions_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = Outbox::new(Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap());
    let (gone, stays) = (Sha256Hex::of_bytes(b"gone"), Sha256Hex::of_bytes(b"stays"));
    for n in 0..20 {
        conformance::leave_person(&store, n, 0, stays).await;
    }
    // It did not overwrite what it deleted. The rest of the first orders goes too, so that positions have a gap.
    let earlier = Connection::open(dir.path().join("tandem.db")).unwrap();
    earlier.execute_batch("PRAGMA secure_delete = OFF; DELETE FROM orders WHERE rowid < 5;").unwrap();
    let sql = "INSERT INTO webhooks (account, event_key, kind, received_ms, extract, body_sha256, body_bytes)
               VALUES ('a', ?1, '', 0, ?2, '', 0)";
    for n in 0..20 {
        earlier.execute(sql, (n, gone.to_hex().repeat(100))).unwrap();
    }
    earlier.execute_batch("DELETE FROM webhooks").unwrap();
    let positions = || {
        let mut orders = earlier.prepare("SELECT rowid, id FROM orders ORDER BY rowid").unwrap();
        let rows = orders.query_map([], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?))).unwrap();
        rows.collect::<rusqlite::Result<Vec<_>>>().unwrap()
    };
    let before = positions();
    assert_eq!((before.len(), held(dir.path(), &[gone])), (16, vec![0]));
    let erased = store.events.erase(vec![gone], Erasure::Erase).await.unwrap();
    assert_eq!((erased.events, erased.orders, erased.leaves_traces), (0, 0, false));
    assert_eq!(held(dir.path(), &[gone, stays]), [1]);
    assert_eq!(positions(), before);
    conformance::leave_person(&store, 30, 0, stays).await;
    assert!(positions().len() == 17, "the store goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_a_reader_keeps_from_the_log_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Outbox::new(Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap());
    let digest = Sha256Hex::of_bytes(b"a person");
    conformance::leave_person(&store, 0, 0, digest).await;
    let reader = Connection::open(dir.path().join("tandem.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = |db: &Connection| db.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, i64>(0));
    assert_eq!(count(&reader).unwrap(), 1);
    let erased = store.events.erase(vec![digest], Erasure::Erase).await.unwrap();
    assert_eq!((erased.events, erased.leaves_traces), (1, true));
    drop(reader);
    let erased = store.events.erase(vec![digest], Erasure::Erase).await.unwrap();
    assert_eq!((erased.events, erased.leaves_traces), (0, false), "the same erasure again finishes it");
    assert_eq!(held(dir.path(), &[digest]), [0_usize; 0]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_store_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let modes = || {
        let places = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().path());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let mut modes: Vec<(String, u32)> = places
            .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), mode(&path)))
            .chain([(".".to_owned(), mode(dir.path()))])
            .collect();
        modes.sort_unstable();
        modes
    };
    for _ in 0..2 {
        let store = Outbox::new(Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap());
        store.events.append(conformance::event(1)).await.unwrap();
        let expected =
            [(".", 0o700), ("tandem.db", 0o600), ("tandem.db-shm", 0o600), ("tandem.db-wal", 0o600)];
        let expected = expected.into_iter().chain([("tandem.lock", 0o600)]);
        assert_eq!(modes(), expected.map(|(name, mode)| (name.to_owned(), mode)).collect::<Vec<_>>());
        drop(store);
        // The next start finds them as an earlier version left them.
        for file in std::fs::read_dir(dir.path()).unwrap() {
            std::fs::set_permissions(file.unwrap().path(), PermissionsExt::from_mode(0o644)).unwrap();
        }
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    }
}
