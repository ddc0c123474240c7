-- Keys that all servers of one store share.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- Why events are held one by one.
CREATE INDEX events_held_code ON events (pixel, code) WHERE state = {HELD};
