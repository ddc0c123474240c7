//! Reads a phone number as people write it: with separators, an extension, a note, or a second calling
//! code. A text with two numbers is refused. Their digits run together would be a stranger's number.

use alloc::string::String;

use super::text::Text;
use crate::country::Country;
use crate::personal::is_removable;

/// Most digits that are read. A number has 15 (ITU-T E.164), and `00`, a trunk zero and a second calling
/// code can stand before them.
const DIGITS_MAX: usize = 20;
/// Most digits of an extension.
const EXTENSION_DIGITS_MAX: usize = 7;
/// Words before an extension.
const EXTENSION_WORDS: [&str; 6] = ["x", "ext", "extn", "extension", "xtn", "exten"];

/// The parts of a written number that matter.
#[derive(Default)]
pub(super) struct Written {
    /// Its digits as ASCII.
    pub(super) digits: Text,
    /// Whether it begins with a plus sign.
    pub(super) has_plus: bool,
    /// Whether something was cut off, or stood between the digits, that is not usual in a number. Then
    /// the number counts only if it is complete.
    pub(super) is_doubtful: bool,
}

impl Written {
    /// Reads a number. `is_complete`: whether the digits so far are a whole number. `None` when the text
    /// is no number, or more than one.
    pub(super) fn read(text: &str, is_complete: &dyn Fn(&Self) -> bool) -> Option<Self> {
        let start = text.find(|c| is_plus(c) || ascii_digit(c).is_some())?;
        // A label such as `tel:` or `Mobile` can stand in front. In `O98765` the letter is a mistyped digit.
        if text[..start].ends_with(char::is_alphabetic) {
            return None;
        }
        let mut number = Self { digits: Text::new(String::with_capacity(DIGITS_MAX)), ..Self::default() };
        let mut opened_at = None;
        let mut rest = &text[start..];
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            match c {
                c if is_plus(c) && number.digits.is_empty() => number.has_plus = true,
                c if is_plus(c) => return number.after_second_plus(rest, is_complete),
                '(' | '（' => opened_at = Some(number.digits.len()),
                // In `+44 (0)20 …` people dial the zero only inside the country.
                ')' | '）' if opened_at.is_some_and(|at| number.is_marked_zero(at)) => {
                    number.digits.pop();
                }
                c if is_separator(c) => {}
                c => match ascii_digit(c) {
                    Some(_) if number.digits.len() == DIGITS_MAX => return None,
                    Some(digit) => number.digits.push(char::from(digit)),
                    None => {
                        let before = &text[..text.len() - rest.len()];
                        match number.stop(before, rest, is_complete)? {
                            Stop::End => break,
                            Stop::Divider => number.is_doubtful = true,
                        }
                    }
                },
            }
            rest = after;
        }
        Some(number)
    }

    /// Says what a character that belongs to no number means for it. `rest` begins with the character.
    fn stop(&mut self, before: &str, rest: &str, is_complete: &dyn Fn(&Self) -> bool) -> Option<Stop> {
        let c = rest.chars().next()?;
        let touches = before.ends_with(|c| ascii_digit(c).is_some());
        let after_sign = rest.strip_prefix(';').filter(|after| after.starts_with(char::is_alphabetic));
        let word_at = after_sign.unwrap_or(rest);
        if is_extension(word_at, touches) {
            self.is_doubtful = true;
            return Some(Stop::End);
        }
        // Stars hide digits.
        if rest.contains('*') || (c.is_alphabetic() && touches) {
            return None;
        }
        if !rest.contains(|c| is_plus(c) || ascii_digit(c).is_some()) {
            // A note such as `(WhatsApp)`.
            self.is_doubtful |= rest.contains(char::is_alphabetic);
            return Some(Stop::End);
        }
        // `030/1234567` is one number, `98765 43210 / 91234 56780` are two.
        (!c.is_alphabetic() && c != '#' && !is_complete(self)).then_some(Stop::Divider)
    }

    /// Reads a number such as `+44+447911123456` from its second plus sign on.
    fn after_second_plus(self, rest: &str, is_complete: &dyn Fn(&Self) -> bool) -> Option<Self> {
        let code = self.digits.strip_prefix("00").unwrap_or(&self.digits);
        if Country::calling_code_of(code) != Some(code) || rest.chars().filter(|c| is_plus(*c)).count() > 1 {
            return None;
        }
        let mut number = Self::read(rest, is_complete)?;
        if !number.digits.starts_with(code) {
            let mut digits = Text::new(String::with_capacity(code.len() + number.digits.len()));
            digits.push_str(code);
            digits.push_str(&number.digits);
            number.digits = digits;
        }
        number.is_doubtful = true;
        Some(number)
    }

    /// Whether the digits before `at` are a plus sign or `00` and the calling code of a country with the
    /// trunk prefix `0`, and the digits from `at` on are only that zero.
    fn is_marked_zero(&self, at: usize) -> bool {
        let (before, inside) = self.digits.split_at(at);
        let code = if self.has_plus { Some(before) } else { before.strip_prefix("00") };
        inside == "0" && code.is_some_and(Country::dials_zero_after)
    }
}

/// What follows a part of a number.
enum Stop {
    /// Nothing that belongs to it.
    End,
    /// More digits of the same number.
    Divider,
}

/// Whether a text is an extension and nothing else: `ext. 12`, `x12`, `#5`, `,,12`, `;12`. `touches`: it follows
/// a digit directly.
fn is_extension(text: &str, touches: bool) -> bool {
    let word_end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at(word_end);
    let rest = if word.is_empty() {
        let pause = text.trim_start_matches([',', ';']);
        let is_pause = touches && pause.len() < text.len() && pause.starts_with(|c| ascii_digit(c).is_some());
        match text.strip_prefix('#') {
            Some(rest) => rest,
            None if is_pause => pause,
            None => return false,
        }
    } else {
        if !EXTENSION_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            return false;
        }
        rest
    };
    let number = rest.trim_start_matches(|c| is_separator(c) || matches!(c, ':' | '=' | '#' | '：'));
    let digits = number.chars().take_while(|c| ascii_digit(*c).is_some()).count();
    let after = number.trim_start_matches(|c| ascii_digit(c).is_some());
    (1..=EXTENSION_DIGITS_MAX).contains(&digits)
        && after.chars().all(|c| is_separator(c) || matches!(c, '#' | ',' | ';' | '/'))
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '＋')
}

/// Whether a character can stand between the digits of one number. A line break divides two numbers.
fn is_separator(c: char) -> bool {
    (is_removable(c) && !matches!(c, '\n' | '\r'))
        || matches!(c, '-' | '.' | '(' | ')' | '[' | ']' | '_' | '\'' | '~' | '（' | '）')
        || matches!(c, '\u{200c}' | '\u{200d}' | '\u{b7}' | '\u{2010}'..='\u{2015}' | '\u{2022}' | '\u{2212}')
        || matches!(c, '\u{fe63}' | '\u{ff0d}' | '\u{ff0e}')
}

/// The ASCII digit for a decimal digit in ASCII, in full width, or in a script of South Asia,
/// South-East Asia or the Arabic world; `None` for other characters.
pub(crate) fn ascii_digit(c: char) -> Option<u8> {
    /// The zero of each script. Its other nine digits follow it (Unicode, general category Nd).
    const ZEROS: [char; 20] =
        ['0', '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '෦', '๐', '໐', '༠', '၀', '០', '０'];
    let at = ZEROS
        .iter()
        .map(|zero| u32::from(c).wrapping_sub(u32::from(*zero)))
        .find(|distance| *distance < 10)?;
    u8::try_from(at).ok().map(|digit| b'0' + digit)
}
