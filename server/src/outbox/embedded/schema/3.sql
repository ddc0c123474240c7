-- Schema version 3: what strangers say of orders has a bound, and is asked about last.

-- How much is behind an order that is not paid (order::TrustLevel). Earlier ones may have been
-- named at a checkout.
ALTER TABLE orders ADD COLUMN standing INTEGER NOT NULL DEFAULT 1;
-- When to ask the payment provider, by what is behind the order.
DROP INDEX orders_ask;
CREATE INDEX orders_ask ON orders (standing, ask_at_ms) WHERE ask_at_ms IS NOT NULL;
-- What only strangers spoke of, by its last change.
CREATE INDEX orders_unproven ON orders (updated_ms) WHERE paid = 0 AND standing < {ATTESTED};
