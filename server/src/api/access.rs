//! Finds out who calls from the headers, before the body is read.
//!
//! A caller with the internal token, or with a certificate of `TANDEM_TLS_CLIENT_CA`, is one of the
//! shop's own services. A wrong token is refused on every RPC. Everyone else is a stranger. A
//! stranger's address and User-Agent are those of the connection. If a stranger sends an `Origin`,
//! it must be the shop's.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderValue, Request, Response};
use secrecy::ExposeSecret as _;
use subtle::ConstantTimeEq as _;
use tandem_core::user_data::clean_user_agent;
use tandem_net::Peer;
use tandem_settings::{Networks, client_address};
use tonic::body::Body;
use tower::{Layer, Service};

use super::admission::{Admission, Admitted, CallerGone};
use super::body::with_deadline;
use super::caller::{Caller, Stranger};
use super::rate_limit::RateLimits;
use super::status::Reject;
use crate::config::{Origin, Origins, SecretSource};

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
}

impl AccessPolicy {
    /// The origin that a header names, if it is one of the shop's.
    pub fn allowed_origin(&self, header: &HeaderValue) -> Option<Origin> {
        let origin = header.to_str().ok().and_then(Origin::parse)?;
        self.origins.iter().any(|origins| origins.allows(&origin)).then_some(origin)
    }

    /// Whether a page of this origin may send and receive cookies. The shop must have listed the origin, and the
    /// server must set cookies at all.
    pub fn allows_cookies(&self, header: &HeaderValue) -> bool {
        let Some(origin) = self.allowed_origin(header) else { return false };
        let named = |origins: &Origins| matches!(origins, Origins::Listed(_)) && origins.allows(&origin);
        self.sets_cookies && self.origins.iter().any(named)
    }

    /// `is_certified`: the connection presented a certificate that the shop's CA signed.
    fn judge(
        &self,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        is_certified: bool,
        path: &str,
    ) -> Result<Caller, Reject> {
        if let Some(authorization) = headers.get(http::header::AUTHORIZATION) {
            let token = authorization.to_str().ok().and_then(bearer);
            return match token {
                Some(token) if self.is_internal(token) => Ok(Caller::Internal),
                _ => Err(Reject::Unauthenticated),
            };
        }
        // A browser presents its certificate for any page. With an Origin header the certificate
        // proves nothing about the caller.
        if is_certified && !headers.contains_key(http::header::ORIGIN) {
            return Ok(Caller::Internal);
        }
        if needs_token(path) {
            return Err(Reject::Unauthenticated);
        }
        let origin = match headers.get(http::header::ORIGIN) {
            None => None,
            Some(value) => Some(self.allowed_origin(value).ok_or(Reject::OriginNotAllowed)?),
        };
        let address = peer.map(|peer| client_address(peer, headers, &self.trusted_proxies));
        if is_ours(path)
            && let Some(address) = address
        {
            self.rate_limits.check(address).map_err(Reject::TooFast)?;
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

fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Whether only internal callers may use the RPC.
fn needs_token(path: &str) -> bool {
    path.starts_with("/tandem.v1.OperationsService/")
        || path == tandem_proto::v1::tracking_service_paths::VERIFY_WEBHOOK
}

/// Whether a path belongs to one of Tandem's own services. Health and reflection do not, so they
/// are not limited.
pub(super) fn is_ours(path: &str) -> bool {
    path.starts_with("/tandem.v1.")
}

/// Adds the [`Caller`] to each request, or answers with the refusal.
#[derive(Debug, Clone)]
pub struct CallerLayer(pub Arc<AccessPolicy>);

impl<S> Layer<S> for CallerLayer {
    type Service = CallerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CallerService { inner, policy: Arc::clone(&self.0) }
    }
}

/// Applies [`CallerLayer`] to an inner service.
#[derive(Debug, Clone)]
pub struct CallerService<S> {
    inner: S,
    policy: Arc<AccessPolicy>,
}

impl<S> Service<Request<Body>> for CallerService<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future =
        futures_util::future::Either<Admitted<S::Error>, std::future::Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let peer = request.extensions().get::<Peer>();
        let (address, is_certified) = (peer.map(|peer| peer.address), peer.is_some_and(|p| p.is_certified));
        let path = request.uri().path();
        let admitted = self.policy.judge(request.headers(), address, is_certified, path).and_then(|caller| {
            let permit = self.policy.admission.admit(&caller, path)?;
            Ok((caller, permit))
        });
        match admitted {
            Ok((caller, permit)) => {
                if let (Caller::Internal, Some(peer)) = (&caller, peer) {
                    peer.mark_internal();
                }
                if is_ours(path) {
                    request = request.map(with_deadline);
                }
                request.extensions_mut().insert(caller);
                let gone = CallerGone::default();
                request.extensions_mut().insert(gone.clone());
                futures_util::future::Either::Left(Admitted::start(self.inner.call(request), permit, gone))
            }
            Err(reject) => {
                tracing::debug!(code = reject.code(), "call refused");
                let answer = tonic::Status::from(reject).into_http();
                futures_util::future::Either::Right(std::future::ready(Ok(answer)))
            }
        }
    }
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
        }
    }

    const LEAD: &str = "/tandem.v1.TrackingService/CaptureLead";
    const WEBHOOK: &str = "/tandem.v1.TrackingService/VerifyWebhook";

    #[test]
    fn any_of_the_tokens_is_good_and_a_wrong_one_never_is() {
        let judge = |value: &str, path: &str| {
            policy().judge(&headers(&[("authorization", value)]), None, false, path)
        };
        assert_eq!(judge("Bearer new", LEAD), Ok(Caller::Internal));
        assert_eq!(judge("bearer old", WEBHOOK), Ok(Caller::Internal));
        for wrong in ["Bearer newer", "Bearer ", "Basic new", "new", "Bearer new,old"] {
            assert_eq!(judge(wrong, LEAD), Err(Reject::Unauthenticated), "{wrong}");
        }
    }

    #[test]
    fn internal_rpcs_need_a_token() {
        for path in [WEBHOOK, "/tandem.v1.OperationsService/ListEvents"] {
            assert_eq!(policy().judge(&HeaderMap::new(), None, false, path), Err(Reject::Unauthenticated));
        }
        assert!(matches!(policy().judge(&HeaderMap::new(), None, false, LEAD), Ok(Caller::Stranger(_))));
    }

    #[test]
    fn a_certificate_of_the_shops_makes_an_internal_caller_unless_a_page_or_a_wrong_token_comes_with_it() {
        let judge =
            |pairs: &[(&'static str, &str)], path: &str| policy().judge(&headers(pairs), None, true, path);
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
            assert_eq!(judge(forged), Err(Reject::OriginNotAllowed), "{forged}");
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
