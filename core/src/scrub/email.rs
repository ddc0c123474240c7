//! Finds e-mail addresses, and user names and passwords in URLs.

use alloc::vec::Vec;

use super::decoded::{Piece, Unit};
use crate::normalise::email::{is_domain, is_local};

/// Finds pieces with the form of an e-mail address. A piece can be longer than the address, but never
/// shorter.
pub(super) fn find(units: &[Unit]) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    for at in (0..units.len()).filter(|at| units[*at].c == '@') {
        // Neither side crosses another `@`, so each character is read twice at most.
        let local = before(units, at, is_local_part);
        let domain_end = at + 1 + units[at + 1..].iter().take_while(|u| is_domain(u.c) || u.c == '.').count();
        if let Some(start) = login_start(units, at) {
            found.push(start..at + 1);
        } else if local < at && holds_top_level(&units[at + 1..domain_end]) {
            found.push(local..domain_end);
        }
    }
    merged(found)
}

/// Whether a character may stand in a local part (RFC 5322) and does not divide a URL or a query.
fn is_local_part(c: char) -> bool {
    is_local(c) && !matches!(c, '/' | '=' | '?' | '&')
}

/// Start of the user name in a URL (`//name:password@`) that ends at this `@`; `None` when it is no
/// such URL.
fn login_start(units: &[Unit], at: usize) -> Option<usize> {
    let name = before(units, at, |c| is_local_part(c) || c == ':');
    let follows_slashes = name >= 2 && units[name - 1].c == '/' && units[name - 2].c == '/';
    follows_slashes.then_some(name)
}

/// Start of the run of characters for which `belongs` is true and which ends before `at`.
fn before(units: &[Unit], at: usize, belongs: impl Fn(char) -> bool) -> usize {
    at - units[..at].iter().rev().take_while(|unit| belongs(unit.c)).count()
}

/// Whether a run of domain characters and dots has, after a dot, a label of two or more characters that
/// does not begin with a digit.
fn holds_top_level(domain: &[Unit]) -> bool {
    let mut labels = domain.split(|unit| unit.c == '.');
    let first = labels.next().is_some_and(|label| !label.is_empty());
    first && labels.any(|label| label.len() >= 2 && !label[0].c.is_ascii_digit())
}

/// Joins overlapping pieces. In `a@b.com@c.com` the two addresses overlap.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match out.last_mut() {
            Some(last) if piece.start < last.end => last.end = last.end.max(piece.end),
            _ => out.push(piece),
        }
    }
    out
}
