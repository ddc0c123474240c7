//! Types of `tandem.v1`, generated at build time from `proto/tandem/v1/`.
//!
//! Messages with personal data print only their name in `Debug`.

#![warn(missing_docs)]

// Docs and lints do not apply to generated code.
#[allow(missing_docs, clippy::all, unreachable_pub)]
/// Messages, enums and the HTTP/2 paths of the methods.
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/tandem.v1.rs"));
}

/// Generated tonic clients and servers.
#[cfg(any(feature = "client", feature = "server"))]
#[allow(missing_docs, clippy::all, unreachable_pub, missing_debug_implementations)]
pub mod stubs {
    include!(concat!(env!("OUT_DIR"), "/stubs/tandem.v1.rs"));
}

/// The encoded `FileDescriptorSet` of all services, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Implements a `Debug` that prints only the name of the message, for messages with personal data.
macro_rules! opaque_debug {
    ($($message:ident),+) => {$(
        impl core::fmt::Debug for v1::$message {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($message), " { .. }"))
            }
        }
    )+};
}
opaque_debug!(User, Browser, VerifyWebhookRequest, ErasePersonRequest);
