-- What was told of a project, to be forgotten or erased with it. Made by itself, so that nothing waits for it but notifications.
CREATE INDEX notifications_project ON notifications (project_id, created_at) WHERE project_id IS NOT NULL;
