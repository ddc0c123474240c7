//! What the handlers use, and how each call ends.

use std::sync::Arc;
use std::time::Duration;

use tandem_proto::v1;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use crate::api::access::AccessPolicy;
use crate::api::caller::{Caller, Stranger};
use crate::api::cookies::{self, SetCookies};
use crate::api::decode::Decoder;
use crate::api::status::{Reject, code_name};
use crate::api::tally::Handled;
use crate::clock::Clock;
use crate::ingest::Ingest;
use crate::orders::Orders;
use crate::outbox::EventStore;
use crate::telemetry::metrics::Metrics;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracking {
    pub decoder: Arc<Decoder>,
    pub ingest: Arc<Ingest>,
    pub orders: Arc<Orders>,
    /// Records what pages did with their copies.
    pub events: Arc<dyn EventStore>,
    /// Limits what strangers cause.
    pub access: Arc<AccessPolicy>,
    /// Counts the answers.
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
}

/// The caller that `CallerLayer` found. Without the layer every caller is a stranger.
pub(super) fn caller_of<T>(request: &Request<T>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_else(|| Caller::Stranger(Stranger::default()))
}

/// Where to say that the answer was counted.
pub(super) fn handled_of<T>(request: &Request<T>) -> Handled {
    request.extensions().get::<Handled>().cloned().unwrap_or_default()
}

impl Tracking {
    /// Completes a request with the browser's cookies. `said`: its consent, and when it happened. Returns the cookies that the answer sets.
    pub(super) fn cookies(
        &self,
        caller: &Caller,
        headers: &MetadataMap,
        browser: &mut Option<v1::Browser>,
        said: (Option<&v1::Consent>, Option<&prost_types::Timestamp>),
    ) -> SetCookies {
        let now_ms = self.clock.now_ms();
        cookies::exchange(&self.decoder.settings, now_ms, caller, headers, browser, said)
    }

    /// Counts a stranger's call that does the work of several as so many more.
    ///
    /// # Errors
    /// [`Reject::TooFast`] when its address has called too often.
    pub(super) fn charge(&self, caller: &Caller, calls: usize) -> Result<(), Reject> {
        let Caller::Stranger(Stranger { address: Some(address), .. }) = caller else { return Ok(()) };
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        self.access.rate_limits.charge(*address, calls).map_err(Reject::TooFast)
    }

    /// Answers a call and records its duration and status.
    pub(super) fn answer<T>(
        &self,
        handled: &Handled,
        rpc: &'static str,
        took: Duration,
        result: Result<T, Reject>,
    ) -> Result<Response<T>, Status> {
        let code = result.as_ref().err().map_or(Code::Ok, Reject::grpc);
        let is_error = result.as_ref().err().is_some_and(Reject::is_failure);
        handled.mark();
        self.metrics.count_answer(rpc, code_name(code), is_error, took, self.clock.now_ms());
        result.map(Response::new).map_err(|reject| {
            tracing::debug!(rpc, code = reject.code(), "call refused");
            reject.into()
        })
    }
}
