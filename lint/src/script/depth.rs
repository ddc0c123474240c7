//! How deep a script nests. The parser and its visitors call themselves for each level, so that a
//! script made for it could exhaust the stack: such a script is not parsed.

/// Brackets inside brackets. Bundles stay far under a hundred.
const BRACKETS_MAX: usize = 1_000;
/// Words and signs of one expression, brackets around it included: each may nest in the one before.
const CHAIN_MAX: usize = 20_000;

/// Whether a script is safe to parse. It counts without knowing strings from code, so that it counts
/// too much rather than too little.
pub(super) fn is_safe(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Signs of the expression that each open bracket stands in.
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

/// Whether a word after a block goes on with what stood before the block.
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
            assert!(!is_safe(&unit.repeat(times)), "{unit}");
        }
    }
}
