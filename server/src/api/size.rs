//! How large messages may be, by caller and RPC.

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::BodyExt as _;
use tonic::body::Body;
use tonic::{Code, Status};

use super::caller::Caller;
use super::route::Route;

/// Largest message of a stranger, bytes. A real cart fits.
pub(super) const STRANGER_BYTES_MAX: usize = 64 * 1024;
/// Largest message of the shop's own services, bytes.
pub(super) const INTERNAL_BYTES_MAX: usize = 256 * 1024;
/// Largest message of `VerifyWebhook`, bytes: a body of 1 MiB, and its headers.
pub(super) const WEBHOOK_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;
/// Largest question about health, bytes. It holds the name of a service.
pub(super) const HEALTH_BYTES_MAX: usize = 4 * 1024;
/// Bytes before each message (gRPC over HTTP, length-prefixed message).
pub(super) const FRAME_HEAD_BYTES: usize = 5;
/// Most bytes of a too large HTTP/1.1 request that are read, so that the caller sees the answer.
const DISCARDED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// As how many bytes a refused part of a body counts.
const REFUSED_BYTES: usize = 16 * 1024;

/// Most bytes of a request's message: by its RPC, and by the caller that `CallerLayer` found.
pub(super) fn message_bytes_max<B>(request: &Request<B>) -> usize {
    let is_internal = request.extensions().get::<Caller>() == Some(&Caller::Internal);
    match Route::of(request.uri().path()) {
        Route::Check | Route::Watch => HEALTH_BYTES_MAX,
        _ if !is_internal => STRANGER_BYTES_MAX,
        Route::Webhook => WEBHOOK_BYTES_MAX,
        _ => INTERNAL_BYTES_MAX,
    }
}

/// Reads a body to its end before the server answers. An answer in the middle of an HTTP/1.1 request closes the
/// connection, and the caller may never see it.
pub(super) async fn read_whole(mut body: Body, bytes_max: usize) -> Result<Bytes, Status> {
    let mut kept = BytesMut::new();
    let mut read = 0_usize;
    let mut refused = None;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if error.code() == Code::DeadlineExceeded => return Err(error),
            // The address has no room for these bytes. How many they were is not known.
            Err(error) if error.code() == Code::ResourceExhausted => {
                refused = Some(error);
                read = read.saturating_add(REFUSED_BYTES);
                if read > DISCARDED_BYTES_MAX {
                    break;
                }
                continue;
            }
            Err(_) => return Err(Status::cancelled("the request ended before its body was complete")),
        };
        let Ok(data) = frame.into_data() else { continue };
        read = read.saturating_add(data.len());
        if read > DISCARDED_BYTES_MAX {
            break;
        }
        if read <= bytes_max {
            kept.extend_from_slice(&data);
        }
    }
    if let Some(refused) = refused {
        Err(refused)
    } else if read > bytes_max {
        Err(Status::out_of_range(format!("the message is larger than {bytes_max} bytes")))
    } else {
        Ok(kept.freeze())
    }
}
