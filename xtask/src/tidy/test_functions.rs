//! Finds the names of the tests in a Rust source. It reads tokens, so comments, strings and helpers do not count.

use std::collections::BTreeSet;

use anyhow::anyhow;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The names of functions with a `test` attribute (`#[test]`, `#[tokio::test(…)]`), in modules and macros too.
/// Tests in `proptest!` have the attribute as well.
pub(super) fn in_source(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("is not Rust: {error}"))?;
    let mut tests = BTreeSet::new();
    walk(tokens, &mut tests);
    Ok(tests)
}

/// The names of the tests in `proptest!`.
pub(crate) fn in_proptest(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("is not Rust: {error}"))?;
    let mut tests = BTreeSet::new();
    walk_properties(tokens, &mut tests);
    Ok(tests)
}

fn walk_properties(tokens: TokenStream, tests: &mut BTreeSet<String>) {
    let (mut is_named, mut is_called) = (false, false);
    for token in tokens {
        match &token {
            TokenTree::Group(group) if is_called => walk(group.stream(), tests),
            TokenTree::Group(group) => walk_properties(group.stream(), tests),
            _ => {}
        }
        is_called = is_named && matches!(&token, TokenTree::Punct(mark) if mark.as_char() == '!');
        is_named = matches!(&token, TokenTree::Ident(word) if word == "proptest");
    }
}

fn walk(tokens: TokenStream, tests: &mut BTreeSet<String>) {
    let mut is_test = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match (token, tokens.peek()) {
            (TokenTree::Punct(mark), Some(TokenTree::Group(attribute)))
                if mark.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket =>
            {
                is_test |= is_test_attribute(attribute.stream());
                tokens.next();
            }
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "fn" => {
                if std::mem::take(&mut is_test) {
                    tests.insert(name.to_string());
                }
            }
            (TokenTree::Ident(word), _) if word == "async" || word == "pub" => {}
            (TokenTree::Group(group), _) => {
                is_test = false;
                walk(group.stream(), tests);
            }
            _ => is_test = false,
        }
    }
}

/// Whether the attribute's path ends in `test`.
fn is_test_attribute(attribute: TokenStream) -> bool {
    let path = attribute.into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    path.last().is_some_and(|last| matches!(last, TokenTree::Ident(word) if word == "test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_that_run_are_tests() {
        let source = r##"
            #[test]
            fn runs() {}
            mod inner {
                #[tokio::test(flavor = "current_thread")]
                /// Why.
                #[allow(dead_code)]
                async fn runs_in_a_module() {}
            }
            proptest! {
                #[test]
                fn runs_many_times(number in 0..9) {}
            }
            fn helps() {}
            #[cfg(test)]
            fn helps_tests() {}
            #[test]
            const NOT: u8 = 0;
            fn follows_a_constant() {}
            // #[test]
            // fn is_a_comment() {}
            const TEXT: &str = "#[test] fn is_a_text() {}";
        "##;
        let tests: Vec<String> = in_source(source).unwrap().into_iter().collect();
        assert_eq!(tests, ["runs", "runs_in_a_module", "runs_many_times"]);
        let properties: Vec<String> = in_proptest(source).unwrap().into_iter().collect();
        assert_eq!(properties, ["runs_many_times"]);
    }
}
