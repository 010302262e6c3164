-- Locks of nodes (who has asked the others to leave a node alone, and since when), and templates.

-- A row outlives its lock, so that the token only grows. Times are the database's: instances' clocks differ.
CREATE TABLE node_locks (
    node_id        uuid PRIMARY KEY REFERENCES documents ON DELETE CASCADE,
    org_id         uuid NOT NULL,
    project_id     uuid NOT NULL,
    fencing_token  bigint NOT NULL DEFAULT 1,   -- another one each time that it is taken
    holder_kind    smallint,                    -- as in document_updates; null while nobody holds it
    holder_id      uuid,
    holder_user_id uuid,                        -- the person who is the holder, or for whom it acts
    holder_name    text,
    is_enforced    boolean NOT NULL DEFAULT false,  -- whether the project has others kept out, as of the last renewal
    acquired_at    timestamptz,
    expires_at     timestamptz,
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE,
    CHECK ((holder_id IS NULL) = (holder_kind IS NULL) AND (holder_id IS NULL) = (holder_name IS NULL)
           AND (holder_id IS NULL) = (acquired_at IS NULL) AND (holder_id IS NULL) = (expires_at IS NULL))
);
CREATE INDEX node_locks_held ON node_locks (project_id, node_id) WHERE holder_id IS NOT NULL;
CREATE INDEX node_locks_expiring ON node_locks (expires_at) WHERE holder_id IS NOT NULL;

-- Who wanted a lock that somebody else held, and asked to be told when it is free.
CREATE TABLE node_lock_waiters (
    node_id uuid NOT NULL REFERENCES documents ON DELETE CASCADE,
    user_id uuid NOT NULL,
    org_id  uuid NOT NULL,
    since   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES org_members (org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX node_lock_waiters_user ON node_lock_waiters (org_id, user_id);

ALTER TABLE node_locks ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_locks FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON node_locks USING (org_id = (SELECT current_org_id()));
CREATE POLICY for_maintenance ON node_locks FOR SELECT USING ((SELECT is_maintenance()));

ALTER TABLE node_lock_waiters ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_lock_waiters FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON node_lock_waiters USING (org_id = (SELECT current_org_id()));

-- Templates of organizations; those that come with the server are built into it.
CREATE TABLE templates (
    id           uuid PRIMARY KEY,
    org_id       uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description  text NOT NULL DEFAULT '',
    structure    jsonb NOT NULL,
    agent_config jsonb NOT NULL DEFAULT '{}',
    created_by   uuid,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX templates_by_creation ON templates (org_id, created_at, id);
CREATE INDEX templates_by_update ON templates (org_id, updated_at, id);
CREATE INDEX templates_by_name ON templates (org_id, name, id);
CREATE TRIGGER templates_updated_at BEFORE UPDATE ON templates FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE templates ENABLE ROW LEVEL SECURITY;
ALTER TABLE templates FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON templates USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_member ON templates FOR SELECT
    USING ((SELECT current_user_id()) IS NOT NULL AND current_user_is_member(org_id));
