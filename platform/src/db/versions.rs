//! Versions: places of documents' logs with a name, and what nodes were after somebody's work.

mod list;
mod referred;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{Epoch, NodeId, OrgId, ProjectId, Seq};
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::events::{self, EventKind, NewEvent};
use super::log::{EventSourcingLevel, epoch_from_column, epoch_to_column, seq_from_column, seq_to_column};
use super::{Db, DbError, OrgTx, clean, principal};
use crate::auth::PrincipalRef;

#[cfg(feature = "testing")]
pub(super) use list::of_document;
pub use list::{NamedVersionSort, list_named};
pub use referred::{VersionOf, bodies, body_lengths, exists};

/// Versions with a name that a document may have.
pub const NAMED_VERSIONS_MAX: u32 = 1_000;

/// A place of a document's log that somebody gave a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedVersion {
    /// Its id.
    pub id: Uuid,
    /// The lineage.
    pub epoch: Epoch,
    /// The place.
    pub seq: Seq,
    /// The name.
    pub name: String,
    /// Who gave it.
    pub created_by: PrincipalRef,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What became of giving a place a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// It has it.
    Named,
    /// There is a version of this id already: it was sent before.
    NamedBefore,
    /// The organization keeps no old content, so there is nothing to come back to.
    NothingIsKept,
    /// The document has as many versions as it may have.
    TooMany,
}

/// Gives a place a name, and keeps the state of the document at it for as long as it has one.
pub async fn name(
    db: &Db,
    org: OrgId,
    by: &Actor,
    document: Uuid,
    version: &NamedVersion,
    state: &Bytes,
) -> Result<Naming, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        r#"SELECT o.event_sourcing_level, (SELECT count(*) FROM document_versions WHERE document_id = $1) AS "versions!"
           FROM documents d JOIN organizations o ON o.id = d.org_id WHERE d.id = $1 FOR NO KEY UPDATE OF d"#,
        document
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if EventSourcingLevel::from_column(&row.event_sourcing_level)? == EventSourcingLevel::Audit {
        return Ok(Naming::NothingIsKept);
    }
    if row.versions >= i64::from(NAMED_VERSIONS_MAX) {
        return Ok(Naming::TooMany);
    }
    let (seq, epoch) = (seq_to_column(version.seq), epoch_to_column(version.epoch));
    let size_bytes = i32::try_from(state.len()).map_err(|_| DbError::Invalid("the state is too large".to_owned()))?;
    sqlx::query!(
        "INSERT INTO document_snapshots (document_id, seq, epoch, org_id, state, size_bytes, created_at, pinned)
         SELECT $1::uuid, $2::bigint, $3::integer, $4::uuid, $5::bytea, $6::integer, now(), true WHERE $2::bigint > 0
         ON CONFLICT (document_id, seq) DO UPDATE SET pinned = true",
        document,
        seq,
        epoch,
        org.as_uuid(),
        &**state,
        size_bytes
    )
    .execute(&mut *tx.inner)
    .await?;
    let made = sqlx::query!(
        "INSERT INTO document_versions (id, document_id, org_id, epoch, seq, name, created_by_kind, created_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
        version.id,
        document,
        org.as_uuid(),
        epoch,
        seq,
        version.name,
        principal::kind_to_number(version.created_by.kind),
        version.created_by.id,
        version.created_at
    )
    .execute(&mut *tx.inner)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(Naming::NamedBefore);
    }
    let details = json!({ "versionId": version.id, "name": version.name, "seq": version.seq });
    audit::record(&mut tx, by.did(Action::VersionNamed, ResourceKind::Document, document).with(details)).await?;
    tx.commit().await?;
    Ok(Naming::Named)
}

/// A document's version that has a name.
pub async fn find_named(db: &Db, org: OrgId, document: Uuid, id: Uuid) -> Result<Option<NamedVersion>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "SELECT id, epoch, seq, name, created_by_kind, created_by, created_at
         FROM document_versions WHERE document_id = $1 AND id = $2",
        document,
        id
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(|row| {
        Ok(NamedVersion {
            id: row.id,
            epoch: epoch_from_column(row.epoch),
            seq: seq_from_column(row.seq),
            name: row.name,
            created_by: principal::from_row(document, row.created_by_kind, row.created_by)?,
            created_at: row.created_at,
        })
    })
    .transpose()
}

/// Gives a version another name. Says whether there is such a version.
pub async fn rename(db: &Db, org: OrgId, by: &Actor, document: Uuid, id: Uuid, name: &str) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let renamed =
        sqlx::query!("UPDATE document_versions SET name = $3 WHERE document_id = $1 AND id = $2", document, id, name)
            .execute(&mut *tx.inner)
            .await?
            .rows_affected();
    if renamed == 0 {
        return Ok(false);
    }
    let entry = by.did(Action::VersionRenamed, ResourceKind::Document, document);
    audit::record(&mut tx, entry.with(json!({ "versionId": id, "name": name }))).await?;
    tx.commit().await?;
    Ok(true)
}

