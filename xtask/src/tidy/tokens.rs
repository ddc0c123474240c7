//! Helpers to read a Rust source's tokens.

use proc_macro2::{Spacing, TokenStream, TokenTree};

/// Calls `look` with the tokens of every group, the outermost first.
pub(super) fn each_group(tokens: TokenStream, look: &mut impl FnMut(&[TokenTree])) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    look(&tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each_group(group.stream(), look);
        }
    }
}

pub(super) fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(first)) if first.as_char() == ':' && first.spacing() == Spacing::Joint)
        && is_punct(tokens.get(at + 1), ':')
}

pub(super) fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

pub(super) fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

pub(super) fn line_of(token: &TokenTree) -> usize {
    token.span().start().line
}
