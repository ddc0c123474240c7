//! The schema and its versions. A database of an earlier version is updated in one transaction per
//! version. A database of a later version is refused.

use rusqlite::Connection;

use super::sql::numbered;

/// What each version adds to the one before, from version 1 on.
const VERSIONS: [&str; 6] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];
/// Version of the schema that this program writes (SQLite's `user_version`).
pub(super) const SCHEMA_VERSION: usize = VERSIONS.len();

/// Why a database cannot be updated.
#[derive(Debug)]
pub(super) enum MigrateError {
    /// A newer program wrote the database; its schema version.
    FromTheFuture(i64),
    /// SQLite refused a step.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Updates a database to [`SCHEMA_VERSION`].
pub(super) fn migrate(db: &Connection) -> Result<(), MigrateError> {
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = usize::try_from(version).ok().filter(|version| *version <= SCHEMA_VERSION);
    let Some(version) = known else { return Err(MigrateError::FromTheFuture(version)) };
    for (i, steps) in VERSIONS.iter().enumerate().skip(version) {
        let next = i + 1;
        if version > 0 {
            tracing::info!(schema.version = next, "bringing the database up to date");
        }
        let steps = numbered(steps);
        db.execute_batch(&format!("BEGIN IMMEDIATE;\n{steps}\nPRAGMA user_version = {next};\nCOMMIT;"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(db: &Connection) -> Vec<(String, Option<String>)> {
        let mut rows = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn every_earlier_version_becomes_the_newest_and_keeps_its_rows() {
        let fresh = Connection::open_in_memory().unwrap();
        migrate(&fresh).unwrap();
        for version in 1..SCHEMA_VERSION {
            let old = Connection::open_in_memory().unwrap();
            for steps in &VERSIONS[..version] {
                old.execute_batch(&numbered(steps)).unwrap();
            }
            old.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
            let order = if version < 5 {
                "INSERT INTO orders (id, pixel, state, paid, created_ms, updated_ms) VALUES ('A', 1, '{}', 1, 0, 0);"
            } else {
                "INSERT INTO orders (environment, id, pixel, state, paid, created_ms, updated_ms)
                 VALUES (1, 'A', 1, '{}', 1, 0, 0);
                 INSERT INTO clock (one, run_ms, wall_ms, believed_ms) VALUES (1, 0, 7000, 7000);"
            };
            old.execute_batch(&format!("INSERT INTO pixels (id) VALUES ('1'); {order}")).unwrap();
            old.execute_batch(&old_events()).unwrap();
            if version >= 2 {
                old.execute_batch("INSERT INTO order_totals (paid, n) VALUES (1, 1)").unwrap();
            }
            migrate(&old).unwrap();
            migrate(&old).unwrap();
            assert_eq!(schema(&old), schema(&fresh), "from version {version}");
            let paid: i64 =
                old.query_row("SELECT n FROM order_totals WHERE paid = 1", [], |row| row.get(0)).unwrap();
            assert_eq!(paid, 1);
            let known: (i64, i64) = old
                .query_row("SELECT run_ms, believed_ms FROM clock", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap();
            assert_eq!(known, (0, 7_000), "the last entry's time is the one that a start is compared with");
            let counted: i64 = old
                .query_row("SELECT count(*) FROM events WHERE finished_run_ms = 0", [], |row| row.get(0))
                .unwrap();
            assert_eq!(counted, 4, "what finished before counts from now on");
            if version < 4 {
                let mut typed =
                    old.prepare("SELECT action_source, has_page FROM events ORDER BY seq").unwrap();
                let typed = typed.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).unwrap();
                let typed: Vec<(String, bool)> = typed.collect::<rusqlite::Result<_>>().unwrap();
                let expected =
                    [("website", true), ("physical_store", false), ("email", false), ("website", false)];
                assert_eq!(typed, expected.map(|(source, has_page)| (source.to_owned(), has_page)));
            }
        }
    }

    /// Events as versions before 4 stored them: one of a page, one at a counter whose properties
    /// look like another event, a delivered one, and one of a website without a page.
    fn old_events() -> String {
        let events = [
            (
                r#"{"event_name":"Lead","action_source":"website"}"#,
                Some(r#"{"user_data":{},"event_source_url":"https://shop.example/"}"#),
            ),
            (
                r#"{"action_source":"physical_store","custom_data":{"action_source":"website"}}"#,
                Some(r#"{"user_data":{"event_source_url":"x"}}"#),
            ),
            (r#"{"action_source":"email"}"#, None),
            (r#"{"action_source":"website"}"#, Some(r#"{"user_data":{}}"#)),
        ];
        let row = |(n, (facts, person)): (usize, (&str, Option<&str>))| {
            let person = person.map_or("NULL".to_owned(), |person| format!("'{person}'"));
            format!(
                "INSERT INTO events (pixel, name, id, state, received_ms, time_s, keys, contact, facts, person)
                 VALUES (1, 'Lead', '{n}', 1, 7000, 0, 0, 0, '{facts}', {person});"
            )
        };
        events.into_iter().enumerate().map(row).collect()
    }
}
