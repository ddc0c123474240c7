//! Receives one webhook: checks method, sender, size and admission, then forwards it.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt as _;
use tandem_net::Peer;
use tandem_settings::client_address;

use crate::admission::{Admission, Permit};
use crate::answer::Answer;
use crate::forward::{Gateway, Webhook};
use crate::limits::Limits;
use crate::providers::Route;

/// How many bytes of a body that is too large are read and discarded, so that its sender sees
/// the answer instead of a broken connection.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Handles a request to a provider's path, and counts its answer.
pub(crate) async fn webhook(
    route: &'static Route,
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Answer {
    let (began, _in_work) = (Instant::now(), gateway.metrics.begin());
    let answer = take(route, &gateway, peer, request).await;
    gateway.metrics.count(route.path, answer, began.elapsed());
    answer
}

async fn take(route: &'static Route, gateway: &Gateway, peer: Peer, request: Request) -> Answer {
    let received_at = SystemTime::now();
    if request.method() != Method::POST {
        return Answer::MethodNotAllowed;
    }
    let (parts, body) = request.into_parts();
    let source = client_address(peer.address, &parts.headers, &gateway.settings.trusted_proxies);
    if (route.allowed)(&gateway.settings).is_some_and(|allowed| !allowed.contains(source)) {
        tracing::warn!(
            setting = route.allowed_setting,
            "refused a webhook from an address that is not in the list"
        );
        return Answer::Forbidden;
    }
    // The place of a large body is held as long as the body exists.
    let (raw_body, _large) = match read_body(body, &parts.headers, gateway).await {
        Ok(read) => read,
        Err(answer @ Answer::Unavailable(_)) => return answer,
        Err(answer) => {
            tracing::warn!(?answer, "refused a webhook while reading it");
            return answer;
        }
    };
    // Until now a slow sender could be evicted. A webhook that has arrived completely must not be.
    let _busy = peer.mark_busy();
    // If a signature is repeated, the gateway cannot know which one counts.
    if route.single_headers.iter().any(|name| parts.headers.get_all(*name).iter().nth(1).is_some()) {
        tracing::warn!("refused a webhook with a repeated signature or timestamp");
        return Answer::InvalidSignature;
    }
    let _place = match gateway.admission.webhook() {
        Ok(place) => place,
        Err(answer) => return answer,
    };
    let provider = route.provider;
    let webhook = Webhook { provider, raw_body, headers: parts.headers, source, received_at };
    gateway.forward(webhook).await
}

/// Reads the body, byte for byte, within the limits of size and time.
async fn read_body<'a>(
    body: Body,
    headers: &HeaderMap,
    gateway: &'a Gateway,
) -> Result<(Bytes, Option<Permit<'a>>), Answer> {
    let limits = &gateway.limits;
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let is_announced_too_large = announced.is_some_and(|length| length > limits.body_bytes_max as u64);
    let reading = collect(body, limits, &gateway.admission, is_announced_too_large);
    tokio::time::timeout(limits.body, reading).await.unwrap_or(Err(Answer::TooSlow))
}

/// Collects the body. A body that is too large, large without a place, or to be discarded
/// (`discard`) is read up to a limit and thrown away.
async fn collect<'a>(
    mut body: Body,
    limits: &Limits,
    admission: &'a Admission,
    discard: bool,
) -> Result<(Bytes, Option<Permit<'a>>), Answer> {
    let mut refused = discard.then_some(Answer::TooLarge);
    let mut collected = BytesMut::new();
    let mut large = None;
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        // The sender has disconnected, so nobody will read the answer.
        let Ok(frame) = frame else { return Err(Answer::TooSlow) };
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen > DISCARDED_BYTES_MAX {
            return Err(Answer::TooLarge);
        }
        if seen > limits.body_bytes_max {
            refused = Some(Answer::TooLarge);
        } else if seen > limits.small_body_bytes_max && large.is_none() && refused.is_none() {
            match admission.large_body() {
                Ok(place) => large = Some(place),
                Err(answer) => refused = Some(answer),
            }
        }
        if refused.is_none() {
            collected.extend_from_slice(&data);
        } else {
            (collected, large) = (BytesMut::new(), None);
        }
    }
    match refused {
        Some(answer) => Err(answer),
        None => Ok((collected.freeze(), large)),
    }
}
