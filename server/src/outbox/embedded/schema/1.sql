-- Schema version 1. Times are Unix milliseconds (_ms) or seconds (_s). Later versions add to it.

CREATE TABLE pixels (
    no     INTEGER PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE,
    paused INTEGER NOT NULL DEFAULT 0       -- 1: an operator stopped its delivery
) STRICT;

CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    pixel       INTEGER NOT NULL REFERENCES pixels (no),
    name        TEXT NOT NULL,
    id          TEXT NOT NULL,
    state       INTEGER NOT NULL,           -- outbox::State
    due_ms      INTEGER,                    -- pending: next attempt; in flight: end of the lease;
                                            -- waiting for the join: end of the wait; else NULL
    lease_no    INTEGER NOT NULL DEFAULT 0, -- fencing: grows with every lease
    attempts    INTEGER NOT NULL DEFAULT 0,
    replayed_at INTEGER NOT NULL DEFAULT 0, -- attempts at the last replay: the schedule starts anew
    received_ms INTEGER NOT NULL,
    time_s      INTEGER NOT NULL,           -- event_time
    finished_ms INTEGER,
    order_id    TEXT,
    keys        INTEGER NOT NULL,           -- names of the match keys, as bits
    contact     INTEGER NOT NULL,           -- 1: a browser told of it or asked about it
    browser     INTEGER,                    -- outbox::BrowserOutcome
    fired_s     INTEGER,
    code        TEXT,                       -- reason of the state, or of the last attempt
    facts       TEXT NOT NULL,              -- the event's JSON without personal data
    person      TEXT                        -- the rest of it; NULL once it is not needed
) STRICT;

-- The dedup key. The ID leads: ours are UUIDv7, so the index grows at its right edge.
CREATE UNIQUE INDEX events_key ON events (id, name, pixel);
-- The due queue.
CREATE INDEX events_due ON events (pixel, due_ms) WHERE due_ms IS NOT NULL;

-- One row per Graph call, and which event was in which.
CREATE TABLE calls (
    no           INTEGER PRIMARY KEY,
    pixel        INTEGER NOT NULL,
    started_ms   INTEGER NOT NULL,
    duration_ms  INTEGER NOT NULL,
    http_status  INTEGER NOT NULL,
    meta_code    INTEGER NOT NULL,
    meta_subcode INTEGER NOT NULL,
    fbtrace_id   TEXT NOT NULL,
    blamed_path  TEXT NOT NULL,
    batch_size   INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
    seq        INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL,
    call       INTEGER NOT NULL,
    result     TEXT NOT NULL,
    code       TEXT NOT NULL,
    PRIMARY KEY (seq, attempt_no)
) STRICT, WITHOUT ROWID;

-- Orders: the state machine of tandem-core as JSON. Rows outlive retention, so that a
-- late report or a revisit cannot make a second Purchase.
CREATE TABLE orders (
    id         TEXT PRIMARY KEY,
    pixel      INTEGER NOT NULL REFERENCES pixels (no),
    state      TEXT NOT NULL,
    paid       INTEGER NOT NULL,            -- 1: proof of payment is there
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    ask_at_ms  INTEGER,                     -- when to ask the payment provider next
    stripped   INTEGER NOT NULL DEFAULT 0   -- 1: signals of people are gone
) STRICT;
CREATE INDEX orders_ask ON orders (ask_at_ms) WHERE ask_at_ms IS NOT NULL;

-- Genuine webhooks, once each.
CREATE TABLE webhooks (
    seq         INTEGER PRIMARY KEY,
    account     TEXT NOT NULL,
    event_key   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    order_id    TEXT,
    received_ms INTEGER NOT NULL,
    copies      INTEGER NOT NULL DEFAULT 1, -- how often it came
    dead_letter TEXT,                       -- stable code when it was unusable
    extract     TEXT NOT NULL,              -- allow-listed fields, JSON; no personal data
    body_sha256 TEXT NOT NULL,
    body_bytes  INTEGER NOT NULL,
    UNIQUE (account, event_key)
) STRICT;
CREATE INDEX webhooks_dead ON webhooks (received_ms) WHERE dead_letter IS NOT NULL;

-- Counts per minute, written with the change they count.
CREATE TABLE counts (
    minute INTEGER NOT NULL,                -- Unix minutes
    pixel  INTEGER NOT NULL,
    name   TEXT NOT NULL,                   -- standard event name, or 'custom'
    metric INTEGER NOT NULL,                -- outbox::Metric
    n      INTEGER NOT NULL,
    PRIMARY KEY (minute, pixel, name, metric)
) STRICT, WITHOUT ROWID;

-- Entries per state, all time less what retention deleted.
CREATE TABLE totals (
    pixel INTEGER NOT NULL,
    state INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (pixel, state)
) STRICT, WITHOUT ROWID;
