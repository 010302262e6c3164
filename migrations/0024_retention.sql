-- Looking for what is kept longer than organizations want.

DROP INDEX documents_org;
CREATE INDEX documents_org ON documents (org_id, id);
CREATE INDEX node_versions_kept ON node_versions (org_id, created_at) WHERE snapshot IS NOT NULL;
CREATE INDEX node_versions_canvas ON node_versions (project_id, canvas_seq);

-- What an event tells, without the values that nodes and projects had: of these it says that they are left out.
CREATE FUNCTION without_values(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN CASE
        WHEN payload ? 'changes' THEN payload || jsonb_build_object('changes', '{}'::jsonb, 'omitted',
            coalesce(payload -> 'omitted', '[]') || to_jsonb(ARRAY(SELECT jsonb_object_keys(payload -> 'changes'))))
        WHEN payload ? 'node' THEN payload || jsonb_build_object('node', (payload -> 'node') - 'title' - 'metadata'
            || jsonb_build_object('omitted', '["title", "metadata"]'::jsonb))
        ELSE payload - 'title'
    END;
