//! `cargo xtask supply-chain`: what Tandem is made of, and whether it may be. The order is: lock files, cargo-deny, one
//! SBOM per program. `--release` also builds the programs with their list of crates inside.

use anyhow::{Context as _, ensure};

use crate::command::{cargo, needed, run, step};
use crate::files::target;
use crate::package;

mod deny;
mod locks;
mod sbom;

use sbom::Shipped;

/// What is shipped.
const SHIPPED: [Shipped; 5] = [
    Shipped { package: "tandem-server", program: Some("tandem-server") },
    Shipped { package: "tandem-gateway", program: Some("tandem-gateway") },
    Shipped { package: "tandem-cli", program: Some("tandem") },
    Shipped { package: "tandem-web", program: None },
    Shipped { package: "tandem-normaliser", program: None },
];
/// Section of a program that holds the compressed list of its crates (rust-audit's format).
const SECTION: &[u8] = b".dep-v0";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Build the release programs with cargo-auditable: each holds the list of its crates
    #[arg(long)]
    release: bool,
    /// Fail where the advisory database cannot be had, instead of naming the check as skipped
    #[arg(long)]
    require_advisories: bool,
}

pub(crate) fn run_all(options: &Options) -> anyhow::Result<()> {
    step("lock files", locks::check)?;
    step("licences, bans, sources, advisories", || deny::check(options.require_advisories))?;
    step("SBOMs", || sbom::write(&SHIPPED))?;
    if options.release {
        // The server embeds the browser package.
        package::build(true)?;
        step("auditable programs", auditable)?;
    }
    Ok(())
}

/// What CI runs: everything that compiles nothing.
pub(crate) fn in_ci() -> anyhow::Result<()> {
    run_all(&Options { release: false, require_advisories: false })
}

fn auditable() -> anyhow::Result<()> {
    needed("cargo-auditable").context("run `cargo install --locked cargo-auditable`")?;
    let mut build = cargo("auditable");
    build.args(["build", "--locked", "--release"]);
    for shipped in SHIPPED.iter().filter(|shipped| shipped.program.is_some()) {
        build.args(["-p", shipped.package]);
    }
    run(&mut build)?;
    for program in SHIPPED.iter().filter_map(|shipped| shipped.program) {
        let path = target().join("release").join(program);
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let is_auditable = bytes.windows(SECTION.len()).any(|window| window == SECTION);
        ensure!(is_auditable, "{} holds no list of its crates", path.display());
    }
    Ok(())
}