/// Takes a version's name away; what the document was then is thinned out like any other place from now on. Says whether
/// there was such a version.
pub async fn unname(db: &Db, org: OrgId, by: &Actor, document: Uuid, id: Uuid) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let version = sqlx::query!(
        "DELETE FROM document_versions WHERE document_id = $1 AND id = $2 RETURNING seq, name",
        document,
        id
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(version) = version else { return Ok(false) };
    sqlx::query!(
        "UPDATE document_snapshots SET pinned = false WHERE document_id = $1 AND seq = $2
         AND NOT EXISTS (SELECT FROM document_versions WHERE document_id = $1 AND seq = $2)",
        document,
        version.seq
    )
    .execute(&mut *tx.inner)
    .await?;
    let entry = by.did(Action::VersionUnnamed, ResourceKind::Document, document);
    audit::record(&mut tx, entry.with(json!({ "versionId": id, "name": version.name }))).await?;
    tx.commit().await?;
    Ok(true)
}

/// What made a version of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeChange {
    /// The node was created.
    Created,
    /// It was written to through REST.
    Updated,
    /// Its status changed.
    StatusChange,
    /// Somebody's work on it came to an end.
    Session,
    /// It was brought back to an earlier version.
    Rollback,
}

impl NodeChange {
    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::StatusChange => "status_change",
            Self::Session => "session",
            Self::Rollback => "rollback",
        }
    }

    fn from_column(text: &str) -> Result<Self, DbError> {
        [Self::Created, Self::Updated, Self::StatusChange, Self::Session, Self::Rollback]
            .into_iter()
            .find(|change| change.as_str() == text)
            .ok_or_else(|| DbError::Invalid(format!("{text} makes no version")))
    }
}

/// A node as it is, to be kept as a version.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNodeVersion {
    /// The node.
    pub node: NodeId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The lineage of the node's document.
    pub epoch: Epoch,
    /// The place in the canvas's log.
    pub canvas_seq: Seq,
    /// The place in the log of the node's document.
    pub node_seq: Seq,
    /// What made it.
    pub change: NodeChange,
    /// What it was, in words.
    pub summary: String,
    /// Who did it.
    pub changed_by: PrincipalRef,
    /// All of the node, as JSON.
    pub snapshot: Value,
    /// The state of the node's document, as one update.
    pub state: Bytes,
    /// When.
    pub at: DateTime<Utc>,
}

/// A version of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeVersion {
    /// Counts from 1.
    pub version: i32,
    /// The lineage of the node's document.
    pub epoch: Epoch,
    /// The place in the canvas's log.
    pub canvas_seq: Seq,
    /// The place in the log of the node's document.
    pub node_seq: Seq,
    /// What made it.
    pub change: NodeChange,
    /// What it was, in words.
    pub summary: String,
    /// Who did it.
    pub changed_by: PrincipalRef,
    /// When.
    pub created_at: DateTime<Utc>,
    /// All of the node, as JSON, if it was asked for and is kept.
    pub snapshot: Option<Value>,
}

/// Who wrote last in a node's document, if that was before `until` and no version tells of it: the server ended before there
/// was one.
pub async fn unrecorded_work(
    db: &Db,
    org: OrgId,
    node: NodeId,
    until: DateTime<Utc>,
) -> Result<Option<PrincipalRef>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "SELECT u.principal_kind, u.principal_id
         FROM documents d JOIN document_updates u ON u.document_id = d.id AND u.seq = d.head_seq
         WHERE d.id = $1 AND u.received_at < $2 AND d.head_seq > coalesce(
             (SELECT v.node_seq FROM node_versions v WHERE v.node_id = d.id ORDER BY v.version DESC LIMIT 1), 0)",
        node.as_uuid(),
        until
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(|row| principal::from_row(node.as_uuid(), row.principal_kind, row.principal_id)).transpose()
}

