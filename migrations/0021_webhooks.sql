-- Telling other servers what happens.
--
-- A transaction of who delivers says so: app.deliveries = 'on' sees and changes the webhooks and deliveries of all
-- organizations, and nothing else.

CREATE FUNCTION is_delivering() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.deliveries', true), '') = 'on';

CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    url             text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description     text NOT NULL DEFAULT '',
    kinds           text[] NOT NULL DEFAULT '{}',   -- of events; empty: all but node_moved
    active          boolean NOT NULL DEFAULT true,
    disabled_why    text,                           -- why the server itself made it inactive
    secret          text NOT NULL,                  -- whsec_…
    previous_secret text,                           -- still signs until then
    previous_until  timestamptz,
    failing_since   timestamptz,                    -- since when nothing got through
    failures        integer NOT NULL DEFAULT 0,     -- attempts since then
    retry_at        timestamptz NOT NULL DEFAULT now(),  -- nothing is tried before
    lease           uuid,                           -- who delivers to it now ...
    leased_until    timestamptz,                    -- ... and until when at the latest
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhooks_org ON webhooks (org_id, created_at, id);
CREATE INDEX webhooks_retry ON webhooks (retry_at);

CREATE TABLE webhook_deliveries (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id       uuid NOT NULL,
    webhook_id   uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    message_id   uuid NOT NULL DEFAULT gen_random_uuid(),  -- the same for all tries and redeliveries of a message
    kind         text NOT NULL,                     -- of event, or 'ping'
    payload      jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts     integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempted_at timestamptz,
    duration_ms  integer,
    status       integer,                           -- of the last answer
    answer       text,                              -- its first bytes
    error        text,                              -- why there was none
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_age ON webhook_deliveries (created_at);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['webhooks', 'webhook_deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY in_organization ON %I USING (org_id = (SELECT current_org_id()))', name);
        EXECUTE format('CREATE POLICY for_deliveries ON %I USING ((SELECT is_delivering()))', name);
    END LOOP;
END
$$;

-- Appends events in one order and returns the number of the last, and has webhooks told of them. To be called last in a
-- transaction, since all others of the organization that append wait for its end.
CREATE OR REPLACE FUNCTION append_events(
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
    -- What is for one person alone goes to no server.
    INSERT INTO webhook_deliveries (org_id, webhook_id, kind, payload)
    SELECT in_org, webhooks.id, new.kind, jsonb_build_object(
        'id', (newest - many + new.place)::text, 'type', new.kind, 'organizationId', in_org, 'projectId', new.project_id,
        'nodeId', new.node_id, 'actors', new.actors, 'payload', new.payload,
        'at', to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    FROM webhooks JOIN unnest(in_kinds, in_projects, in_nodes, in_users, in_actors, in_payloads) WITH ORDINALITY
        AS new (kind, project_id, node_id, user_id, actors, payload, place)
        ON new.user_id IS NULL
            AND (new.kind = ANY (webhooks.kinds) OR (cardinality(webhooks.kinds) = 0 AND new.kind <> 'node_moved'))
    WHERE webhooks.org_id = in_org AND webhooks.active
    ORDER BY new.place;
    RETURN newest;
END
$$;
