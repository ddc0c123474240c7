//! The data directory belongs to its owner alone: what is in it is personal data, hashes included, or a secret.
//! On systems without Unix permissions all of this does nothing.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The files of the store. SQLite gives its log and its index the database's mode when it makes them.
pub(crate) const DATABASE: &str = "tandem.db";
pub(crate) const LOCK: &str = "tandem.lock";
/// Files in the data directory, as far as they are there.
const FILES: [&str; 5] =
    [DATABASE, "tandem.db-wal", "tandem.db-shm", LOCK, tandem_settings::INTERNAL_TOKEN_FILE];

/// Creates the directory if it is missing, and takes it and the files in it from everybody but their owner. What
/// cannot be taken is told by [`open_to_others`].
///
/// # Errors
/// The directory cannot be created.
pub(crate) fn make_private(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    for path in places(dir) {
        close(&path);
    }
    Ok(())
}

/// Opens a file for reading and writing, or makes one that only its owner may read.
pub(crate) fn file(path: &Path, truncate: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What in the data directory others may enter or read, as it follows the directory's name: nothing for itself,
/// `/name` for a file.
pub(crate) fn open_to_others(dir: &Path) -> Vec<String> {
    let name = |path: PathBuf| match path.strip_prefix(dir) {
        Ok(rest) if !rest.as_os_str().is_empty() => format!("/{}", rest.display()),
        _ => String::new(),
    };
    places(dir).filter(|path| others_may(path).is_some()).map(name).collect()
}

fn places(dir: &Path) -> impl Iterator<Item = PathBuf> {
    std::iter::once(dir.to_owned()).chain(FILES.map(|name| dir.join(name)))
}

/// The mode of what others may use; `None` if they may not, or nothing is there.
#[cfg(unix)]
fn others_may(path: &Path) -> Option<u32> {
    const OTHERS: u32 = 0o077;
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).ok()?.permissions());
    (mode & OTHERS != 0).then_some(mode & !OTHERS)
}

#[cfg(not(unix))]
fn others_may(_path: &Path) -> Option<u32> {
    None
}

/// Another owner's file stays as it is, and so does a directory that all share, such as `/tmp`.
fn close(path: &Path) {
    #[cfg(unix)]
    if let Some(mode) = others_may(path) {
        const SHARED: u32 = 0o1000;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode & 0o7777);
        if mode & SHARED == 0
            && let Err(error) = std::fs::set_permissions(path, permissions)
        {
            tracing::warn!(path = %path.display(), %error, "others may read this, and it cannot be changed");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_directory_that_was_open_is_closed_with_what_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        for name in FILES {
            std::fs::write(dir.path().join(name), "x").unwrap();
            std::fs::set_permissions(dir.path().join(name), PermissionsExt::from_mode(0o644)).unwrap();
        }
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(open_to_others(dir.path()).len(), 1 + FILES.len());
        make_private(dir.path()).unwrap();
        assert_eq!(mode(dir.path()), 0o700);
        for name in FILES {
            assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
        }
        assert_eq!(open_to_others(dir.path()), [""; 0]);
    }

    #[test]
    fn a_directory_that_all_share_stays_theirs_and_is_told_of() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o1777)).unwrap();
        make_private(dir.path()).unwrap();
        assert_eq!(mode(dir.path()), 0o1777);
        assert_eq!(open_to_others(dir.path()), [""]);
    }

    #[test]
    fn what_is_made_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        make_private(&inner).unwrap();
        drop(file(&inner.join(LOCK), false).unwrap());
        assert_eq!((mode(&inner), mode(&inner.join(LOCK))), (0o700, 0o600));
    }
}
