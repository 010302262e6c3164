-- People, organizations and projects, and the walls between organizations.
--
-- Every table that belongs to an organization has row-level security FORCEd, so that it binds the tables' owner
-- (the server's role) too. What a transaction may touch is said by transaction-local settings:
--   app.current_org_id   one organization: everything in it
--   app.current_user_id  one person: may see their own organizations, projects and documents, may write nothing
--   app.current_org_ids  comma-separated organizations: the document log only (one commit for many organizations)
--   app.maintenance      'on': may see the heads of all documents, for sweeps
-- Without a setting nothing is visible.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE FUNCTION current_org_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.current_org_id', true), '')::uuid;

CREATE FUNCTION current_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('app.current_user_id', true), '')::uuid;

CREATE FUNCTION current_org_ids() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN string_to_array(nullif(current_setting('app.current_org_ids', true), ''), ',')::uuid[];

CREATE FUNCTION is_maintenance() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('app.maintenance', true), '') = 'on';

CREATE FUNCTION set_updated_at() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

-- Users belong to no organization; who shares an organization with whom is said by org_members.
CREATE TABLE users (
    id         uuid PRIMARY KEY,
    sub        text NOT NULL UNIQUE,          -- the identity provider's subject
    email      text NOT NULL,
    name       text NOT NULL,
    avatar_url text,
    settings   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX users_email ON users (lower(email));
CREATE TRIGGER users_updated_at BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE organizations (
    id                   uuid PRIMARY KEY,
    name                 text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    slug                 text NOT NULL UNIQUE CHECK (length(slug) BETWEEN 1 AND 100),
    settings             jsonb NOT NULL DEFAULT '{}',
    event_sourcing_level text NOT NULL DEFAULT 'snapshot' CHECK (event_sourcing_level IN ('full', 'snapshot', 'audit')),
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER organizations_updated_at BEFORE UPDATE ON organizations
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE org_members (
    org_id     uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'guest')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX org_members_user ON org_members (user_id);

CREATE TABLE projects (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description     text NOT NULL DEFAULT '',
    settings        jsonb NOT NULL DEFAULT '{}',
    workflow_states text[] NOT NULL DEFAULT '{draft,in_progress,complete}',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, org_id)
);
CREATE INDEX projects_org ON projects (org_id, created_at, id);
CREATE TRIGGER projects_updated_at BEFORE UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- Whoever leaves an organization leaves its projects.
CREATE TABLE project_members (
    project_id uuid NOT NULL,
    org_id     uuid NOT NULL,
    user_id    uuid NOT NULL,
    role       text NOT NULL CHECK (role IN ('admin', 'member', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, user_id),
    FOREIGN KEY (project_id, org_id) REFERENCES projects (id, org_id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES org_members (org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX project_members_user ON project_members (user_id);
CREATE INDEX project_members_org_user ON project_members (org_id, user_id);

-- In PL/pgSQL so that they stay calls: as subqueries they would swell every plan on the tables that they guard.
CREATE FUNCTION current_user_is_member(org uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM org_members m WHERE m.org_id = org AND m.user_id = current_user_id());
END
$$;

CREATE FUNCTION current_user_sees_project(org uuid, project uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM org_members m
                   WHERE m.org_id = org AND m.user_id = current_user_id() AND m.role IN ('owner', 'admin', 'member'))
        OR EXISTS (SELECT FROM project_members m
                   WHERE m.project_id = project AND m.user_id = current_user_id());
END
$$;

ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON organizations
    USING (id = (SELECT current_org_id()));
CREATE POLICY of_member ON organizations FOR SELECT
    USING ((SELECT current_user_id()) IS NOT NULL AND current_user_is_member(id));

ALTER TABLE org_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE org_members FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON org_members
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_member ON org_members FOR SELECT
    USING (user_id = (SELECT current_user_id()));

ALTER TABLE project_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE project_members FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON project_members
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_member ON project_members FOR SELECT
    USING (user_id = (SELECT current_user_id()));

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE ROW LEVEL SECURITY;
CREATE POLICY in_organization ON projects
    USING (org_id = (SELECT current_org_id()));
CREATE POLICY of_member ON projects FOR SELECT
    USING ((SELECT current_user_id()) IS NOT NULL AND current_user_sees_project(org_id, id));

-- Scratch documents (development mode) live in an organization without members.
SELECT set_config('app.current_org_id', '00000000-0000-4000-8000-000000000001', true);
INSERT INTO organizations (id, name, slug) VALUES ('00000000-0000-4000-8000-000000000001', 'Scratch', 'scratch');
