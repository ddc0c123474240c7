//! Finding phone numbers.
//!
//! A phone number is
//! - a plus sign and 10 to 15 digits, in groups as people write them;
//! - an Indian mobile number: ten digits from 6 on, with or without 0, 91, 091 or 0091
//!   in front, in groups divided by spaces or hyphens;
//! - three, three and four digits, as North America writes them.
//!
//! It touches no letter and no further digit, is no part of a decimal number, and lies
//! in no UUID. So a timestamp (ten digits from 1, or 13), a date, a price, a number in a
//! click ID or in `SKU9876543210` is none.

use super::decoded::{Piece, Unit};
use crate::normalise::phone::ascii_digit;

/// Most groups one number is written in: `+33 6 12 34 56 78`, with one to spare.
const GROUPS_MAX: usize = 7;
/// Most digits one number has, with a prefix.
const DIGITS_MAX: usize = 16;

/// Digits that stand together.
struct Group {
    piece: Piece,
    digits: String,
    has_plus: bool,
    /// What stands between it and the group before it.
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// Something that no number holds.
    Wide,
    /// A dot.
    Dot,
    /// Spaces, hyphens, brackets.
    Narrow,
}

/// Adds phone-shaped pieces to those found before, leaving those alone.
pub(super) fn find(units: &[Unit], pieces: &mut Vec<Piece>) {
    let taken = core::mem::take(pieces);
    let mut from = 0;
    for piece in &taken {
        find_between(units, from..piece.start, pieces);
        from = piece.end;
    }
    find_between(units, from..units.len(), pieces);
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

/// Number of groups, from the first on, that make a phone number; the most that do.
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

/// A mobile number with any prefix that is dialled before it.
fn is_indian(digits: &str) -> bool {
    let Some((prefix, mobile)) = digits.len().checked_sub(10).map(|at| digits.split_at(at)) else {
        return false;
    };
    matches!(prefix, "" | "0" | "91" | "091" | "0091" | "910" | "0910" | "00910")
        && mobile.starts_with(['6', '7', '8', '9'])
}

/// One to three groups, or pairs, behind a prefix that may stand alone. Longer rows of
/// short groups are dates and prices.
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
    // A first group such as `08` is a day, not a trunk zero and a digit.
    let begins_as_date =
        after_trunk.len() > 1 && after_trunk[0].digits.len() == 2 && after_trunk[0].digits.starts_with('0');
    let pairs = after_trunk.iter().all(|group| group.digits.len() == 2);
    let sizes_fit = after_trunk.iter().all(|group| group.digits.len() >= 2);
    !begins_as_date && sizes_fit && (after_trunk.len() <= 3 || pairs)
}

/// `650-555-1212`, also with a 1 in front.
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
            // Further digits cannot make it a phone number, but still belong to it.
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

/// The plus sign of a group, with or without a bracket between. A plus sign behind a
/// letter or digit is a space (in a query) or a sum.
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

/// What divides groups: spaces (`+` in a query), hyphens, brackets.
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

/// A letter or digit of ASCII. Letters of other scripts stand beside numbers in
/// sentences, not in product IDs.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// End of the UUID that begins here.
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
