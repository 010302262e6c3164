//! What is deleted for good. Whoever deletes something that is in the trash marks it ([`erase_project`],
//! [`erase_free_document`]), and nobody finds it any more; then it goes piece by piece ([`erase_some`]), however much it is
//! and however often the server is stopped meanwhile. The audit log stays.

use schema::ids::{FreeDocumentId, OrgId, ProjectId};
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::{Db, DbError, OrgTx};

/// Entries of what can be found that are erased in one transaction, at most.
const ERASED_SEARCH_ENTRIES: i64 = 100;
/// Documents that are erased in one transaction, at most.
pub(super) const ERASED_DOCUMENTS: i64 = 20;
/// Updates that are erased in one transaction, at most.
const ERASED_UPDATES: i64 = 20_000;
/// Files that are erased in one transaction, at most: each may take much text along.
const ERASED_FILES: i64 = 500;
/// Notifications that are erased, and events and deliveries that are looked at, in one transaction, at most.
const ERASED_TOLD: i64 = 5_000;

/// Has a project that is in the trash erased, with its documents, their history, its files and its runs. False when it is
/// not in the trash.
pub async fn erase_project(db: &Db, org: OrgId, project: ProjectId, by: &Actor) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let name = sqlx::query_scalar!(
        "UPDATE projects SET erasing_since = now()
         WHERE id = $1 AND org_id = $2 AND deleted_at IS NOT NULL AND erasing_since IS NULL RETURNING name",
        project.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(name) = name else { return Ok(false) };
    let documents = mark_documents(&mut tx, project.as_uuid()).await?;
    let entry = by.did(Action::ProjectErased, ResourceKind::Project, project);
    audit::record(&mut tx, entry.with(json!({ "name": name, "documents": documents }))).await?;
    tx.commit().await?;
    Ok(true)
}

/// Has a free document that is in the trash erased, with its history. False when it is not in the trash.
pub async fn erase_free_document(db: &Db, org: OrgId, id: FreeDocumentId, by: &Actor) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let title = sqlx::query_scalar!(
        "UPDATE documents SET erasing_since = now()
         WHERE id = $1 AND org_id = $2 AND kind = 'doc' AND deleted_at IS NOT NULL AND erasing_since IS NULL
         RETURNING title",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(title) = title else { return Ok(false) };
    let entry = by.did(Action::DocumentErased, ResourceKind::Document, id);
    audit::record(&mut tx, entry.with(json!({ "title": title }))).await?;
    tx.commit().await?;
    Ok(true)
}

/// Returns how many documents of the project were not marked yet.
async fn mark_documents(tx: &mut OrgTx, project: Uuid) -> Result<u64, DbError> {
    let marked = sqlx::query!(
        "UPDATE documents SET deleted_at = coalesce(deleted_at, now()), erasing_since = now()
         WHERE project_id = $1 AND org_id = $2 AND erasing_since IS NULL",
        project,
        tx.org().as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(marked.rows_affected())
}

/// The organizations that have something which is to be erased.
pub async fn organizations(db: &Db) -> Result<Vec<OrgId>, DbError> {
    let mut tx = db.maintenance().await?;
    let ids = sqlx::query_scalar!(
        r#"SELECT org_id AS "org_id!" FROM projects WHERE erasing_since IS NOT NULL
           UNION SELECT org_id FROM documents WHERE erasing_since IS NOT NULL"#
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(ids.into_iter().map(OrgId::new).collect())
}

/// Erases a part of what is to be erased in an organization; true while more is left that nobody else is at.
pub async fn erase_some(db: &Db, org: OrgId) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let more = erase_search_entries(&mut tx).await? || erase_marked(&mut tx).await? || finish_project(&mut tx).await?;
    tx.commit().await?;
    Ok(more)
}

/// Returns whether there were any. An entry takes its words along, of which there may be thousands.
async fn erase_search_entries(tx: &mut OrgTx) -> Result<bool, DbError> {
    let erased = sqlx::query!(
        "DELETE FROM search_entries WHERE id = ANY(ARRAY(
             SELECT e.id FROM projects p JOIN search_entries e ON e.org_id = p.org_id AND e.project_id = p.id
             WHERE p.org_id = $1 AND p.erasing_since IS NOT NULL LIMIT $2))",
        tx.org().as_uuid(),
        ERASED_SEARCH_ENTRIES
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(erased.rows_affected() > 0)
}

