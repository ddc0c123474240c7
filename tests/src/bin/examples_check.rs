//! Runs the examples in `examples/` against a server and the sandbox, and checks the Purchases that arrived.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Parser;
use tandem_proto::v1::PurchaseState;
use tandem_tests::process::{Ended, Environment, Process};
use tandem_tests::{INTERNAL_TOKEN, Person, World, binaries, messages};

const CLAIM_SECRET: &str = "the-secret-of-the-examples";

/// Runs the examples against a server and the sandbox. Exits 0 if each Purchase arrived once and each example told
/// callers' mistakes from outages.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// A Python that has examples/python/requirements.txt
    #[arg(long)]
    python: PathBuf,
}

/// How to start the examples of one language: a program, and the arguments before an example's own.
struct Language {
    name: &'static str,
    record_purchase: (PathBuf, Vec<String>),
    claim_key: (PathBuf, Vec<String>),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    match check(&Arguments::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("examples: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn check(arguments: &Arguments) -> anyhow::Result<()> {
    let script = |name: &str| {
        let path = binaries::workspace_root().join("examples/python").join(name);
        (arguments.python.clone(), vec![path.display().to_string()])
    };
    let program = |name: &str| anyhow::Ok((binaries::program(name)?, Vec::new()));
    let languages = [
        Language {
            name: "Rust",
            record_purchase: program("example-record-purchase")?,
            claim_key: program("example-claim-key")?,
        },
        Language {
            name: "Python",
            record_purchase: script("record_purchase.py"),
            claim_key: script("claim_key.py"),
        },
    ];
    let mut world =
        World::builder().without_gateway().server("TANDEM_CLAIM_SECRET", CLAIM_SECRET).start().await?;
    for language in &languages {
        facts(&mut world, language).await.with_context(|| language.name)?;
        claims(&world, language).await.with_context(|| language.name)?;
        println!("{}: every Purchase arrived once", language.name);
    }
    Ok(())
}

impl Language {
    fn environment(world: &World, token: &str) -> Environment {
        let pairs = [
            ("TANDEM_SERVER_URL", world.grpc.as_str()),
            ("TANDEM_INTERNAL_TOKEN", token),
            ("TANDEM_CLAIM_SECRET", CLAIM_SECRET),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    async fn run(
        world: &World,
        (program, first): &(PathBuf, Vec<String>),
        token: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Ended> {
        let all: Vec<&str> = first.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        Process::run(program, world.folder(), &Self::environment(world, token), &all).await
    }

    /// Records a purchase. Expects an exit code and certain words in the output.
    async fn record(
        &self,
        world: &World,
        token: &str,
        arguments: &[&str],
        code: i32,
        words: &[&str],
    ) -> anyhow::Result<()> {
        let ended = Self::run(world, &self.record_purchase, token, arguments).await?;
        let said = format!("{}{}", ended.out, ended.log);
        ensure!(ended.code == Some(code), "{arguments:?}: exit code {:?}, not {code}: {said}", ended.code);
        for word in words {
            ensure!(said.contains(word), "{arguments:?}: the output does not contain {word:?}: {said}");
        }
        Ok(())
    }
}

async fn facts(world: &mut World, language: &Language) -> anyhow::Result<()> {
    let (order, person) = (messages::order_id(), Person::unique());
    let id = format!("purchase_{order}");
    let paid = [order.as_str(), "1499.00", "--email", person.email.as_str()];
    language.record(world, INTERNAL_TOKEN, &paid, 0, &[&id, "PURCHASE_STATE_VERIFIED"]).await?;
    language.record(world, INTERNAL_TOKEN, &paid, 0, &["which it was before"]).await?;
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    ensure!(arrived.value_minor() == 149_900 && arrived.match_key("em") == person.email_hash());

    let other = [order.as_str(), "1500.00"];
    language
        .record(world, INTERNAL_TOKEN, &other, 1, &["1499.00", "1500.00", "a person has to look"])
        .await?;
    let unreadable = [order.as_str(), "1,499"];
    language.record(world, INTERNAL_TOKEN, &unreadable, 2, &["custom_data.value.amount"]).await?;
    language.record(world, "a-wrong-token", &paid, 2, &["TANDEM_INTERNAL_TOKEN"]).await?;

    // A sale at the counter.
    let counter = messages::order_id();
    let sold = [&counter, "310.00", "--email", &person.email, "--action-source", "physical_store"];
    language.record(world, INTERNAL_TOKEN, &sold, 0, &["PURCHASE_STATE_VERIFIED"]).await?;
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{counter}")).await?;
    ensure!(
        arrived.text(&["action_source"]) == "physical_store",
        "the Purchase does not have the action source"
    );

    // The server is down. The example repeats the report until the server is back.
    let paid_once = order;
    let order = messages::order_id();
    let id = format!("purchase_{order}");
    world.kill_server();
    let once = [order.as_str(), "249.00", "--attempts", "1"];
    language.record(world, INTERNAL_TOKEN, &once, 3, &["gave up for now"]).await?;
    let (program, first) = &language.record_purchase;
    let told = [&order, "249.00", "--email", &person.email, "--attempts", "20"];
    let all: Vec<&str> = first.iter().map(String::as_str).chain(told).collect();
    let environment = Language::environment(world, INTERNAL_TOKEN);
    let mut example = Process::start(program, language.name, world.folder(), &environment, &all)?;
    world
        .eventually("the example to notice that the server is down", async || {
            Ok(example.logged().contains("next try in").then_some(()))
        })
        .await?;
    world.restart_server().await?;
    let status = example.ended(tandem_tests::PATIENCE).await?;
    ensure!(status.success(), "{status}: {}", example.log_tail(10));
    let arrived = world.wait_for_server_event("Purchase", &id).await?;
    ensure!(arrived.value_minor() == 24_900);

    // Each order has one Purchase, even after everything was sent.
    world.wait_until_all_is_sent().await?;
    for order in [&paid_once, &counter, &order] {
        world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    }
    Ok(())
}

async fn claims(world: &World, language: &Language) -> anyhow::Result<()> {
    let order = messages::order_id();
    let paid = [order.as_str(), "75.00", "--email", "buyer@example.com"];
    language.record(world, INTERNAL_TOKEN, &paid, 0, &[]).await?;
    let made = Language::run(world, &language.claim_key, INTERNAL_TOKEN, &[&order]).await?;
    ensure!(made.code == Some(0), "claim_key ended with {:?}: {}", made.code, made.log);
    let mut claim = messages::purchase(&order, "75.00");
    claim.claim_key = made.out.trim().to_owned();
    let answer = world.visitor().claim_purchase(claim).await?.outcome?;
    ensure!(answer.state() == PurchaseState::Verified, "the key proves nothing: {answer:?}");
    ensure!(answer.browser_event.is_some(), "the page must be told to fire");
    world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await.map(drop)
}
