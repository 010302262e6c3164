-- History: what every update did, kept in a form that is quick to read, and versions.

-- Who brought and took away which content when, of up to 8,192 updates in a row; never the content itself. What is let
-- go of in the log is still told here. Encoded by documents/src/history/entries.rs, and derived from the log, so that it
-- can be made anew as far as the log has its content.
CREATE TABLE document_history (
    document_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    first_seq   bigint NOT NULL CHECK (first_seq >= 1),
    last_seq    bigint NOT NULL,
    org_id      uuid NOT NULL,
    entries     bytea NOT NULL,
    PRIMARY KEY (document_id, first_seq),
    CHECK (last_seq >= first_seq)
);
-- It is compressed already.
ALTER TABLE document_history ALTER COLUMN entries SET STORAGE EXTERNAL;

-- A version stands on it: it is not thinned out.
ALTER TABLE document_snapshots ADD COLUMN pinned boolean NOT NULL DEFAULT false;

-- What was taken back: the content that came back is new content, and nothing in a document tells what it stands for.
CREATE TABLE document_undone (
    document_id  uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    client_id    bigint NOT NULL,              -- of the edit that took back; it makes no other
    seq          bigint,                       -- the edit's place, once it is known to be in the log
    org_id       uuid NOT NULL,
    first_seqs   bigint[] NOT NULL,            -- of each row of updates that was taken back, the first
    last_seqs    bigint[] NOT NULL,            -- and the last
    deletions    bytea NOT NULL,               -- the deletions that were, as an encoded set of Yjs ids
    PRIMARY KEY (document_id, client_id)
);

-- Places of a document's log that somebody gave a name.
CREATE TABLE document_versions (
    id              uuid PRIMARY KEY,
    document_id     uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    org_id          uuid NOT NULL,
    epoch           integer NOT NULL,
    seq             bigint NOT NULL,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    created_by_kind smallint NOT NULL,
    created_by      uuid NOT NULL,
    created_at      timestamptz NOT NULL
);
CREATE INDEX document_versions_document ON document_versions (document_id, seq, id);

-- A node as it was after an editing session, a change of its status, a REST write, or a rollback.
CREATE TABLE node_versions (
    node_id         uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    version         integer NOT NULL CHECK (version >= 1),
    org_id          uuid NOT NULL,
    project_id      uuid NOT NULL,
    epoch           integer NOT NULL,          -- of the node's document
    canvas_seq      bigint NOT NULL,
    node_seq        bigint NOT NULL,
    change_type     text NOT NULL CHECK (change_type IN ('created', 'updated', 'status_change', 'session', 'rollback')),
    change_summary  text NOT NULL,
    changed_by_kind smallint NOT NULL,
    changed_by      uuid NOT NULL,
    -- All of the node as JSON, and the state of its document; null where the organization keeps no old content.
    snapshot        jsonb,
    state           bytea,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (node_id, version)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['document_history', 'document_undone', 'document_versions', 'node_versions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY in_organization ON %I USING (org_id = (SELECT current_org_id()))', name);
    END LOOP;
END
$$;
