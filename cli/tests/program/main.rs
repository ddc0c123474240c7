//! The program against a fake server: arguments, exit codes, paging, the token.

mod dead_letters;
mod doctor;
mod fake;
mod orders;
mod steering;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use fake::{Fake, start};
use tandem_proto::v1::{EventState, HealthStatus};
use tokio::net::TcpListener;

const TOKEN: &str = "internal-token-of-the-tests";

struct ProgramOutput {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program on another thread, so that the fake server can answer meanwhile.
async fn run(variables: &[(&str, &str)], arguments: &[&str]) -> ProgramOutput {
    run_with_input(variables, arguments, "").await
}

/// Like [`run`], with `input` on standard input.
async fn run_with_input(variables: &[(&str, &str)], arguments: &[&str], input: &str) -> ProgramOutput {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.env_clear().envs(variables.iter().copied()).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let input = input.to_owned();
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it has a standard input");
        // The program may end without reading its input.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("the program runs")
    })
    .await
    .expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
    ProgramOutput { code: status.code(), out: text(stdout), err: text(stderr) }
}

async fn ask(addr: SocketAddr, arguments: &[&str]) -> ProgramOutput {
    ask_with_input(addr, arguments, "").await
}

async fn ask_with_input(addr: SocketAddr, arguments: &[&str], input: &str) -> ProgramOutput {
    let url = format!("http://{addr}");
    let variables = [("TANDEM_SERVER_URL", url.as_str()), ("TANDEM_INTERNAL_TOKEN", TOKEN)];
    run_with_input(&variables, arguments, input).await
}

#[tokio::test]
async fn health_fails_when_it_is_critical_and_not_before() {
    let fake = Fake::default();
    let addr = start(&fake).await;
    for (status, code, word) in [
        (HealthStatus::Healthy, 0, "healthy"),
        (HealthStatus::Degraded, 0, "degraded"),
        (HealthStatus::Critical, 1, "critical"),
    ] {
        *fake.health.lock().unwrap() = status;
        let said = ask(addr, &["health"]).await;
        assert_eq!(said.code, Some(code), "{}", said.err);
        assert!(said.out.starts_with(word), "{}", said.out);
        let said = ask(addr, &["health", "--json"]).await;
        assert_eq!(said.code, Some(code));
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(json["status"], word);
    }
}

