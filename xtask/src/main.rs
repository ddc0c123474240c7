//! The commands of `cargo xtask`. `cargo xtask --help` lists them.

use clap::{Parser, Subcommand};

mod bench;
mod browser;
mod command;
mod contents;
mod demo;
mod examples;
mod files;
mod fuzz;
mod normaliser;
mod npm;
mod package;
mod programs;
mod publishing;
mod settings_docs;
mod size;
mod skipped;
mod storm;
mod supply_chain;
mod test;
mod tidy;
mod torture;
mod wasm_target;
mod web_examples;
mod webassembly;

/// Chores of the Tandem workspace
#[derive(Parser)]
#[command(name = "cargo xtask", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the browser package into web-client/pkg/
    Wasm(package::Options),
    /// Build the browser package for npm, and check it as npm, bundlers and TypeScript will see it
    Package,
    /// Build everything and start the sandbox shop, the server and the gateway
    Demo(demo::Options),
    /// Run everything that CI runs
    Test(test::Options),
    /// Build the web examples that need a bundler, with npm
    WebExamples,
    /// Run the examples in Rust and Python against a server and the sandbox
    Examples,
    /// Kill the server many times under load, and check that nothing was lost
    Torture(torture::Options),
    /// Send 20,000 orders through the gateway while programs fail, and check the balance
    Storm(storm::Options),
    /// Run the property tests with new seeds, for an hour or as long as you say
    Fuzz(fuzz::Options),
    /// Measure speed and memory (takes minutes and the whole machine)
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Check lock files, licences, bans, sources and advisories, and write an SBOM per program
    SupplyChain(supply_chain::Options),
    /// Write docs/settings.md from the table of keys
    SettingsDocs,
    /// Check the house rules
    Tidy,
}

fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Wasm(options) => package::run(&options),
        Chore::Package => publishing::run_all(),
        Chore::Demo(options) => demo::run_demo(&options),
        Chore::Test(options) => test::run_steps(&options),
        Chore::WebExamples => web_examples::build(),
        Chore::Examples => examples::run_examples(),
        Chore::Torture(options) => torture::run_torture(&options),
        Chore::Storm(options) => storm::run_storm(&options),
        Chore::Fuzz(options) => fuzz::run_fuzz(&options),
        Chore::Bench(bench) => bench::run_bench(&bench),
        Chore::SupplyChain(options) => supply_chain::run_all(&options),
        Chore::SettingsDocs => settings_docs::write(),
        Chore::Tidy => tidy::run(),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
