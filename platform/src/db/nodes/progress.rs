//! How far the projections of a document are. Those of one project are written one after another.

use schema::ids::{ProjectId, Seq};
use uuid::Uuid;

use crate::db::log::{seq_from_column, seq_to_column};
use crate::db::{DbError, OrgTx};

/// Waits until nobody else projects a document of the project, or notes what becomes of its nodes.
pub(super) async fn lock_project(tx: &mut OrgTx, project: ProjectId) -> Result<(), DbError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", format!("projection {project}"))
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}

/// How far the projections of a document are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Projected {
    /// Up to this place all is done: rows, events and the audit log. The document counts as behind until it is its head.
    pub(super) done: Seq,
    /// The rows are those of this place.
    pub(super) rows: Seq,
}

/// How far the projections of a document are; `None` when its rows are those of a place beyond `seq`, or there is no such
/// document.
pub(super) async fn projected_before(tx: &mut OrgTx, document: Uuid, seq: Seq) -> Result<Option<Projected>, DbError> {
    let projected = sqlx::query!(
        r#"SELECT projected_seq, greatest(projected_seq, rows_seq) AS "rows_seq!" FROM documents
           WHERE id = $1 AND org_id = $2"#,
        document,
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let projected = projected
        .map(|row| Projected { done: seq_from_column(row.projected_seq), rows: seq_from_column(row.rows_seq) });
    Ok(projected.filter(|projected| projected.rows <= seq))
}

/// Notes how far the projections of a document are. Nodes that `appeared` on a canvas count as not projected at all, so
/// that what their documents hold follows. Rows are locked in the order in which appends lock them.
pub(super) async fn mark_projected(
    tx: &mut OrgTx,
    document: Uuid,
    projected: Projected,
    appeared: &[Uuid],
) -> Result<(), DbError> {
    sqlx::query!(
        "WITH locked AS (
             SELECT id FROM documents WHERE id = $1 OR (id = ANY($4) AND projected_seq > 0) ORDER BY id FOR NO KEY UPDATE
         )
         UPDATE documents SET projected_seq = CASE WHEN documents.id = $1 THEN $2::bigint ELSE 0 END,
             rows_seq = CASE WHEN documents.id = $1 THEN $3::bigint ELSE 0 END
         FROM locked WHERE documents.id = locked.id",
        document,
        seq_to_column(projected.done),
        seq_to_column(projected.rows),
        appeared
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}
