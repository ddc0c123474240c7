//! Connections: how many a port may have, and when one is evicted or ended.
//!
//! A [`Port`] accepts connections for an HTTP server and never stalls. TLS handshakes run
//! concurrently. The port survives errors such as "too many open files". When it is full, a new
//! connection evicts the connection that has been quiet for longest.
//!
//! The server and the gateway both use it. It knows no RPC and no program's settings.
//!
//! | module | contains |
//! |---|---|
//! | `port` | the accept loop |
//! | `limits` | how many connections a port may have, and how it makes room |
//! | `connections` | the open connections; which of them are evicted or ended |
//! | `activity` | what one connection does |
//! | `connection` | the bytes of one connection, plain or TLS |
//! | `peer` | the caller at the other end, and what keeps the connection busy |
//! | `requests` | the layer that records a connection's requests |
//! | `address` | the address under which a caller's connections are counted |
//! | `tls` | certificates, read again when their files change |

mod activity;
mod address;
mod connection;
mod connections;
mod limits;
mod peer;
mod port;
mod requests;
mod tls;

pub use address::subscriber;
pub use connection::Connection;
pub use connections::Connections;
pub use limits::{ConnectionLimits, SubscriberLimit, WhenFull};
pub use peer::{OpenRequest, Peer, TakenWithin};
pub use port::Port;
pub use requests::{Answering, Counted, Requests, RequestsLayer};
pub use tls::{ClientNames, PemFile, Tls, TlsError};
