//! Finds and starts Firefox.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use fantoccini::Client;
use fantoccini::wd::Capabilities;
use serde_json::json;

use super::bridge::Bridge;
use super::marionette::Marionette;
use super::session::{Profile, TIMEOUT_MS, connect, privileged};
use crate::process::{Environment, Process};
use crate::wait::eventually;

/// Names under which distributions ship Firefox, the ESR first.
const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];

/// Settings of every profile. Only the pages under test use the network, and an offline browser does not reach this
/// machine either.
const SETTINGS: &str = r#"
user_pref("marionette.port", 0);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.startup.page", 0);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.safebrowsing.downloads.remote.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.push.connection.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("network.disable-localhost-when-offline", true);
user_pref("network.proxy.type", 0);
user_pref("services.settings.server", "data:,#remote-settings-dummy/v1");
user_pref("toolkit.telemetry.enabled", false);
user_pref("tandem.blocked", "");
"#;

/// Cancels every request whose address contains one of the parts in the setting `tandem.blocked`, as an ad blocker
/// does.
const BLOCKER: &str = "
    const observer = { observe(subject) {
        const channel = subject.QueryInterface(Ci.nsIHttpChannel);
        const parts = Services.prefs.getStringPref('tandem.blocked', '').split(' ').filter(Boolean);
        if (parts.some((part) => channel.URI.spec.includes(part))) channel.cancel(Cr.NS_ERROR_ABORT);
    } };
    Services.obs.addObserver(observer, 'http-on-modify-request');";

/// Whether the window is private.
const IS_PRIVATE: &str = "
    const { PrivateBrowsingUtils } = ChromeUtils.importESModule('resource://gre/modules/PrivateBrowsingUtils.sys.mjs');
    return PrivateBrowsingUtils.isWindowPrivate(window);";

pub(super) fn firefox() -> anyhow::Result<PathBuf> {
    super::installed("FIREFOX", &FIREFOX)
        .context("Firefox is missing: install it (Debian: apt-get install firefox-esr) or set FIREFOX")
}

/// Starts Firefox with a fresh profile in `folder`.
pub(super) async fn start(folder: &Path, kind: Profile) -> anyhow::Result<(Client, Process, Bridge)> {
    let (binary, profile) = (firefox()?, folder.join("profile"));
    std::fs::create_dir(&profile)?;
    let special = match kind {
        Profile::Usual => "",
        // Pages have neither cookies nor storage, and reading storage throws.
        Profile::NoStorage => "user_pref(\"network.cookie.cookieBehavior\", 2);\n",
        Profile::Private => "user_pref(\"browser.privatebrowsing.autostart\", true);\n",
    };
    std::fs::write(profile.join("user.js"), format!("{SETTINGS}{special}"))?;
    let place = profile.display().to_string();
    let mut arguments = vec!["--headless", "--no-remote", "--marionette", "--remote-allow-system-access"];
    arguments.extend(["--profile", &place]);
    if kind == Profile::Private {
        arguments.push("--private-window");
    }
    // Firefox gets its own home folder, because the machine's may belong to root or to a user of Firefox.
    let home = [("HOME".to_owned(), folder.display().to_string())];
    let mut process = Process::start(&binary, "firefox", folder, &Environment::from(home), &arguments)?;
    let active = profile.join("MarionetteActivePort");
    let port = eventually("Firefox to be ready", async || {
        ensure!(process.runs()?, "Firefox has ended: {}", process.log_tail(20));
        Ok(std::fs::read_to_string(&active).ok().and_then(|port| port.trim().parse::<u16>().ok()))
    })
    .await?;
    let bridge = Bridge::start(Marionette::connect(port).await?).await?;
    let mut capabilities = Capabilities::new();
    capabilities.insert("timeouts".to_owned(), json!({ "script": TIMEOUT_MS, "pageLoad": TIMEOUT_MS }));
    let page = connect(&bridge.url, capabilities).await.context("starting Firefox")?;
    privileged(&page, BLOCKER, vec![]).await?;
    let is_private = privileged(&page, IS_PRIVATE, vec![]).await? == true;
    ensure!(is_private == (kind == Profile::Private), "{kind:?}: the window is private: {is_private}");
    Ok((page, process, bridge))
}
