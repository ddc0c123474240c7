//! `cargo xtask test`: everything that CI runs. The steps that fail fastest come first. The time of each step is printed.

use std::time::Instant;

use anyhow::bail;

use crate::command::{cargo, run, step};
use crate::{
    browser, examples, package, publishing, skipped, supply_chain, tidy, torture, wasm_target, web_examples,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run one step only
    #[arg(long, value_name = "STEP")]
    only: Option<String>,
    /// List the steps
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> anyhow::Result<()>,
}

const STEPS: [Step; 14] = [
    Step { name: "fmt", what: "formatting", run: || run(cargo("fmt").args(["--all", "--check"])) },
    Step { name: "tidy", what: "house rules", run: tidy::run },
    Step { name: "browser", what: "Chromium, its driver, Firefox and strace", run: browser::ensure_all },
    // The server embeds the package, so it is built after it.
    Step { name: "wasm", what: "browser package within its budget", run: package::build_and_measure },
    Step { name: "package", what: "browser package as npm will have it", run: publishing::check_built },
    Step { name: "build", what: "programs", run: build },
    Step { name: "web-examples", what: "web examples with their bundler", run: web_examples::build },
    Step { name: "wasm-lint", what: "core and browser package for wasm32", run: wasm_lint },
    Step { name: "lint", what: "clippy", run: lint },
    Step { name: "tests", what: "all suites", run: tests },
    Step { name: "examples", what: "examples in Rust and Python", run: examples::check },
    Step { name: "torture", what: "kills under load", run: torture::in_ci },
    Step { name: "doc", what: "documentation", run: doc },
    Step {
        name: "supply-chain",
        what: "lock files, licences, bans, sources, SBOMs",
        run: supply_chain::in_ci,
    },
];

/// Runs the steps, and prints the seconds of each and what was skipped.
pub(crate) fn run_steps(options: &Options) -> anyhow::Result<()> {
    if options.list {
        for step in &STEPS {
            eprintln!("{:<12} {}", step.name, step.what);
        }
        return Ok(());
    }
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|step| options.only.as_ref().is_none_or(|only| only == step.name)).collect();
    if chosen.is_empty() {
        bail!("there is no such step; see --list");
    }
    skipped::forget()?;
    let began = Instant::now();
    let mut times = Vec::new();
    let outcome = chosen.into_iter().try_for_each(|chosen| {
        let started = Instant::now();
        let outcome = step(chosen.what, chosen.run);
        times.push((chosen.name, started.elapsed()));
        outcome
    });
    eprintln!("\nstep          seconds");
    for (name, took) in times {
        eprintln!("{name:<12} {:>8.1}", took.as_secs_f64());
    }
    eprintln!("{:<12} {:>8.1}", "all", began.elapsed().as_secs_f64());
    skipped::show()?;
    outcome
}

/// Builds the programs that the black-box tests start.
fn build() -> anyhow::Result<()> {
    run(cargo("build").args(["--workspace", "--bins", "--exclude", "xtask"]))
}

fn wasm_lint() -> anyhow::Result<()> {
    wasm_target::ensure_usable()?;
    let target = ["--target", wasm_target::TARGET];
    run(cargo("clippy")
        .args(["-p", "tandem-core", "--no-default-features"])
        .args(target)
        .args(["--", "-D", "warnings"]))?;
    // One command would unite the features of both packages, and one of them has no standard library.
    for package in ["tandem-web", "tandem-normaliser"] {
        run(cargo("clippy").args(["-p", package]).args(target).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

fn lint() -> anyhow::Result<()> {
    run(cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn tests() -> anyhow::Result<()> {
    run(cargo("test").args(["--workspace", "--no-fail-fast"]).env(skipped::FILE_VARIABLE, skipped::file()))
}

fn doc() -> anyhow::Result<()> {
    run(cargo("doc")
        .args(["--workspace", "--no-deps", "--document-private-items", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
}
