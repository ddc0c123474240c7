//! Finds out who calls from the headers, before the body is read.
//!
//! A caller with the internal token, or with a certificate of `TANDEM_TLS_CLIENT_CA`, is one of the
//! shop's own services. A wrong token is refused on every RPC, and an address that sent too many of them is not
//! compared for a while. Everyone else is a stranger. A
//! stranger's address and User-Agent are those of the connection. If a stranger sends an `Origin`,
//! it must be the shop's.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use tandem_core::user_data::clean_user_agent;
use tandem_settings::{Networks, client_address};

use super::admission::Admission;
use super::caller::{Caller, Stranger};
use super::rate_limit::RateLimits;
use super::route::Route;
use super::status::Reject;
use crate::clock::Clock;
use crate::config::{Origin, Origins, SecretSource};
use crate::outbox::Reserve;
use crate::telemetry::metrics::Metrics;

/// The rules that decide who may call.
#[derive(Debug)]
pub struct AccessPolicy {
    /// The internal tokens. Each of them is valid.
    pub token: SecretSource,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Networks,
    /// Origins of the pages of all pixels.
    pub origins: Vec<Origins>,
    /// Whether the server reads pages' cookies and sets its own.
    pub sets_cookies: bool,
    pub rate_limits: RateLimits,
    pub admission: Admission,
    /// Strangers wait while nothing else is left of the disk.
    pub reserve: Reserve,
    /// Calls refused for their token since the last report.
    pub refused_tokens: AtomicU64,
    /// Counts what is refused.
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
}

impl AccessPolicy {
    /// The origin that a header names, if it is one of the shop's.
    pub fn allowed_origin(&self, header: &HeaderValue) -> Option<Origin> {
        named_origin(header).filter(|origin| self.origins.iter().any(|origins| origins.allows(origin)))
    }

    /// Logs what was refused since the last report.
    pub fn report(&self) {
        self.admission.report();
        let calls = self.refused_tokens.swap(0, Ordering::Relaxed);
        if calls > 0 {
            tracing::warn!(
                calls,
                "calls were refused for a wrong token; if they are not from a service of yours, somebody is guessing"
            );
        }
    }

    /// Whether a page of this origin may send and receive cookies. The shop must have listed the origin, and the
    /// server must set cookies at all.
    pub fn allows_cookies(&self, header: &HeaderValue) -> bool {
        let Some(origin) = self.allowed_origin(header) else { return false };
        let named = |origins: &Origins| matches!(origins, Origins::Listed(_)) && origins.allows(&origin);
        self.sets_cookies && self.origins.iter().any(named)
    }

    /// `is_certified`: the connection presented a certificate that proves an internal caller.
    pub(super) fn judge(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        is_certified: bool,
        route: Route,
    ) -> Result<Caller, Reject> {
        let address = peer.map(|peer| client_address(peer, headers, &self.trusted_proxies));
        if let Some(authorization) = headers.get(http::header::AUTHORIZATION) {
            let token = authorization.to_str().ok().and_then(bearer);
            let is_right = || token.is_some_and(|token| self.is_internal(token));
            let compared = self.rate_limits.compare(address, is_right);
            return compared.map(|()| Caller::Internal).inspect_err(|_| {
                self.refused_tokens.fetch_add(1, Ordering::Relaxed);
                self.metrics.count_refused_token();
            });
        }
        // A browser presents its certificate for any page. With an Origin header the certificate
        // proves nothing about the caller.
        if is_certified && !headers.contains_key(http::header::ORIGIN) {
            return Ok(Caller::Internal);
        }
        if let Some(address) = address {
            self.rate_limits.check(address, route).map_err(Reject::TooFast)?;
        }
        if !route.is_public() {
            return Err(Reject::Unauthenticated);
        }
        let origin = match headers.get(http::header::ORIGIN) {
            None => None,
            Some(value) => Some(
                self.allowed_origin(value).ok_or_else(|| Reject::OriginNotAllowed(named_origin(value)))?,
            ),
        };
        if route.is_ours() && self.reserve.is_all_that_is_left() {
            return Err(Reject::StoreUnavailable);
        }
        let user_agent = headers
            .get(http::header::USER_AGENT)
            .and_then(|value| clean_user_agent(&String::from_utf8_lossy(value.as_bytes())));
        Ok(Caller::Stranger(Stranger { address, user_agent, origin }))
    }

