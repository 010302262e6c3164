-- The stream of what happens, one per organization, for whoever listens: sockets, event streams, webhooks.

-- Numbers the events of an organization. The row is locked from the moment an event gets its number until its
-- transaction ends, so events become visible in the order of their numbers, without gaps: whoever has read up to one
-- never finds an earlier one later.
CREATE TABLE event_heads (
    org_id     uuid PRIMARY KEY REFERENCES organizations ON DELETE CASCADE,
    last_id    bigint NOT NULL,
    trimmed_id bigint NOT NULL DEFAULT 0,      -- through here events are no longer kept
    oldest_at  timestamptz,                    -- no event that is kept is older; null when none is
    CHECK (trimmed_id <= last_id)
) WITH (fillfactor = 50);
CREATE INDEX event_heads_oldest ON event_heads (oldest_at) WHERE oldest_at IS NOT NULL;

CREATE TABLE events (
    org_id     uuid NOT NULL REFERENCES event_heads ON DELETE CASCADE,
    id         bigint NOT NULL,
    kind       text NOT NULL,
    -- No foreign keys: an event outlives what it speaks of.
    project_id uuid,
    node_id    uuid,
    user_id    uuid,                           -- whose alone it is
    actors     jsonb NOT NULL,                 -- [{"kind", "id"}]
    payload    jsonb NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX events_project ON events (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX events_node ON events (node_id, id) WHERE node_id IS NOT NULL;

ALTER TABLE event_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON event_heads
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY for_maintenance ON event_heads FOR SELECT
    USING ((SELECT is_maintenance()));
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON events
    USING (org_id = (SELECT current_org_id()));

-- Appends events in one order and returns the number of the last. To be called last in a transaction, since all others
-- of the organization that append wait for its end.
CREATE FUNCTION append_events(
    in_org      uuid,
    in_kinds    text[],                        -- one element per event, as in the arrays that follow
    in_projects uuid[],
    in_nodes    uuid[],
    in_users    uuid[],
    in_actors   jsonb[],
    in_payloads jsonb[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    many   bigint := cardinality(in_kinds);
    newest bigint;
    moment timestamptz;
BEGIN
    INSERT INTO event_heads AS head (org_id, last_id, oldest_at) VALUES (in_org, many, now())
    ON CONFLICT (org_id) DO UPDATE SET last_id = head.last_id + many,
        oldest_at = coalesce(head.oldest_at, excluded.oldest_at)
    RETURNING last_id INTO newest;
    -- Read under the lock, so that times follow the numbers.
    moment := clock_timestamp();
    INSERT INTO events (org_id, id, kind, project_id, node_id, user_id, actors, payload, at)
    SELECT in_org, newest - many + place, kind, project_id, node_id, user_id, actors, payload, moment
    FROM unnest(in_kinds, in_projects, in_nodes, in_users, in_actors, in_payloads) WITH ORDINALITY
        AS new (kind, project_id, node_id, user_id, actors, payload, place);
    RETURN newest;
END
$$;

-- What node events are made of: what the tables said before, without reading what did not change.
ALTER TABLE nodes
    ADD COLUMN inputs_digest  uuid,            -- of the rows in node_inputs, as they were written last
    ADD COLUMN outputs_digest uuid,
    ADD COLUMN content_told_at timestamptz,    -- when an event last told that the node's document has changed
    ADD COLUMN content_untold  text[] NOT NULL DEFAULT '{}';  -- what has changed since
