//! Reads a shop from paths: pages, the scripts that they load, and single scripts.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::shop::Shop;

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Most files that are read from all paths together.
const FILES_MAX: usize = 20_000;
/// How deep folders are followed.
const DEPTH_MAX: usize = 32;
/// Folders that do not contain the shop's own pages.
const SKIPPED: [&str; 2] = ["node_modules", "bower_components"];

/// Why a path could not be read. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system cannot open or read the path.
    #[error("cannot read {path}: {why}")]
    Unreadable {
        /// The path as it was given, or found.
        path: String,
        why: std::io::Error,
    },
    /// The file's name is not that of a page or a script.
    #[error(
        "{0} is neither a page nor a script by its name; give .html, .js or .ts files, or folders of them"
    )]
    UnknownKind(String),
    /// The folder contains no page and no script.
    #[error("{0} contains no page and no script; give .html, .js or .ts files, or folders of them")]
    Empty(String),
    /// The file is larger than 16 MiB.
    #[error("{0} is larger than 16 MiB; leave it out, or check its sources")]
    TooLarge(String),
    /// The paths contain more than 20,000 files.
    #[error("there are over 20000 files; check the folders one by one")]
    TooMany,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Page,
    Script,
}

/// The kind of a file, by its name.
fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    if name.ends_with(".d.ts") || name.ends_with(".d.mts") {
        return None;
    }
    match name.rsplit_once('.')?.1 {
        "html" | "htm" | "xhtml" | "php" | "phtml" | "liquid" | "twig" | "jinja" | "j2" | "hbs" | "ejs"
        | "erb" => Some(Kind::Page),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" => Some(Kind::Script),
        _ => None,
    }
}

/// Reads files and folders. Also reads the scripts that a page loads, if they lie in one of the folders: in those that
/// are given, or in those of files that are given. Nothing beside them is read, whatever a page or a link names.
///
/// # Errors
/// [`ReadError`] if a path cannot be read, contains nothing to check, or exceeds a limit.
pub fn read(paths: &[PathBuf]) -> Result<Shop, ReadError> {
    let mut roots = Vec::new();
    for path in paths {
        let real = std::fs::canonicalize(path).map_err(|why| unreadable(path, why))?;
        roots.push(match real.is_dir() {
            true => real,
            false => real.parent().map(Path::to_path_buf).unwrap_or_default(),
        });
    }
    let mut reader = Reader { shop: Shop::default(), scripts: HashMap::new(), pages: Vec::new(), roots };
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|why| unreadable(path, why))?;
        let before = reader.shop.len();
        if metadata.is_dir() {
            let mut files = Vec::new();
            walk(path, 0, &mut files)?;
            files.sort();
            files.retain(|(file, _)| reader.may_read(file));
            for (file, kind) in files {
                reader.add(&file, kind, path)?;
            }
            if reader.shop.len() == before {
                return Err(ReadError::Empty(path.display().to_string()));
            }
        } else {
            let kind = kind(path).ok_or_else(|| ReadError::UnknownKind(path.display().to_string()))?;
            let root = path.parent().map(Path::to_path_buf).unwrap_or_default();
            reader.add(path, kind, &root)?;
        }
    }
    reader.link()?;
    Ok(reader.shop)
}

fn unreadable(path: &Path, why: std::io::Error) -> ReadError {
    ReadError::Unreadable { path: path.display().to_string(), why }
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<(PathBuf, Kind)>) -> Result<(), ReadError> {
    let entries = std::fs::read_dir(folder).map_err(|why| unreadable(folder, why))?;
    for entry in entries {
        let entry = entry.map_err(|why| unreadable(folder, why))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        // Links to folders are not followed, because they may form a loop.
        let is_folder = entry.file_type().map_err(|why| unreadable(&path, why))?.is_dir();
        if is_folder && depth < DEPTH_MAX {
            walk(&path, depth + 1, files)?;
        } else if let Some(kind) = kind(&path).filter(|_| path.is_file()) {
            files.push((path, kind));
        }
        if files.len() > FILES_MAX {
            return Err(ReadError::TooMany);
        }
    }
    Ok(())
}

struct Reader {
    shop: Shop,
    /// Each script that was read, by its path without `.` and `a/..`.
    scripts: HashMap<PathBuf, usize>,
    /// Each page: its index, its own path, and the folder that is used as the site's root.
    pages: Vec<(usize, PathBuf, PathBuf)>,
    /// The folders that may be read, without links.
    roots: Vec<PathBuf>,
}

impl Reader {
    /// Whether a file lies in one of the folders, after its links were followed.
    fn may_read(&self, file: &Path) -> bool {
        std::fs::canonicalize(file).is_ok_and(|real| self.roots.iter().any(|root| real.starts_with(root)))
    }

