//! Crawlers, link previews and monitors that run the scripts of a page and are nobody's visit.
//!
//! Only those that name themselves are known, by the words of a maintained list ([`LIST`]). One that
//! disguises itself as a browser is taken for a visitor.

mod list;

pub use list::LIST;
use list::{ANYWHERE, AT_START, ENDS_WORD, STARTS_WORD, UNLESS, WHOLE_WORD};

/// Longest part of a `User-Agent` that is searched, bytes. Browsers write less than 400.
const SEARCHED_BYTES_MAX: usize = 1000;

/// Whether the text of a `User-Agent` header names a crawler, a link preview, a monitor or a tool
/// (npm, isbot). An empty text names nobody.
pub fn is_crawler(user_agent: &str) -> bool {
    let cut = user_agent.floor_char_boundary(SEARCHED_BYTES_MAX);
    let text = user_agent[..cut].trim().to_ascii_lowercase();
    let text = text.as_str();
    !text.is_empty() && (holds_a_word(text) || has_the_shape_of_a_tool(text))
}

/// Whether a text in lower case holds a word of the list where that word counts.
fn holds_a_word(text: &str) -> bool {
    let at_places = |words: &[&'static str], fits: fn(&str, &str) -> bool| {
        words.iter().any(|word| places(text, word).any(|(before, after)| fits(before, after)))
    };
    ANYWHERE.iter().any(|word| text.contains(word))
        || AT_START.iter().any(|word| text.starts_with(word))
        || at_places(ENDS_WORD, |_, after| ends_word(after))
        || at_places(STARTS_WORD, |before, _| starts_word(before))
        || at_places(WHOLE_WORD, |before, after| starts_word(before) && ends_word(after))
        // CUBOT makes phones.
        || at_places(&["bot"], |before, after| !before.ends_with(" cu") && ends_bot(after))
        || at_places(&["@"], |_, after| is_mail_domain(after))
        || UNLESS.iter().any(|(word, not_after, not_before)| {
            places(text, word).any(|(before, after)| {
                !not_after.iter().any(|end| before.ends_with(end))
                    && !not_before.iter().any(|start| after.starts_with(start))
            })
        })
}

/// What stands before and after each place of a word.
fn places<'a>(text: &'a str, word: &'static str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(word).map(move |(at, _)| (&text[..at], &text[at + word.len()..]))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn ends_word(after: &str) -> bool {
    !after.starts_with(is_word)
}

fn starts_word(before: &str) -> bool {
    !before.ends_with(is_word)
}

/// Whether a word ends after `bot`: `bot`, `bots` and `bot_x`, but not `botany`.
fn ends_bot(after: &str) -> bool {
    let ends = |after: &str| ends_word(after) || after.starts_with('_');
    ends(after) || after.strip_prefix('s').is_some_and(ends)
}

/// Whether this is the domain of a mail address. Crawlers name whom to write to; browsers do not.
fn is_mail_domain(after: &str) -> bool {
    let name = after.find(|c: char| !is_word(c) && c != '-').unwrap_or(after.len());
    name > 1 && after.starts_with(|c: char| c.is_ascii_alphabetic()) && after[name..].starts_with('.')
}

/// Whether a text in lower case is shorter than any browser's: it has no comment in brackets
/// (`curl/8.4.0`), or nothing follows the comment of `Mozilla/5.0 (…)`. Old Internet Explorers
/// wrote nothing more either. Apps speak through a library of their system, and Facebook's own
/// browser sometimes for itself (`[FBAN/FB4A;…]`), without a comment.
fn has_the_shape_of_a_tool(text: &str) -> bool {
    match text.find(')') {
        None => !["cfnetwork/", "okhttp/", "fban/"].iter().any(|app| text.contains(app)),
        Some(end) => text.starts_with("mozilla/") && end + 1 == text.len() && !text.contains("msie "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[is_crawler, user agent]`, the verdicts those of isbot.
    const VECTORS: &str = include_str!("../../vectors/crawlers.json");

    #[test]
    fn verdicts_are_those_of_the_list() {
        let vectors: Vec<(bool, String)> = serde_json::from_str(VECTORS).unwrap();
        for kind in [true, false] {
            assert!(vectors.iter().filter(|(is, _)| *is == kind).count() >= 30, "{kind}");
        }
        for (is, user_agent) in vectors {
            assert_eq!(is_crawler(&user_agent), is, "{user_agent}");
        }
    }

    #[test]
    fn apps_and_phones_with_telling_names_are_people() {
        for person in [
            "",
            "okhttp/4.9.0",
            "[FBAN/FB4A;FBAV/222.0.0.48.113;FBBV/155323366;FBDM/{density=2.0,width=720,height=1360};]",
            "Shop/3 CFNetwork/1410 Darwin/22.6.0",
            "Dalvik/2.1.0 (Linux; U; Android 13; RMX3710 Build/TP1A)",
            "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)",
        ] {
            assert!(!is_crawler(person), "{person}");
        }
        for crawler in
            ["curl/8.4.0", "Mozilla/5.0", "Mozilla/5.0 (X11; Linux x86_64)", "facebookexternalhit/1.1"]
        {
            assert!(is_crawler(crawler), "{crawler}");
        }
    }

    #[test]
    fn a_long_text_is_searched_in_its_first_part() {
        let long = format!("Mozilla/5.0 (x) {}é", "a".repeat(SEARCHED_BYTES_MAX));
        assert!(!is_crawler(&long));
    }

    #[test]
    fn the_words_are_in_lower_case() {
        let words = [ANYWHERE, AT_START, ENDS_WORD, STARTS_WORD, WHOLE_WORD].concat();
        for word in words.into_iter().chain(UNLESS.iter().map(|(word, ..)| *word)) {
            assert_eq!(word, word.to_ascii_lowercase());
        }
    }
}
