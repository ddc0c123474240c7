//! Parsers for the values of settings. Their errors say what is expected and do not contain the value.

use std::net::SocketAddr;
use std::time::Duration;

use url::Url;

use crate::loopback::is_loopback;

/// Reads a span of time (`1500ms`, `30s`, `72h`, `30d`) and checks it against bounds.
///
/// # Errors
/// A sentence with the expected format or the bounds, if the text is not a span or is out of bounds.
pub fn span_between(text: &str, min: Duration, max: Duration) -> Result<Duration, String> {
    let span = humantime::parse_duration(text)
        .map_err(|_| "must be a span of time such as 1500ms, 30s, 72h or 30d".to_owned())?;
    if (min..=max).contains(&span) {
        Ok(span)
    } else {
        let (min, max) = (humantime::format_duration(min), humantime::format_duration(max));
        Err(format!("must be between {min} and {max}"))
    }
}

/// What is wrong with a list that has no entry. Whoever wants no list leaves the key out.
pub const EMPTY_LIST: &str = "must have at least one entry; leave it out where there is none";

/// The entries of a comma-separated list, trimmed. Empty ones do not count.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// Reads a comma-separated list, each entry with `parse`.
///
/// # Errors
/// The error of the first entry that `parse` refuses, or a sentence if there is no entry: a list that
/// is set and empty would allow nobody.
pub fn list<T>(text: &str, parse: impl FnMut(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let list: Vec<T> = entries(text).map(parse).collect::<Result<_, _>>()?;
    if list.is_empty() { Err(EMPTY_LIST.to_owned()) } else { Ok(list) }
}

/// Reads `true` or `false`, also as `1`, `yes`, `on`, `0`, `no`, `off`.
///
/// # Errors
/// A sentence with the expected format, if the text is none of these words.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// Reads an IP address and a port, such as `127.0.0.1:50051`.
///
/// # Errors
/// When it is none.
pub fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an address and port such as 127.0.0.1:50051".into())
}

/// Reads a URL with the scheme http or https.
///
/// # Errors
/// When it is none.
pub fn http_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        _ => Err("must be an address such as https://shop.example".into()),
    }
}

/// An address that gets a secret with each call: https, or http on this machine.
///
/// # Errors
/// A text that says what is expected.
pub fn secret_url(text: &str) -> Result<Url, String> {
    let url = http_url(text)?;
    if url.scheme() == "https" || is_loopback(&url) {
        Ok(url)
    } else {
        Err("would send a secret over plain http to another machine; use https".into())
    }
}
