//! Searches files for a text in every spelling in which a program could have written it.

use std::path::{Path, PathBuf};

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

#[derive(Debug)]
pub struct Needle {
    label: String,
    /// Spellings that are found in any case: plain, hex, URL-encoded. They are stored in lower case.
    caseless: Vec<String>,
    /// Spellings that are found only as they are: base64.
    exact: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub label: String,
    pub spelling: String,
    pub file: PathBuf,
}

impl Needle {
    /// All spellings of `text`: plain, hex, base64 in its three alignments and both alphabets, URL-encoded and
    /// JSON-escaped; each as given, in lower case and in upper case.
    #[must_use]
    pub fn new(label: &str, text: &str) -> Self {
        let (mut caseless, mut exact) = (vec![text.to_lowercase()], Vec::new());
        for text in [text.to_owned(), text.to_lowercase(), text.to_uppercase()] {
            caseless.push(hex::encode(&text));
            caseless.push(url_encoded(&text).to_lowercase());
            caseless.push(json_escaped(&text));
            for alignment in 0..3 {
                exact.push(base64_inner(&STANDARD_NO_PAD, alignment, &text));
                exact.push(base64_inner(&URL_SAFE_NO_PAD, alignment, &text));
            }
        }
        for spellings in [&mut caseless, &mut exact] {
            spellings.sort();
            spellings.dedup();
        }
        Self { label: label.to_owned(), caseless, exact }
    }

    /// The spelling in which the text occurs in `haystack`, or `None`.
    #[must_use]
    pub fn spelling_in(&self, haystack: &Haystack) -> Option<&str> {
        let caseless = self.caseless.iter().find(|spelling| haystack.lower.contains(spelling.as_str()));
        let exact = || self.exact.iter().find(|spelling| haystack.text.contains(spelling.as_str()));
        caseless.or_else(exact).map(String::as_str)
    }
}

/// Bytes that are prepared for a search.
#[derive(Debug)]
pub struct Haystack {
    text: String,
    lower: String,
}

impl Haystack {
    /// Prepares bytes. Needles are ASCII, so bytes that are not text can be replaced.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Self { lower: text.to_ascii_lowercase(), text }
    }
}

/// Searches all files below `folders`.
///
/// # Errors
/// When a folder cannot be read. A file that vanishes during the search is no error.
pub fn search(folders: &[&Path], needles: &[Needle]) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    for file in files_below(folders)? {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let haystack = Haystack::new(&bytes);
        for needle in needles {
            if let Some(spelling) = needle.spelling_in(&haystack) {
                let (label, spelling) = (needle.label.clone(), spelling.to_owned());
                found.push(Found { label, spelling, file: file.clone() });
            }
        }
    }
    Ok(found)
}

/// All files below these folders. A path that names a file gives that file.
///
/// # Errors
/// When a folder cannot be read.
pub fn files_below(folders: &[&Path]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// The characters of a base64 text that depend only on `text`, if `alignment` other bytes precede it.
fn base64_inner(engine: &impl base64::Engine, alignment: usize, text: &str) -> String {
    let mut bytes = vec![0; alignment];
    bytes.extend(text.as_bytes());
    let encoded = engine.encode(&bytes);
    let start = [0, 2, 3][alignment];
    let end = bytes.len() / 3 * 4;
    encoded[start..end].to_owned()
}

fn url_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Writes every character that is not a letter or a digit as `\u00XX`.
fn json_escaped(text: &str) -> String {
    let escape = |c: char| if c.is_alphanumeric() { c.to_string() } else { format!("\\u{:04x}", c as u32) };
    text.chars().map(escape).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    #[test]
    fn finds_every_spelling_that_was_planted() {
        let secret = "Asha+x@Example.com";
        let needle = Needle::new("e-mail", secret);
        let mut planted = vec![
            secret.as_bytes().to_vec(),
            secret.to_uppercase().into_bytes(),
            hex::encode(secret).into_bytes(),
            hex::encode_upper(secret.to_lowercase()).into_bytes(),
            b"u=Asha%2Bx%40Example.com".to_vec(),
            b"u=asha%2bx%40example.com".to_vec(),
            br#""asha\u002bx\u0040example\u002ecom""#.to_vec(),
        ];
        for before in ["", "a", "ab", "abc"] {
            planted.push(STANDARD.encode(format!("{before}{secret} and more")).into_bytes());
            planted.push(URL_SAFE.encode(format!("{before}{}?", secret.to_lowercase())).into_bytes());
        }
        for bytes in planted {
            let mut around = vec![0xff, 0x00, 0xfe];
            around.extend(&bytes);
            around.extend([0xc3, 0x28]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(needle.spelling_in(&Haystack::new(&around)).is_some(), "missed {text}");
        }
        let clean = Haystack::new(b"asha x at example dot com 4173686120");
        assert_eq!(needle.spelling_in(&clean), None);
    }

    #[test]
    fn searches_files_in_folders_of_folders() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner)?;
        std::fs::write(inner.join("store.db-wal"), b"\x00\x019876501234\xff")?;
        std::fs::write(folder.path().join("clean.log"), b"nothing")?;
        let found = search(&[folder.path()], &[Needle::new("phone", "9876501234")])?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, inner.join("store.db-wal"));
        Ok(())
    }
}
