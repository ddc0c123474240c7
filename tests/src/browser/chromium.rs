//! Finds and starts Chromium.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use fantoccini::Client;
use fantoccini::wd::Capabilities;
use serde_json::json;

use super::session::{Profile, TIMEOUT_MS, connect};
use crate::process::{Environment, Process};
use crate::wait::eventually;

/// Names under which distributions ship Chromium.
const CHROMIUM: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
/// Names of Chromium's driver.
const DRIVER: [&str; 2] = ["chromedriver", "chromium.chromedriver"];
/// How often the driver is started before this gives up.
const DRIVER_ATTEMPTS: u32 = 5;

fn chromium() -> anyhow::Result<PathBuf> {
    super::installed("CHROMIUM", &CHROMIUM)
        .context("Chromium is missing: install it (Debian, Ubuntu: apt-get install chromium) or set CHROMIUM")
}

fn driver() -> anyhow::Result<PathBuf> {
    super::installed("CHROMEDRIVER", &DRIVER).context(
        "chromedriver is missing: install it (Debian, Ubuntu: apt-get install chromium-driver) or set CHROMEDRIVER",
    )
}

/// Starts Chromium with a fresh profile in `folder`.
pub(super) async fn start(folder: &Path, kind: Profile) -> anyhow::Result<(Client, Process)> {
    let (binary, driver) = (chromium()?, driver()?);
    let (process, port) = start_driver(&driver, folder).await?;
    let page = connect(&format!("http://127.0.0.1:{port}"), capabilities(&binary, folder, kind)?)
        .await
        .with_context(|| format!("starting {}", binary.display()))?;
    Ok((page, process))
}

/// Starts the driver on a free port. The driver takes a free IPv4 port and then the same IPv6 port. If another
/// program has that one, this starts the driver again.
async fn start_driver(driver: &Path, folder: &Path) -> anyhow::Result<(Process, u16)> {
    for attempt in 0..DRIVER_ATTEMPTS {
        let folder = folder.join(format!("driver-{attempt}"));
        std::fs::create_dir(&folder)?;
        let mut process =
            Process::start(driver, "chromedriver", &folder, &Environment::new(), &["--port=0"])?;
        if let Some(port) = port_of(&folder, &mut process).await? {
            return Ok((process, port));
        }
    }
    Err(anyhow!("chromedriver found no free port in {DRIVER_ATTEMPTS} attempts"))
}

/// The port on which the driver listens. `None` if its port was taken.
async fn port_of(folder: &Path, driver: &mut Process) -> anyhow::Result<Option<u16>> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let found = eventually("chromedriver to be ready", async || {
        let said = read("chromedriver.out");
        let port = said.split_once("started successfully on port ").and_then(|(_, rest)| {
            rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok())
        });
        let taken = said.contains("bind() failed") || read("chromedriver.log").contains("bind() failed");
        Ok(if port.is_none() && taken { Some(None) } else { port.map(Some) })
    })
    .await;
    found.map_err(|error| error.context(driver.log_tail(20)))
}

/// The `User-Agent` of the same browser with a window. That of a headless one names a crawler, whose page events the
/// server keeps out.
fn user_agent(binary: &Path) -> anyhow::Result<String> {
    let said = std::process::Command::new(binary).arg("--version").output()?.stdout;
    let said = String::from_utf8_lossy(&said);
    let version = said.split(' ').find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let version = version.with_context(|| format!("{} says no version: {said}", binary.display()))?;
    Ok(format!(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36",
        version.trim()
    ))
}

fn capabilities(binary: &Path, folder: &Path, kind: Profile) -> anyhow::Result<Capabilities> {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        format!("--user-agent={}", user_agent(binary)?),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--hide-scrollbars".to_owned(),
        "--disable-quic".to_owned(),
        // The tests' shops use these hosts for cookies of a domain.
        "--host-resolver-rules=MAP *.example.co.in 127.0.0.1, MAP example.co.in 127.0.0.1".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--no-proxy-server".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--window-size=1280,900".to_owned(),
        format!("--user-data-dir={}", folder.join("profile").display()),
    ];
    let mut settings = json!({});
    match kind {
        Profile::Usual => {}
        // Chromium's "Block all cookies": pages have neither cookies nor storage, and reading storage throws.
        Profile::NoStorage => settings["profile.default_content_setting_values.cookies"] = json!(2),
        Profile::Private => arguments.push("--incognito".to_owned()),
    }
    let options = json!({ "binary": binary, "args": arguments, "prefs": settings });
    let timeouts = json!({ "script": TIMEOUT_MS, "pageLoad": TIMEOUT_MS });
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    capabilities.insert("timeouts".to_owned(), timeouts);
    Ok(capabilities)
}
