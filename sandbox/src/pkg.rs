//! Serves Tandem's built browser package under `/pkg/`, as a shop's web server would.

use std::path::{Component, Path as FilePath};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use crate::state::Sandbox;

pub fn routes() -> Router<Sandbox> {
    Router::new().route("/pkg/{*path}", get(file))
}

pub(crate) async fn file(State(sandbox): State<Sandbox>, Path(path): Path<String>) -> Response {
    let relative = FilePath::new(&path);
    let Some(content_type) = content_type(relative).filter(|_| stays_inside(relative)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::fs::read(sandbox.settings.pkg.join(relative)).await {
        Ok(bytes) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static(content_type)),
                // The next page load must see a rebuilt package.
                (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            ];
            (headers, Body::from(bytes)).into_response()
        }
        Err(_) => (StatusCode::NOT_FOUND, "not built: run `cargo xtask wasm`\n").into_response(),
    }
}

/// Whether a path names something inside the folder that it is joined to.
pub(crate) fn stays_inside(relative: &FilePath) -> bool {
    relative.components().all(|part| matches!(part, Component::Normal(_)))
}

/// The content type of a file that a page loads. `None` for any other file.
pub(crate) fn content_type(path: &FilePath) -> Option<&'static str> {
    Some(match path.extension()?.to_str()? {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "wasm" => "application/wasm",
        "ts" | "md" => "text/plain; charset=utf-8",
        "json" | "map" => "application/json",
        "html" => "text/html; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn only_files_inside_the_package_are_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        let router = testing::router_with(&["--pkg", folder]);
        let script = testing::send(&router, testing::get("/pkg/fbevents.js")).await;
        assert_eq!(script.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        for outside in ["/pkg/../src/lib.js", "/pkg/%2e%2e/build.js", "/pkg//etc/hosts.js", "/pkg/none.js"] {
            let response = testing::send(&router, testing::get(outside)).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{outside}");
        }
    }
}
