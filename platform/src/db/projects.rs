//! Projects.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::{Db, DbError, Page, PageRequest};
use crate::access::{OrgRole, ProjectRole, effective_role};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id, and that of its canvas.
    pub id: ProjectId,
    /// The organization it belongs to.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// The states that its nodes go through.
    pub workflow_states: Vec<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a project begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
}

struct ProjectRow {
    id: Uuid,
    org_id: Uuid,
    name: String,
    description: String,
    workflow_states: Vec<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ProjectRow> for Project {
    fn from(row: ProjectRow) -> Self {
        Self {
            id: row.id.into(),
            org: row.org_id.into(),
            name: row.name,
            description: row.description,
            workflow_states: row.workflow_states,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Begins a project in an organization, with its (empty) canvas document.
pub async fn create(db: &Db, org: OrgId, by: &Actor, project: &NewProject) -> Result<Project, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        ProjectRow,
        "INSERT INTO projects (id, org_id, name, description) VALUES ($1, $2, $3, $4)
         RETURNING id, org_id, name, description, workflow_states, created_at, updated_at",
        project.id.as_uuid(),
        org.as_uuid(),
        project.name,
        project.description
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "INSERT INTO documents (id, org_id, project_id, kind) VALUES ($1, $2, $1, 'project')",
        project.id.as_uuid(),
        org.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let entry = by.did(Action::ProjectCreated, ResourceKind::Project, project.id);
    audit::record(&mut tx, entry.with(json!({ "name": project.name }))).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// A project that a person may see, with the person's role in it.
pub async fn find(db: &Db, user: UserId, project: ProjectId) -> Result<Option<(Project, ProjectRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let row = sqlx::query!(
        r#"SELECT p.id, p.org_id, p.name, p.description, p.workflow_states, p.created_at, p.updated_at,
                  m.role AS org_role, pm.role AS "project_role?"
           FROM projects p
           JOIN org_members m ON m.org_id = p.org_id AND m.user_id = $1
           LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = $1
           WHERE p.id = $2"#,
        user.as_uuid(),
        project.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let Some(role) = role_of(&row.org_role, row.project_role.as_deref())? else {
        return Ok(None);
    };
    let project = ProjectRow {
        id: row.id,
        org_id: row.org_id,
        name: row.name,
        description: row.description,
        workflow_states: row.workflow_states,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Some((project.into(), role)))
}

/// The projects of an organization that a person may see, with the person's role in each, oldest first.
pub async fn list(
    db: &Db,
    user: UserId,
    org: OrgId,
    page: PageRequest,
) -> Result<Page<(Project, ProjectRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let (after, after_id) = page.after();
    let rows = sqlx::query!(
        r#"SELECT p.id, p.org_id, p.name, p.description, p.workflow_states, p.created_at, p.updated_at,
                  m.role AS org_role, pm.role AS "project_role?"
           FROM projects p
           JOIN org_members m ON m.org_id = p.org_id AND m.user_id = $1
           LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = $1
           WHERE p.org_id = $2 AND (m.role <> 'guest' OR pm.role IS NOT NULL)
             AND ($3::timestamptz IS NULL OR (p.created_at, p.id) > ($3, $4::uuid))
           ORDER BY p.created_at, p.id LIMIT $5"#,
        user.as_uuid(),
        org.as_uuid(),
        after,
        after_id,
        page.rows()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        // The statement leaves out what one has no role in; the policy has the last word.
        let Some(role) = role_of(&row.org_role, row.project_role.as_deref())? else {
            continue;
        };
        let project = ProjectRow {
            id: row.id,
            org_id: row.org_id,
            name: row.name,
            description: row.description,
            workflow_states: row.workflow_states,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        items.push((Project::from(project), role));
    }
    Ok(Page::of(page, items, |(project, _)| (project.created_at, project.id.as_uuid())))
}

/// The effective role of somebody with these rows in `org_members` and `project_members`.
pub(crate) fn role_of(org_role: &str, project_role: Option<&str>) -> Result<Option<ProjectRole>, DbError> {
    let org_role = OrgRole::from_column(org_role)?;
    let project_role = project_role.map(ProjectRole::from_column).transpose()?;
    Ok(effective_role(Some(org_role), project_role))
}
