//! A browser with a fresh profile, and its driver.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use super::bridge::Bridge;
use super::{chromium, firefox};
use crate::process::Process;

/// How long a script or a page load may take, in milliseconds.
pub(super) const TIMEOUT_MS: u64 = 60_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// Chromium, through chromedriver.
    Chromium,
    /// Firefox (the ESR if it is installed), through Marionette.
    Firefox,
}

/// The settings of a visitor's browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The default settings.
    Usual,
    /// No page has cookies or storage.
    NoStorage,
    Private,
}

/// A browser with a window. The browser and its driver end when this is dropped.
#[derive(Debug)]
pub struct Session {
    pub page: Client,
    browser: Browser,
    folder: TempDir,
    _process: Process,
    _bridge: Option<Bridge>,
}

/// A command that WebDriver does not have. It is always a POST.
#[derive(Debug)]
struct Extra {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// A WebDriver client for the driver at `url`.
pub(super) async fn connect(url: &str, capabilities: Capabilities) -> anyhow::Result<Client> {
    Ok(ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(url).await?)
}

/// Runs a script with Firefox's own rights.
pub(super) async fn privileged(page: &Client, script: &str, arguments: Vec<Value>) -> anyhow::Result<Value> {
    let body = json!({ "script": script, "args": arguments });
    Ok(page.issue_cmd(Extra { path: "moz/privileged", body }).await?)
}

impl Session {
    /// Starts Chromium with a fresh profile.
    ///
    /// # Errors
    /// When Chromium or its driver is missing or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_in(Browser::Chromium, Profile::Usual).await
    }

    /// Starts a browser with a fresh profile.
    ///
    /// # Errors
    /// When the browser or its driver is missing or does not start. The message says what to install.
    pub async fn start_in(browser: Browser, profile: Profile) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tandem-browser-").tempdir()?;
        let (page, process, bridge) = match browser {
            Browser::Chromium => {
                let (page, process) = chromium::start(folder.path(), profile).await?;
                (page, process, None)
            }
            Browser::Firefox => {
                let (page, process, bridge) = firefox::start(folder.path(), profile).await?;
                (page, process, Some(bridge))
            }
        };
        page.set_window_size(1280, 900).await?;
        Ok(Self { page, browser, folder, _process: process, _bridge: bridge })
    }

    /// Runs a script that may `await` and `return`s a value.
    ///
    /// # Errors
    /// When the script throws. The message is the script's.
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

    /// From now on refuses every request whose address contains one of these parts, as an ad blocker does. Replaces
    /// the parts of an earlier call.
    ///
    /// # Errors
    /// When the browser refuses the command.
    pub async fn block(&self, parts: &[&str]) -> anyhow::Result<()> {
        match self.browser {
            Browser::Chromium => {
                let patterns: Vec<String> = parts.iter().map(|part| format!("*{part}*")).collect();
                self.devtools("Network.enable", json!({})).await?;
                self.devtools("Network.setBlockedURLs", json!({ "urls": patterns })).await
            }
            Browser::Firefox => {
                let script = "Services.prefs.setStringPref('tandem.blocked', arguments[0]);";
                privileged(&self.page, script, vec![json!(parts.join(" "))]).await.map(drop)
            }
        }
    }

    /// Disconnects the browser from the network, or connects it again. Ends [`Session::block`].
    ///
    /// # Errors
    /// When the browser refuses the command.
    pub async fn set_offline(&self, is_offline: bool) -> anyhow::Result<()> {
        match self.browser {
            Browser::Chromium => {
                let unbounded = -1;
                let conditions = json!({
                    "offline": is_offline,
                    "latency": 0,
                    "downloadThroughput": unbounded,
                    "uploadThroughput": unbounded,
                });
                self.devtools("Network.enable", json!({})).await?;
                self.devtools("Network.emulateNetworkConditions", conditions).await
            }
            Browser::Firefox => {
                // Open connections would stay in use, so this blocks their requests.
                let everything: &[&str] = if is_offline { &["://"] } else { &[] };
                self.block(everything).await?;
                let script = "Services.io.offline = arguments[0];";
                privileged(&self.page, script, vec![json!(is_offline)]).await.map(drop)
            }
        }
    }

    /// Sends a command of Chromium's DevTools protocol.
    async fn devtools(&self, command: &str, parameters: Value) -> anyhow::Result<()> {
        let body = json!({ "cmd": command, "params": parameters });
        self.page
            .issue_cmd(Extra { path: "goog/cdp/execute", body })
            .await
            .with_context(|| command.to_owned())?;
        Ok(())
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

    /// For error messages: the window's address, the shop's elements for results, and the console's messages. Firefox
    /// does not give its console's messages.
    pub async fn describe(&self) -> String {
        let script = "const places = document.querySelectorAll('#lead-done, #purchase-status, .form-error');
            return [location.href, ...[...places].map((place) => place.outerHTML.slice(0, 300))].join('\\n');";
        let shown = match self.page.execute(script, vec![]).await {
            Ok(Value::String(text)) => text,
            other => format!("{other:?}"),
        };
        let console = match self.browser {
            Browser::Chromium => {
                self.page.issue_cmd(Extra { path: "se/log", body: json!({ "type": "browser" }) }).await
            }
            Browser::Firefox => return shown,
        };
        let console = match console {
            Ok(Value::Array(rows)) => {
                rows.iter().map(|row| format!("{}: {}", row["level"], row["message"])).collect()
            }
            other => vec![format!("{other:?}")],
        };
        format!("{shown}\nconsole:\n{}", console.join("\n"))
    }
}

impl Drop for Session {
    /// A browser outlives a driver that is killed, so this finds its processes by their profile.
    fn drop(&mut self) {
        let profile = self.folder.path().join("profile").display().to_string();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let ours = String::from_utf8_lossy(&command).contains(&profile);
            if let (true, Some(id)) = (ours, Pid::from_raw(id)) {
                // The process may have ended already.
                let _ = rustix::process::kill_process(id, Signal::KILL);
            }
        }
    }
}
