-- What the people of an organization administer: invitations, API keys, the trash of projects, and the organization's end.

-- What a person chose for themselves is not overwritten by what the identity provider says.
ALTER TABLE users
    ADD COLUMN name_is_chosen   boolean NOT NULL DEFAULT false,
    ADD COLUMN avatar_is_chosen boolean NOT NULL DEFAULT false,
    -- Signed in for the first time, or with another address: invitations of that address are to be looked for.
    ADD COLUMN invitations_due  boolean NOT NULL DEFAULT false;

-- Invitations of addresses with which nobody has signed in yet. Accepted or revoked ones are gone; the audit log knows them.
CREATE TABLE invitations (
    id           uuid PRIMARY KEY,
    org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    email        text NOT NULL CHECK (email = lower(email)),
    role         text NOT NULL CHECK (role IN ('admin', 'member', 'guest')),
    project_id   uuid,
    project_role text CHECK (project_role IN ('admin', 'member', 'viewer')),
    invited_by   uuid REFERENCES users ON DELETE SET NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (org_id, email, project_id),
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE,
    CHECK ((project_id IS NULL) = (project_role IS NULL))
);
CREATE INDEX invitations_email ON invitations (email);
CREATE INDEX invitations_org ON invitations (org_id, created_at, id);
CREATE INDEX invitations_project ON invitations (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX invitations_inviter ON invitations (invited_by);

-- API keys. A key acts for the person who made it, within its scopes, for as long as that person belongs to the
-- organization. Revoked keys stay, so that what was done with them keeps its name.
CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    created_by   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),   -- SHA-256 of the key, which is 256 random bits
    hint         text NOT NULL,                                     -- its first characters
    scopes       text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ '{api:read,api:write}'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_org ON api_keys (org_id, created_at, id);
CREATE INDEX api_keys_creator ON api_keys (created_by, org_id);

-- Settings of transactions, besides those of before:
--   app.api_key_hash   of a key, in hexadecimal digits: may see that key, and nothing else
--   app.invited_email  an address: may see the invitations of it, and nothing else
CREATE FUNCTION current_api_key_hash() RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN decode(nullif(current_setting('app.api_key_hash', true), ''), 'hex');

CREATE FUNCTION current_invited_email() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.invited_email', true), '');

ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON invitations
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_invited ON invitations FOR SELECT
    USING (email = (SELECT current_invited_email()));

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON api_keys
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_holder ON api_keys FOR SELECT
    USING (hash = (SELECT current_api_key_hash()));
-- Access of keys is decided together with that of people.
CREATE POLICY of_creators ON api_keys FOR SELECT
    USING (created_by = ANY ((SELECT current_user_ids())::uuid[]));

-- Projects in the trash.
ALTER TABLE projects ADD COLUMN deleted_at timestamptz;
CREATE INDEX projects_trash ON projects (org_id, deleted_at, id) WHERE deleted_at IS NOT NULL;

-- Organizations that are being erased: nobody belongs to them any more, and their content goes piece by piece.
ALTER TABLE organizations ADD COLUMN deleted_at timestamptz;
CREATE INDEX organizations_deleted ON organizations (id) WHERE deleted_at IS NOT NULL;
CREATE POLICY for_erasure ON organizations FOR SELECT
    USING (deleted_at IS NOT NULL AND (SELECT is_maintenance()));

-- Documents that were erased, and the lineage that they ended in. Somebody may choose the same id again, and somebody
-- else still have a replica: what is made anew begins another lineage, so that the two are never merged. Belongs to no
-- organization: it says that there was something, and of whom no longer.
CREATE TABLE erased_documents (
    id    uuid PRIMARY KEY,
    epoch integer NOT NULL CHECK (epoch >= 1)
);

CREATE FUNCTION begin_new_lineage() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.epoch := coalesce((SELECT greatest(NEW.epoch, e.epoch + 1) FROM erased_documents e WHERE e.id = NEW.id), NEW.epoch);
    RETURN NEW;
END
$$;
CREATE TRIGGER documents_new_lineage BEFORE INSERT ON documents
    FOR EACH ROW EXECUTE FUNCTION begin_new_lineage();

-- Deletes what is left of an organization once its documents are gone: all rows of all tables that say so, but for the
-- audit log.
CREATE FUNCTION erase_organization(org uuid) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    tenant_table text;
BEGIN
    DELETE FROM organizations WHERE id = org;
    FOR tenant_table IN
        SELECT c.relname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
          -- Those of documents went with them: to look for more would be to read the log of everybody.
          AND c.relname NOT IN ('audit_log', 'document_updates', 'document_snapshots', 'document_clients')
    LOOP
        EXECUTE format('DELETE FROM %I WHERE org_id = $1', tenant_table) USING org;
    END LOOP;
END
$$;
