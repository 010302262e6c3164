-- What a search, and keeping what it finds, may cost, whatever else there is in the organization and beside it.

-- Whose turn it is: the organizations of the queue are gone through one by one, however much waits of each.
DROP INDEX search_queue_org;
DROP INDEX search_queue_since;
CREATE INDEX search_queue_turns ON search_queue (org_id, since);
DROP INDEX search_passages_org;
DROP INDEX search_passages_due;
CREATE INDEX search_passages_turns ON search_passages (org_id, due_at) WHERE embedding IS NULL;

-- The entries that somebody may find, without a look at their texts.
DROP INDEX search_entries_org;
DROP INDEX search_entries_project;
CREATE INDEX search_entries_scope ON search_entries (org_id, project_id) INCLUDE (id, node_id);

-- Words and passages go with their entry, and that with its organization. A foreign key of their own would be checked
-- for each word.
ALTER TABLE search_words DROP CONSTRAINT search_words_org_id_fkey;
ALTER TABLE search_passages DROP CONSTRAINT search_passages_org_id_fkey;

-- The longer a text, the more work is each change of it, and the longer it waits for more of them: a text of 200 kB
-- four and a half seconds, one of up to 20 kB not at all. It waits in the queue, where `since` is then still to come.
CREATE OR REPLACE FUNCTION note_for_search() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_queue (node_id, org_id, since)
    VALUES (NEW.id, NEW.org_id, clock_timestamp()
        + make_interval(secs => greatest(0, least(octet_length(NEW.description), 400000) - 20000) / 40000.0))
    ON CONFLICT (node_id) DO UPDATE SET since = search_queue.since;
    RETURN NULL;
END
$$;
