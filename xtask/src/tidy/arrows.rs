//! Checks that modules import in the order of their folder.

use std::collections::BTreeSet;

use super::layers::{Layers, NameRule};
use super::modules::{ModulePath, Modules};

/// Checks a folder of a crate against its order.
pub(super) fn check(
    modules: &Modules,
    (folder, layers): Layers<'_>,
    upwards: &[(&str, &str)],
    findings: &mut Vec<String>,
) {
    let layers: Vec<&str> = layers.split_whitespace().collect();
    let place = Place { folder, own: if inner(folder).is_empty() { modules.root } else { "mod" } };
    let found: BTreeSet<&str> = modules.iter().filter_map(|(path, _)| place.child(path)).collect();
    if found.is_empty() {
        // The crate does not exist (yet).
        return;
    }
    for missing in found.iter().filter(|name| !layers.contains(name)) {
        findings.push(format!("{folder}: `{missing}` has no place in xtask/src/tidy/layers.rs"));
    }
    for gone in layers.iter().filter(|name| !found.contains(*name)) {
        findings.push(format!("xtask/src/tidy/layers.rs: {folder} has no module `{gone}`"));
    }
    let depth = |name: &str| layers.iter().position(|layer| *layer == name);
    let mut tolerated = BTreeSet::new();
    for arrow in modules.arrows() {
        let (Some(from), Some(to)) = (place.child(&arrow.from), place.child(&arrow.to)) else { continue };
        match (depth(from), depth(to)) {
            (Some(above), Some(below)) if above > below => {}
            // The import is allowed, or one of its modules has no place, which is a finding already.
            _ => continue,
        }
        let (file, line) = (arrow.file.as_str(), arrow.line);
        if let Some(known) = upwards.iter().find(|known| **known == (file, to)) {
            tolerated.insert(*known);
            continue;
        }
        findings.push(format!(
            "{file}:{line}: `{from}` imports `{to}`, which is above it (xtask/src/tidy/layers.rs)"
        ));
    }
    let is_here = |file: &str| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    for (file, to) in upwards.iter().filter(|known| is_here(known.0) && !tolerated.contains(*known)) {
        findings
            .push(format!("xtask/src/tidy/layers.rs: {file} no longer imports `{to}`: remove the exception"));
    }
}

/// Checks that only the allowed modules use a name.
pub(super) fn check_names(modules: &Modules, (folder, names, may): NameRule<'_>, findings: &mut Vec<String>) {
    let place = Place { folder, own: modules.root };
    let (names, may): (Vec<&str>, Vec<&str>) =
        (names.split_whitespace().collect(), may.split_whitespace().collect());
    for (path, module) in modules.iter() {
        let Some(child) = place.child(path).filter(|child| !may.contains(child)) else { continue };
        for named in &module.imports.named {
            if let Some(name) = names.iter().find(|name| named.path.iter().any(|segment| segment == *name)) {
                let (file, line) = (&module.file, named.line);
                let may = may.join(", ");
                findings.push(format!("{file}:{line}: `{child}` uses `{name}`, which only {may} may use"));
            }
        }
    }
}

/// A folder whose children have an order.
struct Place<'a> {
    folder: &'a str,
    /// Name of the folder's own file in the list.
    own: &'a str,
}

impl Place<'_> {
    /// The child of this folder that contains the module, if any.
    fn child<'p>(&'p self, path: &'p ModulePath) -> Option<&'p str> {
        let inner: Vec<&str> = inner(self.folder).split('/').filter(|part| !part.is_empty()).collect();
        let starts = path.len() >= inner.len() && inner.iter().zip(path).all(|(part, own)| part == own);
        starts.then(|| path.get(inner.len()).map_or(self.own, String::as_str))
    }
}

/// The crate's source folder.
pub(super) fn source_folder(folder: &str) -> &str {
    folder.find("/src").map_or(folder, |at| &folder[..at + "/src".len()])
}

/// The folder inside of the crate's source folder.
fn inner(folder: &str) -> &str {
    folder[source_folder(folder).len()..].trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules(sources: &[(&str, &str)]) -> Modules {
        Modules::read("a/src", sources.iter().copied()).unwrap()
    }

    fn findings(sources: &[(&str, &str)], layers: Layers<'_>, upwards: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Vec::new();
        check(&modules(sources), layers, upwards, &mut findings);
        findings
    }

    const TREE: [(&str, &str); 4] = [
        ("a/src/lib.rs", "mod top;\nmod low;"),
        ("a/src/top/mod.rs", "pub use first::X;\nuse crate::low;"),
        ("a/src/top/first.rs", "use super::second;"),
        ("a/src/top/second.rs", ""),
    ];

    #[test]
    fn imports_run_downwards() {
        let low = |text| [TREE.as_slice(), &[("a/src/low.rs", text)]].concat();
        let layers: Layers<'_> = ("a/src", "lib top low");
        assert_eq!(findings(&low("use std::fmt;"), layers, &[]), [""; 0]);
        let up = "a/src/low.rs:2: `low` imports `top`, which is above it (xtask/src/tidy/layers.rs)";
        assert_eq!(findings(&low("use std::fmt;\nuse crate::top::X;"), layers, &[]), [up]);
        let tests = low("#[cfg(test)]\nmod tests { use crate::top::X; }");
        assert_eq!(findings(&tests, layers, &[]), [""; 0]);
    }

    #[test]
    fn the_order_inside_a_folder_is_held_too() {
        let layers: Layers<'_> = ("a/src/top", "mod first second");
        assert_eq!(findings(&TREE, layers, &[]), [""; 0]);
        let layers: Layers<'_> = ("a/src/top", "mod second first");
        let up =
            "a/src/top/first.rs:1: `first` imports `second`, which is above it (xtask/src/tidy/layers.rs)";
        assert_eq!(findings(&TREE, layers, &[]), [up]);
    }

    #[test]
    fn every_module_has_its_place_and_every_place_its_module() {
        let layers: Layers<'_> = ("a/src/top", "mod first third");
        let wanted = [
            "a/src/top: `second` has no place in xtask/src/tidy/layers.rs",
            "xtask/src/tidy/layers.rs: a/src/top has no module `third`",
        ];
        assert_eq!(findings(&TREE, layers, &[]), wanted);
    }

    #[test]
    fn a_known_arrow_is_tolerated_until_it_is_gone() {
        let low = |text| [TREE.as_slice(), &[("a/src/low.rs", text)]].concat();
        let layers: Layers<'_> = ("a/src", "lib top low");
        let known = [("a/src/low.rs", "top")];
        assert_eq!(findings(&low("use crate::top::X;"), layers, &known), [""; 0]);
        let gone = "xtask/src/tidy/layers.rs: a/src/low.rs no longer imports `top`: remove the exception";
        assert_eq!(findings(&low(""), layers, &known), [gone]);
    }

    #[test]
    fn wire_types_stay_where_they_may_be() {
        let sources = [
            ("a/src/lib.rs", "mod api;\nmod low;"),
            ("a/src/api.rs", "use tonic::Status;"),
            ("a/src/low.rs", "fn f(x: v1::Order) {}\nuse std::tonic_like;"),
        ];
        let mut findings = Vec::new();
        check_names(&modules(&sources), ("a/src", "tonic v1", "api"), &mut findings);
        assert_eq!(findings, ["a/src/low.rs:1: `low` uses `v1`, which only api may use"]);
    }
}
