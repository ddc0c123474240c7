//! Connections: how many there may be, what they may cost, and when one is given up.
//!
//! A [`Port`] takes connections for a server of HTTP and never stalls. A TLS handshake runs
//! beside the others. An error such as "too many open files" is survived. A newcomer that finds
//! the port full takes the place of the connection that has been quiet for longest.
//!
//! The server and the gateway both listen on it. It knows no RPC and no program's settings.
//!
//! | module | holds |
//! |---|---|
//! | `port` | the accept loop |
//! | `limits` | how many connections a port may have, and how it makes room |
//! | `connections` | who is connected; who is evicted or ended |
//! | `activity` | what one connection does, noted where it is cheap |
//! | `connection` | the bytes of one connection, plain or TLS |
//! | `peer` | who is at the other end, and what keeps the connection busy |
//! | `requests` | the layer that notes a connection's requests |
//! | `address` | the address that a caller counts under |
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
pub use peer::{OpenRequest, Peer};
pub use port::Port;
pub use requests::{Answering, Counted, Requests, RequestsLayer};
pub use tls::{PemFile, Tls, TlsError};
