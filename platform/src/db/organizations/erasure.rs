//! The end of an organization. First nobody belongs to it any more and its documents take no more updates, in one
//! transaction ([`delete`]); then all that it held goes, piece by piece ([`erase_some`]), however much it is and however
//! often the server is stopped meanwhile.

use schema::ids::{OrgId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::lock;
use crate::db::audit::{self, Action, Actor, ResourceKind};
use crate::db::{Db, DbError, OrgTx, erasure};

/// Entries of what can be found that are erased in one transaction, at most.
const ERASED_SEARCH_ENTRIES: i64 = 100;

/// Who and what has lost its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Everybody who belonged to it.
    pub members: Vec<UserId>,
    /// The documents that nobody may open any more.
    pub documents: Vec<Uuid>,
}

/// Ends an organization. Its slug is free from then on. What was done to it stays in the audit log. `None` when it is no
/// more, or its slug is another.
pub async fn delete(db: &Db, org: OrgId, by: &Actor, slug: &str) -> Result<Option<Deleted>, DbError> {
    let mut tx = db.org(org).await?;
    let Some(organization) = lock(&mut tx).await?.filter(|organization| organization.slug == slug) else {
        return Ok(None);
    };
    let documents = sqlx::query_scalar!(
        "UPDATE documents SET deleted_at = coalesce(deleted_at, now()) WHERE org_id = $1 RETURNING id",
        org.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let members = sqlx::query_scalar!("DELETE FROM org_members WHERE org_id = $1 RETURNING user_id", org.as_uuid())
        .fetch_all(&mut *tx.inner)
        .await?;
    sqlx::query!(
        "UPDATE organizations SET deleted_at = now(), name = 'Deleted', slug = id::text, settings = '{}' WHERE id = $1",
        org.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let details = json!({
        "name": organization.name,
        "slug": organization.slug,
        "members": members.len(),
        "documents": documents.len(),
    });
    let entry = by.did(Action::OrganizationDeleted, ResourceKind::Organization, org);
    audit::record(&mut tx, entry.with(details)).await?;
    tx.commit().await?;
    Ok(Some(Deleted { members: members.into_iter().map(UserId::new).collect(), documents }))
}

/// The organizations that were deleted, and of which something is left.
pub async fn to_be_erased(db: &Db) -> Result<Vec<OrgId>, DbError> {
    let mut tx = db.maintenance().await?;
    let rows = sqlx::query_scalar!("SELECT id FROM organizations WHERE deleted_at IS NOT NULL ORDER BY id")
        .fetch_all(&mut *tx)
        .await?;
    Ok(rows.into_iter().map(OrgId::new).collect())
}

/// Erases a part of a deleted organization; true while more is left. Several instances may do so at the same time.
pub async fn erase_some(db: &Db, org: OrgId) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    // Whoever is at it keeps the others waiting.
    let deleted = sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id = $1 AND deleted_at IS NOT NULL FOR UPDATE",
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    if deleted.is_none() {
        return Ok(false);
    }
    let more = erase_search_entries(&mut tx).await? || erase_documents(&mut tx).await?;
    if !more {
        sqlx::query!("SELECT erase_organization($1)", org.as_uuid()).fetch_one(&mut *tx.inner).await?;
    }
    tx.commit().await?;
    Ok(more)
}

/// Returns whether there were any. An entry takes its words along, of which there may be thousands.
async fn erase_search_entries(tx: &mut OrgTx) -> Result<bool, DbError> {
    let erased = sqlx::query!(
        "DELETE FROM search_entries WHERE id = ANY(ARRAY(SELECT id FROM search_entries WHERE org_id = $1 LIMIT $2))",
        tx.org().as_uuid(),
        ERASED_SEARCH_ENTRIES
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(erased.rows_affected() > 0)
}

/// Erases some documents with their logs; false when there were none left.
async fn erase_documents(tx: &mut OrgTx) -> Result<bool, DbError> {
    let documents = sqlx::query_scalar!(
        "SELECT id FROM documents WHERE org_id = $1 ORDER BY id LIMIT $2 FOR UPDATE",
        tx.org().as_uuid(),
        erasure::ERASED_DOCUMENTS
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    if documents.is_empty() {
        return Ok(false);
    }
    erasure::erase_documents(tx, &documents).await?;
    Ok(true)
}

/// An id that is derived from a client's key comes again: it must not lead to what others did before.
pub(super) async fn refuse_erased(tx: &mut OrgTx) -> Result<(), DbError> {
    let was_deleted = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audit_log WHERE org_id = $1 AND action = $2) AS "was_deleted!""#,
        tx.org().as_uuid(),
        Action::OrganizationDeleted.as_str()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if was_deleted { Err(DbError::Conflict { constraint: super::ID_ERASED.into() }) } else { Ok(()) }
}
