//! The connection to the server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tandem_settings::client::ServerAddress;
use tandem_settings::{FileState, SettingError};
use tonic::transport::{Channel, Endpoint};

/// Longest wait for a connection to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How often a connection is checked, and the longest wait for the reply. The gateway notices within
/// the sum of both that the server has vanished.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// The server's address, and the connection to it.
#[derive(Debug)]
pub struct Server {
    address: ServerAddress,
    connection: Mutex<Connection>,
}

#[derive(Debug)]
struct Connection {
    files: Vec<Option<FileState>>,
    endpoint: Endpoint,
    channel: Option<Channel>,
}

impl Server {
    /// Prepares the connection, but does not connect yet.
    pub(crate) fn new(address: ServerAddress) -> Result<Self, SettingError> {
        let files = address.file_states();
        let endpoint = endpoint(&address)?;
        Ok(Self { address, connection: Mutex::new(Connection { files, endpoint, channel: None }) })
    }

    /// Whether the gateway presents a certificate. The server may accept it instead of the token.
    pub fn is_shown_a_certificate(&self) -> bool {
        self.address.is_shown_a_certificate()
    }

    /// A channel that connects on its first use, and reconnects when the connection breaks. Changed
    /// certificates give a new channel. If they cannot be used, the old channel stays.
    pub(crate) fn channel(&self) -> Channel {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.address.file_states();
        if files != connection.files {
            match endpoint(&self.address) {
                Ok(endpoint) => {
                    connection.endpoint = endpoint;
                    connection.channel = None;
                }
                Err(error) => {
                    tracing::warn!(%error, "the changed certificates cannot be used; the old ones stay in use");
                }
            }
            // The new state is stored in both cases, so that one change gives one line in the log.
            connection.files = files;
        }
        let Connection { endpoint, channel, .. } = &mut *connection;
        channel.get_or_insert_with(|| endpoint.connect_lazy()).clone()
    }
}

fn endpoint(address: &ServerAddress) -> Result<Endpoint, SettingError> {
    let endpoint = address.endpoint()?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT))
}
