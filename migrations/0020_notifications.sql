-- What people are told: each row is one person's alone.

CREATE TABLE notifications (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id        uuid NOT NULL,
    user_id       uuid NOT NULL,
    kind          text NOT NULL CHECK (kind IN
                      ('execution_complete', 'human_input_needed', 'mention', 'node_assigned', 'lock_released')),
    title         text NOT NULL CHECK (length(title) BETWEEN 1 AND 255),
    body          text,
    project_id    uuid,
    resource_type text,
    resource_id   uuid,
    actors        jsonb NOT NULL DEFAULT '[]',   -- [{"kind", "id"}]
    read_at       timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((resource_type IS NULL) = (resource_id IS NULL)),
    -- Who leaves an organization leaves what they were told of it.
    FOREIGN KEY (org_id, user_id) REFERENCES org_members (org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX notifications_user ON notifications (user_id, created_at DESC, id DESC);
CREATE INDEX notifications_unread ON notifications (user_id, created_at DESC, id DESC) WHERE read_at IS NULL;
CREATE INDEX notifications_org_user ON notifications (org_id, user_id, created_at DESC, id DESC);

ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
ALTER TABLE notifications FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON notifications
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_user ON notifications FOR SELECT
    USING (user_id = (SELECT current_user_id()));

-- Who is mentioned in a node's body, as it was projected last: a new mention is told.
ALTER TABLE nodes ADD COLUMN mentioned uuid[] NOT NULL DEFAULT '{}';
