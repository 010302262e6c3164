-- Lists of nodes, filtered and sorted.

-- By what they are sorted beside their own columns: never null, so that a page can begin after any of them.
CREATE FUNCTION node_never_due() RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN make_timestamptz(9999, 12, 31, 23, 59, 59, 'UTC');

-- A day (2026-11-21, from its beginning in UTC) or a time (2026-11-21T12:00:00Z); whatever else is never. People write
-- anything into a document.
CREATE FUNCTION node_due_at(due text) RETURNS timestamptz
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    -- As node_never_due(), which a restored dump would not find here.
    never constant timestamptz := '9999-12-31 23:59:59+00';
BEGIN
    IF due ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
        RETURN (due || ' 00:00:00+00')::timestamptz;
    ELSIF due ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})$' THEN
        RETURN least(due::timestamptz, never);
    END IF;
    RETURN never;
EXCEPTION WHEN data_exception THEN
    RETURN never;
END
$$;

ALTER TABLE nodes
    ADD COLUMN title_key text NOT NULL GENERATED ALWAYS AS (left(lower(title), 200)) STORED,
    ADD COLUMN due_at timestamptz NOT NULL GENERATED ALWAYS AS (
        CASE WHEN metadata ? 'dueDate' THEN node_due_at(metadata ->> 'dueDate') ELSE node_never_due() END) STORED,
    ADD COLUMN priority smallint NOT NULL GENERATED ALWAYS AS (
        CASE lower(metadata ->> 'priority')
            WHEN 'urgent' THEN 4 WHEN 'critical' THEN 4 WHEN 'high' THEN 3
            WHEN 'medium' THEN 2 WHEN 'normal' THEN 2 WHEN 'low' THEN 1 ELSE 0 END) STORED;

-- Each order of the list is an index; what is in the trash is little, and is passed over.
DROP INDEX nodes_project;
CREATE INDEX nodes_by_creation ON nodes (project_id, created_at, id);
CREATE INDEX nodes_by_update ON nodes (project_id, updated_at, id);
CREATE INDEX nodes_by_title ON nodes (project_id, title_key, id);
CREATE INDEX nodes_by_status ON nodes (project_id, status, id);
CREATE INDEX nodes_by_due_date ON nodes (project_id, due_at, id);
CREATE INDEX nodes_by_priority ON nodes (project_id, priority, id);
CREATE INDEX nodes_in_trash ON nodes (project_id, deleted_at) WHERE deleted_at IS NOT NULL;
DROP INDEX nodes_parent;
CREATE INDEX nodes_in_parent ON nodes (project_id, parent_id);
DROP INDEX nodes_author;
CREATE INDEX nodes_of_author ON nodes (project_id, author_user_id);
DROP INDEX nodes_status;

-- The tags and assignees of nodes, a row each: with row-level security Postgres uses no index for operators of arrays
-- or JSON, since these are not known to be leakproof.
CREATE TABLE node_keywords (
    project_id uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('tag', 'assignee')),
    word       text NOT NULL,
    node_id    uuid NOT NULL REFERENCES nodes ON DELETE CASCADE,
    org_id     uuid NOT NULL,
    PRIMARY KEY (project_id, kind, word, node_id)
);
CREATE INDEX node_keywords_node ON node_keywords (node_id);

-- People write anything into a document: only texts count, and no more of them than patches allow.
CREATE FUNCTION node_words(metadata jsonb, list text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT left(item #>> '{}', 100)
    FROM (SELECT item FROM jsonb_array_elements(
              CASE jsonb_typeof(metadata -> list) WHEN 'array' THEN metadata -> list ELSE '[]' END) item LIMIT 100) q
    WHERE jsonb_typeof(item) = 'string'
$$;

CREATE FUNCTION write_node_keywords() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM node_keywords WHERE node_id = NEW.id;
    INSERT INTO node_keywords (project_id, kind, word, node_id, org_id)
    SELECT NEW.project_id, 'tag', word, NEW.id, NEW.org_id FROM node_words(NEW.metadata, 'tags') word
    UNION
    SELECT NEW.project_id, 'assignee', lower(word), NEW.id, NEW.org_id FROM node_words(NEW.metadata, 'assignees') word;
    RETURN NULL;
END
$$;

CREATE TRIGGER nodes_keywords_inserted AFTER INSERT ON nodes FOR EACH ROW
    WHEN (NEW.metadata ?| ARRAY['tags', 'assignees']) EXECUTE FUNCTION write_node_keywords();
CREATE TRIGGER nodes_keywords_updated AFTER UPDATE OF metadata ON nodes FOR EACH ROW
    WHEN ((OLD.metadata -> 'tags', OLD.metadata -> 'assignees')
          IS DISTINCT FROM (NEW.metadata -> 'tags', NEW.metadata -> 'assignees'))
    EXECUTE FUNCTION write_node_keywords();

-- Row-level security binds the tables' owner, who has no organization here.
ALTER TABLE nodes NO FORCE ROW LEVEL SECURITY;
INSERT INTO node_keywords (project_id, kind, word, node_id, org_id)
SELECT project_id, 'tag', word, id, org_id FROM nodes, node_words(metadata, 'tags') word
UNION
SELECT project_id, 'assignee', lower(word), id, org_id FROM nodes, node_words(metadata, 'assignees') word;
ALTER TABLE nodes FORCE ROW LEVEL SECURITY;

ALTER TABLE node_keywords ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_keywords FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON node_keywords USING (org_id = (SELECT current_org_id()));

-- Each order of the list of dependencies is an index, and so is each end of them.
DROP INDEX node_dependencies_source;
DROP INDEX node_dependencies_target;
CREATE INDEX node_dependencies_by_source ON node_dependencies (project_id, source_node_id, id);
CREATE INDEX node_dependencies_by_target ON node_dependencies (project_id, target_node_id, id);

-- Lists of a project's free documents.
CREATE INDEX documents_free_by_creation ON documents (project_id, created_at, id) WHERE kind = 'doc' AND deleted_at IS NULL;
CREATE INDEX documents_free_by_title ON documents (project_id, (coalesce(title, '')), id)
    WHERE kind = 'doc' AND deleted_at IS NULL;
