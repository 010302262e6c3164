-- Documents and their log: the truth of what every document holds.

CREATE TABLE documents (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    project_id    uuid,
    kind          text NOT NULL CHECK (kind IN ('project', 'node', 'doc', 'scratch')),
    title         text,
    epoch         integer NOT NULL DEFAULT 1 CHECK (epoch >= 1),
    head_seq      bigint NOT NULL DEFAULT 0,   -- the last update in the log
    snapshot_seq  bigint NOT NULL DEFAULT 0,   -- the newest snapshot, 0 when there is none
    trimmed_seq   bigint NOT NULL DEFAULT 0,   -- through here the log let go of its content
    projected_seq bigint NOT NULL DEFAULT 0,   -- what the projections reflect
    -- A column, not an expression in the index: its value seldom changes, so the head can move in place (HOT).
    behind        boolean NOT NULL GENERATED ALWAYS AS (kind IN ('project', 'node') AND projected_seq < head_seq) STORED,
    created_at    timestamptz NOT NULL DEFAULT now(),
    deleted_at    timestamptz,
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE,
    CHECK ((kind = 'scratch') = (project_id IS NULL)),
    CHECK (kind <> 'project' OR id = project_id),
    CHECK (trimmed_seq <= snapshot_seq AND snapshot_seq <= head_seq AND projected_seq <= head_seq)
) WITH (fillfactor = 70);
CREATE INDEX documents_project ON documents (project_id);
CREATE INDEX documents_org ON documents (org_id);
CREATE INDEX documents_behind ON documents (id) WHERE behind;

-- Append-only. No foreign key to documents: the append holds the document's row lock, and a check per row would
-- cost as much as the insert.
CREATE TABLE document_updates (
    document_id    uuid NOT NULL,
    seq            bigint NOT NULL CHECK (seq >= 1),
    epoch          integer NOT NULL,
    org_id         uuid NOT NULL,
    update         bytea,                      -- null once its content was let go
    size_bytes     integer NOT NULL,
    principal_kind smallint NOT NULL,          -- 1 user, 2 agent, 3 API key, 4 anonymous, 5 system
    principal_id   uuid NOT NULL,
    run_id         uuid,
    trace_event_id uuid,
    provenance     text NOT NULL CHECK (provenance IN ('own', 'carried')),
    client_ids     bigint[] NOT NULL,
    received_at    timestamptz NOT NULL,
    committed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (document_id, seq)
);

CREATE TABLE document_snapshots (
    document_id uuid NOT NULL,
    seq         bigint NOT NULL,
    epoch       integer NOT NULL,
    org_id      uuid NOT NULL,
    state       bytea NOT NULL,
    size_bytes  integer NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (document_id, seq)
);
-- Compressing a state of some megabytes takes longer than writing it.
ALTER TABLE document_snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

-- A Yjs client id belongs to one principal per document, for ever.
CREATE TABLE document_clients (
    document_id    uuid NOT NULL,
    client_id      bigint NOT NULL,
    org_id         uuid NOT NULL,
    principal_kind smallint NOT NULL,
    principal_id   uuid NOT NULL,
    first_seq      bigint NOT NULL,
    PRIMARY KEY (document_id, client_id)
);

-- Updates that were refused because they would have hurt, for whoever looks into it.
CREATE TABLE document_quarantine (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    document_id    uuid NOT NULL,
    org_id         uuid NOT NULL,
    update         bytea NOT NULL,
    principal_kind smallint NOT NULL,
    principal_id   uuid NOT NULL,
    reason         text NOT NULL,
    received_at    timestamptz NOT NULL
);
CREATE INDEX document_quarantine_document ON document_quarantine (document_id, received_at);

ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON documents
    USING (org_id = (SELECT current_org_id()) OR org_id = ANY ((SELECT current_org_ids())::uuid[]));
CREATE POLICY of_member ON documents FOR SELECT
    USING ((SELECT current_user_id()) IS NOT NULL AND current_user_sees_project(org_id, project_id));
CREATE POLICY for_maintenance ON documents FOR SELECT
    USING ((SELECT is_maintenance()));

ALTER TABLE document_updates ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_updates FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON document_updates
    USING (org_id = (SELECT current_org_id()) OR org_id = ANY ((SELECT current_org_ids())::uuid[]));

ALTER TABLE document_clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_clients FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON document_clients
    USING (org_id = (SELECT current_org_id()) OR org_id = ANY ((SELECT current_org_ids())::uuid[]));

ALTER TABLE document_snapshots ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_snapshots FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON document_snapshots
    USING (org_id = (SELECT current_org_id()));

ALTER TABLE document_quarantine ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_quarantine FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON document_quarantine
    USING (org_id = (SELECT current_org_id()));
