-- Rows derived from documents, for lists and searches; never the truth of what a document holds.
-- reflects_seq is the place in the document's log of which a row was written.

CREATE TABLE nodes (
    id                 uuid PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    org_id             uuid NOT NULL,
    project_id         uuid NOT NULL,
    -- No foreign keys to what a document names: people who edit at the same time may name what is gone.
    parent_id          uuid,
    title              text NOT NULL,
    description        text NOT NULL DEFAULT '',   -- the node document's body as Markdown
    status             text NOT NULL,
    author_type        text NOT NULL CHECK (author_type IN ('human', 'agent')),
    author_user_id     uuid,
    supervisor_user_id uuid,
    version            integer NOT NULL DEFAULT 1,
    metadata           jsonb NOT NULL DEFAULT '{}',
    x                  double precision NOT NULL,
    y                  double precision NOT NULL,
    width              double precision,
    height             double precision,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz,
    reflects_seq       bigint NOT NULL,              -- of the canvas
    body_reflects_seq  bigint NOT NULL DEFAULT 0,    -- of the node document
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE
);
CREATE INDEX nodes_project ON nodes (project_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX nodes_parent ON nodes (parent_id) WHERE deleted_at IS NULL;
CREATE INDEX nodes_author ON nodes (author_user_id) WHERE deleted_at IS NULL;
CREATE INDEX nodes_status ON nodes (org_id, status) WHERE deleted_at IS NULL;

-- The ids below come from documents, so they are unique only within one.
CREATE TABLE node_inputs (
    node_id             uuid NOT NULL REFERENCES nodes ON DELETE CASCADE,
    id                  uuid NOT NULL,
    org_id              uuid NOT NULL,
    project_id          uuid NOT NULL,
    input_type          text NOT NULL,
    label               text,
    text_content        text,
    structured_data     jsonb,
    file_id             uuid,
    source_node_id      uuid,
    source_node_version bigint,
    external_url        text,
    metadata            jsonb NOT NULL DEFAULT '{}',
    sort_order          integer NOT NULL,
    reflects_seq        bigint NOT NULL,
    PRIMARY KEY (node_id, id)
);
CREATE INDEX node_inputs_source ON node_inputs (source_node_id) WHERE source_node_id IS NOT NULL;

CREATE TABLE node_outputs (
    node_id             uuid NOT NULL REFERENCES nodes ON DELETE CASCADE,
    id                  uuid NOT NULL,
    org_id              uuid NOT NULL,
    project_id          uuid NOT NULL,
    output_type         text NOT NULL,
    label               text,
    text_content        text,
    structured_data     jsonb,
    file_id             uuid,
    source_node_id      uuid,
    source_node_version bigint,
    external_url        text,
    metadata            jsonb NOT NULL DEFAULT '{}',
    sort_order          integer NOT NULL,
    reflects_seq        bigint NOT NULL,
    PRIMARY KEY (node_id, id)
);

CREATE TABLE node_dependencies (
    project_id       uuid NOT NULL,
    id               uuid NOT NULL,
    org_id           uuid NOT NULL,
    source_node_id   uuid NOT NULL,
    target_node_id   uuid NOT NULL,
    source_output_id uuid,
    target_input_id  uuid,
    in_cycle         boolean NOT NULL,   -- people who edited at the same time closed a cycle here
    reflects_seq     bigint NOT NULL,
    PRIMARY KEY (project_id, id),
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE
);
CREATE INDEX node_dependencies_source ON node_dependencies (source_node_id);
CREATE INDEX node_dependencies_target ON node_dependencies (target_node_id);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['nodes', 'node_inputs', 'node_outputs', 'node_dependencies'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY in_organization ON %I USING (org_id = (SELECT current_org_id()))', name);
    END LOOP;
END
$$;
