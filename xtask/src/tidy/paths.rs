//! Checks that documents and doc comments name only files that exist.

use std::collections::BTreeSet;

/// Extensions of files that documents name.
const EXTENSIONS: [&str; 7] = ["rs", "toml", "md", "js", "sql", "proto", "sh"];
/// Paths that a build makes.
const ELSEWHERE: [&str; 4] = ["target/", "web-client/pkg", "tandem_web.js", "tandem_normaliser.js"];

/// A path that a text names, and its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) path: String,
    /// Name of a function that the file must contain: the part behind `::`.
    pub(super) item: Option<String>,
}

/// Paths in a document.
pub(super) fn in_document(text: &str) -> Vec<Mention> {
    in_lines(text.lines().enumerate())
}

/// Paths in a source's doc comments.
pub(super) fn in_doc_comments(text: &str) -> Vec<Mention> {
    let comments = text.lines().enumerate().filter_map(|(i, line)| {
        let line = line.trim_start();
        Some((i, line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))?))
    });
    in_lines(comments)
}

fn in_lines<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (i, line) in lines {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        // Back-ticks split the line. Every second piece is inside of them.
        for token in line.split('`').skip(1).step_by(2).filter(|_| !is_code) {
            let (path, item) = match token.split_once("::") {
                Some((path, item)) => (path, Some(item.to_owned())),
                None => (token, None),
            };
            found.extend(alternatives(path).into_iter().filter(|path| is_path(path)).map(|path| Mention {
                line: i + 1,
                path,
                item: item.clone(),
            }));
        }
    }
    found
}

/// Each alternative in braces is a separate path.
fn alternatives(path: &str) -> Vec<String> {
    let inside = path.split_once('{').and_then(|(before, rest)| {
        let (inside, after) = rest.split_once('}')?;
        inside.contains(',').then_some((before, inside, after))
    });
    match inside {
        Some((before, inside, after)) => {
            inside.split(',').flat_map(|one| alternatives(&format!("{before}{one}{after}"))).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// Whether the text looks like a path of this repository, not like a URL, a route, a setting or a pattern.
fn is_path(token: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./*".contains(c);
    let is_ours =
        !token.starts_with(['/', '.', '-', '*']) && !token.contains("..") && token.chars().all(is_plain);
    is_ours
        && (token.contains('/') || has_extension(token))
        && !ELSEWHERE.iter().any(|path| token.starts_with(path))
}

fn has_extension(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| EXTENSIONS.contains(&end))
}

/// The files and folders of the repository, relative to its root.
pub(super) struct Existing(BTreeSet<String>);

impl Existing {
    pub(super) fn of<'a>(files: impl IntoIterator<Item = &'a str>) -> Self {
        let with_folders = files.into_iter().flat_map(|file| {
            file.match_indices('/').map(|(at, _)| file[..at].to_owned()).chain([file.to_owned()])
        });
        Self(with_folders.collect())
    }

    /// The files or folders that `mention` in `file` may mean. `None` if it is not a path.
    pub(super) fn find(&self, file: &str, mention: &str) -> Option<Vec<&str>> {
        let path = mention.trim_end_matches('/');
        let bases = self.bases(file);
        let mut found: Vec<&str> = bases.iter().flat_map(|base| self.matching(&join(base, path))).collect();
        if found.is_empty() {
            // The text may be the end of a path: in a source anywhere in its crate, in a document anywhere.
            let within = bases.last().filter(|_| file.ends_with(".rs")).map_or("", String::as_str);
            found.extend(self.matching(&join(within, &format!("**/{path}"))));
        }
        // Two words with a slash between them are a path only if the first is a folder.
        let first = path.split('/').next().unwrap_or_default();
        let is_path = has_extension(path)
            || mention.ends_with('/')
            || bases.iter().any(|base| self.0.contains(&join(base, first)));
        Some(found).filter(|found| is_path || !found.is_empty())
    }

    /// Folders that a path in a file may be relative to: the repository, the file's folder, its crate's source folder and root.
    fn bases(&self, file: &str) -> Vec<String> {
        let mut bases = vec![String::new()];
        bases.extend(file.rsplit_once('/').map(|(folder, _)| folder.to_owned()));
        let mut folders = file.match_indices('/').map(|(at, _)| &file[..at]);
        if let Some(own) = folders.rfind(|folder| self.0.contains(&join(folder, "Cargo.toml"))) {
            bases.extend([join(own, "src"), own.to_owned()]);
        }
        bases
    }

    fn matching<'s>(&'s self, pattern: &str) -> impl Iterator<Item = &'s str> + use<'s> {
        let exact = self.0.get(pattern).map(String::as_str);
        let is_pattern = pattern.contains('*');
        let pattern = pattern.to_owned();
        let patterned = self.0.iter().filter(move |path| is_pattern && fits(&pattern, path));
        exact.into_iter().chain(patterned.map(String::as_str))
    }
}

