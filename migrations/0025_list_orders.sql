-- Each order of the lists of an organization is an index. Members by name or address have none: people belong to no
-- organization, so that those of one are looked up and sorted.

CREATE INDEX org_members_by_joining ON org_members (org_id, created_at, user_id);
CREATE INDEX projects_by_name ON projects (org_id, name, id);
CREATE INDEX projects_by_update ON projects (org_id, updated_at, id);
CREATE INDEX invitations_by_email ON invitations (org_id, email, id);
CREATE INDEX api_keys_by_name ON api_keys (org_id, name, id);
CREATE INDEX webhooks_by_url ON webhooks (org_id, (left(url, 500)), id);
