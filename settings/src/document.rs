//! Makes `--help` and `docs/settings.md` from the table of keys.

use std::fmt::Write as _;

use crate::keys::{DefaultValue, KEYS, Key, Program, TABLES};

/// Longest line of the help, in characters.
const COLUMNS: usize = 98;

const PAGE_HEAD: &str = "\
# Settings

Set a variable in the program's environment, or put the same key into a TOML file and name the file in `TANDEM_CONFIG`.

In the file, the key is the variable in lower case, without `TANDEM_` (`TANDEM_JOIN_WAIT` is `join_wait`). The environment
overrides the file, and the file overrides the default. All programs may share one file. A key that no program knows is an
error. At the start, the log names variables with our prefixes that no program knows.

A secret has a second variable that ends in `_FILE`: the path of a file that contains the secret. The file is read again
when it changes. While it is empty, unreadable, gone or cannot be such a secret, the last good secret stays in use, and
health names it.

A list has at least one entry: to set none, leave the setting out. A secret that a header carries is visible ASCII without
spaces; one that Meta or Cashfree issued does not stand in quotes.

`tandem-server --check` reads all settings, prints each value and where it was found, and exits with 0. If a setting cannot
be used, it prints one line that names the setting and exits with 2.

This page is made from the table in `settings/src/keys.rs` by `cargo xtask settings-docs`.

| variable | program | default | meaning |
|---|---|---|---|
";

const TABLES_HEAD: &str = "
Some settings of the server are tables of the file. They have no variables:

| table | meaning |
|---|---|
";

/// The text about a program's settings at the end of its `--help`.
pub fn help(program: Program) -> String {
    let mut text =
        "Settings (environment, or the TOML file that TANDEM_CONFIG names, with keys in lower case\n\
                    without TANDEM_; _FILE: a file that contains the secret):"
            .to_owned();
    for key in KEYS.iter().filter(|key| key.is_read_by(program)) {
        let also = key.file_variable().map_or_else(String::new, |variable| format!(", {variable}"));
        let (DefaultValue::Text(default) | DefaultValue::Means(default)) = key.default;
        let _ = write!(text, "\n  {}{also}", key.name);
        let sentence = format!("{} [{default}]", key.meaning);
        wrap(&sentence, COLUMNS - 6, |line| {
            let _ = write!(text, "\n      {line}");
        });
    }
    text
}

/// Breaks a text into lines of at most `columns` characters, between words.
fn wrap(text: &str, columns: usize, mut each: impl FnMut(&str)) {
    let mut rest = text;
    while rest.len() > columns {
        let cut = rest[..=columns].rfind(' ').unwrap_or(rest.len());
        each(&rest[..cut]);
        rest = rest[cut..].trim_start();
    }
    if !rest.is_empty() {
        each(rest);
    }
}

/// The text of `docs/settings.md`, in Markdown.
pub fn page() -> String {
    let mut page = PAGE_HEAD.to_owned();
    for key in KEYS {
        page.push_str(&row(key));
    }
    page.push_str(TABLES_HEAD);
    for (name, meaning) in TABLES {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page
}

fn row(key: &Key) -> String {
    let also = key.file_variable().map_or_else(String::new, |variable| format!(", `{variable}`"));
    let programs: Vec<&str> = key.programs.iter().map(|program| program.name()).collect();
    let programs =
        if key.programs.len() == Program::ALL.len() { "all".to_owned() } else { programs.join(", ") };
    let default = match key.default {
        DefaultValue::Text(text) => format!("`{text}`"),
        DefaultValue::Means(words) => words.to_owned(),
    };
    format!("| `{}`{also} | {programs} | {default} | {} |\n", key.name, key.meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_a_program_has_its_keys_and_no_others() {
        let help = help(Program::Gateway);
        for shown in
            ["TANDEM_GATEWAY_ADDR", "TANDEM_INTERNAL_TOKEN_FILE", "[127.0.0.1:8080]", "TANDEM_CONFIG"]
        {
            assert!(help.contains(shown), "{shown}");
        }
        assert!(!help.contains("FACEBOOK_PIXEL_ID"));
        for line in help.lines() {
            assert!(line.len() <= COLUMNS, "{line}");
        }
    }

    #[test]
    fn no_cell_of_the_page_breaks_its_table() {
        for key in KEYS {
            assert_eq!(row(key).matches('|').count(), 5, "{}", key.name);
        }
    }
}
