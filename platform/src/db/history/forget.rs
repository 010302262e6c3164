//! Forgetting what was written and deleted again: in the log, and wherever else it was told.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{Epoch, OrgId, Seq};
use serde_json::json;
use uuid::Uuid;

use crate::db::audit::{self, Action, Actor, ResourceKind};
use crate::db::events::EventKind;
use crate::db::log::{epoch_to_column, seq_to_column};
use crate::db::{Db, DbError, OrgTx, notifications, runs};

/// How long after an update came in it is told of in events and notifications, at most: they are made of documents soon,
/// but not at once.
const TOLD_WITHIN: Duration = Duration::from_mins(5);

/// Replaces the updates of a part of the log by one that brings what is left of them, and lets go of all else that
/// tells what the document was between: snapshots, versions, what versions of nodes say, what was told of it, and what
/// agents said and noted that were at work meanwhile.
/// There must be a snapshot at the end of the part or after it.
pub async fn forget(
    db: &Db,
    org: OrgId,
    id: Uuid,
    epoch: Epoch,
    places: RangeInclusive<Seq>,
    merged: &Bytes,
    by: &Actor,
) -> Result<(), DbError> {
    /// An update that does nothing: no structs, and nothing deleted.
    const NOTHING: &[u8] = &[0, 0];
    let (first, last) = (seq_to_column(*places.start()), seq_to_column(*places.end()));
    let mut tx = db.org(org).await?;
    let can_be_replaced = sqlx::query_scalar!(
        r#"SELECT snapshot_seq >= $3 AND epoch = $4 AS "can!" FROM documents
           WHERE id = $1 AND org_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE"#,
        id,
        org.as_uuid(),
        last,
        epoch_to_column(epoch)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    if can_be_replaced != Some(true) {
        return Err(DbError::Invalid("there is no snapshot that covers what is to be forgotten".to_owned()));
    }
    sqlx::query!(
        "UPDATE document_updates SET update = CASE WHEN seq = $3 THEN $4::bytea ELSE $5::bytea END, as_stored = false
         WHERE document_id = $1 AND seq BETWEEN $2::bigint AND $3::bigint",
        id,
        first,
        last,
        &**merged,
        NOTHING
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!("DELETE FROM document_snapshots WHERE document_id = $1 AND seq >= $2 AND seq < $3", id, first, last)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!("DELETE FROM document_versions WHERE document_id = $1 AND seq >= $2 AND seq < $3", id, first, last)
        .execute(&mut *tx.inner)
        .await?;
    sqlx::query!(
        "UPDATE node_versions SET snapshot = NULL, state = NULL
         WHERE (node_id = $1 AND node_seq >= $2 AND node_seq < $3)
            OR (project_id = $1 AND canvas_seq >= $2 AND canvas_seq < $3)",
        id,
        first,
        last
    )
    .execute(&mut *tx.inner)
    .await?;
    if let Some(told) = Told::of(&mut tx, id, first, last).await? {
        told.forget(&mut tx).await?;
    }
    let details = json!({"fromSeq": places.start(), "throughSeq": places.end()});
    audit::record(&mut tx, by.did(Action::DocumentPruned, ResourceKind::Document, id).with(details)).await?;
    tx.commit().await
}

/// Where something was told of a part of a document's log.
struct Told {
    document: Uuid,
    project: Uuid,
    is_canvas: bool,
    /// When the first update of the part came in.
    since: DateTime<Utc>,
    /// And when the last did.
    until: DateTime<Utc>,
}

impl Told {
    async fn of(tx: &mut OrgTx, document: Uuid, first: i64, last: i64) -> Result<Option<Self>, DbError> {
        let row = sqlx::query!(
            r#"SELECT d.project_id, d.kind = 'project' AS "is_canvas!", oldest.received_at AS since,
                      newest.received_at AS until
               FROM documents d
               JOIN document_updates oldest ON oldest.document_id = d.id AND oldest.seq = $2
               JOIN document_updates newest ON newest.document_id = d.id AND newest.seq = $3
               WHERE d.id = $1"#,
            document,
            first,
            last
        )
        .fetch_optional(&mut *tx.inner)
        .await?;
        Ok(row.and_then(|row| {
            let (project, is_canvas) = (row.project_id?, row.is_canvas);
            Some(Self { document, project, is_canvas, since: row.since, until: row.until })
        }))
    }

    /// Until when it was told of the last update, in events and notifications that are made of documents.
    fn told_until(&self) -> DateTime<Utc> {
        self.until + TOLD_WITHIN
    }

    async fn forget(&self, tx: &mut OrgTx) -> Result<(), DbError> {
        let runs = self.runs(tx).await?;
        self.empty_events(tx).await?;
        if self.is_canvas {
            self.empty_deliveries(tx).await?;
        }
        let node = (!self.is_canvas).then_some(self.document);
        notifications::forget_words(tx, self.project, node, self.since..=self.told_until()).await?;
        self.forget_journals(tx).await?;
        runs::forget_words(tx, self.project, &runs, self.since).await
    }

    /// The runs that were at work in the project meanwhile. The call in which a run wrote began before it did, and what it
    /// has read it may repeat as long as it lasts: all that it says goes. Locked, so that none is tried again just now, nor
    /// says more.
    async fn runs(&self, tx: &mut OrgTx) -> Result<Vec<Uuid>, DbError> {
        let runs = sqlx::query_scalar!(
            "UPDATE agent_executions SET forget_at_end = completed_at IS NULL
             WHERE project_id = $1 AND org_id = $2 AND started_at <= $4
               AND (completed_at IS NULL OR completed_at >= $3)
             RETURNING id",
            self.project,
            tx.org().as_uuid(),
            self.since,
            self.until
        )
        .fetch_all(&mut *tx.inner)
        .await?;
        Ok(runs)
    }

    /// Events of a canvas name what was changed in it and no value. Of other documents notifications alone tell content, and
    /// agents.
    async fn empty_events(&self, tx: &mut OrgTx) -> Result<(), DbError> {
        sqlx::query!(
            "UPDATE events SET payload = without_values(payload)
             WHERE project_id = $1 AND org_id = $2 AND at BETWEEN $3 AND $4
               AND ($5 OR (kind = $6 AND node_id = $7))",
            self.project,
            tx.org().as_uuid(),
            self.since,
            self.told_until(),
            self.is_canvas,
            EventKind::Notification.as_str(),
            self.document
        )
        .execute(&mut *tx.inner)
        .await?;
        Ok(())
    }

    /// The same of what is on its way to other servers; what is for one person goes to none.
    async fn empty_deliveries(&self, tx: &mut OrgTx) -> Result<(), DbError> {
        sqlx::query!(
            "UPDATE webhook_deliveries
             SET payload = jsonb_set(payload, '{payload}', without_values(payload -> 'payload'))
             WHERE org_id = $2 AND payload ->> 'projectId' = $1::uuid::text AND created_at BETWEEN $3 AND $4",
            self.project,
            tx.org().as_uuid(),
            self.since,
            self.told_until()
        )
        .execute(&mut *tx.inner)
        .await?;
        Ok(())
    }

    /// Runs that have failed cannot be tried again. Those that still are at work need what they have noted until they are
    /// over ([`runs::forget_ended`]).
    async fn forget_journals(&self, tx: &mut OrgTx) -> Result<(), DbError> {
        sqlx::query!(
            "DELETE FROM agent_journal WHERE execution_id IN (
                 SELECT id FROM agent_executions
                 WHERE project_id = $1 AND org_id = $2 AND started_at <= $4 AND completed_at >= $3)",
            self.project,
            tx.org().as_uuid(),
            self.since,
            self.until
        )
        .execute(&mut *tx.inner)
        .await?;
        Ok(())
    }
}