    fn add(&mut self, path: &Path, kind: Kind, root: &Path) -> Result<(), ReadError> {
        match kind {
            Kind::Page => {
                let page = self.shop.add_page(path.display().to_string(), text(path)?);
                self.pages.push((page, path.to_path_buf(), root.to_path_buf()));
            }
            Kind::Script => {
                self.script(path)?;
            }
        }
        Ok(())
    }

    fn script(&mut self, path: &Path) -> Result<usize, ReadError> {
        let key = straight(path);
        if let Some(script) = self.scripts.get(&key) {
            return Ok(*script);
        }
        let script = self.shop.add_script(path.display().to_string(), text(path)?);
        self.scripts.insert(key, script);
        Ok(script)
    }

    /// Finds the scripts that pages load, and reads those that were not read yet.
    fn link(&mut self) -> Result<(), ReadError> {
        for (page, path, root) in std::mem::take(&mut self.pages) {
            for (element, address) in self.shop.links(page) {
                let Some(file) = beside(&path, &root, &address).filter(|file| self.may_read(file)) else {
                    continue;
                };
                if self.shop.len() > FILES_MAX {
                    return Err(ReadError::TooMany);
                }
                let script = self.script(&file)?;
                self.shop.link(page, element, script);
            }
        }
        Ok(())
    }
}

fn text(path: &Path) -> Result<String, ReadError> {
    let length = std::fs::metadata(path).map_err(|why| unreadable(path, why))?.len();
    if length > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge(path.display().to_string()));
    }
    let bytes = std::fs::read(path).map_err(|why| unreadable(path, why))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file that an address on a page refers to, if there is one.
fn beside(page: &Path, root: &Path, address: &str) -> Option<PathBuf> {
    let address = address.split(['?', '#']).next()?;
    // An address with a host, or with a template's placeholder, does not name a local file.
    if address.contains("://")
        || address.starts_with("//")
        || address.contains(['{', '<'])
        || address.is_empty()
    {
        return None;
    }
    let file = match address.strip_prefix('/') {
        Some(from_root) => root.join(from_root),
        None => page.parent()?.join(address),
    };
    let file = straight(&file);
    (kind(&file) == Some(Kind::Script) && file.is_file()).then_some(file)
}

/// A path without `.` and `a/..`.
fn straight(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(straight.components().next_back(), Some(Component::Normal(_))) =>
            {
                straight.pop();
            }
            other => straight.push(other),
        }
    }
    straight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_beside_the_given_folders_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("shop/index.html", "<script src='../private/a.js'></script><script src=/in.js></script>");
        write("shop/in.js", "b()");
        write("private/a.js", "secret()");
        std::os::unix::fs::symlink(folder.path().join("private/a.js"), folder.path().join("shop/link.js"))
            .unwrap();
        let (shop, page) = (folder.path().join("shop"), folder.path().join("shop/index.html"));
        for given in [&shop, &page] {
            let read = read(std::slice::from_ref(given)).unwrap();
            assert_eq!(read.len(), 2, "{given:?}");
            assert!(read.sources().iter().all(|source| !source.text().contains("secret")));
        }
        assert_eq!(read(&[shop, folder.path().join("private")]).unwrap().len(), 4);
    }

    #[test]
    fn a_folder_is_read_with_what_its_pages_load_and_without_packages() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("shop/index.html", "<script src='../js/a.js?v=1'></script><script src=/js/b.js></script>");
        write("js/a.js", "a()");
        write("js/b.js", "b()");
        write("node_modules/x/c.js", "fbq()");
        write("style.css", "");
        let shop = read(&[folder.path().to_path_buf()]).unwrap();
        assert_eq!(shop.len(), 3);
        assert_eq!(shop.pages[0].loads.len(), 2);

        write("shop/js/c.js", "c()");
        write("shop/one.html", "<script src='js/c.js'></script><script src=./../shop/js/c.js></script>");
        let one = read(&[folder.path().join("shop/one.html")]).unwrap();
        assert_eq!((one.len(), one.pages[0].loads.len()), (2, 2), "the page and the script below it");
    }

    #[test]
    fn what_cannot_be_looked_at_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| read(&[path.to_path_buf()]).unwrap_err().to_string();
        assert!(error(folder.path()).contains("contains no page"));
        assert!(error(&folder.path().join("absent.html")).contains("cannot read"));
        std::fs::write(folder.path().join("a.css"), "").unwrap();
        assert!(error(&folder.path().join("a.css")).contains("neither a page nor a script"));
    }
}
