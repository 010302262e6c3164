//! Whether the holders of locks are here on sockets. An instance that is killed cannot say that they are gone: so it is
//! said from time to time that they are here, and a lock of which that was not said for long is ended.

use std::time::Duration;

use super::{NodeRow, ReleaseReason, end, lock_row};
use crate::auth::PrincipalRef;
use crate::db::documents::DocumentRef;
use crate::db::{Db, DbError, OrgTx, principal};

/// Notes that the holder of a node's lock is here on a socket, which holds for so long. Notes nothing if the lock is
/// somebody else's.
pub async fn attend(db: &Db, document: &DocumentRef, holder: PrincipalRef, lasts: Duration) -> Result<(), DbError> {
    let mut tx = db.org(document.org).await?;
    sqlx::query!(
        "UPDATE node_locks SET attended_until = now() + make_interval(secs => $4)
         WHERE node_id = $1 AND holder_kind = $2 AND holder_id = $3",
        document.id,
        principal::kind_to_number(holder.kind),
        holder.id,
        lasts.as_secs_f64()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// A page of nodes of all organizations whose locks' holders were here on a socket and are no more.
pub async fn abandoned(db: &Db, limit: u32) -> Result<Vec<DocumentRef>, DbError> {
    let mut tx = db.maintenance().await?;
    let rows = sqlx::query_as!(
        NodeRow,
        "SELECT node_id, org_id, project_id FROM node_locks
         WHERE holder_id IS NOT NULL AND attended_until <= now() ORDER BY attended_until LIMIT $1",
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows.into_iter().map(DocumentRef::from).collect())
}

/// Ends a lock unless its holder came back meanwhile. Whether it is held no more. Several instances may do so at the same
/// time.
pub async fn end_abandoned(db: &Db, document: &DocumentRef) -> Result<bool, DbError> {
    let mut tx = db.org(document.org).await?;
    let is_over = end_if_abandoned(&mut tx, document).await?;
    tx.commit().await?;
    Ok(is_over)
}

async fn end_if_abandoned(tx: &mut OrgTx, document: &DocumentRef) -> Result<bool, DbError> {
    let Some(project) = document.project else { return Ok(false) };
    let Some(lock) = lock_row(tx, document, project).await? else { return Ok(true) };
    // Looked at again once nobody else can change it.
    let is_abandoned = sqlx::query_scalar!(
        r#"SELECT coalesce(attended_until <= now(), false) AS "is_abandoned!" FROM node_locks WHERE node_id = $1"#,
        document.id
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if is_abandoned {
        end(tx, document, &lock, ReleaseReason::Left, PrincipalRef::SYSTEM).await?;
    }
    Ok(is_abandoned)
}
