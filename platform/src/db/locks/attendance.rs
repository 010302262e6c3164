//! Whether the holders of locks are here on sockets, and on which instances. Each says so by itself from time to time, and
//! says when they have left it: the last one ends the lock. An instance that is killed cannot say that they are gone, so a
//! lock of which nothing was said for long is ended. No instance needs to hear from another for that.

use std::time::Duration;

use super::{NodeRow, ReleaseReason, end, lock_row};
use crate::auth::PrincipalRef;
use crate::bus::InstanceId;
use crate::db::documents::DocumentRef;
use crate::db::{Db, DbError, OrgTx, principal};

/// What an instance said is forgotten so long after it has run out. Not before: while the database does not answer, what
/// instances that live have said runs out, too.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// Notes that the holder of a node's lock is here on a socket of an instance, which holds for so long. Notes nothing if the
/// lock is somebody else's.
pub async fn attend(
    db: &Db,
    document: &DocumentRef,
    holder: PrincipalRef,
    instance: InstanceId,
    lasts: Duration,
) -> Result<(), DbError> {
    let mut tx = db.org(document.org).await?;
    sqlx::query!(
        "UPDATE node_locks SET attended_until = now() + make_interval(secs => $5),
             attended_by = (SELECT coalesce(jsonb_object_agg(key, value), '{}')
                            FROM jsonb_each_text(lock_attendances(attended_by, attended_until))
                            WHERE value::timestamptz > now() - make_interval(secs => $6))
                 || jsonb_build_object($4::text, now() + make_interval(secs => $5))
         WHERE node_id = $1 AND holder_kind = $2 AND holder_id = $3",
        document.id,
        principal::kind_to_number(holder.kind),
        holder.id,
        instance.to_string(),
        lasts.as_secs_f64(),
        FORGOTTEN_AFTER.as_secs_f64()
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// Notes that the holder of a node's lock is not here any more on a socket of an instance, and ends the lock unless they are
/// here through another one. Whether that has ended it. If the other one is silent, whether it lives is not known here:
/// that is left to [`end_abandoned`].
pub async fn leave(
    db: &Db,
    document: &DocumentRef,
    holder: PrincipalRef,
    instance: InstanceId,
) -> Result<bool, DbError> {
    let mut tx = db.org(document.org).await?;
    let is_over = leave_locked(&mut tx, document, holder, instance).await?;
    tx.commit().await?;
    Ok(is_over)
}

async fn leave_locked(
    tx: &mut OrgTx,
    document: &DocumentRef,
    holder: PrincipalRef,
    instance: InstanceId,
) -> Result<bool, DbError> {
    let Some(project) = document.project else { return Ok(false) };
    let held = lock_row(tx, document, project).await?;
    let Some(lock) = held.filter(|lock| lock.holder == holder) else { return Ok(false) };
    let is_elsewhere = sqlx::query_scalar!(
        r#"UPDATE node_locks SET attended_by = lock_attendances(attended_by, attended_until) - $2::text,
               attended_until = (SELECT max(value::timestamptz)
                                 FROM jsonb_each_text(lock_attendances(attended_by, attended_until) - $2::text))
           WHERE node_id = $1 RETURNING attended_by <> '{}' AS "is_elsewhere!""#,
        document.id,
        instance.to_string()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if !is_elsewhere {
        end(tx, document, &lock, ReleaseReason::Left, holder).await?;
    }
    Ok(!is_elsewhere)
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
