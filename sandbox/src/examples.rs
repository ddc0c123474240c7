//! Serves the web examples under `/examples/{name}/`, as a shop's web server would. This machine's addresses replace the
//! shop's, and Tandem's package is under `/tandem/`.

use std::path::Path as FilePath;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use crate::pkg;
use crate::state::Sandbox;

/// Placeholders in the examples' pages: Tandem's server, the pixel, the pixel's library. A shop replaces them.
const ENDPOINT: &str = "https://track.shop.example";
const PIXEL_ID: &str = "123456789012345";
const LIBRARY: &str = "https://connect.facebook.net/en_US/fbevents.js";

pub fn routes() -> Router<Sandbox> {
    let to_slash =
        |Path(name): Path<String>| async move { Redirect::permanent(&format!("/examples/{name}/")) };
    Router::new()
        .route("/tandem/{*path}", get(pkg::file))
        .route("/examples/{name}", get(to_slash))
        .route("/examples/{name}/", get(start))
        .route("/examples/{name}/{*path}", get(file))
}

async fn start(State(sandbox): State<Sandbox>, Path(name): Path<String>) -> Response {
    answer(&sandbox, &name, "index.html").await
}

async fn file(State(sandbox): State<Sandbox>, Path((name, path)): Path<(String, String)>) -> Response {
    answer(&sandbox, &name, &path).await
}

async fn answer(sandbox: &Sandbox, name: &str, path: &str) -> Response {
    let (name, path) = (FilePath::new(name), FilePath::new(path));
    if !pkg::stays_inside(name) || !pkg::stays_inside(path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    // A single-page app routes by the address. Addresses that name no file get its page.
    let path = if path.extension().is_none() { FilePath::new("index.html") } else { path };
    let Some(content_type) = pkg::content_type(path) else { return StatusCode::NOT_FOUND.into_response() };
    let folder = sandbox.settings.examples.join(name);
    // A bundler's output is in dist/.
    let built = folder.join("dist");
    let is_bundled = folder.join("package.json").exists();
    let file = if is_bundled { built.join(path) } else { folder.join(path) };
    let Ok(mut bytes) = tokio::fs::read(file).await else {
        let hint = if is_bundled { "not built: run `cargo xtask web-examples`\n" } else { "" };
        return (StatusCode::NOT_FOUND, hint).into_response();
    };
    if path.extension().is_some_and(|extension| extension == "html") {
        let live = sandbox.live();
        bytes = String::from_utf8_lossy(&bytes)
            .replace(ENDPOINT, live.tandem_url.trim_end_matches('/'))
            .replace(PIXEL_ID, live.shop_pixel())
            .replace(LIBRARY, "/fbevents.js")
            .into_bytes();
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        // The next page load must see a changed file.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, Body::from(bytes)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn an_example_gets_this_machines_addresses() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
        let flags = ["--examples", folder, "--pixel-id", "777", "--tandem-url", "http://127.0.0.1:1"];
        let router = testing::router_with(&flags);
        let page = testing::text(testing::send(&router, testing::get("/examples/web-plain/")).await).await;
        for part in ["\"http://127.0.0.1:1\"", "\"777\"", "\"/fbevents.js\"", "\"/tandem/index.js\""] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        for part in [ENDPOINT, PIXEL_ID, LIBRARY] {
            assert!(!page.contains(part), "{part} is still in {page}");
        }
    }

    #[tokio::test]
    async fn nothing_outside_the_examples_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
        let router = testing::router_with(&["--examples", folder]);
        for outside in
            ["/examples/../sandbox/README.md", "/examples/web-plain/%2e%2e/README.md", "/examples/%2e%2e/"]
        {
            let response = testing::send(&router, testing::get(outside)).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{outside}");
        }
    }
}
