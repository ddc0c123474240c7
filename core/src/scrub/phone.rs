//! Finds phone numbers.
//!
//! A phone number is
//! - a plus sign and 10 to 15 digits, in groups as people write them;
//! - an Indian mobile number: ten digits from 6 on, with or without 0, 91, 091 or 0091
//!   in front, in groups divided by spaces or hyphens;
//! - three, three and four digits, as North America writes them.
//!
//! A phone number does not touch a letter or a further digit, and is not part of a decimal number or a
//! UUID. So these are no phone numbers: a timestamp (ten digits from 1, or 13 digits), a date, a price,
//! a number in a click ID or in `SKU9876543210`.

use alloc::string::String;
use alloc::vec::Vec;

use super::decoded::{Piece, Unit};
use crate::normalise::phone::ascii_digit;

/// Most groups of digits in one number: those of `+33 6 12 34 56 78`, and one more.
const GROUPS_MAX: usize = 7;
/// Most digits in one number, prefix included.
const DIGITS_MAX: usize = 16;

/// Digits without anything between them.
struct Group {
    piece: Piece,
    digits: String,
    has_plus: bool,
    /// Text between this group and the group before it.
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Characters that cannot stand inside a number.
    Wide,
    /// One dot.
    Dot,
    /// Spaces, hyphens or brackets.
    Narrow,
}

/// Which numbers with the form of a phone number count as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// All.
    Any,
    /// Those with a plus sign or a space: people write them so, and no identifier has them.
    Written,
}

/// Adds pieces with the form of a phone number. It searches only outside of the pieces that are there.
pub(super) fn find(units: &[Unit], pieces: &mut Vec<Piece>, which: Numbers) {
    let taken = core::mem::take(pieces);
    let mut from = 0;
    for piece in &taken {
        find_between(units, from..piece.start, pieces);
        from = piece.end;
    }
    find_between(units, from..units.len(), pieces);
    let is_written = |piece: &Piece| {
        units[piece.clone()].iter().any(|unit| matches!(unit.c, '+' | '＋') || unit.c.is_whitespace())
    };
    pieces.retain(|piece| which == Numbers::Any || is_written(piece));
    pieces.extend(taken);
}

fn find_between(units: &[Unit], range: Piece, found: &mut Vec<Piece>) {
    let groups = groups(units, range);
    let mut first = 0;
    while first < groups.len() {
        let length = longest(units, &groups[first..]);
        if length > 0 {
            found.push(groups[first].piece.start..groups[first + length - 1].piece.end);
        }
        first += length.max(1);
    }
}

/// Largest number of groups, from the first on, that form a phone number; 0 when none do.
fn longest(units: &[Unit], groups: &[Group]) -> usize {
    let Some(first) = groups.first() else { return 0 };
    if touches_before(units, first) {
        return 0;
    }
    let near = groups.iter().take(GROUPS_MAX).skip(1);
    let joined = 1 + near.take_while(|group| group.gap != Gap::Wide && !group.has_plus).count();
    (1..=joined)
        .rev()
        .find(|count| {
            let candidate = &groups[..*count];
            !touches_after(units, candidate[*count - 1].piece.end) && is_phone(candidate)
        })
        .unwrap_or(0)
}

fn is_phone(groups: &[Group]) -> bool {
    let length: usize = groups.iter().map(|group| group.digits.len()).sum();
    if length > DIGITS_MAX {
        return false;
    }
    let digits: String = groups.iter().map(|group| group.digits.as_str()).collect();
    if groups[0].has_plus && (10..=15).contains(&length) {
        return true;
    }
    let has_dots = groups[1..].iter().any(|group| group.gap == Gap::Dot);
    is_north_american(groups) || (!has_dots && is_indian(&digits) && is_grouped_as_indian(groups))
}

/// Whether the digits are an Indian mobile number, with or without a prefix that people dial before it.
fn is_indian(digits: &str) -> bool {
    let Some((prefix, mobile)) = digits.len().checked_sub(10).map(|at| digits.split_at(at)) else {
        return false;
    };
    matches!(prefix, "" | "0" | "91" | "091" | "0091" | "910" | "0910" | "00910")
        && mobile.starts_with(['6', '7', '8', '9'])
}