#[tokio::test]
async fn lists_are_fetched_page_by_page_up_to_the_limit() {
    let fake = Fake::default();
    let addr = start(&fake).await;
    let said = ask(addr, &["events", "list", "--limit", "2200", "--json"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let events: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
    assert_eq!(events.len(), 2200);
    assert_eq!(events[2199]["event_id"], "id-2199");
    let sizes: Vec<u32> = fake.asked.lock().unwrap().iter().map(|request| request.page_size).collect();
    assert_eq!(sizes, [1000, 1000, 200]);

    let said = ask(addr, &["events", "list", "--limit", "9000"]).await;
    assert_eq!(said.out.lines().count(), 1 + 2500, "all of them, and no note");
    let said = ask(addr, &["events", "list"]).await;
    assert!(said.out.ends_with("there are more than these 50; --limit shows them\n"));

    fake.asked.lock().unwrap().clear();
    let said = ask(addr, &["events", "list", "--all"]).await;
    assert_eq!((said.out.lines().count(), said.err.as_str()), (1 + 2500, ""), "one header for all pages");
    assert!(said.out.lines().last().unwrap().contains("id-2499"), "{:?}", said.out.lines().last());
    assert_eq!(fake.asked.lock().unwrap().len(), 3, "a call for each page");
    let said = ask(addr, &["events", "list", "--all", "--json"]).await;
    let ids: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("an object a line")["sequence"].clone()
        })
        .collect();
    assert_eq!(ids, (0..2500).map(serde_json::Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters_reach_the_server() {
    let fake = Fake::default();
    let addr = start(&fake).await;
    let arguments = [
        "events",
        "list",
        "--name",
        "Purchase",
        "--state",
        "dead_letter",
        "--order",
        "KB-1",
        "--pixel",
        "123456789012345",
        "--since",
        "2025-11-24T10:02:11+05:30",
        "--limit",
        "3",
    ];
    assert_eq!(ask(addr, &arguments).await.code, Some(0));
    let asked = fake.asked.lock().unwrap()[0].clone();
    assert_eq!((asked.event_name.as_str(), asked.order_id.as_str()), ("Purchase", "KB-1"));
    assert_eq!(asked.state(), EventState::DeadLetter);
    assert_eq!(asked.pixel_id, "123456789012345");
    assert_eq!(asked.received_after.map(|time| time.seconds), Some(1_763_958_731));
    assert_eq!((asked.received_before, asked.page_size), (None, 3));
}

#[tokio::test]
async fn an_event_that_is_not_there_is_a_bad_answer() {
    let addr = start(&Fake::default()).await;
    let said = ask(addr, &["events", "show", "id-1"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("id-1") && said.out.contains("no delivery attempts"));
    let said = ask(addr, &["events", "show", "id-9"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("tandem: no event has this ID; `tandem events list`"), "{}", said.err);
}

#[tokio::test]
async fn a_wrong_token_and_a_missing_one_say_what_to_do() {
    let addr = start(&Fake::default()).await;
    let url = format!("http://{addr}");
    let said = run(&[("TANDEM_SERVER_URL", &url), ("TANDEM_INTERNAL_TOKEN", "wrong")], &["health"]).await;
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("TANDEM_INTERNAL_TOKEN") && !said.err.contains("wrong"), "{}", said.err);
    let said = run(&[("TANDEM_SERVER_URL", &url), ("TANDEM_DATA_DIR", "/does/not/exist")], &["health"]).await;
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("/does/not/exist/internal-token"), "{}", said.err);
}

#[tokio::test]
async fn the_token_is_read_from_the_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("internal-token"), format!("{TOKEN}\n")).unwrap();
    let fake = Fake::default();
    *fake.health.lock().unwrap() = HealthStatus::Healthy;
    let url = format!("http://{}", start(&fake).await);
    let data_dir = folder.path().to_str().unwrap();
    let said = run(&[("TANDEM_DATA_DIR", data_dir)], &["health", "--server-url", &url]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
}

#[tokio::test]
async fn a_server_that_is_away_is_3() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let said = ask(addr, &["health"]).await;
    assert_eq!(said.code, Some(3), "{}", said.err);
    assert!(said.err.contains(&addr.to_string()) && said.err.contains("refused"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1);
}

#[tokio::test]
async fn mistakes_in_the_arguments_are_2_and_help_is_0() {
    for arguments in [
        &["events", "list", "--state", "lost"][..],
        &["events", "list", "--limit", "0"],
        &["events", "list", "--since", "yesterday"],
        &["dead-letters", "list", "--page-size", "1001"],
        &["dead-letters", "show"],
        &["dead-letters", "show", "id-1", "--webhook", "4"],
        &["dead-letters", "purge", "--webhook", "4", "--event-name", "Lead"],
        &["dead-letters", "purge", "--yes", "--dry-run"],
        &["events", "list", "--all", "--limit", "3"],
        &["events", "watch", "--limit", "0"],
        &["erase"],
        &["erase", "--email", "a@example.com", "--phone", "98"],
        &["unheard-of"],
        &[],
    ] {
        assert_eq!(run(&[], arguments).await.code, Some(2), "{arguments:?}");
    }
    let said = run(&[], &["--help"]).await;
    assert_eq!(said.code, Some(0));
    for text in ["Exit codes:", "TANDEM_SERVER_URL", "health", "events", "dead-letters", "replay", "erase"] {
        assert!(said.out.contains(text), "{text}");
    }
    assert!(run(&[], &["--version"]).await.out.starts_with("tandem "));
}
