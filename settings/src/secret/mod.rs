//! Secrets, given inline or in a file that is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use crate::watched::FileState;

/// Name of the file in the server's data directory that contains the internal token.
pub const INTERNAL_TOKEN_FILE: &str = "internal-token";

/// A secret and where it comes from. `Debug` shows neither value nor length.
pub struct SecretSource(Kind);

enum Kind {
    Inline(SecretString),
    File { path: PathBuf, usable: Check, known: Mutex<Known> },
}

/// Says what is wrong with a secret. The text must not contain the secret.
type Check = fn(&str) -> Result<(), &'static str>;

/// What is known about a file.
struct Known {
    /// The file's state at the last look (`Some(None)`: it did not exist). `None` before the first look.
    looked: Option<Option<FileState>>,
    /// The last good secret, or why there has been none.
    secret: Result<SecretString, String>,
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Kind::Inline(_) => "SecretSource(inline)",
            Kind::File { .. } => "SecretSource(file)",
        })
    }
}

impl SecretSource {
    /// A secret whose text is `text`.
    pub fn inline(text: &str) -> Self {
        Self(Kind::Inline(SecretString::from(text.to_owned())))
    }

    /// A secret in the file `path`. The file need not exist yet.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::file(path.into(), |_| Ok(())))
    }

    /// Accepts only secrets whose newest part `usable` accepts. A file with another secret is treated
    /// as unreadable.
    ///
    /// # Errors
    /// The text from `usable` that says what is wrong with an inline secret. Files give no error here.
    pub fn checked(self, usable: Check) -> Result<Self, &'static str> {
        match self.0 {
            Kind::Inline(secret) => {
                check(secret.expose_secret(), usable)?;
                Ok(Self(Kind::Inline(secret)))
            }
            Kind::File { path, .. } => Ok(Self(Kind::file(path, usable))),
        }
    }

    /// The file that contains the secret. `None` for an inline secret.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Inline(_) => None,
            Kind::File { path, .. } => Some(path),
        }
    }

    /// Whether the file, if there is one, can be read now.
    pub(crate) fn check_file(&self) -> Result<(), String> {
        self.path().map_or(Ok(()), |path| read(path).map(drop))
    }

    /// The secret as it is now. While its file is empty, unreadable or gone, this is the last good
    /// secret. `None` if there has been none yet.
    pub fn current(&self) -> Option<SecretString> {
        self.look().ok()
    }

    /// The secrets of a comma-separated list, the newest first, without empty parts. A list makes it
    /// possible to change a secret without a break.
    pub fn list(&self) -> Vec<SecretString> {
        let Some(all) = self.current() else { return Vec::new() };
        parts(all.expose_secret()).map(|part| SecretString::from(part.to_owned())).collect()
    }

    /// The newest secret of the list.
    ///
    /// # Errors
    /// A sentence that says why there has been no secret yet.
    pub fn newest(&self) -> Result<SecretString, String> {
        let all = self.look()?;
        let newest = parts(all.expose_secret()).next().ok_or("it is empty")?;
        Ok(SecretString::from(newest.to_owned()))
    }

    fn look(&self) -> Result<SecretString, String> {
        match &self.0 {
            Kind::Inline(secret) => Ok(secret.clone()),
            Kind::File { path, usable, known } => {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.look(path, *usable);
                known.secret.clone()
            }
        }
    }
}

impl Kind {
    fn file(path: PathBuf, usable: Check) -> Self {
        let known = Known { looked: None, secret: Err("it has not been read yet".to_owned()) };
        Self::File { path, usable, known: Mutex::new(known) }
    }
}

impl Known {
    /// Reads the file if it has changed. Each change is logged once.
    fn look(&mut self, path: &Path, usable: Check) {
        // The state is read before the file. A later write changes the state, and the next look reads again.
        let state = FileState::of(path);
        if self.looked.as_ref() == Some(&state) {
            return;
        }
        let text = read(path).and_then(|text| match check(&text, usable) {
            Ok(()) => Ok(text),
            Err(what) => Err(format!("{} {what}", path.display())),
        });
        match text {
            Ok(text) => self.secret = Ok(SecretString::from(text)),
            Err(error) => {
                let stays = if self.secret.is_ok() { "; the last good one stays in use" } else { "" };
                tracing::error!("a secret cannot be used: {error}{stays}");
                self.secret = self.secret.clone().or(Err(error));
            }
        }
        self.looked = Some(state);
    }
}

fn check(text: &str, usable: Check) -> Result<(), &'static str> {
    usable(parts(text).next().ok_or("is empty")?)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    text.map(|text| text.trim().to_owned())
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests;
