//! Projects in the trash: nobody opens their documents, and nothing of them is lost.

use schema::ids::{OrgId, ProjectId};
use serde_json::json;
use uuid::Uuid;

use crate::db::audit::{self, Action, Actor, ResourceKind};
use crate::db::events::{self, EventKind, NewEvent};
use crate::db::{Db, DbError};

/// Puts a project with all its documents into the trash, and returns which documents nobody may open any more. `None`
/// when there is no such project, or it is in the trash already.
pub async fn delete(db: &Db, org: OrgId, project: ProjectId, by: &Actor) -> Result<Option<Vec<Uuid>>, DbError> {
    let mut tx = db.org(org).await?;
    let name = sqlx::query_scalar!(
        "UPDATE projects SET deleted_at = now() WHERE id = $1 AND org_id = $2 AND deleted_at IS NULL RETURNING name",
        project.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(name) = name else { return Ok(None) };
    // At the same moment as their project, by which they are known when it comes back.
    let documents = sqlx::query_scalar!(
        "UPDATE documents SET deleted_at = now() WHERE project_id = $1 AND org_id = $2 AND deleted_at IS NULL RETURNING id",
        project.as_uuid(),
        org.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let details = json!({ "name": name, "documents": documents.len() });
    audit::record(&mut tx, by.did(Action::ProjectDeleted, ResourceKind::Project, project).with(details)).await?;
    let event = NewEvent::new(EventKind::ProjectDeleted, json!({ "name": name }));
    events::append(&mut tx, event.project(project).by([by.principal]));
    tx.commit().await?;
    Ok(Some(documents))
}

/// Takes a project out of the trash, with the documents that went there with it. False when it is not there.
pub async fn restore(db: &Db, org: OrgId, project: ProjectId, by: &Actor) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let found = sqlx::query!(
        r#"SELECT name, deleted_at AS "deleted_at!" FROM projects
           WHERE id = $1 AND org_id = $2 AND deleted_at IS NOT NULL AND erasing_since IS NULL FOR NO KEY UPDATE"#,
        project.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(found) = found else { return Ok(false) };
    sqlx::query!(
        "UPDATE documents SET deleted_at = NULL
         WHERE project_id = $1 AND org_id = $2 AND deleted_at = $3 AND erasing_since IS NULL",
        project.as_uuid(),
        org.as_uuid(),
        found.deleted_at
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!("UPDATE projects SET deleted_at = NULL WHERE id = $1", project.as_uuid())
        .execute(&mut *tx.inner)
        .await?;
    let details = json!({ "name": found.name });
    let event = NewEvent::new(EventKind::ProjectRestored, details.clone());
    events::append(&mut tx, event.project(project).by([by.principal]));
    audit::record(&mut tx, by.did(Action::ProjectRestored, ResourceKind::Project, project).with(details)).await?;
    tx.commit().await?;
    Ok(true)
}
