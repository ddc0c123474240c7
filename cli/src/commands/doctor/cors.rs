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
/// A gRPC-web frame with an empty message. The server refuses it, so it stores nothing.
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
        Ok(answer) => findings.push(allowed(&answer, &origin)),
    }
    if let Ok(answer) = preflight(client, base, NOBODYS_ORIGIN).await {
        findings.push(match header(&answer, "access-control-allow-origin").as_str() {
            "" => Finding::ok("cors", "others_refused", "pages of other origins are refused"),
            _ => Finding::failed("cors", "open_to_all", "pages of any origin may call", PROXY),
        });
    }
    findings.push(exposed(client, base, &origin).await);
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

fn allowed(answer: &Response, origin: &str) -> Finding {
    let named = header(answer, "access-control-allow-origin");
    if named != origin {
        let detail = format!("pages of {origin} are not allowed to call");
        return Finding::failed("cors", "origin_not_listed", &detail, LIST);
    }
    let headers = header(answer, "access-control-allow-headers");
    match SENT.iter().find(|name| !has(&headers, name)) {
        None => Finding::ok("cors", "origin_listed", &format!("pages of {origin} may call")),
        Some(name) => {
            let detail = format!("pages may not send the header {name}");
            Finding::failed("cors", "header_not_allowed", &detail, PROXY)
        }
    }
}

/// Whether a page may read why a call failed. The call is empty, so the server refuses it.
async fn exposed(client: &Client, base: &str, origin: &str) -> Finding {
    let request = client
        .post(format!("{base}{CAPTURE_LEAD}"))
        .header("origin", origin)
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
        .body(EMPTY_MESSAGE);
    match request.send().await {
        Err(error) => {
            let detail = format!("no answer to a call ({})", web::why(error));
            Finding::failed("cors", "no_answer", &detail, REACH)
        }
        Ok(answer) => {
            let exposed = header(&answer, "access-control-expose-headers");
            match READ.iter().find(|name| !has(&exposed, name)) {
                None => Finding::ok("cors", "headers_exposed", "pages may read how a call ended"),
                Some(name) => {
                    let detail = format!("pages may not read the header {name}");
                    Finding::failed("cors", "header_not_exposed", &detail, PROXY)
                }
            }
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
