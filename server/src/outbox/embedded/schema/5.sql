-- Schema version 5: money of one environment never counts in another.

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
CREATE INDEX orders_signals ON orders (updated_ms) WHERE stripped = 0;
CREATE INDEX orders_unpaid ON orders (updated_ms) WHERE paid = 0;
CREATE INDEX orders_paid ON orders (updated_ms) WHERE paid = 1;
CREATE INDEX orders_unproven ON orders (updated_ms) WHERE paid = 0 AND standing < {ATTESTED};
-- The dedup key.
DROP INDEX events_key;
CREATE UNIQUE INDEX events_key ON events (id, name, pixel, environment);
-- Keys that all servers of one store share.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
