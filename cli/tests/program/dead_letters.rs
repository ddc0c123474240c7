//! Dead letters shown, replayed and purged: many steps, interruptions, confirmations.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tandem_proto::v1::*;

use crate::fake::{Call, Fake, start};
use crate::steering::{FILTER, filter, parsed, steer_fake};
use crate::{ProgramOutput, TOKEN};

const PATIENCE: Duration = Duration::from_secs(20);

async fn steer(arguments: &[&str]) -> (ProgramOutput, Vec<Call>) {
    steer_fake(&Fake::default(), arguments, "").await
}

#[tokio::test]
async fn a_dead_letter_is_shown_with_what_to_do() {
    let shown = ["dead-letters", "show", "id-9", "--event-name", "Lead", "--pixel", "123456789012345"];
    let (said, calls) = steer(&shown).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let request = GetDeadLetterRequest {
        event_id: "id-9".to_owned(),
        event_name: "Lead".to_owned(),
        pixel_id: "123456789012345".to_owned(),
        ..GetDeadLetterRequest::default()
    };
    assert_eq!(calls, [Call::DeadLetter(request)]);
    for text in ["id-9", "Mend it. (docs/codes/meta_refused.md)", "replay: yes"] {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }
    let (said, _) = steer(&["dead-letters", "show", "id-9", "--json"]).await;
    assert_eq!(parsed(&said)["page"]["what_to_do"], "Mend it.");

    for (given, sequence, digest) in [("4", 4, ""), (&"AB".repeat(32), 0, &*"ab".repeat(32))] {
        let (said, calls) = steer(&["dead-letters", "show", "--webhook", given, "--json"]).await;
        let request = GetDeadLetterRequest {
            webhook_sequence: sequence,
            body_sha256: digest.to_owned(),
            ..GetDeadLetterRequest::default()
        };
        assert_eq!(calls, [Call::DeadLetter(request)]);
        assert_eq!(parsed(&said)["webhook"]["sequence"], 4);
    }
    let (said, _) = steer(&["dead-letters", "show", "id-1"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("no dead letter"), "{}", said.err);
    let (said, calls) = steer(&["dead-letters", "show", "--webhook", "four"]).await;
    assert_eq!((said.code, calls), (Some(2), vec![]), "{}", said.err);
}

#[tokio::test]
async fn one_kind_can_be_listed_alone() {
    let only = ["dead-letters", "list", "--only", "webhooks", "--webhook-page-token", "4"];
    let (said, calls) = steer(&only).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let [Call::DeadLetters(request)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((request.kind(), request.webhook_page_token.as_str()), (DeadLetterKind::Webhooks, "4"));
}

#[tokio::test]
async fn long_work_goes_in_steps_and_tells_the_totals_at_the_end() {
    let fake = Fake { steps_more: 2, ..Fake::default() };
    let (said, calls) = steer_fake(&fake, &["replay", "--all", "--json"], "").await;
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "without a terminal there is no progress line");
    assert_eq!(
        parsed(&said),
        json!({ "replayed": 21, "skipped_double_count": 6, "skipped_unsendable": 3, "skipped_webhooks": 0 })
    );
    let tokens: Vec<String> = calls
        .into_iter()
        .map(|asked| match asked {
            Call::Replay(request) if request.all && request.max_events == 1000 => request.page_token,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(tokens, ["", "1", "2"]);

    let (said, calls) = steer_fake(&fake, &["dead-letters", "purge", "--all", "--yes", "--json"], "").await;
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    assert_eq!(parsed(&said), json!({ "purged_events": 15, "purged_webhooks": 3 }));
    let is_purge = |asked: &Call| matches!(asked, Call::Purge(request) if !request.dry_run);
    assert!(calls.len() == 6 && calls[3..].iter().all(is_purge), "{calls:?}");
}

#[tokio::test]
async fn a_dry_run_says_so_to_the_server_and_to_the_operator() {
    let (said, calls) = steer(&["replay", "--all", "--dry-run"]).await;
    assert!(matches!(&calls[..], [Call::Replay(request)] if request.dry_run), "{calls:?}");
    assert!(said.out.starts_with("to replay") && said.out.contains("nothing was changed"), "{}", said.out);
    let (said, calls) = steer(&[&["dead-letters", "purge", "--dry-run"], &FILTER[..]].concat()).await;
    let request = PurgeDeadLettersRequest {
        filter: Some(filter()),
        max_events: 1000,
        dry_run: true,
        ..PurgeDeadLettersRequest::default()
    };
    assert_eq!(calls, [Call::Purge(request)]);
    assert!(said.out.contains("events to purge") && said.out.contains("nothing was changed"), "{}", said.out);
}

#[tokio::test]
async fn nothing_is_purged_unless_somebody_means_it() {
    let (said, calls) = steer(&["dead-letters", "purge", "--all"]).await;
    assert_eq!((said.code, calls), (Some(2), vec![]), "{}", said.err);
    assert!(said.err.contains("--yes") && said.out.is_empty(), "{}", said.err);

    let arguments = ["dead-letters", "purge", "--webhook", "4", "--only", "webhooks", "--yes"];
    let (said, calls) = steer(&arguments).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let [Call::Purge(request)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((request.kind(), request.all), (DeadLetterKind::Webhooks, false));
    assert_eq!(request.filter.as_ref().map(|filter| filter.webhook_sequence), Some(4));
}

#[tokio::test]
async fn an_interruption_is_heard_between_two_steps_and_says_how_far_it_came() {
    let fake = Fake { steps_more: u64::MAX, step_takes: Duration::from_millis(30), ..Fake::default() };
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.env_clear().env("TANDEM_SERVER_URL", format!("http://{}", start(&fake).await));
    command.env("TANDEM_INTERNAL_TOKEN", TOKEN).args(["replay", "--all", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let steps = || fake.calls.lock().expect("no test panics with the lock").len() as u64;
    let started = Instant::now();
    while steps() < 3 {
        assert!(started.elapsed() < PATIENCE, "it never got to its third step");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("the program runs");
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it stops").unwrap().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(130), "{err}");
    let total: serde_json::Value = serde_json::from_str(&out).expect("the totals as JSON");
    assert_eq!(total["replayed"], 7 * steps(), "the totals count every step that the server made: {err}");
    assert!(err.starts_with("tandem: interrupted, stopped between two steps"), "{err}");
}

/// What the test itself writes to the terminal once the program has ended.
const ENDED: &[u8] = b"<the program has ended>";

/// Runs the program with a terminal for standard input and error. Also returns what the terminal showed.
async fn on_a_terminal(fake: &Fake, arguments: &[&str], types: &str) -> (ProgramOutput, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("the system has pseudo terminals");
    grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("the terminal can be used");
    let name =
        ptsname(&ours, Vec::new()).expect("the terminal has a name").into_string().expect("it is UTF-8");
    let open =
        || OwnedFd::from(std::fs::File::options().read(true).write(true).open(&name).expect("it opens"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.env_clear().env("TANDEM_SERVER_URL", format!("http://{}", start(fake).await));
    command.env("TANDEM_INTERNAL_TOKEN", TOKEN).args(arguments);
    command.stdin(open()).stdout(Stdio::piped()).stderr(open());
    let mut terminal = std::fs::File::from(ours);
    terminal.write_all(types.as_bytes()).expect("it can be typed into");
    // When the last user of a terminal closes it, unread output may be lost. So the test keeps it open,
    // and writes a mark to it when the program has ended.
    let mut stays = std::fs::File::from(open());
    let run = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("the program starts");
        let reads = std::thread::spawn(move || {
            let (mut seen, mut part) = (Vec::new(), [0; 4096]);
            while !seen.ends_with(ENDED) {
                let read = terminal.read(&mut part).expect("the terminal is open");
                seen.extend_from_slice(&part[..read]);
            }
            seen.truncate(seen.len() - ENDED.len());
            seen
        });
        let mut out = Vec::new();
        child.stdout.take().expect("a pipe").read_to_end(&mut out).expect("its output is read");
        let status = child.wait().expect("the program runs");
        stays.write_all(ENDED).expect("the terminal is open");
        let seen = reads.join().expect("the terminal was read");
        (std::process::Output { status, stdout: out, stderr: Vec::new() }, seen)
    });
    let (output, seen) = tokio::time::timeout(PATIENCE, run).await.expect("it ends").expect("it ran");
    let seen = String::from_utf8(seen).expect("it is UTF-8");
    let out = String::from_utf8(output.stdout).expect("it is UTF-8");
    (ProgramOutput { code: output.status.code(), out, err: String::new() }, seen)
}

#[tokio::test]
async fn at_a_terminal_the_work_is_seen_and_what_deletes_is_confirmed() {
    let fake = Fake { steps_more: 3, step_takes: Duration::from_millis(250), ..Fake::default() };
    let (said, seen) = on_a_terminal(&fake, &["replay", "--all", "--json"], "").await;
    assert_eq!((said.code, &parsed(&said)["replayed"]), (Some(0), &json!(28)), "{seen}");
    assert!(seen.contains("gone through 20, "), "{seen:?}");
    assert!(seen.contains(" a second") && seen.ends_with("\r\x1b[K"), "the line goes away again: {seen:?}");

    let fake = Fake::default();
    let purges = || {
        let calls = fake.calls.lock().expect("no test panics with the lock");
        calls.iter().filter(|asked| matches!(asked, Call::Purge(request) if !request.dry_run)).count()
    };
    let purge = ["dead-letters", "purge", "--all"];
    let (said, seen) = on_a_terminal(&fake, &purge, "yes\n").await;
    assert_eq!((said.code, purges()), (Some(2), 0), "{seen}");
    assert!(
        seen.contains("deletes 5 events and 1 webhooks") && seen.contains("nothing was purged"),
        "{seen}"
    );
    let (said, seen) = on_a_terminal(&fake, &purge, "purge\n").await;
    assert_eq!((said.code, purges()), (Some(0), 1), "{seen}");
    assert_eq!(said.out, "events purged    5\nwebhooks purged  1\n");
    let erases = || {
        let calls = fake.calls.lock().expect("no test panics with the lock");
        calls.iter().filter(|asked| matches!(asked, Call::Erase(request) if !request.dry_run)).count()
    };
    let erase = ["erase", "--external-id", "customer-7"];
    let (said, seen) = on_a_terminal(&fake, &erase, "yes\n").await;
    assert_eq!((said.code, erases()), (Some(2), 0), "{seen}");
    assert!(seen.contains("looking through everything that is stored"), "{seen}");
    assert!(seen.contains("from 3 events and 1 orders") && seen.contains("nothing was erased"), "{seen}");
    let (said, seen) = on_a_terminal(&fake, &erase, "erase\n").await;
    assert_eq!((said.code, erases()), (Some(0), 1), "{seen}");
    assert_eq!(said.out, "events erased  3\norders erased  1\n");
}