/// The place in the canvas's log at which the newest version of a node was kept; `None` when it has none.
pub async fn newest_place(db: &Db, org: OrgId, node: NodeId) -> Result<Option<Seq>, DbError> {
    let mut tx = db.org(org).await?;
    let place = sqlx::query_scalar!(
        "SELECT canvas_seq FROM node_versions WHERE node_id = $1 ORDER BY version DESC LIMIT 1",
        node.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(place.map(seq_from_column))
}

/// Keeps a version of a node, and tells of it. `None` when the node is as it was at the version before.
pub async fn record(db: &Db, org: OrgId, new: &NewNodeVersion) -> Result<Option<i32>, DbError> {
    let mut tx = db.org(org).await?;
    let snapshot = clean::json(&new.snapshot);
    let Some(version) = insert(&mut tx, new, &snapshot).await? else { return Ok(None) };
    let payload = json!({"version": version, "changeType": new.change.as_str(), "summary": new.summary});
    let event = NewEvent::new(EventKind::VersionCreated, payload).project(new.project).node(new.node);
    events::append(&mut tx, event.by([new.changed_by]));
    tx.commit().await?;
    Ok(Some(version))
}

async fn insert(tx: &mut OrgTx, new: &NewNodeVersion, snapshot: &Value) -> Result<Option<i32>, DbError> {
    let org = tx.org().as_uuid();
    // Versions of a node are numbered one after the other.
    sqlx::query!("SELECT FROM documents WHERE id = $1 FOR NO KEY UPDATE", new.node.as_uuid())
        .execute(&mut *tx.inner)
        .await?;
    let version = sqlx::query_scalar!(
        "INSERT INTO node_versions (node_id, version, org_id, project_id, epoch, canvas_seq, node_seq, change_type,
             change_summary, changed_by_kind, changed_by, snapshot, state, created_at)
         SELECT $1::uuid, coalesce(last.version, 0) + 1, o.id, $3::uuid, $4::integer, $5::bigint, $6::bigint, $7::text, $8::text, $9::smallint, $10::uuid,
                CASE WHEN o.event_sourcing_level = 'audit' THEN NULL ELSE $11::jsonb END,
                CASE WHEN o.event_sourcing_level = 'audit' THEN NULL ELSE $12::bytea END, $13::timestamptz
         FROM organizations o LEFT JOIN LATERAL (
             SELECT version, snapshot, canvas_seq, node_seq FROM node_versions
             WHERE node_id = $1::uuid ORDER BY version DESC LIMIT 1) AS last ON true
         WHERE o.id = $2 AND last.snapshot IS DISTINCT FROM $11::jsonb
               AND (last.canvas_seq, last.node_seq) IS DISTINCT FROM ($5::bigint, $6::bigint)
         RETURNING version",
        new.node.as_uuid(),
        org,
        new.project.as_uuid(),
        epoch_to_column(new.epoch),
        seq_to_column(new.canvas_seq),
        seq_to_column(new.node_seq),
        new.change.as_str(),
        new.summary,
        principal::kind_to_number(new.changed_by.kind),
        new.changed_by.id,
        snapshot,
        &*new.state,
        new.at
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(version)
}

/// Versions of a node, the last first, those before `before`; if somebody is meant, of those that they made. Without what
/// the node was.
pub async fn of_node(
    db: &Db,
    org: OrgId,
    node: NodeId,
    by: Option<PrincipalRef>,
    before: Option<i32>,
    limit: u32,
) -> Result<Vec<NodeVersion>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query_as!(
        VersionRow,
        "SELECT version, epoch, canvas_seq, node_seq, change_type, change_summary, changed_by_kind, changed_by,
                NULL::jsonb AS snapshot, created_at
         FROM node_versions
         WHERE node_id = $1 AND version < $2 AND ($4::smallint IS NULL OR (changed_by_kind = $4 AND changed_by = $5))
         ORDER BY version DESC LIMIT $3",
        node.as_uuid(),
        before.unwrap_or(i32::MAX),
        i64::from(limit),
        by.map(|by| principal::kind_to_number(by.kind)),
        by.map(|by| by.id)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter().map(|row| row.read(node)).collect()
}

/// A version of a node, with what the node was.
pub async fn find(db: &Db, org: OrgId, node: NodeId, version: i32) -> Result<Option<NodeVersion>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        VersionRow,
        "SELECT version, epoch, canvas_seq, node_seq, change_type, change_summary, changed_by_kind, changed_by,
                snapshot, created_at
         FROM node_versions WHERE node_id = $1 AND version = $2",
        node.as_uuid(),
        version
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(|row| row.read(node)).transpose()
}

/// The state of a node's document at a version, as one update; `None` if there is no such version, or it is not kept.
pub async fn state(db: &Db, org: OrgId, node: NodeId, version: i32) -> Result<Option<Bytes>, DbError> {
    let mut tx = db.org(org).await?;
    let state = sqlx::query_scalar!(
        "SELECT state FROM node_versions WHERE node_id = $1 AND version = $2",
        node.as_uuid(),
        version
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(state.flatten().map(Bytes::from))
}

struct VersionRow {
    version: i32,
    epoch: i32,
    canvas_seq: i64,
    node_seq: i64,
    change_type: String,
    change_summary: String,
    changed_by_kind: i16,
    changed_by: Uuid,
    snapshot: Option<Value>,
    created_at: DateTime<Utc>,
}

impl VersionRow {
    fn read(self, node: NodeId) -> Result<NodeVersion, DbError> {
        Ok(NodeVersion {
            version: self.version,
            epoch: epoch_from_column(self.epoch),
            canvas_seq: seq_from_column(self.canvas_seq),
            node_seq: seq_from_column(self.node_seq),
            change: NodeChange::from_column(&self.change_type)?,
            summary: self.change_summary,
            changed_by: principal::from_row(node.as_uuid(), self.changed_by_kind, self.changed_by)?,
            created_at: self.created_at,
            snapshot: self.snapshot,
        })
    }
}
