//! Projects.

mod list;
mod settings;
mod trash;

use chrono::{DateTime, Utc};
use schema::canvas::DEFAULT_WORKFLOW_STATES;
use schema::ids::{OrgId, ProjectId, UserId};
use serde_json::{Value, json};
use sqlx::FromRow;
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::clean;
use super::events::{self, EventKind, NewEvent};
use super::{Db, DbError};
use crate::access::{OrgRole, ProjectRole, effective_role};

#[cfg(feature = "testing")]
pub(super) use list::of_org;
pub use list::{ProjectSort, list};
pub use settings::{LockMode, Settings, settings};
pub use trash::{delete, restore};

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
    /// How it is set up.
    pub settings: Settings,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
    /// Since when it is in the trash.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Which projects are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Those that are worked in.
    #[default]
    Present,
    /// Those in the trash.
    InTrash,
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
    /// The states that its nodes go through; [`DEFAULT_WORKFLOW_STATES`] when empty.
    pub workflow_states: Vec<String>,
    /// How it is set up.
    pub settings: Settings,
}

#[derive(FromRow)]
struct ProjectRow {
    id: Uuid,
    org_id: Uuid,
    name: String,
    description: String,
    workflow_states: Vec<String>,
    settings: Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    org_role: String,
    project_role: Option<String>,
}

impl ProjectRow {
    /// The project and the role in it; `None` when the policy gives none.
    fn read(self) -> Result<Option<(Project, ProjectRole)>, DbError> {
        let Some(role) = role_of(&self.org_role, self.project_role.as_deref())? else { return Ok(None) };
        let project = Project {
            id: self.id.into(),
            org: self.org_id.into(),
            name: self.name,
            description: self.description,
            workflow_states: self.workflow_states,
            settings: settings::read(self.settings)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
            deleted_at: self.deleted_at,
        };
        Ok(Some((project, role)))
    }
}

/// Begins a project in an organization, with its (empty) canvas document.
pub async fn create(db: &Db, org: OrgId, by: &Actor, project: &NewProject) -> Result<(), DbError> {
    let workflow_states: Vec<String> = match project.workflow_states.as_slice() {
        [] => DEFAULT_WORKFLOW_STATES.map(str::to_owned).into(),
        states => states.iter().map(|state| clean::text(state, clean::WORD_CHARS_MAX)).collect(),
    };
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "INSERT INTO projects (id, org_id, name, description, workflow_states, settings) VALUES ($1, $2, $3, $4, $5, $6)",
        project.id.as_uuid(),
        org.as_uuid(),
        project.name,
        project.description,
        &workflow_states,
        settings::stored(project.settings)?
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "INSERT INTO documents (id, org_id, project_id, kind) VALUES ($1, $2, $1, 'project')",
        project.id.as_uuid(),
        org.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let entry = by.did(Action::ProjectCreated, ResourceKind::Project, project.id);
    let details = json!({ "name": project.name, "settings": project.settings });
    audit::record(&mut tx, entry.with(details)).await?;
    let payload = json!({ "name": project.name, "description": project.description });
    events::append(&mut tx, NewEvent::new(EventKind::ProjectCreated, payload).project(project.id).by([by.principal]));
    tx.commit().await
}

/// A project that a person may see and that is not in the trash, with the person's role in it.
pub async fn find(db: &Db, user: UserId, project: ProjectId) -> Result<Option<(Project, ProjectRole)>, DbError> {
    find_among(db, user, project, Which::Present).await
}

/// A project that a person may see, with the person's role in it.
pub async fn find_among(
    db: &Db,
    user: UserId,
    project: ProjectId,
    which: Which,
) -> Result<Option<(Project, ProjectRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let row = sqlx::query_as!(
        ProjectRow,
        r#"SELECT p.id, p.org_id, p.name, p.description, p.workflow_states, p.settings, p.created_at, p.updated_at,
                  p.deleted_at, m.role AS org_role, pm.role AS "project_role?"
           FROM projects p
           JOIN org_members m ON m.org_id = p.org_id AND m.user_id = $1
           LEFT JOIN project_members pm ON pm.project_id = p.id AND pm.user_id = $1
           WHERE p.id = $2 AND p.erasing_since IS NULL AND (p.deleted_at IS NOT NULL) = $3"#,
        user.as_uuid(),
        project.as_uuid(),
        which == Which::InTrash
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(ProjectRow::read).transpose().map(Option::flatten)
}

/// Changes the settings of a project if `change` agrees, and notes with them what else is changed of it at the same time.
/// False when there is no such project.
pub async fn update_settings<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    by: &Actor,
    change: impl FnOnce(&mut Settings) -> Result<(), E>,
    changed_on_canvas: &[&str],
) -> Result<bool, E> {
    let mut tx = db.org(org).await?;
    let Some(before) = settings::lock(&mut tx, project).await? else { return Ok(false) };
    let mut after = before;
    change(&mut after)?;
    let mut details = serde_json::Map::new();
    if after != before {
        settings::write(&mut tx, project, after).await?;
        details.insert("settings".to_owned(), json!({ "before": before, "after": after }));
        // What is changed on the canvas, its projection tells.
        let event = NewEvent::new(EventKind::ProjectUpdated, json!({ "changes": { "settings": after } }));
        events::append(&mut tx, event.project(project).by([by.principal]));
    }
    if !changed_on_canvas.is_empty() {
        details.insert("canvas".to_owned(), json!(changed_on_canvas));
    }
    if !details.is_empty() {
        let entry = by.did(Action::ProjectUpdated, ResourceKind::Project, project);
        audit::record(&mut tx, entry.with(Value::Object(details))).await?;
        tx.commit().await?;
    }
    Ok(true)
}

/// The effective role of somebody with these rows in `org_members` and `project_members`.
pub(crate) fn role_of(org_role: &str, project_role: Option<&str>) -> Result<Option<ProjectRole>, DbError> {
    let org_role = OrgRole::from_column(org_role)?;
    let project_role = project_role.map(ProjectRole::from_column).transpose()?;
    Ok(effective_role(Some(org_role), project_role))
}
