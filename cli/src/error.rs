//! Errors of the tool: their exit codes, and texts that say what to do.

use tandem_settings::SettingError;
use tandem_settings::exit::{BAD_SETTINGS, REFUSED};
use tonic::{Code, Status};

/// The answer reports a problem, or the server failed.
const BAD_ANSWER: u8 = 1;
/// The server cannot be reached.
const SERVER_AWAY: u8 = 3;
/// Interrupted. Shells use 128 plus the signal's number.
const INTERRUPTED: u8 = 130;

/// Why a command gave no answer. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A setting or argument cannot be used.
    #[error("{0}")]
    Setting(String),
    #[error("the system refused {0}")]
    System(String),
    /// The server cannot be reached, or does not answer in time.
    #[error(
        "no answer from {url} ({why}); is tandem-server running there? TANDEM_SERVER_URL or --server-url names another"
    )]
    ServerAway { url: String, why: String },
    #[error(
        "the server refused the internal token; it must be one of the server's TANDEM_INTERNAL_TOKEN, \
         or what it wrote to internal-token in its data directory (TANDEM_DATA_DIR)"
    )]
    TokenRefused,
    #[error("the server refused the request: {0}; see --help for valid values")]
    Refused(String),
    #[error("{0}; `tandem events list` shows what there is")]
    NotFound(String),
    #[error("{0}; `tandem orders list` shows what there is")]
    NoSuchOrder(String),
    #[error("the server does not know this call: it is older than this tool; upgrade it")]
    OldServer,
    #[error("the server failed: {0}; its log says more")]
    ServerFailed(String),
    /// The operator pressed Ctrl-C.
    #[error("interrupted, {0}; run the same command to continue")]
    Interrupted(&'static str),
}

impl From<SettingError> for CliError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error.to_string())
    }
}

impl CliError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Setting(_) | Self::TokenRefused | Self::Refused(_) => BAD_SETTINGS,
            Self::System(_) => REFUSED,
            Self::ServerAway { .. } => SERVER_AWAY,
            Self::Interrupted(_) => INTERRUPTED,
            Self::NotFound(_) | Self::NoSuchOrder(_) | Self::OldServer | Self::ServerFailed(_) => BAD_ANSWER,
        }
    }

    /// The error for a call's status.
    pub(crate) fn from_status(status: &Status, url: &str) -> Self {
        let message = crate::render::plain(status.message());
        let away = |why: &str| Self::ServerAway { url: url.to_owned(), why: why.to_owned() };
        match status.code() {
            Code::Unauthenticated => Self::TokenRefused,
            Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition | Code::PermissionDenied => {
                Self::Refused(message)
            }
            Code::NotFound => Self::NotFound(message),
            Code::Unimplemented => Self::OldServer,
            Code::DeadlineExceeded | Code::Cancelled => away("it is too slow"),
            Code::Unavailable => match std::error::Error::source(status) {
                Some(_) => away("it cannot be reached"),
                None => away(&message),
            },
            _ => Self::ServerFailed(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_exit_code_and_advice() {
        for (status, code, advice) in [
            (Status::unauthenticated("x"), 2, "TANDEM_INTERNAL_TOKEN"),
            (Status::invalid_argument("page_size: too large"), 2, "page_size"),
            (Status::unavailable("store is full"), 3, "store is full"),
            (Status::deadline_exceeded(""), 3, "TANDEM_SERVER_URL"),
            (Status::not_found("no such event"), 1, "no such event"),
            (Status::unimplemented(""), 1, "upgrade"),
            (Status::internal("bug"), 1, "log"),
        ] {
            let error = CliError::from_status(&status, "http://127.0.0.1:50051");
            assert_eq!(error.exit_code(), code, "{status:?}");
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
