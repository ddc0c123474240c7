//! The embedded files.

/// Where the package stands.
pub(super) const PREFIX: &str = "/web";

/// A file of the package.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: &'static str,
    /// Digest of the content.
    pub(super) etag: &'static str,
    /// For the attribute `integrity`.
    pub(super) integrity: &'static str,
    pub(super) plain: &'static [u8],
    pub(super) gzipped: &'static [u8],
}

/// The files of one build.
#[derive(Debug)]
pub struct Package {
    /// Digest of all files, the name of their folder.
    pub(super) folder: &'static str,
    pub(super) files: &'static [File],
}

impl Package {
    pub(super) fn file(&self, name: &str) -> Option<&File> {
        self.files.iter().find(|file| file.name == name)
    }
}
