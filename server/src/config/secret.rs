//! Secrets: given inline, or as a file that is read again when it changes.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use secrecy::{ExposeSecret as _, SecretString};

use super::source::{ConfigError, Source};

/// A secret and where it comes from. `Debug` shows neither value nor length.
pub struct SecretSource {
    from: From,
}

enum From {
    Inline(SecretString),
    File { path: PathBuf, cached: Mutex<Option<(SystemTime, SecretString)>> },
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.from {
            From::Inline(_) => "SecretSource(inline)",
            From::File { .. } => "SecretSource(file)",
        })
    }
}

impl SecretSource {
    /// A secret given as such.
    pub fn inline(text: &str) -> Self {
        Self { from: From::Inline(SecretString::from(text.to_owned())) }
    }

    /// A secret in a file; read at every change of the file's time.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { from: From::File { path: path.into(), cached: Mutex::default() } }
    }

    /// Reads `name`, or the file that `name_FILE` names. Both is an error, and so is a
    /// file that cannot be read at the start.
    pub(super) fn read(source: &Source, name: &str) -> Result<Option<Self>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (source.get(name), source.get(&file_name)) {
            (Some(_), Some(_)) => {
                Err(ConfigError::new(name, format!("is set together with {file_name}; keep one")))
            }
            (Some(text), None) => Ok(Some(Self::inline(text))),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(_) => Ok(Some(Self::file(path))),
                Err(e) => Err(ConfigError::new(&file_name, format!("{path} cannot be read: {e}"))),
            },
            (None, None) => Ok(None),
        }
    }

    /// The secret as it is now. A file that has gone keeps its last known secret.
    pub fn current(&self) -> Option<SecretString> {
        match &self.from {
            From::Inline(secret) => Some(secret.clone()),
            From::File { path, cached } => {
                let mut cached = cached.lock().unwrap_or_else(PoisonError::into_inner);
                if let Ok(changed) = std::fs::metadata(path).and_then(|meta| meta.modified())
                    && cached.as_ref().is_none_or(|(known, _)| *known != changed)
                    && let Ok(text) = std::fs::read_to_string(path)
                {
                    *cached = Some((changed, SecretString::from(text.trim().to_owned())));
                }
                cached.as_ref().map(|(_, secret)| secret.clone()).filter(|s| !s.expose_secret().is_empty())
            }
        }
    }

    /// The secret as a comma-separated list, empty parts left out: rotation.
    pub fn list(&self) -> Vec<SecretString> {
        let Some(all) = self.current() else { return Vec::new() };
        all.expose_secret()
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| SecretString::from(part.to_owned()))
            .collect()
    }
}
