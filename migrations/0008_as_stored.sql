-- Which updates can be passed on as they are stored: who opens a large document is given them before it is built.

-- Whoever has all before such an update in the log can apply it as it is: it waits for nothing, and was not put right.
ALTER TABLE document_updates ADD COLUMN as_stored boolean NOT NULL DEFAULT false;

DROP FUNCTION append_to_log(uuid, bigint, text, uuid[], integer[], uuid[], bytea[], smallint[], uuid[], uuid[], uuid[],
    text[], text[], timestamptz[], integer[], bigint[]);

-- Appends a batch and returns, in its order, each update's place in its document's log, or why it was not appended:
-- 0 the document is gone, -1 its epoch is another, -2 one of the client ids that it claims belongs to somebody else.
-- A refused update does not keep the others from being appended.
CREATE FUNCTION append_to_log(
    in_writer          uuid,
    in_batch           bigint,
    in_organizations   text,                   -- those of the batch, comma-separated
    in_documents       uuid[],                 -- one element per update, as in the arrays that follow
    in_epochs          integer[],
    in_orgs            uuid[],
    in_updates         bytea[],
    in_kinds           smallint[],
    in_principals      uuid[],
    in_runs            uuid[],
    in_trace_events    uuid[],
    in_provenances     text[],
    in_client_ids      text[],                 -- array literals: SQL knows no array of arrays of different lengths
    in_received_at     timestamptz[],
    in_claims          integer[],              -- which update, from 1, claims the client id at the same index
    in_claimed_clients bigint[],
    in_as_stored       boolean[] DEFAULT NULL  -- one element per update; instances of the version before do not say
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    last   log_writers;
    result bigint[];
BEGIN
    PERFORM set_config('app.current_org_ids', in_organizations, true);

    SELECT * INTO last FROM log_writers WHERE id = in_writer FOR UPDATE;
    IF NOT FOUND THEN
        -- Waits for an earlier try that is still under way.
        INSERT INTO log_writers VALUES (in_writer, 0, '{}') ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT last FROM log_writers WHERE id = in_writer FOR UPDATE;
    END IF;
    IF last.batch = in_batch THEN
        RETURN last.outcomes;
    ELSIF last.batch > in_batch THEN
        RAISE 'writer % has gone on to batch %', in_writer, last.batch;
    END IF;

    -- Always in the same order, so that two appends can't wait for each other.
    PERFORM FROM documents WHERE id = ANY (in_documents) ORDER BY id FOR NO KEY UPDATE;

    -- A statement of its own, so that it sees what was committed while this one waited for the locks.
    WITH new AS (
        SELECT * FROM unnest(in_documents, in_epochs, in_orgs) WITH ORDINALITY AS new (document_id, epoch, org_id, place)
    ), claim AS (
        SELECT place, in_documents[place] AS document_id, client_id
        FROM unnest(in_claims, in_claimed_clients) AS claim (place, client_id)
    ), taken_before AS (
        SELECT place FROM claim JOIN document_clients USING (document_id, client_id)
        WHERE (in_kinds[place], in_principals[place]) <> (principal_kind, principal_id)
    ), contested AS (
        SELECT place, first_value(place) OVER (PARTITION BY document_id, client_id ORDER BY place) AS first_place
        FROM claim WHERE place NOT IN (SELECT place FROM taken_before)
    ), taken AS (
        SELECT place FROM taken_before
        UNION ALL
        SELECT place FROM contested
        WHERE (in_kinds[place], in_principals[place]) <> (in_kinds[first_place], in_principals[first_place])
    ), judged AS (
        SELECT new.place, new.document_id,
               CASE WHEN documents.id IS NULL THEN 0
                    WHEN documents.epoch <> new.epoch THEN -1
                    WHEN new.place IN (SELECT place FROM taken) THEN -2 END AS refusal,
               documents.head_seq
        FROM new LEFT JOIN documents
            ON documents.id = new.document_id AND documents.org_id = new.org_id AND documents.deleted_at IS NULL
    )
    SELECT array_agg(coalesce(refusal, head_seq + accepted) ORDER BY place) INTO result
    FROM (SELECT *, count(*) FILTER (WHERE refusal IS NULL) OVER (PARTITION BY document_id ORDER BY place) AS accepted
          FROM judged) AS counted;

    INSERT INTO document_updates (document_id, seq, epoch, org_id, update, size_bytes, principal_kind, principal_id,
        run_id, trace_event_id, provenance, client_ids, received_at, as_stored)
    SELECT document_id, seq, epoch, org_id, update, length(update), kind, principal, run, trace_event, provenance,
        client_ids::bigint[], received_at, coalesce(as_stored, false)
    FROM unnest(result, in_documents, in_epochs, in_orgs, in_updates, in_kinds, in_principals, in_runs, in_trace_events,
        in_provenances, in_client_ids, in_received_at, in_as_stored)
        AS new (seq, document_id, epoch, org_id, update, kind, principal, run, trace_event, provenance, client_ids,
        received_at, as_stored)
    WHERE seq > 0;

    UPDATE documents SET head_seq = new.head
    FROM (SELECT document_id, max(seq) AS head FROM unnest(in_documents, result) AS new (document_id, seq)
          WHERE seq > 0 GROUP BY document_id) AS new
    WHERE id = document_id;

    IF cardinality(in_claims) > 0 THEN
        INSERT INTO document_clients (document_id, client_id, org_id, principal_kind, principal_id, first_seq)
        SELECT in_documents[place], client_id, in_orgs[place], in_kinds[place], in_principals[place], result[place]
        FROM unnest(in_claims, in_claimed_clients) AS claim (place, client_id)
        WHERE result[place] > 0
        ORDER BY place
        ON CONFLICT DO NOTHING;
    END IF;

    UPDATE log_writers SET batch = in_batch, outcomes = result, at = now() WHERE id = in_writer;
    RETURN result;
END
$$;
