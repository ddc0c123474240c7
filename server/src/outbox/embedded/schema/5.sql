-- Schema version 5: money of one environment never counts in another; what is deleted is deleted by
-- the store's own running time, and positions only grow.

-- core's Environment, of Purchases and of what follows them: 1 production, 2 sandbox. 0: of no money.
ALTER TABLE events ADD COLUMN environment INTEGER NOT NULL DEFAULT 0;
-- 1: its order asked to stop it while it was on its way; looked at when it is leased again.
ALTER TABLE events ADD COLUMN stop_asked INTEGER NOT NULL DEFAULT 0;

-- An order is an ID in one environment.
CREATE TABLE orders_5 (
    environment INTEGER NOT NULL,           -- core's Environment
    id          TEXT NOT NULL,
    pixel       INTEGER NOT NULL REFERENCES pixels (no),
    state       TEXT NOT NULL,
    paid        INTEGER NOT NULL,           -- 1: proof of payment is there
    created_ms  INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    ask_at_ms   INTEGER,                    -- when to ask the payment provider next
    stripped    INTEGER NOT NULL DEFAULT 0, -- 1: signals of people are gone
    standing    INTEGER NOT NULL DEFAULT 1, -- how much is behind it while it is not paid (order::TrustLevel)
    updated_run_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (id, environment)
) STRICT;
-- Earlier versions did not say. What only the sandbox spoke of was paid in play money.
INSERT INTO orders_5 (environment, id, pixel, state, paid, created_ms, updated_ms, ask_at_ms, stripped, standing)
    SELECT iif(id IN (SELECT order_id FROM webhooks WHERE account LIKE '%:sandbox')
               AND id NOT IN (SELECT order_id FROM webhooks WHERE account LIKE '%:production' AND order_id IS NOT NULL), 2, 1),
           id, pixel, state, paid, created_ms, updated_ms, ask_at_ms, stripped, standing
    FROM orders;
DROP TABLE orders;
ALTER TABLE orders_5 RENAME TO orders;
UPDATE orders SET state = json_set(state, '$.environment', 'sandbox') WHERE environment = 2;
UPDATE events SET environment = iif(order_id IN (SELECT id FROM orders WHERE environment = 2), 2, 1)
    WHERE name = 'Purchase' OR id GLOB 'refund_*';
CREATE INDEX orders_ask ON orders (environment, standing, ask_at_ms) WHERE ask_at_ms IS NOT NULL;
-- The dedup key.
DROP INDEX events_key;
CREATE UNIQUE INDEX events_key ON events (id, name, pixel, environment);
-- Keys that all servers of one store share.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

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
ALTER TABLE webhooks ADD COLUMN received_run_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN started_run_ms INTEGER NOT NULL DEFAULT 0;
-- What has finished, the longest finished first.
CREATE INDEX events_finished ON events (finished_run_ms) WHERE finished_ms IS NOT NULL;
DROP INDEX events_dead_person;
CREATE INDEX events_dead_person ON events (finished_run_ms) WHERE state = {DEAD_LETTER} AND person IS NOT NULL;
CREATE INDEX orders_signals ON orders (updated_run_ms) WHERE stripped = 0;
CREATE INDEX orders_unpaid ON orders (updated_run_ms) WHERE paid = 0;
CREATE INDEX orders_paid ON orders (updated_run_ms) WHERE paid = 1;
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
-- Why events are held one by one.
CREATE INDEX events_held_code ON events (pixel, code) WHERE state = {HELD};
