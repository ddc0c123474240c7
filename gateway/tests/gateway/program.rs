//! The program itself: its lines, exit codes and signals.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::http_client::{post, send};

fn program(variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem-gateway"));
    command.env_clear().envs(variables.iter().copied()).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ended(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    program(variables, arguments).output().expect("the program runs")
}

/// Starts the program and waits for its ready line.
fn started(variables: &[(&str, &str)]) -> (Child, std::net::SocketAddr) {
    let mut child = program(variables, &[]).spawn().expect("the program starts");
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("its output is piped");
    BufReader::new(out).read_line(&mut line).expect("it says something");
    let addr = line.trim().strip_prefix("tandem-gateway ready http=http://");
    let addr =
        addr.and_then(|addr| addr.parse().ok()).unwrap_or_else(|| panic!("a ready line, not {line:?}"));
    (child, addr)
}

#[test]
fn help_and_version_are_there() {
    let help = ended(&[], &["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for name in ["TANDEM_GATEWAY_ADDR", "TANDEM_SERVER_URL", "CASHFREE_ALLOWED_ADDRESSES", "--insecure"] {
        assert!(help.contains(name), "{name}");
    }
    let version = String::from_utf8(ended(&[], &["--version"]).stdout).unwrap();
    assert!(version.starts_with("tandem-gateway "), "{version}");
}

#[test]
fn unusable_settings_end_it_with_2_and_one_line() {
    for (variables, arguments, expected) in [
        (vec![("TANDEM_GATEWAY_ADDR", "nowhere")], vec![], "TANDEM_GATEWAY_ADDR"),
        (vec![("TANDEM_SERVER_URL", "http://10.1.2.3:1")], vec![], "--insecure"),
        (vec![("TANDEM_INTERNAL_TOKEN", "two tokens")], vec![], "TANDEM_INTERNAL_TOKEN"),
        (vec![("TANDEM_LOG", "tandem=loud")], vec![], "TANDEM_LOG"),
        (vec![("TANDEM_CONFIG", "/does/not/exist.toml")], vec![], "TANDEM_CONFIG"),
        (vec![], vec!["--unheard-of"], "--unheard-of"),
    ] {
        let output = ended(&variables, &arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{expected}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(said.starts_with("tandem-gateway: ") && said.contains(expected), "{said}");
    }
}

#[test]
fn either_signal_ends_it_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (mut child, _) = started(&[("TANDEM_GATEWAY_ADDR", "127.0.0.1:0")]);
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > deadline => {
                    child.kill().unwrap();
                    panic!("did not stop");
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        assert_eq!(status.code(), Some(0), "{signal:?}");
    }
}

#[tokio::test]
async fn the_finest_log_shows_neither_token_nor_body_nor_address() {
    let fake = crate::fake_server::Fake::new();
    let running = fake.start(([127, 0, 0, 1], 0).into()).await;
    let url = format!("http://{}", running.addr);
    let (mut child, addr) = started(&[
        ("TANDEM_GATEWAY_ADDR", "127.0.0.1:0"),
        ("TANDEM_SERVER_URL", &url),
        ("TANDEM_INTERNAL_TOKEN", "s3cret-internal-token"),
        ("TANDEM_TRUSTED_PROXIES", "127.0.0.1"),
        ("TANDEM_LOG", "trace"),
    ]);
    let body = br#"{"customer_email":"asha.rao@example.com","customer_phone":"9000012345"}"#;
    let request = String::from_utf8(post(body)).unwrap();
    let request = request.replace("host: gateway", "host: gateway\r\nx-forwarded-for: 203.0.113.77");
    assert_eq!(send(addr, request.as_bytes()).await.status, 200);
    child.kill().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    child.wait().unwrap();
    assert!(log.contains("webhook answered") && log.contains("VERDICT_ACCEPTED"), "{log}");
    for secret in ["s3cret", "asha", "9000012345", "203.0.113.77", "c2ln"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
