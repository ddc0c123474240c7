//! Settings: flags, then the sources that `tandem-settings` reads, and the settings that the control API may change.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, CommandFactory as _, FromArgMatches as _, Parser};
use serde::{Deserialize, Serialize};
use tandem_settings::keys::{KEYS, Key};
use tandem_settings::values::boolean;
use tandem_settings::{Program, Source, help};
use url::Url;

use crate::clock::Millis;

/// Prefix of the variables that have a flag. The rest is the flag's name.
const PREFIX: &str = "TANDEM_SANDBOX_";

/// Fakes of Meta and Cashfree, and a demo shop, on one local port. For trying and testing only. Never expose it.
#[derive(Clone, Debug, Parser)]
#[command(name = "tandem-sandbox", version, about, args_override_self = true, after_help = help(Program::Sandbox))]
pub struct Settings {
    /// Address to listen on.
    #[arg(long)]
    pub addr: SocketAddr,
    /// Comma-separated pixel IDs.
    #[arg(long, value_parser = parse_pixel_ids)]
    pub pixel_id: String,
    /// The accepted access token.
    #[arg(long)]
    pub token: String,
    /// Key of `appsecret_proof`.
    #[arg(long)]
    pub app_secret: Option<String>,
    /// Whether website events without a User-Agent are refused.
    #[arg(long)]
    pub require_user_agent: bool,
    /// The accepted client ID.
    #[arg(long)]
    pub client_id: String,
    /// Key of the webhooks' signatures.
    #[arg(long)]
    pub client_secret: String,
    /// Where webhooks are sent.
    #[arg(long, value_parser = parse_http_url)]
    pub webhook_url: String,
    /// The server that pages connect to.
    #[arg(long, value_parser = parse_http_url)]
    pub tandem_url: String,
    /// Folder of the browser package.
    #[arg(long)]
    pub pkg: PathBuf,
    /// Folder of the examples.
    #[arg(long)]
    pub examples: PathBuf,
    /// Divides the delays of webhooks.
    #[arg(long, value_parser = parse_time_scale)]
    pub time_scale: f64,
}

