//! The settings that the tool needs to call the server. `tandem-settings` reads their texts.
//! Arguments override them.

use secrecy::SecretString;
use tandem_settings::client::{InternalToken, ServerAddress};
use tandem_settings::{SecretSource, Source, keys};
use tonic::metadata::{Ascii, MetadataValue};

use crate::error::CliError;
use crate::groups::Connection;

/// Everything a command needs to call the server.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The server's address, and how TLS to it is checked.
    pub(crate) server: ServerAddress,
    /// Value of the `authorization` header. It is marked sensitive, so `Debug` shows no part of it.
    /// `None` when a client certificate replaces the token.
    pub(crate) authorization: Option<MetadataValue<Ascii>>,
    /// Cashfree's client secrets of the sandbox and of production. Only doctor's ping uses them.
    cashfree: [Option<SecretSource>; 2],
}

impl Settings {
    pub(crate) fn read(source: &Source, connection: &Connection) -> Result<Self, CliError> {
        let server = ServerAddress::read(source, connection.server_url.as_deref(), connection.insecure)?;
        let authorization = match InternalToken::read(source)?.authorization() {
            Ok(authorization) => Some(authorization),
            Err(_) if server.is_shown_a_certificate() => None,
            Err(why) => {
                return Err(CliError::Setting(format!(
                    "no internal token: {why}; set TANDEM_INTERNAL_TOKEN or TANDEM_INTERNAL_TOKEN_FILE, or point \
                     TANDEM_DATA_DIR at the server's data directory"
                )));
            }
        };
        let cashfree = [
            source.secret_to_come(keys::CASHFREE_CLIENT_SECRET)?,
            source.secret_to_come(keys::CASHFREE_CLIENT_SECRET_PRODUCTION)?,
        ];
        Ok(Self { server, authorization, cashfree })
    }

    /// Cashfree's client secret for `SANDBOX` or `PRODUCTION`, if there is one. Of a list, the newest.
    pub(crate) fn cashfree_secret(&self, environment: &str) -> Result<Option<SecretString>, CliError> {
        let [sandbox, production] = &self.cashfree;
        let given = match environment {
            "PRODUCTION" => production.as_ref().or(sandbox.as_ref()),
            _ => sandbox.as_ref(),
        };
        let unusable = |why| CliError::Setting(format!("Cashfree's client secret: {why}"));
        given.map(|secret| secret.newest().map_err(unusable)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use tandem_settings::Program;

    use super::*;

    fn read(pairs: &[(&str, &str)], server_url: Option<&str>) -> Result<Settings, String> {
        let source = Source::from_variables(Program::Tool, pairs.iter().copied()).unwrap();
        let connection = Connection { server_url: server_url.map(str::to_owned), insecure: false };
        Settings::read(&source, &connection).map_err(|error| error.to_string())
    }

    const TOKEN: (&str, &str) = ("TANDEM_INTERNAL_TOKEN", "s3cret");

    #[test]
    fn arguments_win_over_settings() {
        let variable = ("TANDEM_SERVER_URL", "http://127.0.0.1:2");
        assert_eq!(read(&[variable, TOKEN], None).unwrap().server.url().port(), Some(2));
        let settings = read(&[variable, TOKEN], Some("http://127.0.0.1:3")).unwrap();
        assert_eq!(settings.server.url().port(), Some(3));
        assert!(!format!("{settings:?}").contains("s3cret"));
        assert_eq!(settings.authorization.unwrap().to_str().unwrap(), "Bearer s3cret");
    }

    #[test]
    fn a_missing_token_says_where_it_was_looked_for() {
        let error = read(&[("TANDEM_DATA_DIR", "/does/not/exist")], None).unwrap_err();
        assert!(error.contains("/does/not/exist/internal-token") && error.contains("TANDEM_DATA_DIR"));
    }

    #[test]
    fn cashfrees_secret_is_the_environments_and_is_read_when_it_is_needed() {
        use secrecy::ExposeSecret as _;
        let settings = read(
            &[
                TOKEN,
                ("CASHFREE_CLIENT_SECRET", "newest, older"),
                ("CASHFREE_CLIENT_SECRET_PRODUCTION_FILE", "/does/not/exist"),
            ],
            None,
        )
        .unwrap();
        let sandbox = settings.cashfree_secret("SANDBOX").unwrap().unwrap();
        assert_eq!(sandbox.expose_secret(), "newest");
        assert!(settings.cashfree_secret("PRODUCTION").unwrap_err().to_string().contains("/does/not/exist"));
    }
}
