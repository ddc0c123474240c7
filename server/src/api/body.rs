//! Limits how long a request's body may take to arrive, how many bytes strangers send, and how long a stream to a
//! stranger lasts.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;
use tower_http::timeout::{DeadlineBody, TimeoutError};

use super::access::AccessPolicy;
use super::status::Reject;

/// Longest wait for the whole body of a request, counted from its headers.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// A body that fails with `DEADLINE_EXCEEDED` when it takes longer than [`ARRIVAL_MAX`].
pub(super) fn with_deadline(inner: Body) -> Body {
    Body::new(DeadlineBody::new(ARRIVAL_MAX, inner).map_err(|error| {
        if error.is::<TimeoutError>() {
            let seconds = ARRIVAL_MAX.as_secs();
            Status::deadline_exceeded(format!("the request took longer than {seconds} s to arrive"))
        } else {
            Status::from_error(error)
        }
    }))
}

/// A stranger's body. Bytes for which its address has no room fail with [`Reject::TooFast`]. Who reads on reads what
/// comes after them.
pub(super) struct Metered {
    pub(super) body: Body,
    pub(super) address: IpAddr,
    pub(super) policy: Arc<AccessPolicy>,
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        Poll::Ready(match self.policy.rate_limits.take_bytes(self.address, bytes) {
            Ok(()) => frame,
            Err(wait) => Some(Err(Reject::TooFast(wait).into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How long a stranger may watch without asking again.
const LIFETIME_MAX: Duration = Duration::from_secs(600);

/// A body that ends with `UNAVAILABLE` after [`LIFETIME_MAX`]. Who watches then asks again, and takes its place among
/// those who wait for one.
pub(super) fn with_lifetime(inner: Body) -> Body {
    Body::new(DeadlineBody::new(LIFETIME_MAX, inner).map_err(|error| {
        if error.is::<TimeoutError>() {
            Status::unavailable("the watch has ended; ask again")
        } else {
            Status::from_error(error)
        }
    }))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use http_body_util::StreamBody;
    use tonic::Code;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_over_in_time_and_one_that_flows_is_whole() {
        let byte = |_| Ok::<_, Status>(Frame::data(Bytes::from_static(b"x")));
        let every = |pause| {
            futures_util::stream::unfold((), move |()| async move {
                tokio::time::sleep(pause).await;
                Some(((), ()))
            })
        };
        let trickle = every(Duration::from_secs(1)).map(byte);
        let mut body = with_deadline(Body::new(StreamBody::new(Box::pin(trickle))));
        let mut bytes = 0;
        let error = loop {
            match body.frame().await {
                Some(Ok(_)) => bytes += 1,
                Some(Err(error)) => break error,
                None => panic!("a slow body does not end by itself"),
            }
        };
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert!((8..=10).contains(&bytes), "{bytes} bytes in ten seconds");

        let flow = every(Duration::from_millis(1)).map(byte).take(1000);
        let whole = with_deadline(Body::new(StreamBody::new(Box::pin(flow)))).collect().await.unwrap();
        assert_eq!(whole.to_bytes().len(), 1000);
    }

    #[tokio::test]
    async fn an_error_of_the_body_itself_stays_what_it_is() {
        let broken = futures_util::stream::iter([Err::<Frame<Bytes>, _>(Status::cancelled("gone"))]);
        let error = with_deadline(Body::new(StreamBody::new(broken))).frame().await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Cancelled, "gone"));
    }
}