impl Settings {
    /// Reads flags (the first argument is the program's name), then what `source` has, then the
    /// defaults of the table of keys.
    ///
    /// # Errors
    /// The first value that cannot be used. `--help` and `--version` are returned as errors too.
    pub fn read(
        source: &Source,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<Self, clap::Error> {
        let mut arguments = arguments.into_iter().map(Into::into);
        let mut all: Vec<OsString> = arguments.next().into_iter().collect();
        // If a flag is given twice, the last one counts.
        for (key, flag) in keys() {
            all.extend(argument(source, key, &flag)?);
        }
        all.extend(arguments);
        Self::from_arg_matches(&command().try_get_matches_from(all)?)
    }
}

/// The keys that have a flag, each with the flag's name.
fn keys() -> impl Iterator<Item = (Key, String)> {
    let flag = |key: &Key| Some(key.name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace('_', "-"));
    KEYS.iter().filter_map(move |key| Some((*key, flag(key)?)))
}

/// The value of `key` as an argument of `flag`, or `None` if no source has it.
fn argument(source: &Source, key: Key, flag: &str) -> Result<Option<OsString>, clap::Error> {
    let Some(text) = source.get(key) else { return Ok(None) };
    let is_switch = command().get_arguments().any(|arg| arg.get_long() == Some(flag) && is_switch(arg));
    if !is_switch {
        return Ok(Some(format!("--{flag}={text}").into()));
    }
    let error = |what| clap::Error::raw(ErrorKind::InvalidValue, format!("{}: {what}", key.name));
    Ok(boolean(text).map_err(error)?.then(|| format!("--{flag}").into()))
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// The command line. Its defaults come from the table of keys.
fn command() -> Command {
    Settings::command().mut_args(|arg| {
        let Some((key, _)) = keys().find(|(_, flag)| arg.get_long() == Some(flag)) else { return arg };
        let arg = arg.help(format!("Overrides {}", key.name));
        match key.default_text() {
            text if text.is_empty() || is_switch(&arg) => arg,
            text => arg.default_value(text).hide_default_value(true).required(false),
        }
    })
}

/// Permissions of a system user's token that was made as Meta instructs.
const TOKEN_SCOPES: [&str; 3] = ["ads_management", "ads_read", "business_management"];

/// Permissions of which one is needed to send events.
const WRITING_SCOPES: [&str; 2] = ["ads_management", "business_management"];

/// Largest offset of Meta's clock, in seconds: ten years.
const CLOCK_OFFSET_MAX_S: i64 = 10 * 365 * 24 * 3600;

/// Stands for every name in `keep_events`.
const ALL_EVENTS: &str = "*";

/// The settings that `POST /control/config` changes while the sandbox runs.
#[derive(Clone, Debug, Serialize)]
pub struct LiveConfig {
    /// The Tandem server that the shop's pages connect to.
    pub tandem_url: String,
    /// Where the fake Cashfree sends webhooks.
    pub webhook_url: String,
    /// Comma-separated pixel IDs; the shop uses the first.
    pub pixel_id: String,
    /// The token of the pixels that have none of their own.
    pub token: String,
    /// Pixels with a token of their own, which no other token may write to.
    pub pixel_tokens: BTreeMap<String, String>,
    /// What the tokens may do. Without [`WRITING_SCOPES`], they send no events.
    pub token_scopes: Vec<String>,
    /// When the token expires, in Unix seconds. 0 means never.
    pub token_expires_at: i64,
    /// How far Meta's clock is ahead of this machine's, in seconds.
    pub clock_offset_s: i64,
    /// Divides the webhook retry delays.
    pub time_scale: f64,
    /// Names of the server events that are kept and matched. `*` means every name. Other events are only checked and
    /// counted, so that a million of them need no memory.
    pub keep_events: Vec<String>,
}

impl LiveConfig {
    /// The changeable part of `settings`.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            tandem_url: settings.tandem_url.clone(),
            webhook_url: settings.webhook_url.clone(),
            pixel_id: settings.pixel_id.clone(),
            token: settings.token.clone(),
            pixel_tokens: BTreeMap::new(),
            token_scopes: TOKEN_SCOPES.map(str::to_owned).to_vec(),
            token_expires_at: 0,
            clock_offset_s: 0,
            time_scale: settings.time_scale,
            keep_events: vec![ALL_EVENTS.to_owned()],
        }
    }

    /// The pixel that the shop's pages use.
    #[must_use]
    pub fn shop_pixel(&self) -> &str {
        self.pixel_id.split(',').next().unwrap_or_default().trim()
    }

    #[must_use]
    pub fn knows_pixel(&self, pixel_id: &str) -> bool {
        self.pixel_id.split(',').any(|known| known.trim() == pixel_id)
    }

    #[must_use]
    pub fn knows_token(&self, token: &str) -> bool {
        token == self.token || self.pixel_tokens.values().any(|own| own == token)
    }

    /// Whether the token was issued for the pixel.
    #[must_use]
    pub fn is_token_of(&self, token: &str, pixel_id: &str) -> bool {
        token == self.pixel_tokens.get(pixel_id).unwrap_or(&self.token)
    }

    /// Whether the tokens' permissions allow sending events.
    #[must_use]
    pub fn may_send(&self) -> bool {
        self.token_scopes.iter().any(|scope| WRITING_SCOPES.contains(&scope.as_str()))
    }

    /// Whether the token has expired.
    #[must_use]
    pub fn token_is_over(&self, at_ms: Millis) -> bool {
        self.token_expires_at > 0 && self.token_expires_at.saturating_mul(1000) <= at_ms
    }

    #[must_use]
    pub fn keeps_event(&self, event_name: &str) -> bool {
        self.keep_events.iter().any(|kept| kept == ALL_EVENTS || kept == event_name)
    }

