//! Finds the browsers, the tracer and the proxies that the tests need. As root, it installs missing ones with apt.

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

/// Watches the server's system calls. Only Linux has it; elsewhere the test says that it is skipped.
const STRACE: Program = Program { names: &["strace"], package: "strace" };

/// The proxies of the tests with one address for shop and server. Where they are missing, those tests say so.
const PROXIES: [Program; 2] =
    [Program { names: &["nginx"], package: "nginx-light" }, Program { names: &["caddy"], package: "caddy" }];

/// Makes sure that Chromium and its driver are installed. The demo's check needs them.
pub(crate) fn ensure_chromium() -> anyhow::Result<()> {
    ensure_installed(&[CHROMIUM, DRIVER])
}

/// Makes sure that every browser, driver and tracer of the tests is installed.
pub(crate) fn ensure_all() -> anyhow::Result<()> {
    let programs = [CHROMIUM, DRIVER, FIREFOX, STRACE];
    ensure_installed(if cfg!(target_os = "linux") { &programs } else { &programs[..3] })?;
    for proxy in PROXIES {
        let (name, package) = (proxy.names[0], proxy.package);
        if let Err(error) = ensure_installed(&[proxy]) {
            eprintln!("    tests with {name} will be skipped ({package}): {}", first_line(&error));
        }
    }
    Ok(())
}

fn first_line(error: &anyhow::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
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
        step("install what is missing from the system's packages", || {
            apt(&["update", "-qq"])?;
            apt(&[&["install", "-y", "-qq", "--no-install-recommends"], missing().as_slice()].concat())
        })?;
    }
    if missing().is_empty() {
        return Ok(());
    }
    bail!(
        "Needed and not found: {}.\n\
         Debian:   sudo apt-get install chromium chromium-driver firefox-esr strace\n\
         Fedora:   sudo dnf install chromium chromedriver firefox strace\n\
         Arch:     sudo pacman -S chromium firefox strace\n\
         macOS:    brew install --cask google-chrome chromedriver firefox\n\
         Then run this command again.",
        missing().join(", ")
    )
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
