//! The token that a program sends with internal calls.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use tonic::metadata::{Ascii, MetadataValue};

use crate::keys::{TANDEM_DATA_DIR, TANDEM_INTERNAL_TOKEN};
use crate::secret::{INTERNAL_TOKEN_FILE, SecretSource};
use crate::source::{SettingError, Source};

/// The token and where it comes from. `Debug` shows no part of it.
#[derive(Debug)]
pub struct InternalToken(SecretSource);

impl InternalToken {
    /// Finds where the token is. Without a setting it is in the file that the server writes to its data
    /// directory. The file need not exist yet.
    ///
    /// # Errors
    /// [`SettingError`] if the token is given twice, or contains characters that a header cannot contain.
    pub fn read(source: &Source) -> Result<Self, SettingError> {
        let given = source.secret_to_come(TANDEM_INTERNAL_TOKEN)?;
        let folder = || Path::new(source.text(TANDEM_DATA_DIR));
        let secret = given.unwrap_or_else(|| SecretSource::file(folder().join(INTERNAL_TOKEN_FILE)));
        let secret = secret.checked(TANDEM_INTERNAL_TOKEN.form());
        secret.map(Self).map_err(|what| SettingError::new(TANDEM_INTERNAL_TOKEN.key().name, what))
    }

    /// The value of the `authorization` header now. If the setting is a list, which is useful while
    /// tokens are changed, it contains the newest token.
    ///
    /// # Errors
    /// A sentence that says why there is no token.
    pub fn authorization(&self) -> Result<MetadataValue<Ascii>, String> {
        let token = self.0.newest()?;
        bearer(&token).ok_or_else(|| "the internal token cannot be sent".to_owned())
    }
}

fn bearer(token: &SecretString) -> Option<MetadataValue<Ascii>> {
    let mut value = MetadataValue::try_from(format!("Bearer {}", token.expose_secret())).ok()?;
    // Keeps the token out of debug output and of header compression.
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Program;

    fn read(pairs: &[(&str, &str)]) -> Result<InternalToken, String> {
        let source = Source::from_variables(Program::Gateway, pairs.iter().copied()).unwrap();
        InternalToken::read(&source).map_err(|error| error.to_string())
    }

    #[test]
    fn the_newest_of_a_list_is_sent_and_debug_shows_none() {
        let token = read(&[("TANDEM_INTERNAL_TOKEN", " newest, older")]).unwrap();
        let value = token.authorization().unwrap();
        assert_eq!(value.to_str().unwrap(), "Bearer newest");
        assert!(!format!("{token:?} {value:?}").contains("newest"));
    }

    #[test]
    fn the_data_directory_holds_it_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let token = read(&[("TANDEM_DATA_DIR", folder.path().to_str().unwrap())]).unwrap();
        assert!(token.authorization().unwrap_err().contains("internal-token cannot be read"));
        std::fs::write(folder.path().join("internal-token"), "theirs\n").unwrap();
        assert_eq!(token.authorization().unwrap().to_str().unwrap(), "Bearer theirs");
    }

    #[test]
    fn tokens_that_no_header_can_carry_are_refused_and_not_shown() {
        for bad in [" , ", "a s3cret", "a\ns3cret", "s3crèt"] {
            let error = read(&[("TANDEM_INTERNAL_TOKEN", bad)]).unwrap_err();
            assert!(error.starts_with("TANDEM_INTERNAL_TOKEN: ") && !error.contains("s3c"), "{error}");
        }
    }
}
