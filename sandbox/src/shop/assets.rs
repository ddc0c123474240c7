//! The shop's style, scripts and fonts, all from the binary.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const WOFF2: &str = "font/woff2";

/// Instrument Serif and Figtree, both under the SIL Open Font License (`assets/fonts/OFL-*.txt`).
const FILES: [(&str, &str, &[u8]); 7] = [
    ("shop.css", CSS, include_bytes!("../../assets/shop.css")),
    ("shop.js", JAVASCRIPT, include_bytes!("../../assets/shop.js")),
    ("ui.js", JAVASCRIPT, include_bytes!("../../assets/ui.js")),
    ("serif.woff2", WOFF2, include_bytes!("../../assets/fonts/instrument-serif-latin-400-normal.woff2")),
    (
        "serif-italic.woff2",
        WOFF2,
        include_bytes!("../../assets/fonts/instrument-serif-latin-400-italic.woff2"),
    ),
    ("sans.woff2", WOFF2, include_bytes!("../../assets/fonts/figtree-latin-wght-normal.woff2")),
    ("sans-ext.woff2", WOFF2, include_bytes!("../../assets/fonts/figtree-latin-ext-wght-normal.woff2")),
];

pub(super) async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(known, _, _)| *known == name) {
        Some((_, content_type, bytes)) => {
            ([(CONTENT_TYPE, *content_type), (CACHE_CONTROL, "no-cache")], *bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
