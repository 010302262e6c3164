//! Versions: places that somebody gave a name, and what nodes were after somebody's work.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::auth::{Principal, PrincipalRef};
use platform::db::audit::Actor;
use platform::db::documents::DocumentRef;
use platform::db::versions::{self, NamedVersion, NewNodeVersion, NodeChange, NodeVersion};
use schema::canvas::CanvasNode;
use schema::ids::{NodeId, Seq};
use schema::node::NodeView;
use schema::{canvas, node};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{History, HistoryError, Undone};
use crate::error::ReadError;

pub use platform::db::versions::Naming;

/// What a version tells that was made because somebody's work came to an end.
pub(crate) const SESSION_SUMMARY: &str = "Edited";

/// All of a node, as its versions keep it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WholeNode {
    /// What the canvas says of it.
    #[serde(flatten)]
    pub on_canvas: CanvasNode,
    /// What its own document holds.
    #[serde(flatten)]
    pub content: NodeView,
}

impl History {
    /// Gives a place of a document's log a name, and keeps what the document was there.
    pub async fn name(
        &self,
        document: &DocumentRef,
        at: Seq,
        id: Uuid,
        name: String,
        by: &Actor,
        now: DateTime<Utc>,
    ) -> Result<(Naming, NamedVersion), HistoryError> {
        let state = self.state(document, at).await?;
        let created_by = by.principal;
        let version = NamedVersion { id, epoch: state.epoch, seq: at, name, created_by, created_at: now };
        let naming = versions::name(&self.services.db, document.org, by, document.id, &version, &state.update).await?;
        Ok((naming, version))
    }

    /// Keeps what a node is now as a version, unless it is what it was at the version before. Returns its number.
    pub async fn record_node(
        &self,
        node_document: &DocumentRef,
        change: NodeChange,
        summary: String,
        by: PrincipalRef,
    ) -> Result<Option<i32>, HistoryError> {
        let Some(project) = node_document.project else { return Ok(None) };
        let id = NodeId::new(node_document.id);
        let canvas_document = DocumentRef::canvas(node_document.org, project);
        let read = move |txn: &yrs::Transaction<'_>| canvas::read_node(txn, id);
        let (on_canvas, _, canvas_seq) = self.documents.read(&canvas_document, read).await?;
        let Some(on_canvas) = on_canvas else { return Ok(None) };
        let (content, epoch, node_seq) = self.documents.read(node_document, |txn| node::read(txn)).await?;
        let state = self.documents.state(node_document).await?.update;
        let whole = WholeNode { on_canvas, content };
        let new = NewNodeVersion {
            node: id,
            project,
            epoch,
            canvas_seq,
            node_seq,
            change,
            summary,
            changed_by: by,
            snapshot: snapshot_of(&whole),
            state,
            at: self.services.clock.now(),
        };
        Ok(versions::record(&self.services.db, node_document.org, &new).await?)
    }

    /// The same of what somebody did to a node on its canvas up to a place, unless a version tells of that already: any
    /// of that it was created, and one of that place or a later one of that it was changed.
    pub(crate) async fn record_on_canvas(
        &self,
        node_document: &DocumentRef,
        change: NodeChange,
        through: Seq,
        by: PrincipalRef,
    ) -> Result<Option<i32>, HistoryError> {
        let node = NodeId::new(node_document.id);
        let newest = versions::newest_place(&self.services.db, node_document.org, node).await?;
        if newest.is_some_and(|newest| change == NodeChange::Created || newest >= through) {
            return Ok(None);
        }
        let summary = if change == NodeChange::Created { "Created" } else { SESSION_SUMMARY };
        self.record_node(node_document, change, summary.to_owned(), by).await
    }

    /// Makes a node's document what it was at a version of the node, as an edit of this principal.
    pub async fn restore_node(
        &self,
        node_document: &DocumentRef,
        principal: &Arc<Principal>,
        version: &NodeVersion,
        by: &Actor,
    ) -> Result<Undone, HistoryError> {
        let node = NodeId::new(node_document.id);
        let kept = versions::state(&self.services.db, node_document.org, node, version.version).await?;
        let old = kept.ok_or(HistoryError::NotKept { before: None, after: None })?;
        if self.extent(node_document).await?.epoch != version.epoch {
            return Err(HistoryError::NotKept { before: None, after: None });
        }
        self.restore_state(node_document, principal, old, version.node_seq, None, by).await
    }
}

/// What a version keeps: where the node lies on the canvas is no part of its content.
fn snapshot_of(whole: &WholeNode) -> Value {
    let mut snapshot = serde_json::to_value(whole).expect("views are made of texts, numbers and maps with text keys");
    if let Some(fields) = snapshot.as_object_mut() {
        for key in ["x", "y", "width", "height", "problems"] {
            fields.remove(key);
        }
    }
    snapshot
}

impl From<ReadError> for HistoryError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::Aborted,
            ReadError::Broken(broken) => broken.into(),
        }
    }
}
