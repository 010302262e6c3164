-- Lists of the free documents of a project that are in the trash.
CREATE INDEX documents_free_in_trash_by_creation ON documents (project_id, created_at, id)
    WHERE kind = 'doc' AND deleted_at IS NOT NULL;