fn join(base: &str, path: &str) -> String {
    if base.is_empty() { path.to_owned() } else { format!("{base}/{path}") }
}

/// Whether a path fits a pattern: `*` is anything inside a name, `**` any folders.
fn fits(pattern: &str, path: &str) -> bool {
    match (pattern.split_once('/'), path.split_once('/')) {
        (Some(("**", rest)), next) => fits(rest, path) || next.is_some_and(|(_, below)| fits(pattern, below)),
        (Some((name, rest)), Some((first, below))) => name_fits(name, first) && fits(rest, below),
        (None, None) => name_fits(pattern, path),
        _ => false,
    }
}

fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).any(|at| name.get(at..).is_some_and(|end| name_fits(rest, end)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        in_document(text).into_iter().map(|mention| mention.path).collect()
    }

    #[test]
    fn paths_are_told_from_what_only_looks_like_them() {
        assert_eq!(
            paths("`core/src/id.rs`, `a.rs` and `docs/`, `plain*.js`, `x/{a,b}.rs`"),
            ["core/src/id.rs", "a.rs", "docs/", "plain*.js", "x/a.rs", "x/b.rs"]
        );
        for none in [
            "`/livez`",
            "`/tandem.v1.TrackingService/CaptureLead`",
            "`https://a.example/b.js`",
            "`<folder>/a.rs`",
            "`cargo run a.rs`",
            "`--file`",
            "`.js`",
            "`./data`",
            "`$DIR/token`",
            "`{stem}.js`",
            "`Order::decide`",
            "`a/..`",
            "`web-client/pkg/`",
            "`…/payments`",
            "core/src/id.rs",
        ] {
            assert_eq!(paths(none), [""; 0], "{none}");
        }
        assert_eq!(paths("```\n`a.rs`\n```\n`b.rs`"), ["b.rs"]);
    }

    #[test]
    fn only_doc_comments_of_a_source_count() {
        let text = "//! See `a.rs`.\n// Not `b.rs`.\nlet x = \"`c.rs`\";\n    /// And `d/e.rs::f`.";
        let mention = |line, path: &str, item: Option<&str>| Mention {
            line,
            path: path.to_owned(),
            item: item.map(str::to_owned),
        };
        assert_eq!(in_doc_comments(text), [mention(1, "a.rs", None), mention(4, "d/e.rs", Some("f"))]);
    }

    #[test]
    fn a_path_is_looked_for_where_its_reader_would_look() {
        let existing = Existing::of([
            "README.md",
            "a/Cargo.toml",
            "a/src/x/mod.rs",
            "a/src/x/near.rs",
            "a/src/far/deep.rs",
            "a/js/one.js",
            "b/src/other.rs",
        ]);
        let exists = |file, path| existing.find(file, path).is_some_and(|found| !found.is_empty());
        for path in [
            "README.md",
            "near.rs",
            "x/near.rs",
            "deep.rs",
            "js/one.js",
            "js/",
            "b/src/other.rs",
            "a/src/*/near.rs",
        ] {
            assert!(exists("a/src/x/mod.rs", path), "{path}");
        }
        for path in ["other.rs", "x/deep.rs", "gone/", "a/src/*.rs", "js/two"] {
            assert!(!exists("a/src/x/mod.rs", path), "{path}");
        }
        assert!(
            exists("README.md", "deep.rs") && exists("README.md", "far/") && !exists("README.md", "gone.rs")
        );
        assert_eq!(existing.find("README.md", "text/html"), None, "no path of ours");
    }
}
