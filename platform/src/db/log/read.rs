//! Reading the log.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use schema::ids::{Epoch, OrgId, ProjectId, Seq};
use uuid::Uuid;

use super::{EventSourcingLevel, Relay, StoredDocument, StoredSnapshot, StoredUpdate, Tail};
use super::{client_from_column, epoch_from_column, seq_from_column, seq_to_column};
use crate::db::documents::DocumentRef;
use crate::db::{Db, DbError, OrgTx, principal};

/// Rows that are decoded before other tasks of the thread get a turn.
const ROWS_IN_A_TURN: usize = 256;

/// Whether documents in the trash are meant, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InTrash {
    Refused,
    Meant,
}

/// Reads all that a room starts from, as of one moment. `None` when there is no such document, or it was deleted.
///
/// Fails closed: a log with a gap, without the content that a snapshot does not cover, of another epoch, or that does
/// not end at its head is [`DbError::Corrupt`], never a shorter document.
pub async fn load(db: &Db, org: OrgId, id: Uuid) -> Result<Option<StoredDocument>, DbError> {
    load_of(db, org, id, InTrash::Refused).await
}

/// As [`load`], but reads documents in the trash, too: nobody opens them, and yet their logs are kept short.
///
/// # Errors
/// As [`load`].
pub async fn load_even_deleted(db: &Db, org: OrgId, id: Uuid) -> Result<Option<StoredDocument>, DbError> {
    load_of(db, org, id, InTrash::Meant).await
}

async fn load_of(db: &Db, org: OrgId, id: Uuid, in_trash: InTrash) -> Result<Option<StoredDocument>, DbError> {
    let mut tx = db.org_snapshot(org).await?;
    let Some(row) = sqlx::query!(
        "SELECT d.project_id, d.epoch, d.head_seq, d.snapshot_seq, d.projected_seq, o.event_sourcing_level
         FROM documents d JOIN organizations o ON o.id = d.org_id
         WHERE d.id = $1 AND d.org_id = $2 AND (d.deleted_at IS NULL OR $3 AND d.erasing_since IS NULL)",
        id,
        org.as_uuid(),
        in_trash == InTrash::Meant
    )
    .fetch_optional(&mut *tx.inner)
    .await?
    else {
        return Ok(None);
    };
    let epoch = epoch_from_column(row.epoch);
    let head = seq_from_column(row.head_seq);
    let snapshot_seq = seq_from_column(row.snapshot_seq);
    let snapshot = read_snapshot(&mut tx, id, snapshot_seq, epoch).await?;
    let tail = complete_tail(id, epoch, snapshot_seq, head, read_rows(&mut tx, id, snapshot_seq).await?)?;
    let client_owners = read_client_owners(&mut tx, id).await?;
    Ok(Some(StoredDocument {
        id,
        org,
        project: row.project_id.map(ProjectId::new),
        epoch,
        head,
        projected: seq_from_column(row.projected_seq),
        level: EventSourcingLevel::from_column(&row.event_sourcing_level)?,
        snapshot,
        tail,
        client_owners,
    }))
}

/// Reads the updates after `after`, as of one moment; none when nothing was appended since. `None` when there is no such
/// document, or it was deleted.
///
/// [`DbError::Trimmed`] says that the content of some was let go meanwhile, [`DbError::Corrupt`] that some are missing.
/// Whether they are of the epoch that the caller holds is for the caller to see.
pub async fn read_tail(db: &Db, org: OrgId, id: Uuid, after: Seq) -> Result<Option<Tail>, DbError> {
    let mut tx = db.org_snapshot(org).await?;
    let Some(row) = sqlx::query!(
        "SELECT epoch, head_seq, trimmed_seq FROM documents WHERE id = $1 AND org_id = $2 AND deleted_at IS NULL",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?
    else {
        return Ok(None);
    };
    let (epoch, head) = (epoch_from_column(row.epoch), seq_from_column(row.head_seq));
    if after >= head {
        return Ok(Some(Tail { epoch, updates: Vec::new() }));
    }
    if after < seq_from_column(row.trimmed_seq) {
        return Err(DbError::Trimmed { document: id });
    }
    let updates = complete_tail(id, epoch, after, head, read_rows(&mut tx, id, after).await?)?;
    Ok(Some(Tail { epoch, updates }))
}

/// Where a document's log stands. `None` when there is no such document, or it was deleted.
pub async fn head(db: &Db, org: OrgId, id: Uuid) -> Result<Option<(Epoch, Seq)>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "SELECT epoch, head_seq FROM documents WHERE id = $1 AND org_id = $2 AND deleted_at IS NULL",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(|row| (epoch_from_column(row.epoch), seq_from_column(row.head_seq))))
}