    fn is_internal(&self, token: &str) -> bool {
        // Every token is compared, each in constant time.
        let good = self.token.list().iter().fold(0_u8, |good, known| {
            good | known.expose_secret().as_bytes().ct_eq(token.as_bytes()).unwrap_u8()
        });
        good == 1
    }
}

/// The origin that a header names, whether it is the shop's or not. `null` names none.
pub(super) fn named_origin(header: &HeaderValue) -> Option<Origin> {
    header.to_str().ok().and_then(Origin::parse)
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    fn policy() -> AccessPolicy {
        AccessPolicy {
            token: SecretSource::inline("new, old"),
            trusted_proxies: Networks::parse("10.0.0.0/8").unwrap(),
            origins: vec![Origins::parse("https://shop.example").unwrap()],
            sets_cookies: false,
            rate_limits: RateLimits::new(None),
            admission: Admission::new(false),
            reserve: Reserve::default(),
            refused_tokens: AtomicU64::default(),
            metrics: Arc::default(),
            clock: Clock::fixed(0),
        }
    }

    const LEAD: Route = Route::Page("CaptureLead");
    const WEBHOOK: Route = Route::Webhook;

    #[test]
    fn any_of_the_tokens_is_good_and_a_wrong_one_never_is() {
        let judge = |value: &str, route: Route| {
            policy().judge(&headers(&[("authorization", value)]), None, false, route)
        };
        assert_eq!(judge("Bearer new", LEAD), Ok(Caller::Internal));
        assert_eq!(judge("bearer old", WEBHOOK), Ok(Caller::Internal));
        for wrong in ["Bearer newer", "Bearer ", "Basic new", "new", "Bearer new,old"] {
            assert_eq!(judge(wrong, LEAD), Err(Reject::Unauthenticated), "{wrong}");
        }
    }

    #[test]
    fn internal_rpcs_need_a_token() {
        for route in [WEBHOOK, Route::Operations, Route::Other] {
            assert_eq!(policy().judge(&HeaderMap::new(), None, false, route), Err(Reject::Unauthenticated));
        }
        assert!(matches!(policy().judge(&HeaderMap::new(), None, false, LEAD), Ok(Caller::Stranger(_))));
    }

    #[test]
    fn a_certificate_of_the_shops_makes_an_internal_caller_unless_a_page_or_a_wrong_token_comes_with_it() {
        let judge =
            |pairs: &[(&'static str, &str)], route: Route| policy().judge(&headers(pairs), None, true, route);
        assert_eq!(judge(&[], WEBHOOK), Ok(Caller::Internal));
        assert_eq!(judge(&[("authorization", "Bearer old")], WEBHOOK), Ok(Caller::Internal));
        assert_eq!(judge(&[("authorization", "Bearer wrong")], LEAD), Err(Reject::Unauthenticated));
        let page = [("origin", "https://shop.example")];
        assert_eq!(judge(&page, WEBHOOK), Err(Reject::Unauthenticated));
        assert!(matches!(judge(&page, LEAD), Ok(Caller::Stranger(_))));
    }

    #[test]
    fn a_strangers_origin_must_be_the_shops() {
        let judge = |origin: &str| policy().judge(&headers(&[("origin", origin)]), None, false, LEAD);
        assert!(judge("https://shop.example").is_ok());
        for forged in [
            "https://evil.example",
            "null",
            "https://shop.example.evil.example",
            "https://shop.example/?email=asha@example.com",
        ] {
            assert!(matches!(judge(forged), Err(Reject::OriginNotAllowed(_))), "{forged}");
        }
    }

    #[test]
    fn a_strangers_address_is_the_one_before_the_trusted_proxies() {
        let address = |peer: &str, forwarded: &str| {
            let caller = policy()
                .judge(&headers(&[("x-forwarded-for", forwarded)]), Some(peer.parse().unwrap()), false, LEAD)
                .unwrap();
            let Caller::Stranger(stranger) = caller else { panic!("a stranger") };
            stranger.address.unwrap().to_string()
        };
        assert_eq!(address("198.51.100.2", "203.0.113.9"), "198.51.100.2");
        assert_eq!(address("10.0.0.1", "1.1.1.1, 203.0.113.9:4711, 10.0.0.2"), "203.0.113.9");
        assert_eq!(address("10.0.0.1", "[2001:db8::7]:4711"), "2001:db8::7");
    }
}
