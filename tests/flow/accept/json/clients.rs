//! Clients that are not ours: curl as the documents call it, and Connect's own. And what a call costs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use reqwest::Version;
use serde_json::json;
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_tests::{INTERNAL_TOKEN, Person, World, messages};
use tokio::process::Command;

/// Runs the commands of `docs/json.md`, and compares each answer with the one below it.
#[tokio::test]
async fn the_documents_commands_answer_what_it_shows() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let page = std::fs::read_to_string(tandem_tests::binaries::workspace_root().join("docs/json.md"))?;
    let blocks = |language: &'static str| {
        page.split(language)
            .skip(1)
            .filter_map(|rest| rest.split_once("\n```"))
            .map(|(block, _)| block.trim())
    };
    let (commands, answers): (Vec<_>, Vec<_>) = (blocks("```sh\n").collect(), blocks("```json\n").collect());
    ensure!(commands.len() == 3 && answers.len() == 3, "{commands:?} {answers:?}");
    for (command, answer) in commands.into_iter().zip(answers) {
        ensure!(command.contains("http://127.0.0.1:50051"), "{command}");
        let command = command.replace("http://127.0.0.1:50051", &world.grpc);
        let out = Command::new("sh")
            .args(["-c", &command])
            .env("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN)
            .env("NO_PROXY", "*")
            .output()
            .await?;
        assert_eq!(String::from_utf8_lossy(&out.stdout), answer, "{command}");
    }
    Ok(())
}

/// Runs Connect's own clients, without generated code.
#[tokio::test]
async fn connects_own_clients_call_and_read_errors() -> anyhow::Result<()> {
    let npm = Command::new("npm").arg("--version").stdout(Stdio::null()).status().await;
    if !npm.is_ok_and(|status| status.success()) {
        tandem_tests::skip("connects_own_clients_call_and_read_errors", "npm is not installed");
        return Ok(());
    }
    let world = World::builder().without_gateway().start().await?;
    let folder = tempfile::tempdir()?;
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/connect");
    for file in ["package.json", "package-lock.json", "check.mjs"] {
        std::fs::copy(scripts.join(file), folder.path().join(file))?;
    }
    let mut descriptors = FileDescriptorSet::decode(tandem_proto::DESCRIPTORS)?;
    let mut known: BTreeSet<String> = descriptors.file.iter().map(|file| file.name().to_owned()).collect();
    let rpc = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    descriptors.file.extend(rpc.file.into_iter().filter(|file| known.insert(file.name().to_owned())));
    std::fs::write(folder.path().join("descriptors.bin"), descriptors.encode_to_vec())?;
    let install = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder.path())
        .output()
        .await?;
    ensure!(install.status.success(), "npm ci: {}", String::from_utf8_lossy(&install.stderr));
    let run = Command::new("node")
        .args(["check.mjs", &world.grpc, "descriptors.bin", "http://localhost:3000"])
        .current_dir(folder.path())
        .output()
        .await?;
    let (out, errors) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    ensure!(run.status.success(), "{out}\n{errors}");
    ensure!(out.matches("ok: ").count() == 3, "{out}\n{errors}");
    Ok(())
}

/// What a call in JSON costs, beside gRPC-web.
#[tokio::test]
async fn json_costs_about_what_grpc_web_costs() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().server("TANDEM_RATE_LIMIT", "off").start().await?;
    let visitor = world.visitor();
    let client = tandem_tests::http::client();
    let url = format!("{}{}", world.grpc, paths::CAPTURE_LEAD);
    let (mut json_took, mut web_took) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let lead = messages::lead(&Person::unique());
        let (user, browser) = (lead.user.clone().unwrap_or_default(), visitor.browser());
        let body = json!({
            "user": { "email": user.email, "phone": user.phone, "firstName": user.first_name, "lastName": user.last_name },
            "browser": { "fbp": browser.fbp, "fbc": browser.fbc, "eventSourceUrl": browser.event_source_url },
            "customData": { "value": { "amount": "1499.00", "currencyCode": "INR" }, "contentName": "Newsletter" },
            "clientEventId": uuid::Uuid::now_v7().to_string(),
        });
        let started = Instant::now();
        visitor.capture_lead(lead).await?.outcome?;
        web_took.push(started.elapsed());
        let started = Instant::now();
        let answer = client
            .post(&url)
            .version(Version::HTTP_11)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        answer.bytes().await?;
        json_took.push(started.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (json, web) = (median(&mut json_took), median(&mut web_took));
    println!(
        "CaptureLead, median of 100: JSON {json:?}, gRPC-web {web:?}, ratio {:.2}",
        json.as_secs_f64() / web.as_secs_f64()
    );
    ensure!(json < web * 3, "JSON {json:?}, gRPC-web {web:?}");
    Ok(())
}
