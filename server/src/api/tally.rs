//! Counts the answers of `TrackingService`, each once. A handler counts its own answer, because it knows how long the
//! work took. What the door, the transport or a panic answered is counted here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};

use super::route::Route;
use super::status::{Reject, code_name, is_failure};
use crate::clock::Clock;
use crate::telemetry::metrics::Metrics;

/// Says that a handler has counted its answer. It stands in the request's extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct Handled(Arc<AtomicBool>);

impl Handled {
    pub(super) fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Counts one call when it is over.
#[derive(Debug)]
pub(super) struct Tally {
    metrics: Arc<Metrics>,
    clock: Clock,
    /// `None`: nothing is left to count.
    rpc: Option<&'static str>,
    handled: Handled,
}

impl Tally {
    pub(super) fn start(metrics: Arc<Metrics>, clock: Clock, route: Route) -> Self {
        Self { metrics, clock, rpc: route.counted_as(), handled: Handled::default() }
    }

    pub(super) fn handled(&self) -> Handled {
        self.handled.clone()
    }

    /// The call was refused at the door.
    pub(super) fn refused(mut self, reject: &Reject) {
        self.count(reject.grpc(), reject.is_failure());
    }

    /// The call has this answer.
    pub(super) fn answered(mut self, answer: &Response<Body>) {
        let code = Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code());
        self.count(code, is_failure(code));
    }

    fn count(&mut self, code: Code, is_error: bool) {
        if let Some(rpc) = self.rpc.take()
            && !self.handled.0.load(Ordering::Relaxed)
        {
            self.metrics.count_unhandled(rpc, code_name(code), is_error, self.clock.now_ms());
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        // The handler ended without an answer. The caller is told INTERNAL.
        self.count(Code::Internal, true);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LEAD: Route = Route::Page("CaptureLead");

    #[test]
    fn each_answer_is_counted_once_and_overload_is_an_error_where_one_address_is_none() {
        let (metrics, clock) = (Arc::<Metrics>::default(), Clock::fixed(0));
        let start = |route| Tally::start(Arc::clone(&metrics), clock.clone(), route);
        let figures = || {
            let figures = metrics.response_times.figures(0);
            (figures.answers, figures.errors)
        };
        start(LEAD).refused(&Reject::TooFast(Duration::from_secs(1)));
        start(LEAD).refused(&Reject::Unauthenticated);
        assert_eq!(figures(), (2, 0));
        start(LEAD).refused(&Reject::Overloaded);
        assert_eq!(figures(), (3, 1));
        start(LEAD).answered(&Status::unavailable("").into_http());
        start(LEAD).answered(&Status::out_of_range("").into_http());
        assert_eq!(figures(), (5, 2));
        drop(start(LEAD));
        assert_eq!(figures(), (6, 3), "a handler that panicked");
        let handled = start(LEAD);
        handled.handled().mark();
        handled.answered(&Status::unavailable("").into_http());
        start(Route::Check).refused(&Reject::Overloaded);
        assert_eq!(
            figures(),
            (6, 3),
            "the handler has counted one, and the other is no answer of TrackingService"
        );
        assert!(metrics.response_times.figures(0).mean_ms < f64::EPSILON, "no work, no response time");
    }
}
