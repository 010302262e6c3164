-- What can be found: the text of nodes and files, as an indexer keeps it. Derived, and can be made anew at any time.

-- An entry for each node and each file that can be found.
CREATE TABLE search_entries (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    project_id uuid,                              -- null: of a file of the whole organization
    node_id    uuid UNIQUE REFERENCES nodes ON DELETE CASCADE,
    file_id    uuid UNIQUE REFERENCES files ON DELETE CASCADE,
    title      text NOT NULL,
    text       text NOT NULL,                     -- its beginning, if it is very long
    digest     bytea NOT NULL,                    -- of title and text: the same means that nothing is to be done
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(node_id, file_id) = 1)
);
CREATE INDEX search_entries_org ON search_entries (org_id);
CREATE INDEX search_entries_project ON search_entries (project_id) WHERE project_id IS NOT NULL;

-- The words of entries, cut by the indexer. Rows and not a tsvector, since row-level security lets an index be used only
-- with operators that Postgres knows to be leakproof: comparing texts is, matching a tsvector is not.
CREATE TABLE search_words (
    org_id   uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    word     text COLLATE "C" NOT NULL,           -- in the order of its bytes, so that beginnings of words are ranges
    entry_id uuid NOT NULL REFERENCES search_entries ON DELETE CASCADE,
    weight   real NOT NULL,                       -- how much the entry is about it, more than 0 and less than 1
    PRIMARY KEY (org_id, word, entry_id) INCLUDE (weight)
);
CREATE INDEX search_words_entry ON search_words (entry_id);

-- Their text in pieces of a size that a meaning can be given to.
CREATE TABLE search_passages (
    entry_id  uuid NOT NULL REFERENCES search_entries ON DELETE CASCADE,
    ordinal   integer NOT NULL,
    org_id    uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    text      text NOT NULL,
    embedding vector(1536),                       -- of length 1; null: not computed yet
    embedder  text,                               -- what computed it: only those of one embedder can be compared
    attempts  integer NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (entry_id, ordinal)
);
CREATE INDEX search_passages_org ON search_passages (org_id);
CREATE INDEX search_passages_due ON search_passages (due_at) WHERE embedding IS NULL;
CREATE INDEX search_passages_embedder ON search_passages (embedder) WHERE embedder IS NOT NULL;
CREATE INDEX search_passages_embedding ON search_passages USING hnsw (embedding vector_cosine_ops);

-- Nodes whose entry is to be looked at again.
CREATE TABLE search_queue (
    node_id uuid PRIMARY KEY,
    -- No foreign key: it would lock the organization where a projection goes on to lock documents, and who deletes an
    -- organization locks them the other way round.
    org_id  uuid NOT NULL,
    since   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX search_queue_since ON search_queue (since);
CREATE INDEX search_queue_org ON search_queue (org_id);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['search_entries', 'search_words', 'search_passages', 'search_queue'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY in_organization ON %I USING (org_id = (SELECT current_org_id()))', name);
        EXECUTE format('CREATE POLICY for_workers ON %I USING ((SELECT is_working()))', name);
    END LOOP;
END
$$;

-- Whatever changes what a node says passes here. Who indexes removes the row in the transaction in which it writes what it
-- has read, so that a change meanwhile waits for its end, and is noted again. A row that is there is locked by a change, so
-- that nobody removes it before what has changed can be read.
CREATE FUNCTION note_for_search() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_queue (node_id, org_id) VALUES (NEW.id, NEW.org_id)
    ON CONFLICT (node_id) DO UPDATE SET since = search_queue.since;
    RETURN NULL;
END
$$;
CREATE TRIGGER nodes_new_for_search AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION note_for_search();
CREATE TRIGGER nodes_changed_for_search AFTER UPDATE ON nodes FOR EACH ROW
    WHEN ((OLD.title, OLD.description, OLD.inputs_digest, OLD.outputs_digest, OLD.deleted_at)
        IS DISTINCT FROM (NEW.title, NEW.description, NEW.inputs_digest, NEW.outputs_digest, NEW.deleted_at))
    EXECUTE FUNCTION note_for_search();

-- What there is already. The owner of the tables is bound by their policies, too, unless it says otherwise.
ALTER TABLE nodes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE search_queue NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_queue (node_id, org_id) SELECT id, org_id FROM nodes WHERE deleted_at IS NULL;
ALTER TABLE nodes FORCE ROW LEVEL SECURITY;
ALTER TABLE search_queue FORCE ROW LEVEL SECURITY;
