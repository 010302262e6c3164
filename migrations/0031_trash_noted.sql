-- Nodes go into the trash and come out of it by edits of their canvas, too: a projection that finds one where the audit log
-- does not say that it is records that.
ALTER TABLE nodes
    ADD COLUMN trash_noted boolean NOT NULL DEFAULT false,     -- the audit log has it in the trash
    ADD COLUMN trash_noted_seq bigint NOT NULL DEFAULT 0;      -- as of this place of the canvas's log
-- What was done before goes unrecorded. Row-level security binds the tables' owner, who has no organization here.
ALTER TABLE nodes NO FORCE ROW LEVEL SECURITY;
UPDATE nodes SET trash_noted = true WHERE deleted_at IS NOT NULL;
ALTER TABLE nodes FORCE ROW LEVEL SECURITY;
CREATE INDEX nodes_trash_to_note ON nodes (project_id) WHERE (deleted_at IS NOT NULL) <> trash_noted;
