//! SQL that names states instead of their numbers. SQLite uses a partial index only if its
//! condition is a literal, so the numbers cannot be bound.

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::id::EventId;

use crate::outbox::State;
pub(super) use crate::outbox::numbers::*;

/// From this trust level on an order counts as proven (`order::TrustLevel`).
pub(super) const ATTESTED: u8 = tandem_core::order::TrustLevel::Attested as u8;

/// Stored for events that speak of no money; the others store core's `Environment`.
pub(super) const NO_MONEY: u8 = 0;

/// SQL in which `{PENDING}` and the like stand for numbers; made once.
macro_rules! sql {
    ($text:literal $(, $name:ident = $value:expr)*) => {{
        static SQL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| format!($text $(, $name = $value)*));
        SQL.as_str()
    }};
}
pub(super) use sql;

/// SQL for a new row's position in a table: above all that ever were.
pub(super) fn next_position(table: &str, column: &str) -> String {
    format!(
        "max(ifnull((SELECT max({column}) FROM {table}), 0), (SELECT floor FROM floors WHERE of = '{table}')) + 1"
    )
}

/// The numbers of the states that `which` selects, as a list for SQL.
pub(super) fn numbers(which: fn(State) -> bool) -> String {
    let numbers = State::ALL.into_iter().filter(|state| which(*state)).map(|state| (state as u8).to_string());
    numbers.collect::<Vec<_>>().join(", ")
}

/// A schema file with numbers in place of the states' names.
pub(super) fn numbered(schema: &str) -> String {
    let named = State::NAMES.iter().map(|(state, name)| (*name, *state as u8));
    named.chain([("ATTESTED", ATTESTED)]).fold(schema.to_owned(), |schema, (name, number)| {
        schema.replace(&format!("{{{name}}}"), &number.to_string())
    })
}

/// Reads a stored state. The writer stored it, so an unknown number means a damaged file. Such an
/// entry counts as given up, so that it is not sent in error.
pub(super) fn state(number: i64) -> State {
    State::from_number(number).unwrap_or(State::DeadLetter)
}

/// Finds or creates a pixel's number.
pub(super) fn pixel_no(db: &Connection, id: &str) -> rusqlite::Result<i64> {
    let found = db
        .prepare_cached("SELECT no FROM pixels WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    match found {
        Some(no) => Ok(no),
        None => db
            .prepare_cached("INSERT INTO pixels (id) VALUES (?1) RETURNING no")?
            .query_row([id], |row| row.get(0)),
    }
}

/// Reads an event's ID as it was given.
pub(super) fn event_id(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<EventId> {
    EventId::parse(&row.get::<_, String>(column)?).map_err(|error| unreadable(column, error))
}

pub(super) fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// A state's number that stands where its name should.
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
        assert!(bare_number("WHERE paid = 0 AND state = 5").is_some(), "the search finds a bare number");
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
