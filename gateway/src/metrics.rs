//! `GET /metrics`: what became of webhooks, as OpenMetrics text. It shows how much a shop sells, so it is for callers
//! that reach the gateway themselves, and not for those that a proxy passes on.

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, FORWARDED, HOST, VIA};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::answer::{Answer, fixed};

/// Prefix of every metric's name.
const PREFIX: &str = "tandem_gateway";
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Headers that proxies add.
const OF_PROXIES: [HeaderName; 3] = [FORWARDED, VIA, HeaderName::from_static("x-forwarded-for")];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// Path of the provider's webhooks.
    path: &'static str,
    /// Name of the answer.
    answer: &'static str,
}

/// The gateway's own counts. They start at zero with the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    webhooks: Family<Labels, Counter>,
    seconds: Histogram,
    in_work: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let webhooks = Family::<Labels, Counter>::default();
        // 1 ms to 8 s: the server has five seconds.
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let in_work = Gauge::default();
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("webhooks", "Answered requests to a provider's path, by answer", webhooks.clone());
        let help = "Time from a request's head to its answer";
        registry.register_with_unit("answer", help, Unit::Seconds, seconds.clone());
        registry.register(
            "webhooks_in_work",
            "Requests to a provider's path that are not answered yet",
            in_work.clone(),
        );
        Self { registry, webhooks, seconds, in_work }
    }
}

impl Metrics {
    /// Notes that a request came. The place ends with what is returned, also if its sender goes away.
    pub(crate) fn begin(&self) -> InWork {
        self.in_work.inc();
        InWork(self.in_work.clone())
    }

    /// Counts an answer at a provider's path, and how long it took.
    pub(crate) fn count(&self, path: &'static str, answer: Answer, took: Duration) {
        self.webhooks.get_or_create(&Labels { path, answer: answer.name() }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// The answer to `GET /metrics`.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response {
        if !is_direct(headers) {
            return fixed(StatusCode::FORBIDDEN, r#"{"status":"refused","reason":"not_direct"}"#);
        }
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            return fixed(StatusCode::INTERNAL_SERVER_ERROR, r#"{"status":"unavailable"}"#);
        }
        let mut response = Response::new(Body::from(text));
        response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// A request in work.
#[derive(Debug)]
pub(crate) struct InWork(Gauge);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Whether the caller reached the gateway itself: it asked for an address, for this machine or for a name without
/// dots, such as a container's, and no proxy left its mark.
fn is_direct(headers: &HeaderMap) -> bool {
    if OF_PROXIES.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host();
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        address.parse::<IpAddr>().is_ok() || !name.contains('.') || name.ends_with(".localhost")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_name_and_a_proxy_get_no_figures() {
        let status = |pairs: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            Metrics::default().answer(&headers).status().as_u16()
        };
        for host in ["127.0.0.1:8080", "10.1.2.3:8080", "[::1]:8080", "localhost", "gateway:8080"] {
            assert_eq!(status(&[("host", host)]), 200, "{host}");
        }
        for host in ["hooks.shop.example", "hooks.shop.example:8080", "a b"] {
            assert_eq!(status(&[("host", host)]), 403, "{host}");
        }
        assert_eq!(status(&[]), 403);
        for mark in ["x-forwarded-for", "forwarded", "via"] {
            assert_eq!(status(&[("host", "127.0.0.1"), (mark, "1")]), 403, "{mark}");
        }
    }
}
