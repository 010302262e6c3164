-- What operators need of the quarantine, and what bounds it.
--
-- A transaction of an operator says so: app.operator = 'on' sees and changes the quarantine of all organizations, and
-- nothing else. Documents are seen through app.maintenance, as in sweeps.

CREATE FUNCTION is_operator() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.operator', true), '') = 'on';

ALTER TABLE document_quarantine
    ADD COLUMN epoch       integer NOT NULL DEFAULT 1, -- the document's, when the update came
    ADD COLUMN outcome     text CHECK (outcome IN ('replayed', 'discarded')),
    ADD COLUMN handled_at  timestamptz,
    ADD COLUMN handled_by  text,
    ADD COLUMN handled_why text,
    ADD CHECK ((outcome IS NULL) = (handled_at IS NULL)
               AND (outcome IS NULL) = (handled_by IS NULL) AND (outcome IS NULL) = (handled_why IS NULL));
-- Compressing what is looked at once in a while costs more than it saves, and some of it is made to be costly.
ALTER TABLE document_quarantine ALTER COLUMN update SET STORAGE EXTERNAL;
CREATE INDEX document_quarantine_received ON document_quarantine (received_at, id);
CREATE POLICY for_operators ON document_quarantine
    USING ((SELECT is_operator()));

-- How much of whom is in quarantine: the first updates of a day are kept, the others are counted.
CREATE TABLE quarantine_days (
    org_id         uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    day            date NOT NULL,              -- in UTC
    principal_kind smallint NOT NULL,
    principal_id   uuid NOT NULL,
    kept           integer NOT NULL DEFAULT 0,
    kept_bytes     bigint NOT NULL DEFAULT 0,
    left_out       bigint NOT NULL DEFAULT 0,  -- not kept, only counted
    PRIMARY KEY (org_id, day, principal_kind, principal_id)
);
ALTER TABLE quarantine_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE quarantine_days FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON quarantine_days
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY for_operators ON quarantine_days
    USING ((SELECT is_operator()));
