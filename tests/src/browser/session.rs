//! One Chromium with a fresh profile, and its driver.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use crate::process::{Environment, Process};
use crate::wait::eventually;

/// Names under which distributions ship Chromium.
const CHROMIUM: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
/// Starts of the driver before it is given up.
const DRIVER_ATTEMPTS: u32 = 5;
/// Names of its driver.
const DRIVER: [&str; 2] = ["chromedriver", "chromium.chromedriver"];

/// A browser window of its own. Chromium and its driver end with it.
#[derive(Debug)]
pub struct Session {
    /// The window.
    pub page: Client,
    profile: TempDir,
    _driver: Process,
}

/// Asks chromedriver for the console's messages since the last time.
#[derive(Debug)]
struct Console;

impl WebDriverCompatibleCommand for Console {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/se/log", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// Path of Chromium.
///
/// # Errors
/// When there is none; the message says what to install.
pub fn chromium() -> anyhow::Result<PathBuf> {
    installed("CHROMIUM", &CHROMIUM)
        .context("Chromium is missing: install it (Debian, Ubuntu: apt-get install chromium) or set CHROMIUM")
}

/// Path of Chromium's WebDriver.
///
/// # Errors
/// When there is none; the message says what to install.
pub fn driver() -> anyhow::Result<PathBuf> {
    installed("CHROMEDRIVER", &DRIVER).context(
        "chromedriver is missing: install it (Debian, Ubuntu: apt-get install chromium-driver) or set CHROMEDRIVER",
    )
}

fn installed(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

impl Session {
    /// Starts Chromium with a fresh profile.
    ///
    /// # Errors
    /// When Chromium or its driver is missing or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let (binary, driver) = (chromium()?, driver()?);
        let profile = tempfile::Builder::new().prefix("tandem-chromium-").tempdir()?;
        let (process, port) = start_driver(&driver, profile.path()).await?;
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&binary, profile.path()))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .with_context(|| format!("starting {}", binary.display()))?;
        page.set_window_size(1280, 900).await?;
        Ok(Self { page, profile, _driver: process })
    }

    /// Runs a script that may `await` and `return`s a value.
    ///
    /// # Errors
    /// When the script throws; the message is the script's.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> anyhow::Result<Value> {
        let wrapped = format!(
            "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);
             (async () => {{ {script} }})().then(
                 (value) => done({{ ok: value === undefined ? null : value }}),
                 (error) => done({{ error: String(error && error.stack || error) }}));"
        );
        let mut outcome = self.page.execute_async(&wrapped, arguments).await?;
        match outcome.get("error").and_then(Value::as_str) {
            Some(error) => Err(anyhow!("the page's script failed: {error}")),
            None => Ok(outcome["ok"].take()),
        }
    }

    /// Saves a picture of the whole page (1280 pixels wide) as PNG.
    ///
    /// # Errors
    /// When the browser or the disk refuses.
    pub async fn screenshot(&self, file: &Path) -> anyhow::Result<()> {
        let height = self.page.execute("return document.documentElement.scrollHeight", vec![]).await?;
        let height = u32::try_from(height.as_u64().unwrap_or(900)).unwrap_or(900).clamp(600, 4000);
        self.page.set_window_size(1280, height + 140).await?;
        let picture = self.page.screenshot().await?;
        self.page.set_window_size(1280, 900).await?;
        std::fs::write(file, picture).with_context(|| format!("writing {}", file.display()))
    }

    /// Where the window is, what the shop's places for results hold, and what the console
    /// says: for error messages.
    pub async fn describe(&self) -> String {
        let script = "const places = document.querySelectorAll('#lead-done, #purchase-status, .form-error');
            return [location.href, ...[...places].map((place) => place.outerHTML.slice(0, 300))].join('\\n');";
        let shown = match self.page.execute(script, vec![]).await {
            Ok(Value::String(text)) => text,
            other => format!("{other:?}"),
        };
        let console = match self.page.issue_cmd(Console).await {
            Ok(Value::Array(rows)) => {
                rows.iter().map(|row| format!("{}: {}", row["level"], row["message"])).collect()
            }
            other => vec![format!("{other:?}")],
        };
        format!("{shown}\nconsole:\n{}", console.join("\n"))
    }
}

impl Drop for Session {
    /// Chromium outlives a driver that is killed; its processes are found by their profile.
    fn drop(&mut self) {
        let profile = self.profile.path().to_string_lossy().into_owned();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let ours = String::from_utf8_lossy(&command).contains(&format!("--user-data-dir={profile}"));
            if let (true, Some(id)) = (ours, Pid::from_raw(id)) {
                // It may have ended by itself.
                let _ = rustix::process::kill_process(id, Signal::KILL);
            }
        }
    }
}

/// Starts the driver on a free port. It takes a free IPv4 port and then wants the same one of
/// IPv6, which somebody else may have: then it is started anew.
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

/// The port the driver listens on; `None` when the one it chose was taken.
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

fn capabilities(binary: &Path, profile: &Path) -> Capabilities {
    let options = json!({
        "binary": binary,
        "args": [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            format!("--user-data-dir={}", profile.join("profile").display()),
        ],
    });
    let timeouts = json!({ "script": 60_000, "pageLoad": Duration::from_secs(60).as_millis() as u64 });
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
    capabilities.insert("timeouts".to_owned(), timeouts);
    capabilities
}
