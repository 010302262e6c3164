-- What was done to an organization: who, what, to what, when, from where. Rows are added, and never changed or deleted.

CREATE TABLE audit_log (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- No foreign keys: what was done is known for longer than what it was done to, and who did it.
    org_id         uuid NOT NULL,
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    principal_kind smallint NOT NULL,          -- as in document_updates
    principal_id   uuid NOT NULL,
    user_id        uuid,                       -- the person whose rights held
    run_id         uuid,                       -- of an agent
    action         text NOT NULL,              -- platform::db::audit::Action
    resource_type  text NOT NULL,              -- platform::db::audit::ResourceKind
    resource_id    uuid,
    details        jsonb NOT NULL DEFAULT '{}',
    ip_address     inet,
    user_agent     text
);
CREATE INDEX audit_log_time ON audit_log (org_id, at, id);
CREATE INDEX audit_log_user ON audit_log (org_id, user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_log_principal ON audit_log (org_id, principal_id, at, id);
CREATE INDEX audit_log_action ON audit_log (org_id, action, at, id);
CREATE INDEX audit_log_resource ON audit_log (org_id, resource_id, at, id) WHERE resource_id IS NOT NULL;

-- The server's role owns the table, so that its rights alone would not hold it: three walls, of which no setting of a
-- transaction takes down one.
CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'the audit log is only ever added to' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC, CURRENT_USER;

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY read_in_organization ON audit_log FOR SELECT
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY add_in_organization ON audit_log FOR INSERT
    WITH CHECK (org_id = (SELECT current_org_id()));
