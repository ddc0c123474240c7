//! Finding Chromium and its driver, or installing them where that may be done.

use std::process::Command;

use anyhow::bail;

use crate::command::{find, is_installed, run, step};

const CHROMIUM: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const DRIVER: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// Makes sure that both are there.
pub(crate) fn ensure_installed() -> anyhow::Result<()> {
    if is_there() {
        return Ok(());
    }
    if is_root() && is_installed("apt-get") {
        let apt = |arguments: &[&str]| {
            run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
        };
        step("install Chromium from the system's packages", || {
            apt(&["update", "-qq"])?;
            apt(&["install", "-y", "-qq", "--no-install-recommends", "chromium", "chromium-driver"])
        })?;
    }
    if is_there() {
        return Ok(());
    }
    bail!(
        "Chromium and chromedriver are needed and were not found.\n\
         Debian, Ubuntu:  sudo apt-get install chromium chromium-driver\n\
         Fedora:          sudo dnf install chromium chromedriver\n\
         Arch:            sudo pacman -S chromium\n\
         macOS:           brew install --cask google-chrome chromedriver\n\
         Then run this command again."
    )
}

fn is_there() -> bool {
    find(&CHROMIUM).is_some() && find(&DRIVER).is_some()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
