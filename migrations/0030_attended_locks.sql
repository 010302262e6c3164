-- Until when the holder of a lock counts as here on a socket, unless that is said again: an instance that is killed
-- cannot say that its people are gone.
ALTER TABLE node_locks ADD COLUMN attended_until timestamptz;   -- null: nobody says so, it lasts until it runs out
CREATE INDEX node_locks_attended ON node_locks (attended_until) WHERE attended_until IS NOT NULL;