/// Whether the groups are one to three, or all pairs, after a prefix that can be a group of its own.
/// Other rows of short groups are dates and prices.
fn is_grouped_as_indian(groups: &[Group]) -> bool {
    let after_prefix = match groups.split_first() {
        Some((first, rest))
            if !rest.is_empty() && matches!(first.digits.as_str(), "0" | "91" | "091" | "0091") =>
        {
            rest
        }
        _ => groups,
    };
    let after_trunk = match after_prefix.split_first() {
        Some((first, rest)) if !rest.is_empty() && first.digits == "0" => rest,
        _ => after_prefix,
    };
    // A first group such as `08` is the day of a date, not a trunk prefix and a digit.
    let begins_as_date =
        after_trunk.len() > 1 && after_trunk[0].digits.len() == 2 && after_trunk[0].digits.starts_with('0');
    let pairs = after_trunk.iter().all(|group| group.digits.len() == 2);
    let sizes_fit = after_trunk.iter().all(|group| group.digits.len() >= 2);
    !begins_as_date && sizes_fit && (after_trunk.len() <= 3 || pairs)
}

/// Whether the groups have the form `650-555-1212`, with or without a 1 in front.
fn is_north_american(groups: &[Group]) -> bool {
    let local = match groups {
        [one, rest @ ..] if one.digits == "1" => rest,
        _ => groups,
    };
    let sizes = local.iter().map(|group| group.digits.len());
    sizes.eq([3, 3, 4]) && local[..2].iter().all(|group| group.digits.starts_with(|c| matches!(c, '2'..='9')))
}

fn groups(units: &[Unit], range: Piece) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut at = range.start;
    while at < range.end {
        if let Some(end) = uuid_end(units, at).filter(|end| *end <= range.end) {
            at = end;
            continue;
        }
        let start = at;
        let mut digits = String::new();
        while at < range.end
            && let Some(digit) = ascii_digit(units[at].c)
        {
            // A group with more digits is no phone number, but the piece must still cover all of them.
            if digits.len() <= DIGITS_MAX {
                digits.push(char::from(digit));
            }
            at += 1;
        }
        if digits.is_empty() {
            at += 1;
            continue;
        }
        let gap = groups.last().map_or(Gap::Wide, |last| gap(&units[last.piece.end..start]));
        let plus = plus_before(units, range.start, start);
        groups.push(Group { piece: plus.unwrap_or(start)..at, digits, has_plus: plus.is_some(), gap });
    }
    groups
}

/// Position of a group's plus sign, which can have a bracket after it. A plus sign after a letter or
/// digit does not count: it is a space in a query, or a sum.
fn plus_before(units: &[Unit], from: usize, start: usize) -> Option<usize> {
    let before = |at: usize| at.checked_sub(1).filter(|at| *at >= from);
    let mut at = before(start)?;
    if matches!(units[at].c, '(' | ' ') {
        at = before(at)?;
    }
    let is_sign =
        matches!(units[at].c, '+' | '＋') && !at.checked_sub(1).is_some_and(|b| is_word(units[b].c));
    is_sign.then_some(at)
}

fn gap(between: &[Unit]) -> Gap {
    match between {
        [dot] if dot.c == '.' => Gap::Dot,
        _ if between.len() <= 3 && between.iter().all(|unit| is_spacing(unit.c)) => Gap::Narrow,
        _ => Gap::Wide,
    }
}

/// Whether a character can stand between groups: a space (`+` in a query), a hyphen or a bracket.
fn is_spacing(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\t' | '-' | '\u{2010}'..='\u{2015}' | '(' | ')' | '+')
}

fn touches_before(units: &[Unit], first: &Group) -> bool {
    let Some(at) = first.piece.start.checked_sub(1) else { return false };
    let is_decimal =
        units[at].c == '.' && at.checked_sub(1).is_some_and(|b| ascii_digit(units[b].c).is_some());
    is_word(units[at].c) || (is_decimal && !first.has_plus)
}

fn touches_after(units: &[Unit], end: usize) -> bool {
    let Some(after) = units.get(end) else { return false };
    let is_decimal = after.c == '.' && units.get(end + 1).is_some_and(|unit| ascii_digit(unit.c).is_some());
    is_word(after.c) || is_decimal
}

/// Whether a character is an ASCII letter or digit. Letters of other scripts do not count: next to a
/// number they belong to a sentence, not to a product ID.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// End of the UUID that begins at `at`; `None` when none begins there.
fn uuid_end(units: &[Unit], at: usize) -> Option<usize> {
    const LENGTH: usize = 36;
    let starts_word = !at.checked_sub(1).is_some_and(|before| is_word(units[before].c));
    let text = units.get(at..at + LENGTH).filter(|_| starts_word)?;
    let fits = text.iter().enumerate().all(|(i, unit)| match i {
        8 | 13 | 18 | 23 => unit.c == '-',
        _ => unit.c.is_ascii_hexdigit(),
    });
    let ends_word = !units.get(at + LENGTH).is_some_and(|after| is_word(after.c));
    (fits && ends_word).then_some(at + LENGTH)
}
