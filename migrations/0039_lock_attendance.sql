-- Which instances have said that the holder of a lock is here on a socket, and until when each counts on that: who leaves one
-- of them keeps the lock for as long as they are here through another. `attended_until` is the latest of these times.
ALTER TABLE node_locks ADD COLUMN attended_by jsonb NOT NULL DEFAULT '{}';

-- The same with builds from before this, which give no name: they have said something if the latest of all times is later than
-- those that were given by name.
CREATE FUNCTION lock_attendances(named jsonb, latest timestamptz) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN CASE
        WHEN latest > (SELECT coalesce(max(value::timestamptz), '-infinity') FROM jsonb_each_text(named))
        THEN named || jsonb_build_object('unnamed', latest)
        ELSE named
    END;
