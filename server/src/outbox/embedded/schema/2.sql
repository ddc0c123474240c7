-- Schema version 2: frequent queries read only the rows they return.

-- Waiting events, oldest first: for the age of the backlog, and to find events that are too old for Meta.
CREATE INDEX events_open ON events (pixel, received_ms, time_s) WHERE due_ms IS NOT NULL;
-- Events that are held one by one.
CREATE INDEX events_held ON events (time_s) WHERE state = {HELD};
-- Dead letters, for lists, and those that still hold a person.
CREATE INDEX events_dead ON events (seq) WHERE state = {DEAD_LETTER};
CREATE INDEX events_dead_person ON events (finished_ms) WHERE state = {DEAD_LETTER} AND person IS NOT NULL;
-- Orders by their last change: retention removes people's signals first, and the order later.
CREATE INDEX orders_signals ON orders (updated_ms) WHERE stripped = 0;
CREATE INDEX orders_unpaid ON orders (updated_ms) WHERE paid = 0;
CREATE INDEX orders_paid ON orders (updated_ms) WHERE paid = 1;

-- Orders by whether they are paid, counted as they change.
CREATE TABLE order_totals (
    paid INTEGER PRIMARY KEY,
    n    INTEGER NOT NULL
) STRICT;
INSERT INTO order_totals (paid, n) SELECT paid, count(*) FROM orders GROUP BY paid;
