//! The paths and their handlers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{any, get};
use http::{HeaderMap, StatusCode};

use crate::answer::fixed;
use crate::forward::Gateway;
use crate::providers::Route;
use crate::receive;

pub(crate) fn router(gateway: Arc<Gateway>, providers: &'static [Route]) -> Router {
    let mut router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    for route in providers {
        let webhook = any(move |gateway, peer, request| receive::webhook(route, gateway, peer, request));
        // The path works with a trailing slash too. A redirect would count as a failed delivery.
        router = router.route(&format!("{}/", route.path), webhook.clone()).route(route.path, webhook);
    }
    router.fallback(not_found).with_state(gateway)
}

async fn livez() -> Response {
    fixed(StatusCode::OK, r#"{"status":"live"}"#)
}

async fn readyz(State(gateway): State<Arc<Gateway>>) -> Response {
    gateway.readiness.answer(&gateway.settings).await
}

async fn metrics(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    gateway.metrics.answer(&headers)
}

async fn not_found() -> Response {
    fixed(StatusCode::NOT_FOUND, r#"{"status":"refused","reason":"path"}"#)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use http::Request;
    use tandem_net::Peer;
    use tower::ServiceExt as _;

    use super::*;
    use crate::Limits;
    use crate::settings::Settings;
    use tandem_settings::{Networks, Source};

    /// A second provider needs one entry: a path, its own header names, its own networks.
    static TWO: &[Route] = &[
        Route {
            path: "/webhooks/one",
            provider: 1,
            single_headers: &["x-one"],
            allowed: |_| None,
            allowed_setting: "ONE",
        },
        Route {
            path: "/webhooks/two",
            provider: 2,
            single_headers: &["x-two"],
            allowed: |settings| settings.allowed.as_ref(),
            allowed_setting: "TWO",
        },
    ];

    async fn status(path: &str, headers: &[&str]) -> u16 {
        let mut settings = Settings::read(&Source::default(), false).unwrap();
        settings.allowed = Some(Networks::parse("192.0.2.0/24").unwrap());
        let gateway = Arc::new(Gateway::new(settings, Limits::default()));
        let mut request = Request::post(path).body(Body::from("{}")).unwrap();
        for name in headers {
            request.headers_mut().append(http::HeaderName::try_from(*name).unwrap(), "1".parse().unwrap());
        }
        let peer = Peer::unconnected([192, 0, 2, 7].into());
        request.extensions_mut().insert(ConnectInfo(peer));
        router(gateway, TWO).oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn each_provider_has_its_path_and_its_headers() {
        assert_eq!(status("/webhooks/one", &["x-one", "x-one"]).await, 401);
        assert_eq!(status("/webhooks/two/", &["x-two", "x-two"]).await, 401);
        // 503: the request passed the checks, but there is no token or no server.
        assert_eq!(status("/webhooks/two", &["x-one", "x-one"]).await, 503);
        assert_eq!(status("/webhooks/three", &[]).await, 404);
    }
}
