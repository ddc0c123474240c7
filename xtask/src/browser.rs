//! Finds the browsers that the tests need. As root, it installs missing ones with apt.

use std::process::Command;

use anyhow::bail;

use crate::command::{find, is_installed, run, step};

/// A program, the names under which distributions ship it, and Debian's package.
struct Program {
    names: &'static [&'static str],
    package: &'static str,
}

const CHROMIUM: Program = Program {
    names: &["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"],
    package: "chromium",
};
const DRIVER: Program =
    Program { names: &["chromedriver", "chromium.chromedriver"], package: "chromium-driver" };
/// Firefox needs no driver, because the tests use its own protocol.
const FIREFOX: Program = Program { names: &["firefox-esr", "firefox"], package: "firefox-esr" };

/// Makes sure that Chromium and its driver are installed. The demo's check needs them.
pub(crate) fn ensure_chromium() -> anyhow::Result<()> {
    ensure_installed(&[CHROMIUM, DRIVER])
}

/// Makes sure that every browser and driver of the tests is installed.
pub(crate) fn ensure_all() -> anyhow::Result<()> {
    ensure_installed(&[CHROMIUM, DRIVER, FIREFOX])
}

fn ensure_installed(programs: &[Program]) -> anyhow::Result<()> {
    let missing = || -> Vec<&'static str> {
        let absent = programs.iter().filter(|program| find(program.names).is_none());
        absent.map(|program| program.package).collect()
    };
    if missing().is_empty() {
        return Ok(());
    }
    if is_root() && is_installed("apt-get") {
        let apt = |arguments: &[&str]| {
            run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        step("install browsers from the system's packages", || {
            apt(&["update", "-qq"])?;
            apt(&[&["install", "-y", "-qq", "--no-install-recommends"], missing().as_slice()].concat())
        })?;
    }
    if missing().is_empty() {
        return Ok(());
    }
    bail!(
        "Needed and not found: {}.\n\
         Debian:   sudo apt-get install chromium chromium-driver firefox-esr\n\
         Fedora:   sudo dnf install chromium chromedriver firefox\n\
         Arch:     sudo pacman -S chromium firefox\n\
         macOS:    brew install --cask google-chrome chromedriver firefox\n\
         Then run this command again.",
        missing().join(", ")
    )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
