//! How deep a script nests. The parser and its visitors recurse for each level, so a hostile script could exhaust the
//! stack. Such a script is not parsed.

/// Deepest nesting of brackets. Bundles stay far under a hundred.
const BRACKETS_MAX: usize = 1_000;
/// Most words and signs of one expression and the brackets around it. Each may nest in the one before.
const CHAIN_MAX: usize = 20_000;

/// Whether a script is safe to parse. The contents of texts count as code, unless it is certain what is text. A
/// bundle may contain a page's HTML as one text.
pub(super) fn is_safe(text: &str) -> bool {
    is_shallow(text) || code_alone(text).is_some_and(|code| is_shallow(&code))
}

/// The script without the contents of its texts, comments and regular expressions. `None` if only a parser can tell
/// them from code: a slash after a bracket may be a division, a quote in a template or in JSX may be plain text.
fn code_alone(text: &str) -> Option<String> {
    let mut code = String::with_capacity(text.len());
    let mut last = b';';
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let next = rest.as_bytes().get(1).copied().unwrap_or(b' ');
        let skipped = match (sign, next) {
            ('`', _) | ('<', b'a'..=b'z' | b'A'..=b'Z' | b'>' | b'!') | ('\\', _) => return None,
            ('"' | '\'', _) => closed(rest, sign)?,
            ('/', b'/') => rest.find('\n').unwrap_or(rest.len()),
            ('/', b'*') => rest.find("*/").map_or(rest.len(), |end| end + 2),
            ('/', _)
                if matches!(last, b'(' | b',' | b'=' | b':' | b'[' | b'!' | b'&' | b'|' | b'?' | b';') =>
            {
                closed(rest, '/')?
            }
            ('/', _) => return None,
            _ => {
                code.push(sign);
                0
            }
        };
        if skipped > 0 {
            // A text or a regular expression counts as an operand, a comment as a blank.
            code.push(if matches!(next, b'/' | b'*') && sign == '/' { ' ' } else { '0' });
        }
        if !sign.is_ascii_whitespace() {
            last = if skipped > 0 { b'0' } else { u8::try_from(sign).unwrap_or(b'0') };
        }
        rest = rest.get(skipped.max(sign.len_utf8())..)?;
    }
    Some(code)
}

/// Number of bytes up to the end of the closing sign, on the same line. `None` if it is not certain where that is: a
/// class in a regular expression may contain a slash.
fn closed(text: &str, close: char) -> Option<usize> {
    let mut is_escaped = false;
    for (i, sign) in text.char_indices().skip(1) {
        match sign {
            '\n' => return None,
            '[' if close == '/' && !is_escaped => return None,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if sign == close => return Some(i + 1),
            _ => {}
        }
    }
    None
}

/// Whether nothing in a text nests too deeply. In doubt, the count is too high rather than too low.
fn is_shallow(text: &str) -> bool {
    let bytes = text.as_bytes();
    // For each open bracket, the signs of the expression around it.
    let mut open: Vec<usize> = Vec::new();
    let mut chain = 0_usize;
    // Signs of all open expressions.
    let mut total = 0_usize;
    let mut was_word = false;
    let mut after_block = false;
    for (i, byte) in bytes.iter().enumerate() {
        let is_word = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..);
        if is_word && !was_word {
            if after_block && !continues(bytes.get(i..).unwrap_or_default()) {
                total -= chain;
                chain = 0;
            }
            chain += 1;
            total += 1;
        }
        match byte {
            b'(' | b'[' | b'{' => {
                chain += 1;
                total += 1;
                open.push(chain);
                chain = 0;
                if open.len() > BRACKETS_MAX {
                    return false;
                }
            }
            b')' | b']' | b'}' => {
                total -= chain;
                chain = open.pop().unwrap_or(0);
                if open.is_empty() && chain == 0 {
                    total = 0;
                }
            }
            b',' | b';' => {
                total -= chain;
                chain = 0;
            }
            _ if is_word || byte.is_ascii_whitespace() => {}
            _ => {
                chain += 1;
                total += 1;
            }
        }
        if !byte.is_ascii_whitespace() {
            after_block = *byte == b'}';
        }
        was_word = is_word;
        if total > CHAIN_MAX {
            return false;
        }
    }
    true
}

/// Whether a word after a block continues the statement or expression before the block.
fn continues(rest: &[u8]) -> bool {
    [b"else".as_slice(), b"in", b"instanceof", b"catch", b"finally", b"while"].iter().any(|word| {
        rest.starts_with(word)
            && rest.get(word.len()).is_none_or(|next| !next.is_ascii_alphanumeric() && *next != b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_people_and_bundlers_write_is_safe() {
        let lines = "function a(b){if(b){return c(d[1])+{e:1}.e}else{return`${b}`}}\n".repeat(20_000);
        assert!(is_safe(&lines));
        let list = format!("var a=[{}];", "'x',1.5,".repeat(100_000));
        assert!(is_safe(&list));
        let page = format!("// it's\nx.innerHTML = '{}';", "<li class=\\'y\\'>(".repeat(20_000));
        assert!(is_safe(&page), "one text");
    }

    #[test]
    fn what_nests_without_end_is_not() {
        for (unit, times) in [
            ("(", 2_000),
            ("[[", 1_000),
            ("!", 30_000),
            ("a+", 30_000),
            ("a=>", 30_000),
            ("if(a){}else ", 30_000),
            ("typeof ", 30_000),
            ("a?b:", 30_000),
            ("x:", 30_000),
            ("{}+", 30_000),
            ("`${", 2_000),
            ("<a>", 30_000),
        ] {
            let nested = unit.repeat(times);
            assert!(!is_safe(&nested), "{unit}");
            for hidden in [
                format!("if (a) /'/; {nested} /'/"),
                format!("`'` {nested} '"),
                format!("a = <p>don't {nested} it's</p>"),
                format!("x = /['/]/; {nested} '"),
                format!("<!-- '\n {nested} '"),
            ] {
                assert!(!is_safe(&hidden), "{unit} in {}", &hidden[..20]);
            }
        }
    }
}
