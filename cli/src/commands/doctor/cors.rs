//! Checks CORS. Pages of the shop may call the server's public address, other pages may not.

use reqwest::{Client, Method, Response};
use tandem_proto::v1::tracking_service_paths::CAPTURE_LEAD;
use url::Url;

use super::cookies;
use super::finding::Finding;
use super::web;

/// An origin that no allow list contains: RFC 2606 reserves `.invalid`.
const NOBODYS_ORIGIN: &str = "https://tandem-doctor.invalid";
/// Headers that the browser package sends.
const SENT: [&str; 2] = ["content-type", "x-grpc-web"];
/// Headers that the browser package reads.
const READ: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];
/// gRPC's status of a refused origin.
const PERMISSION_DENIED: &str = "7";
/// A gRPC-web frame with an empty message.
const EMPTY_MESSAGE: &[u8] = &[0, 0, 0, 0, 0];

const REACH: &str = "--public-url must be the address that pages call (endpoint in Tandem.connect); its TLS proxy must \
    pass HTTP on to the server's gRPC port";
const LIST: &str = "add the shop's origin to TANDEM_ALLOWED_ORIGINS and restart the server";
const PROXY: &str =
    "let the proxy before the server pass OPTIONS and the CORS headers through, and add none of its own";

/// Runs the checks. `cookie_domain` is the server's `TANDEM_COOKIE_DOMAIN`, empty when unset.
pub(super) async fn check(client: &Client, public: &Url, shop: &Url, cookie_domain: &str) -> Vec<Finding> {
    let base = public.as_str().trim_end_matches('/');
    let origin = shop.origin().ascii_serialization();
    let mut findings = Vec::new();
    match preflight(client, base, &origin).await {
        Err(why) => {
            let detail = format!("no answer from {base} ({why})");
            return vec![Finding::failed("cors", "public_url_away", &detail, REACH)];
        }
        Ok(answer) => findings.push(preflight_passes(&answer, &origin)),
    }
    match call(client, base, &origin).await {
        Err(why) => {
            let detail = format!("no answer to a call ({why})");
            findings.push(Finding::failed("cors", "no_answer", &detail, REACH));
        }
        Ok(answer) => findings.extend([listed(&answer, &origin), exposed(&answer)]),
    }
    // The preflight passes for every page, so that a page can read why it is refused.
    if let Ok(answer) = call(client, base, NOBODYS_ORIGIN).await {
        findings.push(if is_refused(&answer) {
            Finding::ok("cors", "others_refused", "pages of other origins are refused")
        } else {
            Finding::failed("cors", "open_to_all", "pages of any origin may call", PROXY)
        });
    }
    findings.extend(cookies::check(public, shop, cookie_domain).await);
    findings
}

async fn preflight(client: &Client, base: &str, origin: &str) -> Result<Response, String> {
    let request = client
        .request(Method::OPTIONS, format!("{base}{CAPTURE_LEAD}"))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", SENT.join(","));
    request.send().await.map_err(web::why)
}

fn preflight_passes(answer: &Response, origin: &str) -> Finding {
    if header(answer, "access-control-allow-origin") != origin {
        return Finding::failed(
            "cors",
            "preflight_refused",
            "the preflight of the shop's pages fails",
            PROXY,
        );
    }
    let headers = header(answer, "access-control-allow-headers");
    match SENT.iter().find(|name| !has(&headers, name)) {
        None => Finding::ok("cors", "preflight_passes", "pages may send what the package sends"),
        Some(name) => {
            let detail = format!("pages may not send the header {name}");
            Finding::failed("cors", "header_not_allowed", &detail, PROXY)
        }
    }
}

/// An empty call as a page of `origin` makes it. The server refuses it in any case, so it stores nothing.
async fn call(client: &Client, base: &str, origin: &str) -> Result<Response, String> {
    let request = client
        .post(format!("{base}{CAPTURE_LEAD}"))
        .header("origin", origin)
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .body(EMPTY_MESSAGE);
    request.send().await.map_err(web::why)
}

/// Whether the server refused the page for its origin.
fn is_refused(answer: &Response) -> bool {
    header(answer, "grpc-status") == PERMISSION_DENIED
}

fn listed(answer: &Response, origin: &str) -> Finding {
    if is_refused(answer) {
        let detail = format!("pages of {origin} are not allowed to call");
        return Finding::failed("cors", "origin_not_listed", &detail, LIST);
    }
    Finding::ok("cors", "origin_listed", &format!("pages of {origin} may call"))
}

/// Whether a page may read why a call failed.
fn exposed(answer: &Response) -> Finding {
    let exposed = header(answer, "access-control-expose-headers");
    match READ.iter().find(|name| !has(&exposed, name)) {
        None => Finding::ok("cors", "headers_exposed", "pages may read how a call ended"),
        Some(name) => {
            let detail = format!("pages may not read the header {name}");
            Finding::failed("cors", "header_not_exposed", &detail, PROXY)
        }
    }
}

fn header(answer: &Response, name: &str) -> String {
    let values = answer.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Whether the comma-separated `list` contains `name`.
fn has(list: &str, name: &str) -> bool {
    list.split(',').any(|entry| entry.trim().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lists_are_read_as_http_writes_them() {
        assert!(has("Content-Type, x-grpc-web", "content-type") && has("a,grpc-status", "grpc-status"));
        assert!(!has("x-grpc-web-text", "x-grpc-web") && !has("", "x-grpc-web"));
    }
}
