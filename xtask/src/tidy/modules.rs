//! A crate's modules, and which of them imports which.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::imports::{Imports, NamedPath};

/// Path of a module: `["order", "state"]`. The crate's root is empty.
pub(super) type ModulePath = Vec<String>;

/// An import of one module from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrow {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) from: ModulePath,
    pub(super) to: ModulePath,
}

/// A module's file and imports.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) file: String,
    pub(super) imports: Imports,
}

/// The modules of one crate's `src` folder, without test modules.
#[derive(Debug)]
pub(super) struct Modules {
    by_path: BTreeMap<ModulePath, Module>,
    /// `lib`, or `main` if there is no library.
    pub(super) root: &'static str,
}

/// Most re-exports that are followed from one name.
const REEXPORTS_MAX: usize = 8;

impl Modules {
    /// Reads a crate from its sources: names relative to the repository, and texts.
    pub(super) fn read<'a>(
        src: &str,
        sources: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> anyhow::Result<Self> {
        let mut by_path = BTreeMap::new();
        let mut tests = BTreeSet::new();
        let sources: Vec<(&str, &str)> = sources.into_iter().collect();
        let has_library = sources.iter().any(|(file, _)| *file == format!("{src}/lib.rs"));
        for (file, text) in sources {
            let Some(inner) = file.strip_prefix(src).and_then(|inner| inner.strip_prefix('/')) else {
                continue;
            };
            let imports = Imports::read(text).with_context(|| file.to_owned())?;
            let own = module_path(inner, has_library);
            let of_tests = |name| [own.as_slice(), std::slice::from_ref(name)].concat();
            tests.extend(imports.test_modules.iter().map(of_tests));
            by_path.insert(own, Module { file: file.to_owned(), imports });
        }
        by_path.retain(|path: &ModulePath, _| !tests.iter().any(|test| path.starts_with(test)));
        Ok(Self { by_path, root: if has_library { "lib" } else { "main" } })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ModulePath, &Module)> {
        self.by_path.iter()
    }

    /// Every import of one module from another.
    pub(super) fn arrows(&self) -> Vec<Arrow> {
        let arrow = |from: &ModulePath, module: &Module, named: &NamedPath| {
            let to = self.target(from, named)?;
            let arrow = Arrow { file: module.file.clone(), line: named.line, from: from.clone(), to };
            Some(arrow).filter(|arrow| arrow.from != arrow.to)
        };
        self.iter()
            .flat_map(|(from, module)| {
                module.imports.named.iter().filter_map(move |named| arrow(from, module, named))
            })
            .collect()
    }

    /// The module that defines the named item. Re-exports are followed.
    fn target(&self, from: &ModulePath, named: &NamedPath) -> Option<ModulePath> {
        let (mut module, mut rest) = self.descend(from, named)?;
        for _ in 0..REEXPORTS_MAX {
            let Some(item) = rest.first() else { break };
            let exported = self.by_path.get(&module)?.imports.named.iter();
            let Some(next) = exported
                .filter(|named| named.inside.is_empty())
                .find(|named| named.exported_as.as_ref() == Some(item))
            else {
                break;
            };
            let Some(found) = self.descend(&module, next) else { break };
            (module, rest) = found;
        }
        Some(module)
    }

    /// The deepest module of the path, and the rest of the path.
    fn descend<'n>(&self, from: &ModulePath, named: &'n NamedPath) -> Option<(ModulePath, &'n [String])> {
        let mut module = [from.as_slice(), named.inside.as_slice()].concat();
        let mut rest = named.path.as_slice();
        match rest.first()?.as_str() {
            "crate" => {
                (module, rest) = (Vec::new(), &rest[1..]);
            }
            "self" | "super" => {
                while let Some(step @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if step == "super" {
                        module.pop()?;
                    }
                    rest = &rest[1..];
                }
            }
            first => {
                module.push(first.to_owned());
                if !self.by_path.contains_key(&module) {
                    return None;
                }
                rest = &rest[1..];
            }
        }
        while let Some(next) = rest.first() {
            module.push(next.clone());
            if !self.by_path.contains_key(&module) {
                module.pop();
                break;
            }
            rest = &rest[1..];
        }
        // An inline module belongs to its parent's file.
        while !self.by_path.contains_key(&module) {
            module.pop()?;
        }
        Some((module, rest))
    }
}

/// The module of a file. A file beside a folder of its name is the same module as the mod.rs of that folder.
fn module_path(inner: &str, has_library: bool) -> ModulePath {
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let mut path: ModulePath = inner.split('/').map(str::to_owned).collect();
    match inner {
        "lib" => path.clear(),
        // Beside a library, `main.rs` is a separate crate.
        "main" if !has_library => path.clear(),
        _ => drop(path.pop_if(|last| last == "mod")),
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(sources: &[(&str, &str)]) -> Vec<String> {
        let modules = Modules::read("a/src", sources.iter().copied()).unwrap();
        modules
            .arrows()
            .into_iter()
            .map(|arrow| format!("{}:{} {}", arrow.file, arrow.line, arrow.to.join("::")))
            .collect()
    }

    #[test]
    fn paths_are_followed_through_folders() {
        let found = arrows(&[
            ("a/src/lib.rs", "mod b;\nmod c;"),
            ("a/src/b/mod.rs", "mod d;\nuse d::X;\nuse crate::c::Y;"),
            ("a/src/b/d.rs", "fn f() { super::super::c::g() }\nuse std::fmt;\nuse super::Z;"),
            ("a/src/c.rs", "mod inner { use super::super::b; }"),
            ("other/src/c.rs", "use crate::b;"),
        ]);
        let wanted = [
            "a/src/b/mod.rs:2 b::d",
            "a/src/b/mod.rs:3 c",
            "a/src/b/d.rs:1 c",
            "a/src/b/d.rs:3 b",
            "a/src/c.rs:1 b",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_handed_on_is_looked_for_where_it_stands() {
        let found = arrows(&[
            ("a/src/lib.rs", "mod b;\nmod c;\npub use b::X;"),
            ("a/src/b/mod.rs", "mod d;\npub(crate) use d::X;"),
            ("a/src/b/d.rs", "pub struct X;"),
            ("a/src/c.rs", "use crate::X;"),
        ]);
        assert_eq!(found, ["a/src/lib.rs:3 b::d", "a/src/b/mod.rs:2 b::d", "a/src/c.rs:1 b::d"]);
    }

    #[test]
    fn files_of_tests_are_no_modules() {
        let found = arrows(&[
            ("a/src/main.rs", "mod b;\nmod c;"),
            ("a/src/b.rs", "#[cfg(test)]\nmod tests;"),
            ("a/src/b/tests.rs", "use crate::c;"),
            ("a/src/c.rs", "use crate::b;"),
        ]);
        assert_eq!(found, ["a/src/c.rs:1 b"]);
    }
}
