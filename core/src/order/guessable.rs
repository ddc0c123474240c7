//! Whether a shop's order IDs can be guessed from one another.

use std::collections::BTreeMap;

/// Fewest IDs that say anything.
const SAMPLE_MIN: usize = 8;
/// IDs whose numbers are this close are found by counting.
const GAP_MAX: u64 = 50;
/// Longest number looked at, digits.
const DIGITS_MAX: usize = 18;

/// Whether most of these order IDs count up: they differ in one number only, and another ID's number is close.
/// Whoever has bought once can then name the orders of others. A few IDs say nothing.
pub fn look_guessable<'a>(ids: impl Iterator<Item = &'a str>) -> bool {
    let (mut sample, mut series) = (0, BTreeMap::<(&str, &str), Vec<u64>>::new());
    for id in ids {
        sample += 1;
        if let Some((before, number, after)) = last_number(id) {
            series.entry((before, after)).or_default().push(number);
        }
    }
    let close: usize = series.into_values().map(with_close_neighbour).sum();
    sample >= SAMPLE_MIN && close * 2 >= sample
}

/// The last number of an ID, and what stands around it.
fn last_number(id: &str) -> Option<(&str, u64, &str)> {
    let end = id.rfind(|c: char| c.is_ascii_digit())? + 1;
    let begin = id
        .get(..end)?
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + id.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let digits = id.get(begin..end).filter(|digits| digits.len() <= DIGITS_MAX)?;
    Some((id.get(..begin)?, digits.parse().ok()?, id.get(end..)?))
}

/// How many of these numbers have another one close by.
fn with_close_neighbour(mut numbers: Vec<u64>) -> usize {
    numbers.sort_unstable();
    numbers.dedup();
    let near = |a: Option<&u64>, b: Option<&u64>| matches!((a, b), (Some(a), Some(b)) if b - a <= GAP_MAX);
    let at = |i: usize| numbers.get(i);
    (0..numbers.len()).filter(|&i| near(at(i), at(i + 1)) || (i > 0 && near(at(i - 1), at(i)))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessable(ids: &[String]) -> bool {
        look_guessable(ids.iter().map(String::as_str))
    }

    fn made(count: u64, id: impl Fn(u64) -> String) -> Vec<String> {
        (0..count).map(id).collect()
    }

    #[test]
    fn ids_that_count_up_are_guessable() {
        assert!(guessable(&made(10, |n| (1000 + n).to_string())));
        assert!(guessable(&made(10, |n| format!("KB-{:06}", 41 + 7 * n))), "with small gaps");
        assert!(guessable(&made(10, |n| format!("दीया-{n}-IN"))));
        assert!(
            guessable(&made(20, |n| format!("2025112{}-{:04}", n / 10, n % 10))),
            "a series for each day"
        );
    }

    #[test]
    fn ids_that_chance_makes_are_not() {
        let chance = |n: u64| n.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
        assert!(!guessable(&made(64, |n| format!("KB-{:016x}", chance(n + 1)))));
        assert!(!guessable(&made(64, |n| format!("{}", chance(n + 1) % 1_000_000_000))), "nine digits");
        assert!(!guessable(&made(64, |n| format!("order_{}", 1_763_942_400_123 + 41_111 * n))), "moments");
        assert!(!guessable(&made(10, |_| "KB-1".to_owned())), "one and the same");
        assert!(!guessable(&made(10, |n| format!("{n}{}", "9".repeat(40)))), "too long to count");
    }

    #[test]
    fn a_few_ids_say_nothing() {
        assert!(!guessable(&made(7, |n| n.to_string())));
        assert!(!guessable(&[]));
        let mixed = made(5, |n| n.to_string()).into_iter().chain(made(12, |n| format!("x{}", n * 1_000_003)));
        assert!(!guessable(&mixed.collect::<Vec<_>>()), "a minority");
    }
}