/// The place of a document's newest snapshot, if there is one.
pub async fn snapshot_place(db: &Db, org: OrgId, id: Uuid) -> Result<Option<Seq>, DbError> {
    let mut tx = db.org(org).await?;
    let place = sqlx::query_scalar!(
        "SELECT snapshot_seq FROM documents WHERE id = $1 AND org_id = $2 AND deleted_at IS NULL",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(place.map(seq_from_column).filter(|place| *place > Seq::ZERO))
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The life of its log.
    pub epoch: Epoch,
    /// The last place of its log.
    pub head: Seq,
    /// The fencing token of the node's lock, while somebody holds it.
    pub lock: Option<i64>,
}

/// Where many documents, of any organizations, stand. Those that are gone are not in the answer.
pub async fn standings(db: &Db, ids: &[Uuid]) -> Result<HashMap<Uuid, Standing>, DbError> {
    let mut tx = db.maintenance().await?;
    let rows = sqlx::query!(
        r#"SELECT d.id, d.epoch, d.head_seq, l.fencing_token AS "lock?"
           FROM documents d LEFT JOIN node_locks l ON l.node_id = d.id AND l.expires_at > now()
           WHERE d.id = ANY($1) AND d.deleted_at IS NULL"#,
        ids
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (epoch, head) = (epoch_from_column(row.epoch), seq_from_column(row.head_seq));
            (row.id, Standing { epoch, head, lock: row.lock })
        })
        .collect())
}

/// Up to `limit` documents of any organizations whose projections do not reflect their logs yet, with the heads of those,
/// by their ids, of which all are greater than `after`.
pub async fn behind_projection(db: &Db, after: Uuid, limit: u32) -> Result<Vec<(DocumentRef, Seq)>, DbError> {
    let mut tx = db.maintenance().await?;
    let rows = sqlx::query!(
        "SELECT id, org_id, project_id, kind, head_seq FROM documents
         WHERE behind AND deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2",
        after,
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = row.kind.parse().map_err(|_| DbError::Corrupt {
                document: row.id,
                reason: format!("{} is no kind of document", row.kind),
            })?;
            let (org, project) = (row.org_id.into(), row.project_id.map(ProjectId::new));
            Ok((DocumentRef { id: row.id, kind, org, project }, seq_from_column(row.head_seq)))
        })
        .collect()
}