    /// Applies a change, all of it or nothing.
    ///
    /// # Errors
    /// One sentence about the first value that cannot be used.
    pub fn apply(&mut self, change: ConfigChange) -> Result<(), String> {
        let mut next = self.clone();
        if let Some(url) = change.tandem_url {
            next.tandem_url = parse_http_url(&url)?;
        }
        if let Some(url) = change.webhook_url {
            next.webhook_url = parse_http_url(&url)?;
        }
        if let Some(ids) = change.pixel_id {
            next.pixel_id = parse_pixel_ids(&ids)?;
        }
        if let Some(token) = change.token {
            next.token = token;
        }
        if let Some(tokens) = change.pixel_tokens {
            next.pixel_tokens = tokens;
        }
        if let Some(scopes) = change.token_scopes {
            next.token_scopes = scopes;
        }
        if let Some(at) = change.token_expires_at {
            next.token_expires_at = at;
        }
        if let Some(offset_s) = change.clock_offset_s {
            if offset_s.abs() > CLOCK_OFFSET_MAX_S {
                return Err(format!(
                    "clock_offset_s must be at most {CLOCK_OFFSET_MAX_S} in either direction"
                ));
            }
            next.clock_offset_s = offset_s;
        }
        if let Some(scale) = change.time_scale {
            next.time_scale = parse_time_scale(&scale.to_string())?;
        }
        if let Some(names) = change.keep_events {
            next.keep_events = names;
        }
        *self = next;
        Ok(())
    }
}

/// Body of `POST /control/config`. Absent values do not change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigChange {
    tandem_url: Option<String>,
    webhook_url: Option<String>,
    pixel_id: Option<String>,
    token: Option<String>,
    pixel_tokens: Option<BTreeMap<String, String>>,
    token_scopes: Option<Vec<String>>,
    token_expires_at: Option<i64>,
    clock_offset_s: Option<i64>,
    time_scale: Option<f64>,
    keep_events: Option<Vec<String>>,
}

fn parse_pixel_ids(text: &str) -> Result<String, String> {
    let all_digits = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if text.split(',').all(|id| all_digits(id.trim())) {
        Ok(text.to_owned())
    } else {
        Err("a pixel ID consists of digits".to_owned())
    }
}

fn parse_http_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}"))?;
    if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() {
        Ok(text.to_owned())
    } else {
        Err("must be an http or https URL".to_owned())
    }
}

fn parse_time_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale > 0.0 => Ok(scale),
        _ => Err("must be a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str]) -> Result<Settings, clap::Error> {
        Settings::read(&Source::default(), [&["tandem-sandbox"], arguments].concat())
    }

    #[test]
    fn unusable_settings_are_refused() {
        for bad in [
            ["--addr", "nowhere"],
            ["--pixel-id", "12a"],
            ["--webhook-url", "ftp://127.0.0.1/"],
            ["--time-scale", "0"],
        ] {
            assert!(settings(&bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_table() {
        let source = Source::from_pairs([
            ("TANDEM_SANDBOX_TOKEN", "theirs"),
            ("TANDEM_SANDBOX_CLIENT_ID", "-odd-"),
            ("TANDEM_SANDBOX_REQUIRE_USER_AGENT", "true"),
        ]);
        let read = Settings::read(&source, ["tandem-sandbox", "--token", "mine"]).unwrap();
        assert_eq!((read.token.as_str(), read.client_id.as_str()), ("mine", "-odd-"));
        assert!(read.require_user_agent && read.app_secret.is_none());
        assert_eq!(read.addr.to_string(), "127.0.0.1:8090");
        let odd = Source::from_pairs([("TANDEM_SANDBOX_REQUIRE_USER_AGENT", "perhaps")]);
        assert!(Settings::read(&odd, ["tandem-sandbox"]).is_err());
    }

    #[test]
    fn each_flag_has_its_row_in_the_table() {
        let with_row: Vec<String> = keys().map(|(_, flag)| flag).collect();
        let command = command();
        let flags: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
        assert_eq!(flags, with_row);
    }

    #[test]
    fn a_change_with_a_bad_value_changes_nothing() {
        let mut live = LiveConfig::new(&settings(&[]).unwrap());
        let change = ConfigChange {
            token: Some("other".to_owned()),
            webhook_url: Some("nonsense".to_owned()),
            ..ConfigChange::default()
        };
        assert!(live.apply(change).is_err());
        assert_eq!(live.token, "sandbox-token");
    }

    #[test]
    fn the_shop_uses_the_first_of_several_pixels() {
        let live = LiveConfig::new(&settings(&["--pixel-id", "111,222"]).unwrap());
        assert_eq!(live.shop_pixel(), "111");
        assert!(live.knows_pixel("222"));
        assert!(!live.knows_pixel("111,222"));
    }
}
