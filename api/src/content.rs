//! Reading and editing what documents hold, on behalf of a caller.

use std::sync::Arc;

use documents::replica::Patch;
use documents::{EditFailed, ReadError};
use platform::access::{Access, ProjectAction};
use platform::auth::Principal;
use platform::db::DbError;
use platform::db::audit::{Action, ResourceKind};
use platform::db::documents::DocumentRef;
use platform::db::nodes;
use platform::db::versions::NodeChange;
use schema::canvas::{self, CanvasNode, CanvasPatch, CanvasView};
use schema::ids::{DocumentKind, DocumentName, Epoch, NodeId, ProjectId, Seq};
use schema::node::{self, NodeView};

use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{DocumentTag, NodeTag};
use crate::problem::Problem;

/// The documents that a node lives in.
#[derive(Debug, Clone, Copy)]
pub struct NodeDocuments {
    /// The canvas that shows it.
    pub canvas: DocumentRef,
    /// The canvas's project.
    pub project: ProjectId,
    /// Its own document.
    pub node: DocumentRef,
}

/// A node as both its documents have it now.
#[derive(Debug, Clone)]
pub struct LiveNode {
    /// Its id.
    pub id: NodeId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// What the canvas shows.
    pub on_canvas: CanvasNode,
    /// What is in it.
    pub content: NodeView,
    /// Where the documents stand.
    pub tag: NodeTag,
}

impl Api {
    /// The documents of a node that the caller may open like this.
    pub async fn node_documents(&self, caller: &Caller, id: NodeId, access: Access) -> Result<NodeDocuments, Problem> {
        self.node_documents_for(caller, id, access.into()).await
    }

    /// The documents of a node with which the caller may do this.
    pub async fn node_documents_for(
        &self,
        caller: &Caller,
        id: NodeId,
        action: ProjectAction,
    ) -> Result<NodeDocuments, Problem> {
        let node = self.document(caller, &DocumentName::Node(id), action).await?.document;
        let project = node.project.ok_or_else(|| Problem::not_found("node"))?;
        Ok(NodeDocuments { canvas: DocumentRef::canvas(node.org, project), project, node })
    }

    /// A node that is on its canvas, and not in the trash.
    pub async fn live_node(&self, id: NodeId, documents: &NodeDocuments) -> Result<LiveNode, Problem> {
        let read = move |txn: &yrs::Transaction<'_>| canvas::read_node(txn, id);
        let (on_canvas, epoch, seq) = self.documents.read(&documents.canvas, read).await?;
        let canvas = DocumentTag::new(epoch, seq);
        let on_canvas = on_canvas.filter(|node| node.deleted_at.is_none());
        let on_canvas = on_canvas.ok_or_else(|| Problem::not_found("node"))?;
        let (content, epoch, seq) = self.documents.read(&documents.node, |txn| node::read(txn)).await?;
        let tag = NodeTag { canvas, node: DocumentTag::new(epoch, seq) };
        Ok(LiveNode { id, project: documents.project, on_canvas, content, tag })
    }

    /// A canvas as it is now.
    pub async fn live_canvas(&self, canvas: &DocumentRef) -> Result<(CanvasView, DocumentTag), ReadError> {
        let (view, epoch, seq) = self.documents.read(canvas, |txn| canvas::read(txn)).await?;
        Ok((view, DocumentTag::new(epoch, seq)))
    }

    /// Edits a canvas, all patches or none.
    pub async fn edit_canvas(
        &self,
        canvas: &DocumentRef,
        principal: &Arc<Principal>,
        expected: Option<(Epoch, Seq)>,
        patches: Vec<CanvasPatch>,
    ) -> Result<DocumentTag, EditFailed> {
        let now = self.clock.now();
        let patch: Patch = Box::new(move |txn| patches.iter().try_for_each(|patch| canvas::apply(patch, txn, now)));
        self.edit(canvas, principal, expected, patch).await
    }

    /// Writes a new node's body. What somebody wrote there before stays.
    pub async fn begin_body(
        &self,
        documents: &NodeDocuments,
        principal: &Arc<Principal>,
        markdown: String,
    ) -> Result<DocumentTag, EditFailed> {
        let patch: Patch = Box::new(move |txn| {
            let is_empty = node::read(txn).body.is_empty();
            if is_empty { node::set_body(txn, &markdown) } else { Ok(()) }
        });
        self.edit(&documents.node, principal, None, patch).await
    }

    /// Keeps a node as it is after a write as a version; other documents have none. Without one the write holds all the
    /// same.
    pub async fn keep_version(&self, caller: &Caller, node: &DocumentRef, change: NodeChange, summary: &str) {
        if node.kind != DocumentKind::Node {
            return;
        }
        let by = caller.principal.reference();
        let kept = self.documents.history().record_node(node, change, summary.to_owned(), by).await;
        if let Err(error) = kept {
            tracing::warn!(node = %node.id, %error, "no version of the node could be kept");
        }
    }

    /// Notes in the audit log that a node was put into the trash or taken out of it, by the edit of its canvas at this
    /// place.
    pub async fn note_trash(
        &self,
        caller: &Caller,
        documents: &NodeDocuments,
        action: Action,
        at: DocumentTag,
    ) -> Result<(), DbError> {
        let NodeDocuments { node, project, .. } = documents;
        let entry = caller.actor.did(action, ResourceKind::Node, node.id);
        let (_, seq) = at.place();
        nodes::note_trash(&self.db, node.org, *project, NodeId::new(node.id), seq, entry).await
    }

    /// Makes an edit, and returns when it is durable.
    pub async fn edit(
        &self,
        document: &DocumentRef,
        principal: &Arc<Principal>,
        expected: Option<(Epoch, Seq)>,
        patch: Patch,
    ) -> Result<DocumentTag, EditFailed> {
        let edited = self.documents.edit(document, Arc::clone(principal), expected, patch).await?;
        Ok(DocumentTag::new(edited.epoch, edited.seq))
    }
}