async fn read_snapshot(tx: &mut OrgTx, id: Uuid, seq: Seq, epoch: Epoch) -> Result<Option<StoredSnapshot>, DbError> {
    if seq == Seq::ZERO {
        return Ok(None);
    }
    let row = sqlx::query!(
        "SELECT epoch, state FROM document_snapshots WHERE document_id = $1 AND seq = $2",
        id,
        seq_to_column(seq)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    match row {
        Some(row) if epoch_from_column(row.epoch) == epoch => {
            Ok(Some(StoredSnapshot { seq, state: Bytes::from(row.state) }))
        }
        Some(row) => Err(corrupt(id, format!("snapshot {seq} is of epoch {}, not {epoch}", row.epoch))),
        None => Err(corrupt(id, format!("snapshot {seq} is missing"))),
    }
}

/// A row of the log, as stored.
struct LogRow {
    seq: i64,
    epoch: i32,
    update: Option<Vec<u8>>,
    as_stored: bool,
}

async fn read_rows(tx: &mut OrgTx, id: Uuid, after: Seq) -> Result<Vec<LogRow>, DbError> {
    let mut found = sqlx::query_as!(
        LogRow,
        "SELECT seq, epoch, update, as_stored FROM document_updates WHERE document_id = $1 AND seq > $2 ORDER BY seq",
        id,
        seq_to_column(after)
    )
    .fetch(&mut *tx.inner);
    let mut rows = Vec::new();
    while let Some(row) = found.try_next().await? {
        rows.push(row);
        if rows.len().is_multiple_of(ROWS_IN_A_TURN) {
            // There may be ten thousands, and others wait for this thread.
            tokio::task::yield_now().await;
        }
    }
    Ok(rows)
}

async fn read_client_owners(tx: &mut OrgTx, id: Uuid) -> Result<Vec<(u64, crate::auth::PrincipalRef)>, DbError> {
    let rows =
        sqlx::query!("SELECT client_id, principal_kind, principal_id FROM document_clients WHERE document_id = $1", id)
            .fetch_all(&mut *tx.inner)
            .await?;
    rows.into_iter()
        .map(|row| {
            let owner = principal::from_row(id, row.principal_kind, row.principal_id)?;
            Ok((client_from_column(row.client_id), owner))
        })
        .collect()
}

/// Checks that `rows` are exactly the updates after `after` through `head`, all there and of one epoch.
fn complete_tail(
    id: Uuid,
    epoch: Epoch,
    after: Seq,
    head: Seq,
    rows: Vec<LogRow>,
) -> Result<Vec<StoredUpdate>, DbError> {
    let mut expected = after;
    let mut tail = Vec::with_capacity(rows.len());
    for row in rows {
        expected = expected.next();
        let seq = seq_from_column(row.seq);
        if seq != expected {
            return Err(corrupt(id, format!("update {expected} is missing from the log")));
        }
        if epoch_from_column(row.epoch) != epoch {
            return Err(corrupt(id, format!("update {seq} is of epoch {}, not {epoch}", row.epoch)));
        }
        let Some(update) = row.update else {
            return Err(corrupt(id, format!("the content of update {seq} was let go, and no snapshot covers it")));
        };
        let relay = if row.as_stored { Relay::AsStored } else { Relay::ByReplica };
        tail.push(StoredUpdate { seq, update: Bytes::from(update), relay });
    }
    if expected != head {
        return Err(corrupt(id, format!("the log ends at {expected}, its head is {head}")));
    }
    Ok(tail)
}

fn corrupt(document: Uuid, reason: String) -> DbError {
    DbError::Corrupt { document, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: i64) -> LogRow {
        LogRow { seq, epoch: 1, update: Some(vec![0, 0]), as_stored: true }
    }

    fn check(after: u64, head: u64, rows: Vec<LogRow>) -> Result<Vec<StoredUpdate>, DbError> {
        complete_tail(Uuid::nil(), Epoch::FIRST, Seq::new(after), Seq::new(head), rows)
    }

    #[test]
    fn a_tail_is_whole_or_refused() {
        assert_eq!(check(0, 0, vec![]).unwrap().len(), 0);
        assert_eq!(check(5, 7, vec![row(6), row(7)]).unwrap()[1].seq, Seq::new(7));

        let damaged = [
            (0, 3, vec![row(1), row(3)]),
            (0, 2, vec![row(2)]),
            (0, 2, vec![row(1)]),
            (0, 1, vec![row(1), row(2)]),
            (3, 2, vec![]),
            (0, 1, vec![LogRow { epoch: 2, ..row(1) }]),
            (0, 1, vec![LogRow { update: None, ..row(1) }]),
        ];
        for (after, head, rows) in damaged {
            assert!(matches!(check(after, head, rows), Err(DbError::Corrupt { .. })));
        }
    }
}
