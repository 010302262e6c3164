-- Files: what people and agents upload. The bytes are in the blob store; here is what is known of them.

CREATE TABLE files (
    id               uuid PRIMARY KEY,
    org_id           uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    project_id       uuid,                        -- null: for all members of the organization, but not for guests
    storage_key      text NOT NULL UNIQUE,        -- names the blob; never made of what a client sends
    filename         text NOT NULL CHECK (length(filename) BETWEEN 1 AND 500),
    content_type     text NOT NULL CHECK (length(content_type) BETWEEN 1 AND 255),
    size_bytes       bigint CHECK (size_bytes >= 0),  -- as announced, if it was; once confirmed, as stored
    -- uploading: the bytes are not confirmed yet. The others follow the worker that reads its text.
    state            text NOT NULL DEFAULT 'uploading'
                     CHECK (state IN ('uploading', 'pending', 'processing', 'complete', 'failed')),
    processing_error text,
    extracted_text   text,
    text_truncated   boolean NOT NULL DEFAULT false,  -- there is more text than is kept
    metadata         jsonb NOT NULL DEFAULT '{}',
    uploaded_by      uuid REFERENCES users ON DELETE SET NULL,
    execution_id     uuid REFERENCES agent_executions ON DELETE SET NULL,  -- the run that made it
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at     timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts         integer NOT NULL DEFAULT 0,
    due_at           timestamptz NOT NULL DEFAULT clock_timestamp(),  -- not taken up before
    lease            uuid,                        -- whose work it is now ...
    leased_until     timestamptz,                 -- ... and until when at the latest
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE
);
CREATE INDEX files_org ON files (org_id, created_at, id);
CREATE INDEX files_org_filename ON files (org_id, left(filename, 255), id);
CREATE INDEX files_org_size ON files (org_id, coalesce(size_bytes, 0), id);
CREATE INDEX files_project ON files (project_id, created_at, id) WHERE project_id IS NOT NULL;
CREATE INDEX files_due ON files (due_at) WHERE state IN ('pending', 'processing');
CREATE INDEX files_unconfirmed ON files (created_at) WHERE state = 'uploading';
CREATE INDEX files_execution ON files (execution_id) WHERE execution_id IS NOT NULL;

ALTER TABLE files ENABLE ROW LEVEL SECURITY;
ALTER TABLE files FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON files USING (org_id = (SELECT current_org_id()));
CREATE POLICY for_workers ON files USING ((SELECT is_working()));

-- Blobs whose file is gone, whyever it is; a sweep removes them from the store. Belongs to no organization: of the
-- organization there may be nothing left.
CREATE TABLE abandoned_blobs (
    storage_key text PRIMARY KEY,
    since       timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION abandon_blob() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO abandoned_blobs (storage_key) VALUES (OLD.storage_key) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER files_abandon_blob AFTER DELETE ON files FOR EACH ROW EXECUTE FUNCTION abandon_blob();