/// Returns whether there were documents that nobody else is at.
async fn erase_marked(tx: &mut OrgTx) -> Result<bool, DbError> {
    let documents = sqlx::query_scalar!(
        "SELECT id FROM documents WHERE org_id = $1 AND erasing_since IS NOT NULL
         ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED",
        tx.org().as_uuid(),
        ERASED_DOCUMENTS
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    if documents.is_empty() {
        return Ok(false);
    }
    erase_documents(tx, &documents).await?;
    Ok(true)
}

/// Erases documents with their logs, and notes in which lineage they ended; of long logs, a piece. Whoever calls has locked
/// them, so that nobody saves a snapshot meanwhile.
pub(super) async fn erase_documents(tx: &mut OrgTx, documents: &[Uuid]) -> Result<(), DbError> {
    let updates = sqlx::query!(
        "DELETE FROM document_updates u USING (
             SELECT document_id, seq FROM document_updates WHERE document_id = ANY ($1) LIMIT $2) AS piece
         WHERE u.document_id = piece.document_id AND u.seq = piece.seq",
        documents,
        ERASED_UPDATES
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    if updates.cast_signed() == ERASED_UPDATES {
        return Ok(());
    }
    sqlx::query!("DELETE FROM document_snapshots WHERE document_id = ANY ($1)", documents)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!("DELETE FROM document_clients WHERE document_id = ANY ($1)", documents)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!("DELETE FROM document_quarantine WHERE document_id = ANY ($1)", documents)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!(
        "WITH gone AS (DELETE FROM documents WHERE id = ANY ($1) RETURNING id, epoch)
         INSERT INTO erased_documents (id, epoch) SELECT id, epoch FROM gone
         ON CONFLICT (id) DO UPDATE SET epoch = greatest(excluded.epoch, erased_documents.epoch)",
        documents
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Erases a part of what belongs to a project whose documents are gone, and then the project. Returns whether there was one.
async fn finish_project(tx: &mut OrgTx) -> Result<bool, DbError> {
    // Locked, so that it gets no document any more.
    let project = sqlx::query_scalar!(
        "SELECT id FROM projects WHERE org_id = $1 AND erasing_since IS NOT NULL
         ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(project) = project else { return Ok(false) };
    if mark_documents(tx, project).await? > 0 {
        return Ok(true);
    }
    let has_documents = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM documents WHERE project_id = $1) AS "has_documents!""#,
        project
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if has_documents {
        // Somebody else is at them, and comes here after them.
        return Ok(false);
    }
    let more = erase_files(tx, project).await?
        || erase_notifications(tx, project).await?
        || empty_events(tx, project).await?
        || empty_deliveries(tx, project).await?;
    if !more {
        sqlx::query!("DELETE FROM projects WHERE id = $1", project).execute(&mut *tx.inner).await?;
    }
    Ok(true)
}

/// Returns whether there were any.
async fn erase_files(tx: &mut OrgTx, project: Uuid) -> Result<bool, DbError> {
    let erased = sqlx::query!(
        "DELETE FROM files WHERE id = ANY(ARRAY(SELECT id FROM files WHERE project_id = $1 LIMIT $2))",
        project,
        ERASED_FILES
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(erased.rows_affected() > 0)
}

/// Returns whether there were any.
async fn erase_notifications(tx: &mut OrgTx, project: Uuid) -> Result<bool, DbError> {
    let erased = sqlx::query!(
        "DELETE FROM notifications WHERE id = ANY(ARRAY(SELECT id FROM notifications WHERE project_id = $1 LIMIT $2))",
        project,
        ERASED_TOLD
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(erased.rows_affected() > 0)
}

/// Of what was told of a project stays that it was told: who reads the stream misses no number. Returns whether there were
/// any after those that were emptied before.
async fn empty_events(tx: &mut OrgTx, project: Uuid) -> Result<bool, DbError> {
    let went_on = sqlx::query!(
        "WITH piece AS (
             SELECT id FROM events
             WHERE project_id = $1 AND id > (SELECT events_emptied FROM projects WHERE id = $1) ORDER BY id LIMIT $3),
         emptied AS (
             UPDATE events e SET payload = without_payload(e.payload) FROM piece
             WHERE e.org_id = $2 AND e.id = piece.id)
         UPDATE projects SET events_emptied = (SELECT max(id) FROM piece)
         WHERE id = $1 AND EXISTS (SELECT FROM piece)",
        project,
        tx.org().as_uuid(),
        ERASED_TOLD
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(went_on.rows_affected() > 0)
}

/// The same of what is on its way to other servers. No index tells of which project a delivery is, so those of the
/// organization are gone through. Returns whether there were any after those that were gone through before.
async fn empty_deliveries(tx: &mut OrgTx, project: Uuid) -> Result<bool, DbError> {
    let went_on = sqlx::query!(
        "WITH piece AS (
             SELECT d.id, d.created_at FROM webhooks w CROSS JOIN LATERAL (
                 SELECT id, created_at FROM webhook_deliveries
                 WHERE webhook_id = w.id
                   AND created_at > (SELECT coalesce(deliveries_emptied, '-infinity') FROM projects WHERE id = $1)
                 ORDER BY created_at FETCH FIRST $3 ROWS WITH TIES) AS d
             WHERE w.org_id = $2 ORDER BY d.created_at FETCH FIRST $3 ROWS WITH TIES),
         emptied AS (
             UPDATE webhook_deliveries d
             SET payload = jsonb_set(d.payload, '{payload}', without_payload(d.payload -> 'payload')) FROM piece
             WHERE d.id = piece.id AND d.payload ->> 'projectId' = $1::uuid::text)
         UPDATE projects SET deliveries_emptied = (SELECT max(created_at) FROM piece)
         WHERE id = $1 AND EXISTS (SELECT FROM piece)",
        project,
        tx.org().as_uuid(),
        ERASED_TOLD
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(went_on.rows_affected() > 0)
}
