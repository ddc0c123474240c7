-- Schema version 5: what is deleted is deleted by the store's own running time, and positions
-- only grow.

-- The running time (milliseconds, over all starts), and what is known of the wall's time.
CREATE TABLE clock (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    run_ms        INTEGER NOT NULL,
    wall_ms       INTEGER NOT NULL,         -- clock::TrustRecord
    believed_ms   INTEGER NOT NULL,
    slack_ms      INTEGER NOT NULL DEFAULT 0,
    meta_ahead_s  INTEGER,
    steady_for_ms INTEGER NOT NULL DEFAULT 0,
    confirmed     INTEGER NOT NULL DEFAULT 0
) STRICT;
-- A store that was written to knows a time: that of its last entry.
INSERT INTO clock (one, run_ms, wall_ms, believed_ms)
    SELECT 1, 0, known_ms, known_ms FROM (
        SELECT max(ifnull((SELECT received_ms FROM events ORDER BY seq DESC LIMIT 1), 0),
                   ifnull((SELECT started_ms FROM calls ORDER BY no DESC LIMIT 1), 0),
                   ifnull((SELECT received_ms FROM webhooks ORDER BY seq DESC LIMIT 1), 0)) AS known_ms)
    WHERE known_ms > 0;

-- Running time at which a row finished, changed last or came. Earlier rows count from here on.
ALTER TABLE events ADD COLUMN finished_run_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN updated_run_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN received_run_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN started_run_ms INTEGER NOT NULL DEFAULT 0;
-- What has finished, the longest finished first.
CREATE INDEX events_finished ON events (finished_run_ms) WHERE finished_ms IS NOT NULL;
DROP INDEX events_dead_person;
CREATE INDEX events_dead_person ON events (finished_run_ms) WHERE state = {DEAD_LETTER} AND person IS NOT NULL;
DROP INDEX orders_signals;
CREATE INDEX orders_signals ON orders (updated_run_ms) WHERE stripped = 0;
DROP INDEX orders_unpaid;
CREATE INDEX orders_unpaid ON orders (updated_run_ms) WHERE paid = 0;
DROP INDEX orders_paid;
CREATE INDEX orders_paid ON orders (updated_run_ms) WHERE paid = 1;
DROP INDEX orders_unproven;
CREATE INDEX orders_unproven ON orders (updated_run_ms) WHERE paid = 0 AND standing < {ATTESTED};

-- The highest position ever deleted, where no row has a higher one. SQLite would give it out again.
CREATE TABLE floors (
    of    TEXT PRIMARY KEY,
    floor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO floors (of, floor) VALUES ('events', 0), ('orders', 0), ('webhooks', 0), ('calls', 0);
CREATE TRIGGER events_floor AFTER DELETE ON events
    WHEN NOT EXISTS (SELECT 1 FROM events WHERE seq > OLD.seq)
    BEGIN UPDATE floors SET floor = max(floor, OLD.seq) WHERE of = 'events'; END;
CREATE TRIGGER orders_floor AFTER DELETE ON orders
    WHEN NOT EXISTS (SELECT 1 FROM orders WHERE rowid > OLD.rowid)
    BEGIN UPDATE floors SET floor = max(floor, OLD.rowid) WHERE of = 'orders'; END;
CREATE TRIGGER webhooks_floor AFTER DELETE ON webhooks
    WHEN NOT EXISTS (SELECT 1 FROM webhooks WHERE seq > OLD.seq)
    BEGIN UPDATE floors SET floor = max(floor, OLD.seq) WHERE of = 'webhooks'; END;
CREATE TRIGGER calls_floor AFTER DELETE ON calls
    WHEN NOT EXISTS (SELECT 1 FROM calls WHERE no > OLD.no)
    BEGIN UPDATE floors SET floor = max(floor, OLD.no) WHERE of = 'calls'; END;
