-- Which instances have said that the holder of a lock is here on a socket, and until when each counts on that: who leaves one
-- of them keeps the lock for as long as they are here through another. `attended_until` is the latest of these times.
ALTER TABLE node_locks ADD COLUMN attended_by jsonb NOT NULL DEFAULT '{}';
