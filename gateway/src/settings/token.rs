//! The token for internal calls: given as such, or in a file that is read again when it
//! changes.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use secrecy::{ExposeSecret as _, SecretString};
use tonic::metadata::{Ascii, MetadataValue};

/// A token and where it comes from. `Debug` shows no part of it.
pub struct Token(Origin);

enum Origin {
    Inline(SecretString),
    File { path: PathBuf, known: Mutex<Known> },
}

/// What is known of the file.
#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    token: Option<SecretString>,
}

/// What tells one state of a file from the next.
type Stamp = (u64, Option<SystemTime>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Origin::Inline(_) => "Token(inline)",
            Origin::File { .. } => "Token(file)",
        })
    }
}

impl Token {
    /// A token given as such. Of a list, which the server takes while tokens are being
    /// changed, the first.
    ///
    /// # Errors
    /// When no header can carry it.
    pub fn inline(text: &str) -> Result<Self, &'static str> {
        read(text).map(|token| Self(Origin::Inline(token)))
    }

    /// A token in a file. The file need not be there yet.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Origin::File { path: path.into(), known: Mutex::default() })
    }

    /// The value of the `authorization` header now; `None` while there is no usable
    /// token. A file that has gone keeps its last one.
    pub(crate) fn current(&self) -> Option<MetadataValue<Ascii>> {
        match &self.0 {
            Origin::Inline(token) => bearer(token),
            Origin::File { path, known } => {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                let stamp = std::fs::metadata(path).ok().map(|metadata| stamp_of(&metadata));
                if stamp.is_some() && stamp != known.stamp {
                    match read_file(path) {
                        Ok(token) => known.token = Some(token),
                        Err(why) => {
                            tracing::error!(path = %path.display(), why, "cannot use the internal token");
                        }
                    }
                    known.stamp = stamp;
                }
                known.token.as_ref().and_then(bearer)
            }
        }
    }
}

fn read_file(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(read(&text)?)
}

fn stamp_of(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.modified().ok())
}

/// The first token of a text.
fn read(text: &str) -> Result<SecretString, &'static str> {
    let first = text.split(',').map(str::trim).find(|token| !token.is_empty()).ok_or("is empty")?;
    if !first.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("must be visible ASCII characters without spaces");
    }
    Ok(SecretString::from(first.to_owned()))
}

fn bearer(token: &SecretString) -> Option<MetadataValue<Ascii>> {
    let mut value = MetadataValue::try_from(format!("Bearer {}", token.expose_secret())).ok()?;
    // Keeps it out of debug output and of header compression.
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(token: &Token) -> Option<String> {
        token.current().map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_file_may_come_later_and_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("internal-token");
        let token = Token::file(&path);
        assert_eq!(shown(&token), None);
        std::fs::write(&path, "").unwrap();
        assert_eq!(shown(&token), None);
        std::fs::write(&path, "first\n").unwrap();
        assert_eq!(shown(&token).as_deref(), Some("Bearer first"));
        std::fs::write(&path, "another\n").unwrap();
        assert_eq!(shown(&token).as_deref(), Some("Bearer another"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(shown(&token).as_deref(), Some("Bearer another"));
    }

    #[test]
    fn unusable_tokens_are_refused() {
        for bad in ["", " , ", "a b", "a\nb", "schlüssel"] {
            assert!(Token::inline(bad).is_err(), "{bad:?}");
        }
        assert_eq!(shown(&Token::inline(" newest, older").unwrap()).as_deref(), Some("Bearer newest"));
        assert!(!format!("{:?}", Token::inline("s3cret").unwrap().current()).contains("s3cret"));
    }
}
