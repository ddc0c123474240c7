//! Builds the programs that the black-box tests and the load programs start.

use crate::command::{cargo, run, step};

/// The product's programs, the sandbox, and the programs that test them.
const PACKAGES: [&str; 6] =
    ["tandem-server", "tandem-gateway", "tandem-cli", "tandem-sandbox", "tandem-tests", "tandem-load"];

/// Builds the programs. Measurements need optimised ones.
pub(crate) fn build(is_optimised: bool) -> anyhow::Result<()> {
    let what = if is_optimised { "build the optimised programs" } else { "build the programs" };
    step(what, || {
        let mut build = cargo("build");
        build.arg("--bins");
        for package in PACKAGES {
            build.args(["-p", package]);
        }
        if is_optimised {
            build.arg("--release");
        }
        run(&mut build)
    })
}
