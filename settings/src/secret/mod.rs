//! Secrets, given inline or in a file that is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret as _, SecretString};

use crate::keys::SecretForm;
use crate::values::entries;
use crate::watched::FileState;

/// Name of the file in the server's data directory that contains the internal token.
pub const INTERNAL_TOKEN_FILE: &str = "internal-token";

/// A secret and where it comes from. Cheap to clone; the clones look at the same file. `Debug` shows
/// neither value nor length.
#[derive(Clone)]
pub struct SecretSource(Arc<Kind>);

enum Kind {
    Inline(SecretString),
    File { path: PathBuf, form: SecretForm, known: Mutex<Known> },
}

/// What is known about a file.
struct Known {
    /// The file's state at the last look (`Some(None)`: it did not exist). `None` before the first look.
    looked: Option<Option<FileState>>,
    /// The last good secret, or why there has been none.
    secret: Result<SecretString, String>,
    /// Whether the last look found a secret that can be used.
    is_good: bool,
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match *self.0 {
            Kind::Inline(_) => "SecretSource(inline)",
            Kind::File { .. } => "SecretSource(file)",
        })
    }
}

impl SecretSource {
    /// A secret whose text is `text`.
    pub fn inline(text: &str) -> Self {
        Self(Arc::new(Kind::Inline(SecretString::from(text.to_owned()))))
    }

    /// A secret in the file `path`. The file need not exist yet.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::in_file(path.into(), SecretForm::Any)
    }

    fn in_file(path: PathBuf, form: SecretForm) -> Self {
        let secret = Err("it has not been read yet".to_owned());
        let known = Mutex::new(Known { looked: None, secret, is_good: false });
        Self(Arc::new(Kind::File { path, form, known }))
    }

    /// Accepts only secrets of this form. A file with another secret is treated as unreadable.
    ///
    /// # Errors
    /// What is wrong with an inline secret. Files give no error here.
    pub fn checked(self, form: SecretForm) -> Result<Self, &'static str> {
        match &*self.0 {
            Kind::Inline(secret) => check(secret.expose_secret(), form).map(|()| self),
            Kind::File { path, .. } => Ok(Self::in_file(path.clone(), form)),
        }
    }

    /// The file that contains the secret. `None` for an inline secret.
    pub fn path(&self) -> Option<&Path> {
        match &*self.0 {
            Kind::Inline(_) => None,
            Kind::File { path, .. } => Some(path),
        }
    }

    /// Checks at a program's start that the file, if there is one, can be read, and that what it
    /// contains has the secret's form. It may be empty: the secret may come later.
    ///
    /// # Errors
    /// A sentence about the file. It does not contain the secret.
    pub fn check_file(&self) -> Result<(), String> {
        match &*self.0 {
            Kind::Inline(_) => Ok(()),
            Kind::File { path, form, .. } => match read(path)? {
                text if entries(&text).next().is_none() => Ok(()),
                text => check(&text, *form).map_err(|what| format!("{} {what}", path.display())),
            },
        }
    }

    /// Whether what its file contains now cannot be used: it is gone, unreadable, empty or no such
    /// secret. The last good secret stays in use, if there has been one.
    pub fn is_spoilt(&self) -> bool {
        match &*self.0 {
            Kind::Inline(_) => false,
            Kind::File { known, .. } => {
                drop(self.look());
                !known.lock().unwrap_or_else(PoisonError::into_inner).is_good
            }
        }
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
        entries(all.expose_secret()).map(|part| SecretString::from(part.to_owned())).collect()
    }

    /// The newest secret of the list.
    ///
    /// # Errors
    /// A sentence that says why there has been no secret yet.
    pub fn newest(&self) -> Result<SecretString, String> {
        let all = self.look()?;
        let newest = entries(all.expose_secret()).next().ok_or("it is empty")?;
        Ok(SecretString::from(newest.to_owned()))
    }

    fn look(&self) -> Result<SecretString, String> {
        match &*self.0 {
            Kind::Inline(secret) => Ok(secret.clone()),
            Kind::File { path, form, known } => {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.look(path, *form);
                known.secret.clone()
            }
        }
    }
}

impl Known {
    /// Reads the file if it has changed. Each change is logged once.
    fn look(&mut self, path: &Path, form: SecretForm) {
        // The state is read before the file. A later write changes the state, and the next look reads again.
        let state = FileState::of(path);
        if self.looked.as_ref() == Some(&state) {
            return;
        }
        let text = read(path).and_then(|text| match check(&text, form) {
            Ok(()) => Ok(text),
            Err(what) => Err(format!("{} {what}", path.display())),
        });
        self.is_good = text.is_ok();
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

/// Checks each part of a list. The text of an error does not contain the secret.
fn check(text: &str, form: SecretForm) -> Result<(), &'static str> {
    let mut parts = entries(text).peekable();
    parts.peek().ok_or("is empty")?;
    parts.try_for_each(|part| {
        let is_bearer = |head: &str| head.eq_ignore_ascii_case("bearer");
        if form == SecretForm::Any {
            Ok(())
        } else if part.split_ascii_whitespace().next().is_some_and(is_bearer) {
            Err("must be the token alone, without Bearer in front")
        } else if !part.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err("must be visible ASCII characters without spaces")
        } else if form == SecretForm::Issued && part.contains(['"', '\'', '`']) {
            Err("must not stand in quotes")
        } else if form == SecretForm::Issued && part.contains('#') {
            Err("must not hold a #: a comment behind a value is a part of it")
        } else {
            Ok(())
        }
    })
}

fn read(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path);
    text.map(|text| text.trim().to_owned())
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests;
