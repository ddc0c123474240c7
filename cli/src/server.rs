//! The connection to the server.

use std::time::Duration;

use tandem_proto::stubs::operations_service_client::OperationsServiceClient;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};

use crate::error::CliError;
use crate::settings::Settings;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// For calls whose work grows with what is stored: replaying, erasing.
const LONG_CALL_TIMEOUT: Duration = Duration::from_secs(600);

/// The server's address and the token that calls carry.
pub(crate) struct Server {
    url: String,
    endpoint: Endpoint,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Server {
    pub(crate) fn new(settings: &Settings) -> Result<Self, CliError> {
        Ok(Self {
            url: settings.server.url().to_string(),
            endpoint: settings.server.endpoint()?,
            authorization: settings.authorization.clone(),
        })
    }

    /// Connects, for calls that are answered at once. A stream must begin within the timeout. It may
    /// then stay open for ever.
    pub(crate) async fn operations(&self) -> Result<OperationsServiceClient<Channel>, CliError> {
        self.connect(CALL_TIMEOUT).await
    }

    /// Connects, for calls that go through everything stored.
    pub(crate) async fn long_operations(&self) -> Result<OperationsServiceClient<Channel>, CliError> {
        self.connect(LONG_CALL_TIMEOUT).await
    }

    async fn connect(&self, timeout: Duration) -> Result<OperationsServiceClient<Channel>, CliError> {
        let endpoint = self.endpoint.clone().connect_timeout(CONNECT_TIMEOUT).timeout(timeout);
        let channel = endpoint.connect().await.map_err(|error| self.away(&error))?;
        Ok(OperationsServiceClient::new(channel))
    }

    /// A request that carries the token, if there is one.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    /// The error for a call's status.
    pub(crate) fn error(&self, status: &tonic::Status) -> CliError {
        CliError::from_status(status, self.url.trim_end_matches('/'))
    }

    /// The error for a server that does not answer, or stops answering.
    pub(crate) fn unreachable(&self, why: &str) -> CliError {
        CliError::ServerAway { url: self.url.trim_end_matches('/').to_owned(), why: why.to_owned() }
    }

    fn away(&self, error: &tonic::transport::Error) -> CliError {
        self.unreachable(&innermost(error))
    }
}

/// The innermost cause is the most specific one: "connection refused".
fn innermost(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
