-- Schema version 6: an event ID is compared without case where it is a UUID, and sent as it was given.

-- How the ID was given, where that is not the column id (core's EventId).
ALTER TABLE events ADD COLUMN spelling TEXT;
