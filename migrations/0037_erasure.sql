-- What is deleted for good, out of the trash. It is marked first, and goes piece by piece, as organizations do.
ALTER TABLE projects ADD COLUMN erasing_since timestamptz,
    ADD CHECK (erasing_since IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE documents ADD COLUMN erasing_since timestamptz,
    ADD CHECK (erasing_since IS NULL OR deleted_at IS NOT NULL);
CREATE INDEX projects_erasing ON projects (org_id, id) WHERE erasing_since IS NOT NULL;
CREATE INDEX documents_erasing ON documents (org_id, id) WHERE erasing_since IS NOT NULL;
CREATE POLICY for_erasure ON projects FOR SELECT
    USING (erasing_since IS NOT NULL AND (SELECT is_maintenance()));
CREATE INDEX notifications_project ON notifications (project_id, created_at) WHERE project_id IS NOT NULL;

-- What an event tells, without anything but that it was told of.
CREATE FUNCTION without_payload(payload jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    RETURN jsonb_build_object('omitted', to_jsonb(ARRAY(SELECT jsonb_object_keys(payload))));
