-- What is deleted for good, out of the trash. It is marked first, and goes piece by piece, as organizations do.
--
-- All documents wait for this: no table is read here but the projects. That no row breaks the checks is known, as each has null
-- there.
ALTER TABLE projects ADD COLUMN erasing_since timestamptz,
    ADD COLUMN events_emptied bigint NOT NULL DEFAULT 0,    -- the last event of it that tells nothing any more
    ADD COLUMN deliveries_emptied timestamptz,              -- when the last delivery was made of which the same is so
    ADD CHECK (erasing_since IS NULL OR deleted_at IS NOT NULL) NOT VALID;
ALTER TABLE documents ADD COLUMN erasing_since timestamptz,
    ADD CHECK (erasing_since IS NULL OR deleted_at IS NOT NULL) NOT VALID;
CREATE INDEX projects_erasing ON projects (org_id, id) WHERE erasing_since IS NOT NULL;
CREATE POLICY for_erasure ON projects FOR SELECT
    USING (erasing_since IS NOT NULL AND (SELECT is_maintenance()));

-- Runs that were at work while something was written that has been forgotten since. What they have noted is forgotten when
-- they are over, however they end; what they say until then is kept without words.
ALTER TABLE agent_executions ADD COLUMN forget_at_end boolean NOT NULL DEFAULT false;

-- What an event tells, without anything but that it was told of.
CREATE FUNCTION without_payload(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN jsonb_build_object('omitted', to_jsonb(ARRAY(SELECT jsonb_object_keys(payload))));

-- What a run's trace tells, without the words that came from documents or went into them, and those of people. Of an error
-- its code stays.
CREATE FUNCTION without_words(data jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN (
        SELECT data
            || coalesce(jsonb_object_agg(key, CASE key WHEN 'error' THEN (data -> key) || '{"message": ""}' ELSE 'null' END), '{}')
            || jsonb_build_object('omitted', coalesce(data -> 'omitted', '[]') || coalesce(jsonb_agg(key), '[]'))
        FROM jsonb_object_keys(data) AS key
        WHERE CASE key WHEN 'error' THEN data -> key ->> 'message' <> '' ELSE jsonb_typeof(data -> key) <> 'null' END
          AND key IN ('promptSummary', 'responseSummary', 'plan', 'arguments', 'result', 'question', 'options', 'context',
                      'response', 'approved', 'error'));

-- Notifications, traces and questions tell words, too.
CREATE OR REPLACE FUNCTION without_values(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN payload ? 'changes' THEN payload || jsonb_build_object('changes', '{}'::jsonb, 'omitted',
            coalesce(payload -> 'omitted', '[]') || to_jsonb(ARRAY(SELECT jsonb_object_keys(payload -> 'changes'))))
        WHEN payload ? 'node' THEN payload || jsonb_build_object('node', (payload -> 'node') - 'title' - 'metadata'
            || jsonb_build_object('omitted', '["title", "metadata"]'::jsonb))
        WHEN payload ? 'notification' THEN payload || jsonb_build_object('notification', (payload -> 'notification')
            || '{"title": "", "body": null, "omitted": ["title", "body"]}'::jsonb)
        WHEN payload ? 'event' THEN payload || jsonb_build_object('event', (payload -> 'event')
            || jsonb_build_object('data', without_words(payload -> 'event' -> 'data')))
        WHEN payload ? 'question' THEN payload || '{"question": null}'::jsonb
        ELSE payload - 'title'
    END;
