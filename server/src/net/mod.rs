//! Connections: how many there may be, what they may cost, and when one is given up.
//!
//! A [`Port`] takes connections for a server of HTTP and never stalls: a TLS handshake runs
//! beside the others, an error such as "too many open files" is survived, and a newcomer
//! that finds the port full takes the place of whoever has been quiet longest.
//!
//! | module | holds |
//! |---|---|
//! | `port` | the accept loop |
//! | `registry` | who is connected; who leaves |
//! | `meter` | what one connection does, noted where it is cheap |
//! | `connection` | the bytes of one connection, plain or TLS |
//! | `requests` | the layer that tells a meter of its requests |
//! | `tls` | certificates, read again when their files change |

mod connection;
mod meter;
mod port;
mod registry;
mod requests;
mod tls;

pub use connection::{Connection, Peer};
pub use port::Port;
pub use registry::Bounds;
pub use requests::RequestsLayer;
pub use tls::{Tls, TlsFault};
