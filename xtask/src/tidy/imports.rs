//! Reads the paths that a Rust source names outside of its tests. It reads tokens, so comments and strings do not count.

use anyhow::anyhow;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::tokens::{is_double_colon, is_punct, line_of};

/// A path that is named: `crate::order::Order`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) line: usize,
    /// Modules of the same file around it.
    pub(super) inside: Vec<String>,
    pub(super) path: Vec<String>,
    /// The name of a re-export (`pub use`).
    pub(super) exported_as: Option<String>,
}

/// The paths and test modules of one file.
#[derive(Debug, Default)]
pub(super) struct Imports {
    pub(super) named: Vec<NamedPath>,
    /// Names of modules in files of their own that are compiled only for tests.
    pub(super) test_modules: Vec<String>,
}

impl Imports {
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        let tokens: TokenStream = text.parse().map_err(|error| anyhow!("is not Rust: {error}"))?;
        let mut imports = Self::default();
        imports.walk(tokens, &[]);
        Ok(imports)
    }

    fn walk(&mut self, tokens: TokenStream, inside: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut attributes = Attributes::default();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if let Some(next) = attributes.take(&tokens, at) {
                at = next;
                continue;
            }
            if std::mem::take(&mut attributes).is_test {
                let end = end_of_item(&tokens, at);
                self.test_module(&tokens[at..end]);
                at = end;
                continue;
            }
            at = match token {
                TokenTree::Ident(word) if *word == "use" && !is_punct(tokens.get(at + 1), '<') => {
                    self.import(&tokens, at, inside)
                }
                TokenTree::Ident(word) if *word == "mod" => self.module(&tokens, at, inside),
                TokenTree::Ident(word) if *word == "pub" && is_path_of_visibility(tokens.get(at + 1)) => {
                    at + 2
                }
                TokenTree::Ident(_) => self.path(&tokens, at, inside),
                TokenTree::Group(group) => {
                    self.walk(group.stream(), inside);
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// `mod name { … }`. A module with its own file names nothing here.
    fn module(&mut self, tokens: &[TokenTree], at: usize, inside: &[String]) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        {
            let mut inside = inside.to_vec();
            inside.push(name.to_string());
            self.walk(body.stream(), &inside);
            return at + 3;
        }
        at + 1
    }

    fn test_module(&mut self, item: &[TokenTree]) {
        let at = item.iter().position(|token| matches!(token, TokenTree::Ident(word) if *word == "mod"));
        let Some(at) = at else { return };
        if let (Some(TokenTree::Ident(name)), true) = (item.get(at + 1), is_punct(item.get(at + 2), ';')) {
            self.test_modules.push(name.to_string());
        }
    }

    /// `use a::{b, c as d};`
    fn import(&mut self, tokens: &[TokenTree], at: usize, inside: &[String]) -> usize {
        let end = (at..tokens.len()).find(|i| is_punct(tokens.get(*i), ';')).unwrap_or(tokens.len());
        let before = &tokens[..at];
        let is_exported = match before {
            [.., TokenTree::Ident(word)] => *word == "pub",
            [.., TokenTree::Ident(word), TokenTree::Group(_)] => *word == "pub",
            _ => false,
        };
        let mut branches = Vec::new();
        branch(&tokens[at + 1..end], &[], &mut branches);
        let line = line_of(&tokens[at]);
        self.named.extend(branches.into_iter().map(|(path, name)| NamedPath {
            line,
            inside: inside.to_vec(),
            path,
            exported_as: Some(name).filter(|_| is_exported),
        }));
        end + 1
    }

    /// `a::b` in code.
    fn path(&mut self, tokens: &[TokenTree], at: usize, inside: &[String]) -> usize {
        let (path, end) = segments(tokens, at);
        let is_rest = at > 1 && is_double_colon(tokens, at - 2);
        let is_field = at > 0 && is_punct(tokens.get(at - 1), '.');
        if path.len() > 1 && !is_rest && !is_field {
            let line = line_of(&tokens[at]);
            self.named.push(NamedPath { line, inside: inside.to_vec(), path, exported_as: None });
        }
        end
    }
}

/// The attributes in front of an item.
#[derive(Default)]
struct Attributes {
    is_test: bool,
}

impl Attributes {
    /// Reads an attribute. Returns the index behind it.
    fn take(&mut self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        if !is_punct(tokens.get(at), '#') {
            return None;
        }
        let bracket = at + 1 + usize::from(is_punct(tokens.get(at + 1), '!'));
        let TokenTree::Group(group) = tokens.get(bracket)? else { return None };
        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
        if let [TokenTree::Ident(word), TokenTree::Group(condition)] = inner.as_slice()
            && *word == "cfg"
        {
            self.is_test |= is_for_tests(condition);
        }
        Some(bracket + 1)
    }
}

/// `test`, or `all(test, …)`.
fn is_for_tests(condition: &Group) -> bool {
    let tokens: Vec<TokenTree> = condition.stream().into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(all), TokenTree::Group(conditions)] if *all == "all" => is_for_tests(conditions),
        tokens => tokens.iter().any(|token| matches!(token, TokenTree::Ident(word) if *word == "test")),
    }
}

