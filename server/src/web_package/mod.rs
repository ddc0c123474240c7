//! The browser package under `/web/`, for shops without a bundler. The server embeds the files when it is built
//! (`build.rs`), so that page and server always fit together and nothing has to be copied.
//!
//! | path | answer |
//! |---|---|
//! | `/web/` | what to paste into a page |
//! | `/web/<folder>/<file>` | a file of exactly this package. The folder's name is a digest of all its files, so the answer never changes and is kept for a year |
//! | `/web/<file>` | the same file, whatever its version. The browser asks each time whether it has changed |
//!
//! A module's integrity covers the module alone, and not what it imports. The folder's name is the link: imports are
//! relative, so that all files of one page come from one package.

mod negotiate;
mod package;
mod page;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use negotiate::{accepts_gzip, has_etag};
pub use package::Package;
use package::{File, PREFIX};

/// A file whose address contains its digest never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// The browser may keep the file, and asks before it uses it.
const ASK_FIRST: &str = "no-cache";
/// For what a cache in between must not keep.
const KEEP_NOTHING: &str = "no-store";
const NOT_BUILT: &str = "This Tandem server was built without the browser package. \
    Run `cargo xtask wasm --release`, and build the server again.\n";

/// The package that this program contains. Without files, it was not built.
pub static EMBEDDED: Package = include!(concat!(env!("OUT_DIR"), "/web_package.rs"));

/// What became of a request, for the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    NotModified,
    Unknown,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NotModified => "not_modified",
            Self::Unknown => "unknown",
        }
    }
}

/// The path below `/web`, without a slash in front. `None`: the path belongs to something else.
pub fn inside(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

impl Package {
    /// Answers a request for what is at `path` below `/web/`. `host`: under which the caller has reached this server.
    pub fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        host: Option<&str>,
    ) -> (Response<Bytes>, Outcome) {
        if method != Method::GET && method != Method::HEAD {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return (answer, Outcome::Unknown);
        }
        let is_head = method == Method::HEAD;
        if self.files.is_empty() {
            return (text(StatusCode::NOT_FOUND, NOT_BUILT), Outcome::Unknown);
        }
        if path.is_empty() {
            return (text(StatusCode::OK, page::tags(self, host)), Outcome::Sent);
        }
        let (name, caching) = match path.split_once('/') {
            Some((folder, name)) if folder == self.folder => (name, FOREVER),
            Some(_) => ("", KEEP_NOTHING),
            None => (path, ASK_FIRST),
        };
        match self.file(name) {
            Some(file) => file.answer(headers, caching, is_head),
            None => (text(StatusCode::NOT_FOUND, page::unknown(self)), Outcome::Unknown),
        }
    }

    /// Whether a path names a file of another package: a page has a tag that is older or newer than this server.
    pub fn is_of_another(&self, path: &str) -> bool {
        let is_digest = |folder: &str| {
            folder.len() == self.folder.len() && folder.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        path.split_once('/').is_some_and(|(folder, _)| is_digest(folder) && folder != self.folder)
    }
}

impl File {
    fn answer(
        &self,
        headers: &HeaderMap,
        caching: &'static str,
        is_head: bool,
    ) -> (Response<Bytes>, Outcome) {
        let is_gzipped = self.gzipped.len() < self.plain.len() && accepts_gzip(headers);
        // Two encodings are two representations (RFC 9110, 8.8.3), each with a tag of its own.
        let etag = if is_gzipped { format!("\"{}-gzip\"", self.etag) } else { format!("\"{}\"", self.etag) };
        let is_known = has_etag(headers, &etag);
        let bytes = if is_gzipped { self.gzipped } else { self.plain };
        let body = if is_known || is_head { Bytes::new() } else { Bytes::from_static(bytes) };
        let mut answer = Response::new(body);
        let fields = answer.headers_mut();
        shared(fields);
        fields.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        fields.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::try_from(etag) {
            fields.insert(ETAG, etag);
        }
        if is_known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return (answer, Outcome::NotModified);
        }
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(self.name)));
        fields.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        if is_gzipped {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        (answer, Outcome::Sent)
    }
}

/// Headers of every answer. The files are public and say nothing about a visitor, so every page may read them, one
/// with a cross-origin embedder policy as well.
fn shared(fields: &mut HeaderMap) {
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    fields.insert(resource_policy, HeaderValue::from_static("cross-origin"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// A text for a person.
fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    shared(fields);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(KEEP_NOTHING));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// Pages load scripts and WebAssembly. Everything else is for people to read and copy, so it is text.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests;
