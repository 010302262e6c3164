//! What is still kept of documents in which nobody writes any more, beyond what their organizations want.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId};
use uuid::Uuid;

use super::EventSourcingLevel;
use super::compaction::dense_since;
use crate::db::documents::DocumentRef;
use crate::db::{Db, DbError};

/// Versions of nodes that one call of [`let_go_of_versions`] empties.
const VERSIONS_AT_ONCE: i64 = 1_000;

/// The organizations that have documents, by their ids: up to `limit` after `after`.
pub async fn organizations(db: &Db, after: OrgId, limit: u32) -> Result<Vec<OrgId>, DbError> {
    let mut tx = db.maintenance().await?;
    let ids = sqlx::query_scalar!(
        r#"WITH RECURSIVE organizations AS (
               (SELECT org_id FROM documents WHERE org_id > $1 ORDER BY org_id LIMIT 1)
               UNION ALL
               SELECT (SELECT d.org_id FROM documents d WHERE d.org_id > o.org_id ORDER BY d.org_id LIMIT 1)
               FROM organizations o WHERE o.org_id IS NOT NULL)
           SELECT org_id AS "org_id!" FROM organizations WHERE org_id IS NOT NULL LIMIT $2"#,
        after.as_uuid(),
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(ids.into_iter().map(OrgId::new).collect())
}

/// What an organization keeps; `None` if there is no such organization.
pub async fn level(db: &Db, org: OrgId) -> Result<Option<EventSourcingLevel>, DbError> {
    let mut tx = db.org(org).await?;
    let level = sqlx::query_scalar!("SELECT event_sourcing_level FROM organizations WHERE id = $1", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    level.map(|level| EventSourcingLevel::from_column(&level)).transpose()
}

/// The documents of an organization whose logs hold content that it does not want to be kept ([`super::trim`] says which
/// that is), by their ids: up to `limit` after `after`. Those in the trash are among them.
pub async fn overdue(
    db: &Db,
    org: OrgId,
    after: Uuid,
    limit: u32,
    dense_days: u64,
    now: DateTime<Utc>,
) -> Result<Vec<DocumentRef>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        "SELECT d.id, d.project_id, d.kind
         FROM documents d
         JOIN organizations o ON o.id = d.org_id
         JOIN document_updates oldest ON oldest.document_id = d.id AND oldest.seq = d.trimmed_seq + 1
         WHERE d.org_id = $1 AND d.id > $2 AND d.trimmed_seq < d.head_seq
           AND d.erasing_since IS NULL AND o.deleted_at IS NULL
           AND (o.event_sourcing_level = 'audit'
                OR (o.event_sourcing_level = 'snapshot' AND oldest.committed_at < $3))
         ORDER BY d.id LIMIT $4",
        org.as_uuid(),
        after,
        dense_since(dense_days, now),
        i64::from(limit)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = row.kind.parse().map_err(|_| DbError::Corrupt {
                document: row.id,
                reason: format!("{} is no kind of document", row.kind),
            })?;
            Ok(DocumentRef { id: row.id, kind, org, project: row.project_id.map(ProjectId::new) })
        })
        .collect()
}

/// Lets go of what nodes were at versions, as [`super::trim`] does of documents: with `audit` of all, with `snapshot` of
/// all but the last of each day (UTC) before the last `dense_days`. That there was a version, and who made it, stays.
/// Returns how many there were; there may be more until there are none.
pub async fn let_go_of_versions(db: &Db, org: OrgId, dense_days: u64, now: DateTime<Utc>) -> Result<u64, DbError> {
    let mut tx = db.org(org).await?;
    let emptied = sqlx::query!(
        "UPDATE node_versions SET snapshot = NULL, state = NULL
         WHERE (node_id, version) IN (
             SELECT v.node_id, v.version
             FROM node_versions v JOIN organizations o ON o.id = v.org_id
             WHERE v.org_id = $1 AND v.snapshot IS NOT NULL
               AND (o.event_sourcing_level = 'audit'
                    OR (o.event_sourcing_level = 'snapshot' AND v.created_at < $2
                        AND EXISTS (SELECT FROM node_versions later
                                    WHERE later.node_id = v.node_id AND later.version > v.version
                                      AND later.snapshot IS NOT NULL
                                      AND date_trunc('day', later.created_at, 'UTC')
                                          = date_trunc('day', v.created_at, 'UTC'))))
             LIMIT $3)",
        org.as_uuid(),
        dense_since(dense_days, now),
        VERSIONS_AT_ONCE
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(emptied)
}
