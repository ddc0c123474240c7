//! Who may use the control API: programs, and the sandbox's own pages. Any page that a developer has open can reach a
//! local port, so the browser's word on where a request comes from is checked.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, StatusCode};
use url::Url;

use crate::answer;

/// What browsers say about the page that makes a request (W3C, Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses the requests of other sites' pages.
pub async fn only(request: Request, next: Next) -> Response {
    match refusal(request.headers()) {
        None => next.run(request).await,
        Some((status, reason)) => answer::error(status, reason),
    }
}

fn refusal(headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST);
    // A page's own name may be made to point at this machine. Then its requests have its name here.
    if host.is_some_and(|host| !is_local_name(host)) {
        return Some((StatusCode::MISDIRECTED_REQUEST, "ask for 127.0.0.1, localhost or an address"));
    }
    let is_foreign = text(ORIGIN).is_some_and(|origin| host.is_none_or(|host| !is_origin_of(origin, host)))
        || text(FETCH_SITE).is_some_and(|site| !matches!(site, "same-origin" | "none"));
    is_foreign.then_some((StatusCode::FORBIDDEN, "pages of other sites may not use the control API"))
}

/// Whether a `Host` is an address or names this machine.
fn is_local_name(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

fn is_origin_of(origin: &str, host: &str) -> bool {
    let here = Url::parse(&format!("http://{host}"));
    matches!((Url::parse(origin), here), (Ok(origin), Ok(here)) if origin.origin() == here.origin())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn the_control_api_takes_no_request_of_another_sites_page() {
        let router = testing::router();
        type Case<'a> = (&'a [(&'a str, &'a str)], StatusCode);
        let cases: [Case<'_>; 11] = [
            (&[], StatusCode::OK),
            (&[("host", "127.0.0.1:8090")], StatusCode::OK),
            (&[("host", "localhost:8090"), ("origin", "http://localhost:8090")], StatusCode::OK),
            (&[("host", "[::1]:8090"), ("origin", "http://[::1]:8090")], StatusCode::OK),
            (&[("host", "127.0.0.1:8090"), ("origin", "https://evil.example")], StatusCode::FORBIDDEN),
            (&[("host", "127.0.0.1:8090"), ("origin", "http://127.0.0.1:3000")], StatusCode::FORBIDDEN),
            (&[("host", "127.0.0.1:8090"), ("origin", "null")], StatusCode::FORBIDDEN),
            (&[("origin", "http://127.0.0.1:8090")], StatusCode::FORBIDDEN),
            (&[("host", "127.0.0.1:8090"), ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
            (&[("host", "evil.example:8090")], StatusCode::MISDIRECTED_REQUEST),
            (
                &[("host", "evil.example:8090"), ("origin", "http://evil.example:8090")],
                StatusCode::MISDIRECTED_REQUEST,
            ),
        ];
        for (headers, status) in cases {
            let mut request = Request::post("/control/reset").body(Body::empty()).unwrap();
            for (name, value) in headers {
                request.headers_mut().append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
            }
            assert_eq!(testing::send(&router, request).await.status(), status, "{headers:?}");
        }
    }
}