/// The index behind the item that begins at `at`: behind its body, or its semicolon.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(Some(token), ';'),
    };
    tokens[at..].iter().position(is_end).map_or(tokens.len(), |length| at + length + 1)
}

/// The paths of a part of a `use`, each with the name under which it is known.
fn branch(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<(Vec<String>, String)>) {
    // A comma behind the last part leaves an empty one.
    for part in tokens.split(|token| is_punct(Some(token), ',')).filter(|part| !part.is_empty()) {
        let start = if is_double_colon(part, 0) { 2 } else { 0 };
        let (segments, end) = segments(part, start);
        let mut path = prefix.to_vec();
        path.extend(segments);
        match part.get(end..) {
            Some([.., TokenTree::Group(group)]) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                branch(&inner, &path, found);
            }
            Some([TokenTree::Ident(word), TokenTree::Ident(name)]) if *word == "as" => {
                found.push((path, name.to_string()));
            }
            // `a::{self}` is `a`.
            _ => {
                if path.len() > 1 {
                    path.pop_if(|last| last == "self");
                }
                if let Some(name) = path.last().cloned() {
                    found.push((path, name));
                }
            }
        }
    }
}

/// `a::b::c` from `at` on, and the index behind it.
fn segments(tokens: &[TokenTree], at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut end = at;
    while let Some(TokenTree::Ident(segment)) = tokens.get(end) {
        path.push(segment.to_string());
        end += 1;
        if !is_double_colon(tokens, end) || !matches!(tokens.get(end + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        end += 2;
    }
    (path, end.max(at + usize::from(end == at)))
}

/// Whether the token is `(in crate::a)` behind `pub`. It says who may use the item and is not an import.
fn is_path_of_visibility(token: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = token else { return false };
    group.delimiter() == Delimiter::Parenthesis
        && matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(word)) if word == "in")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        Imports::read(text).unwrap().named.iter().map(|named| named.path.join("::")).collect()
    }

    #[test]
    fn imports_are_taken_apart() {
        assert_eq!(
            paths("use crate::a::{self, b::C, d as e};\nuse super::f::*;\nuse ::g::h;"),
            ["crate::a", "crate::a::b::C", "crate::a::d", "super::f", "g::h"]
        );
        assert_eq!(paths("use crate::a::{\n    B,\n    C,\n};"), ["crate::a::B", "crate::a::C"]);
    }

    #[test]
    fn paths_in_code_and_in_macros_count_and_texts_and_comments_do_not() {
        let text =
            "/// `crate::no`\nfn f(x: crate::a::B) -> C { say!(\"crate::no\", super::d::e(x)); x.g::<H>(); }";
        assert_eq!(paths(text), ["crate::a::B", "super::d::e"]);
        assert_eq!(paths("fn f() -> impl Sized + use<> { a::b::<c::D>::e() }"), ["a::b", "c::D"]);
    }

    #[test]
    fn tests_name_what_they_like() {
        let text = "#[cfg(test)]\nuse crate::a;\n#[cfg(all(test, unix))]\nmod tests { use crate::b::c; }\n\
            #[cfg(test)]\nmod helper;\n#[cfg(unix)]\nuse crate::d;";
        assert_eq!(paths(text), ["crate::d"]);
        let modules = Imports::read(text).unwrap().test_modules;
        assert_eq!(modules, ["helper"]);
    }

    #[test]
    fn a_visibility_names_nothing() {
        assert_eq!(
            paths("pub(in crate::a) fn f(x: crate::b::C) {}\nstruct S(pub (crate::d::E));"),
            ["crate::b::C", "crate::d::E"]
        );
    }

    #[test]
    fn what_is_handed_on_has_a_name_and_a_line() {
        let named = Imports::read("mod a;\n\npub(crate) use a::{B, C as D};\nuse a::E;").unwrap().named;
        let names: Vec<_> = named.iter().map(|named| (named.line, named.exported_as.as_deref())).collect();
        assert_eq!(names, [(3, Some("B")), (3, Some("D")), (4, None)]);
    }
}
