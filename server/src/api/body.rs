//! A bound on how long a request's body may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};
use tonic::Status;
use tonic::body::Body;

/// Longest wait for the whole body of a request, from its head on.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

pin_project! {
    /// A body that is an error once it is late. Bodies that come at once cost no timer.
    #[derive(Debug)]
    pub(super) struct Timely {
        #[pin]
        inner: Body,
        deadline: Instant,
        timer: Option<Pin<Box<Sleep>>>,
        is_over: bool,
    }
}

/// Bounds a body in time.
pub(super) fn timely(inner: Body) -> Body {
    Body::new(Timely { inner, deadline: Instant::now() + ARRIVAL_MAX, timer: None, is_over: false })
}

impl http_body::Body for Timely {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        if *this.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = this.inner.poll_frame(context) {
            return Poll::Ready(frame);
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(*this.deadline)));
        if timer.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        *this.is_over = true;
        let what = format!("the request took longer than {} s to arrive", ARRIVAL_MAX.as_secs());
        Poll::Ready(Some(Err(Status::deadline_exceeded(what))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};
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
        let mut body = timely(Body::new(StreamBody::new(Box::pin(trickle))));
        let mut bytes = 0;
        let fault = loop {
            match body.frame().await {
                Some(Ok(_)) => bytes += 1,
                Some(Err(fault)) => break fault,
                None => panic!("a trickle does not end by itself"),
            }
        };
        assert_eq!(fault.code(), Code::DeadlineExceeded);
        assert!((8..=10).contains(&bytes), "{bytes} bytes in ten seconds");
        assert!(body.frame().await.is_none());

        let flow = every(Duration::from_millis(1)).map(byte).take(1000);
        let whole = timely(Body::new(StreamBody::new(Box::pin(flow)))).collect().await.unwrap();
        assert_eq!(whole.to_bytes().len(), 1000);
    }
}
