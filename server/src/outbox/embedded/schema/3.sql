-- Schema version 3: the number of orders that only strangers named is bounded, and they are checked last.

-- Trust in an unpaid order (order::TrustLevel). Orders of earlier versions may have been named at
-- a checkout.
ALTER TABLE orders ADD COLUMN standing INTEGER NOT NULL DEFAULT 1;
-- When to ask the payment provider, by trust.
DROP INDEX orders_ask;
CREATE INDEX orders_ask ON orders (standing, ask_at_ms) WHERE ask_at_ms IS NOT NULL;
-- Orders that only strangers named, by their last change.
CREATE INDEX orders_unproven ON orders (updated_ms) WHERE paid = 0 AND standing < {ATTESTED};
