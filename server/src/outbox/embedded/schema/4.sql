-- Schema version 4: what the sender must know about an event is in columns and not only in its JSON.

-- Where the action took place (core's ActionSource, in Meta's spelling).
ALTER TABLE events ADD COLUMN action_source TEXT NOT NULL DEFAULT 'website';
-- 1: the event names the page on which it happened.
ALTER TABLE events ADD COLUMN has_page INTEGER NOT NULL DEFAULT 0;
-- Most events are of websites, and finished events hold no page any more, so few rows are rewritten.
UPDATE events SET action_source = json_extract(facts, '$.action_source')
    WHERE json_extract(facts, '$.action_source') != 'website';
UPDATE events SET has_page = 1
    WHERE person IS NOT NULL AND json_extract(person, '$.event_source_url') IS NOT NULL;
