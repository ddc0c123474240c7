//! SQL that names states instead of their numbers. A partial index is only used where its
//! condition stands as a literal, so that the numbers cannot be bound.

use crate::outbox::State;
pub(super) use crate::outbox::numbers::*;

/// Number of the trust from which on an order counts as proven (`order::TrustLevel`).
pub(super) const ATTESTED: u8 = tandem_core::order::TrustLevel::Attested as u8;

/// SQL in which `{PENDING}` and the like stand for numbers; made once.
macro_rules! sql {
    ($text:literal $(, $name:ident = $value:expr)*) => {{
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| format!($text $(, $name = $value)*));
        SQL.as_str()
    }};
}
pub(super) use sql;

/// The numbers of some states, for a list in SQL.
pub(super) fn numbers(which: fn(State) -> bool) -> String {
    let numbers = State::ALL.into_iter().filter(|state| which(*state)).map(|state| (state as u8).to_string());
    numbers.collect::<Vec<_>>().join(", ")
}

/// A schema file with the numbers in the places of their names.
pub(super) fn numbered(schema: &str) -> String {
    let named = State::NAMES.iter().map(|(state, name)| (*name, *state as u8));
    named.chain([("ATTESTED", ATTESTED)]).fold(schema.to_owned(), |schema, (name, number)| {
        schema.replace(&format!("{{{name}}}"), &number.to_string())
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A state's number where its name belongs.
    fn bare_number(text: &str) -> Option<&str> {
        let of_state = ["state = ", "state != ", "state IN (", "standing < ", "iif(?3 = ", "iif(?3 != "];
        text.lines().find(|line| {
            let after = |start: &str| {
                line.split(start).skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            of_state.iter().any(|start| after(start))
        })
    }

    #[test]
    fn no_sql_holds_a_bare_number_of_a_state() {
        assert!(bare_number("WHERE paid = 0 AND state = 5").is_some(), "the search finds one");
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/outbox/embedded");
        let files =
            [dir.clone(), dir.join("schema")].into_iter().flat_map(|dir| std::fs::read_dir(dir).unwrap());
        let mut read = 0;
        for path in
            files.map(|file| file.unwrap().path()).filter(|path| path.is_file() && !path.ends_with("sql.rs"))
        {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(bare_number(&text), None, "{}", path.display());
            read += 1;
        }
        assert!(read > 10, "{read} files");
    }
}
