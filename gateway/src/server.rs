//! The connection to the server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tandem_settings::client::ServerAddress;
use tandem_settings::{FileState, SettingError};
use tonic::transport::{Channel, Endpoint};

/// Longest wait for a connection to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// How often a connection is checked, and for how long its answer is waited for: a
/// server that vanished without a word is noticed within the sum.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// The server's address, and the connection to it.
#[derive(Debug)]
pub struct Server {
    address: ServerAddress,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    files: Vec<Option<FileState>>,
    endpoint: Endpoint,
    channel: Option<Channel>,
}

impl Server {
    /// Prepares the connection, and makes none yet.
    pub(crate) fn new(address: ServerAddress) -> Result<Self, SettingError> {
        let files = address.file_states();
        let endpoint = endpoint(&address)?;
        Ok(Self { address, known: Mutex::new(Known { files, endpoint, channel: None }) })
    }

    /// Whether the gateway shows a certificate, which the server may take for the token.
    pub(crate) fn is_shown_a_certificate(&self) -> bool {
        self.address.is_shown_a_certificate()
    }

    /// A channel that connects when it is first used, and again when it broke. Certificates
    /// that have changed make a new one; ones that cannot be used change nothing.
    pub(crate) fn channel(&self) -> Channel {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.address.file_states();
        if files != known.files {
            match endpoint(&self.address) {
                Ok(endpoint) => {
                    known.endpoint = endpoint;
                    known.channel = None;
                }
                Err(error) => {
                    tracing::warn!(%error, "the changed certificates cannot be used; the ones before stay");
                }
            }
            // Noted either way: one change is one line in the log.
            known.files = files;
        }
        let Known { endpoint, channel, .. } = &mut *known;
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
