//! gRPC-web: frames and statuses.
//!
//! Protocol: gRPC's "PROTOCOL-WEB" (binary form, `application/grpc-web+proto`).

pub(crate) mod base64;
pub(crate) mod framing;
pub(crate) mod status;
