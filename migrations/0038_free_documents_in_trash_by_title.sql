-- The same lists in another order. By itself, so that writers get a turn after the first index.
CREATE INDEX documents_free_in_trash_by_title ON documents (project_id, (coalesce(title, '')), id)
    WHERE kind = 'doc' AND deleted_at IS NOT NULL;
