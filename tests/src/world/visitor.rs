//! A visitor of the shop: a browser without a token that calls over gRPC-web.

use prost::Message;
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_proto::v1::{self, Browser};

use crate::cashfree::now_ms;
use crate::grpc_web::{self, Answer, Framing};
use crate::http;

/// A browser with its cookies, address and headers.
#[derive(Debug, Clone)]
pub struct Visitor {
    endpoint: String,
    http: reqwest::Client,
    pub framing: Framing,
    /// The `Origin` header. `None` for programs that are not browsers.
    pub origin: Option<String>,
    pub user_agent: String,
    /// The visitor's address, which the proxy in front of the server reports.
    pub address: String,
    /// The `_fbp` cookie.
    pub fbp: String,
    /// The `_fbc` cookie.
    pub fbc: String,
    pub page: String,
}

macro_rules! calls {
    ($($(#[$meta:meta])* $name:ident($request:ident, $path:ident) -> $answer:ident;)+) => {$(
        $(#[$meta])*
        ///
        /// # Errors
        /// When no answer comes.
        pub async fn $name(&self, mut message: v1::$request) -> anyhow::Result<Answer<v1::$answer>> {
            message.browser.get_or_insert_with(|| self.browser());
            self.call(paths::$path, &message).await
        }
    )+};
}

impl Visitor {
    /// A visitor who calls `endpoint` from a page on `origin`.
    #[must_use]
    pub fn new(endpoint: &str, origin: &str) -> Self {
        let mark =
            u64::from_str_radix(&uuid::Uuid::new_v4().simple().to_string()[..12], 16).unwrap_or_default();
        Self {
            endpoint: endpoint.to_owned(),
            http: http::client(),
            framing: Framing::Binary,
            origin: Some(origin.to_owned()),
            user_agent: format!("Mozilla/5.0 (X11; Linux x86_64) Suites/{mark}"),
            address: format!("49.36.{}.{}", mark % 250 + 1, mark / 250 % 250 + 1),
            fbp: format!("fb.1.{}.{}", now_ms() - 60_000, mark % 9_000_000_000 + 1_000_000_000),
            fbc: format!("fb.1.{}.AbC-{mark}_xYz", now_ms() - 50_000),
            page: format!("{origin}/shop/"),
        }
    }

    /// The page's data about the visit.
    #[must_use]
    pub fn browser(&self) -> Browser {
        Browser {
            fbp: Some(self.fbp.clone()),
            fbc: Some(self.fbc.clone()),
            event_source_url: Some(self.page.clone()),
            ..Browser::default()
        }
    }

    /// Calls a method over gRPC-web.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn call<T: Message + Default>(
        &self,
        path: &str,
        message: &impl Message,
    ) -> anyhow::Result<Answer<T>> {
        self.call_with(path, message, &[]).await
    }

    /// [`Visitor::call`] with additional headers.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn call_with<T: Message + Default>(
        &self,
        path: &str,
        message: &impl Message,
        more: &[(&str, String)],
    ) -> anyhow::Result<Answer<T>> {
        let mut headers =
            vec![("user-agent", self.user_agent.clone()), ("x-forwarded-for", self.address.clone())];
        headers.extend(self.origin.iter().map(|origin| ("origin", origin.clone())));
        headers.extend(more.iter().cloned());
        grpc_web::call(&self.http, &self.endpoint, path, self.framing, &headers, message).await
    }

    calls! {
        /// `CaptureLead`
        capture_lead(CaptureLeadRequest, CAPTURE_LEAD) -> CaptureLeadResponse;
        /// `TrackEvent`
        track_event(TrackEventRequest, TRACK_EVENT) -> TrackEventResponse;
        /// `RecordPurchase`: a claim
        claim_purchase(RecordPurchaseRequest, RECORD_PURCHASE) -> RecordPurchaseResponse;
    }

    /// Reports the pixel's outcome of events.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn confirm(
        &self,
        confirmations: Vec<v1::Confirmation>,
    ) -> anyhow::Result<Answer<v1::ConfirmBrowserEventsResponse>> {
        let message = v1::ConfirmBrowserEventsRequest { confirmations, pixel_id: String::new() };
        self.call(paths::CONFIRM_BROWSER_EVENTS, &message).await
    }

    /// Asks whether a page on this origin may call `path` with these headers.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn preflight(&self, path: &str, wanted_headers: &str) -> anyhow::Result<reqwest::Response> {
        let mut request = self
            .http
            .request(reqwest::Method::OPTIONS, format!("{}{path}", self.endpoint))
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", wanted_headers);
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        Ok(request.send().await?)
    }
}
