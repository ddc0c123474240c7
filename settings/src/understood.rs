//! What `--check` prints: a line for each key, with its value and where it was found.

use std::fmt::Write as _;

use url::Url;

use crate::keys::{DefaultValue, KEYS, Key, Program};
use crate::secret::SecretSource;
use crate::source::{Origin, Source};

/// The keys of a program, one per line: name, value, origin. A secret is only `set` or `unset`.
pub fn understood(source: &Source, program: Program) -> String {
    let mut text = String::new();
    let keys = KEYS.iter().filter(|key| key.is_read_by(program));
    let columns = keys.clone().map(|key| key.name.len()).max().unwrap_or_default();
    for key in keys {
        let (value, origin) = value_of(source, key);
        let _ = writeln!(text, "{:columns$}  {value}  ({})", key.name, origin.name());
    }
    text
}

fn value_of(source: &Source, key: &Key) -> (String, Origin) {
    let in_file = || {
        let (path, origin) = source.given(&key.file_variable()?)?;
        let text = match SecretSource::file(path).newest() {
            Ok(_) => format!("set, in {path}"),
            Err(why) => format!("unset: {why}"),
        };
        Some((text, origin))
    };
    match source.given(key.name) {
        Some((_, origin)) if key.is_secret => ("set".to_owned(), origin),
        Some((text, origin)) => (shown(text), origin),
        None => in_file().unwrap_or_else(|| (unset(key), Origin::Default)),
    }
}

fn unset(key: &Key) -> String {
    match key.default {
        DefaultValue::Text(text) => text.to_owned(),
        DefaultValue::Means(_) if key.is_secret => "unset".to_owned(),
        DefaultValue::Means(words) => format!("unset: {words}"),
    }
}

/// A value as it is printed. A URL with a password is not shown.
fn shown(text: &str) -> String {
    if Url::parse(text).is_ok_and(|url| url.password().is_some()) {
        "set, with a password".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_name_value_and_origin_and_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (token, empty) = (file("token", "s3cret"), file("empty", ""));
        let variables = [
            ("TANDEM_CLAIM_SECRET", "s3cret"),
            ("FACEBOOK_ACCESS_TOKEN_FILE", &token),
            ("FACEBOOK_APP_SECRET_FILE", &empty),
            ("META_GRAPH_URL", "https://me:s3cret@graph.example"),
        ];
        let source = Source::from_variables(Program::Server, variables).unwrap();
        let source = source.with_file("join_wait = '9s'").unwrap();
        let text = understood(&source, Program::Server);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        for expected in [
            &["TANDEM_CLAIM_SECRET", "set", "(environment)"][..],
            &["FACEBOOK_ACCESS_TOKEN", "set,", "in", &token, "(environment)"],
            &["FACEBOOK_APP_SECRET", "unset:", &empty, "is", "empty", "(environment)"],
            &["META_GRAPH_URL", "set,", "with", "a", "password", "(environment)"],
            &["TANDEM_JOIN_WAIT", "9s", "(file)"],
            &["TANDEM_RETENTION", "30d", "(default)"],
            &["CASHFREE_CLIENT_SECRET", "unset", "(default)"],
        ] {
            assert!(lines.iter().any(|line| line == expected), "{expected:?} is not in\n{text}");
        }
        assert!(!text.contains("s3cret") && !text.contains("TANDEM_GATEWAY_ADDR"), "{text}");
    }
}
