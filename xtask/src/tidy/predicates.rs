//! Checks that a function called `is_…`, `was_…`, `has_…` or `are_…` returns yes or no and changes nothing.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tokens::{each_group, is_double_colon, is_punct, is_word, line_of};

/// Prefixes of names that promise a yes or no.
const BEGINNINGS: [&str; 4] = ["is_", "was_", "has_", "are_"];

/// Functions that still break the rule: a file, and the function's name. This list may only get shorter.
const KNOWN: &[(&str, &str)] = &[];

/// A function whose name promises a yes or no, and what is wrong with it.
struct Broken {
    line: usize,
    name: String,
    why: &'static str,
}

/// Checks all Rust sources: their names and their texts.
pub(super) fn check<'a>(
    sources: impl IntoIterator<Item = (&'a str, &'a str)>,
    findings: &mut Vec<String>,
) -> anyhow::Result<()> {
    check_except(sources, KNOWN, findings)
}

fn check_except<'a>(
    sources: impl IntoIterator<Item = (&'a str, &'a str)>,
    known: &[(&str, &str)],
    findings: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for (file, text) in sources {
        for Broken { line, name, why } in
            broken(text.parse().map_err(|error| anyhow::anyhow!("{file}: {error}"))?)
        {
            match known.iter().find(|known| **known == (file, name.as_str())) {
                Some(known) => drop(seen.insert(*known)),
                None => findings.push(format!("{file}:{line}: `{name}` {why}")),
            }
        }
    }
    for (file, name) in known.iter().filter(|known| !seen.contains(*known)) {
        findings.push(format!(
            "xtask/src/tidy/predicates.rs: `{name}` of {file} follows the rule now: remove the exception"
        ));
    }
    Ok(())
}

fn broken(tokens: TokenStream) -> Vec<Broken> {
    let mut found = Vec::new();
    each_group(tokens, &mut |tokens| {
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| is_word(Some(token), "fn")) {
            let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { continue };
            let name = name.to_string();
            if !BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
                continue;
            }
            if let Some(why) = wrong(&tokens[at + 2..]) {
                found.push(Broken { line: line_of(token), name, why });
            }
        }
    });
    found
}

/// What is wrong with a signature. `tokens` begin after the function's name.
fn wrong(tokens: &[TokenTree]) -> Option<&'static str> {
    let (at, arguments) = tokens.iter().enumerate().find_map(|(at, token)| match token {
        // The parameters follow the type parameters. A bound such as `Fn(u8)` in those follows a name.
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
            let is_bound = at > 0 && matches!(tokens[at - 1], TokenTree::Ident(_));
            (!is_bound).then_some((at, group))
        }
        _ => None,
    })?;
    let arguments: Vec<TokenTree> = arguments.stream().into_iter().collect();
    let end = arguments.iter().position(|token| is_punct(Some(token), ',')).unwrap_or(arguments.len());
    if let [first, .., last] = &arguments[..end] {
        let is_mutable = arguments[..end].iter().any(|token| is_word(Some(token), "mut"));
        if is_punct(Some(first), '&') && is_mutable && is_word(Some(last), "self") {
            return Some("takes `&mut self`: its name promises to change nothing");
        }
    }
    let returned = &tokens[at + 1..];
    let is_arrow = is_punct(returned.first(), '-') && is_punct(returned.get(1), '>');
    (!is_arrow || !is_yes_or_no(&returned[2..])).then_some("does not return `bool`, which its name promises")
}

/// Whether the type is `bool`, or a `Result` of `bool` for a question that may fail.
fn is_yes_or_no(mut returned: &[TokenTree]) -> bool {
    while matches!(returned.first(), Some(TokenTree::Ident(_))) && is_double_colon(returned, 1) {
        returned = &returned[3..];
    }
    is_word(returned.first(), "bool")
        || is_word(returned.first(), "Result")
            && is_punct(returned.get(1), '<')
            && is_word(returned.get(2), "bool")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str, known: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Vec::new();
        check_except([("a.rs", text)], known, &mut findings).unwrap();
        findings
    }

    #[test]
    fn a_question_is_answered_with_yes_or_no() {
        for kept in [
            "fn is_a(&self) -> bool { true }",
            "trait T { async fn has_a(&self, x: u8) -> Result<bool, Error>; }",
            "fn was_a<T: Fn(u8) -> u8>(t: T) -> anyhow::Result<bool> { Ok(true) }",
            "fn are_a<T>(t: &mut T) -> bool where T: Sized { true }",
            "fn island(&mut self) {}",
            "fn f() -> Option<u8> { g.is_a(); None }",
            "// fn is_a() {}",
        ] {
            assert_eq!(findings(kept, &[]), [""; 0], "{kept}");
        }
        let refused = ["a.rs:1: `is_a` does not return `bool`, which its name promises"];
        for text in [
            "fn is_a() {}",
            "fn is_a() -> Option<bool> { None }",
            "impl A { pub(crate) fn is_a<T: Fn(u8) -> bool>(&self, t: T) -> Option<u8> { None } }",
            "fn is_a() -> Result<(), bool> { Ok(()) }",
        ] {
            assert_eq!(findings(text, &[]), refused, "{text}");
        }
    }

    #[test]
    fn a_question_changes_nothing() {
        let refused = ["a.rs:2: `has_a` takes `&mut self`: its name promises to change nothing"];
        assert_eq!(findings("impl A {\nfn has_a(&mut self, b: B) -> bool { true } }", &[]), refused);
        assert_eq!(findings("impl A {\nfn has_a(&'a mut self) -> bool { true } }", &[]), refused);
        assert_eq!(findings("fn has_a(self, b: &mut B) -> bool { true }", &[]), [""; 0]);
    }

    #[test]
    fn a_known_exception_is_tolerated_until_it_is_gone() {
        let known = [("a.rs", "is_a")];
        assert_eq!(findings("fn is_a() {}", &known), [""; 0]);
        let gone =
            ["xtask/src/tidy/predicates.rs: `is_a` of a.rs follows the rule now: remove the exception"];
        assert_eq!(findings("fn is_a() -> bool { true }", &known), gone);
    }
}
