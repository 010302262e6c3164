//! Projections: the relational rows that lists and searches read, derived from a document's content.
//!
//! They follow the log within a second and record the place that they reflect. A projection made while something is
//! still on its way to the log records one place less than the head, so that it counts as behind until it was made
//! once more from what is durable.

use std::collections::HashMap;

use platform::db::DbError;
use platform::db::documents::DocumentRef;
use platform::db::nodes::{
    self, CanvasProjection, NodeProjection, ProjectFacts, ProjectedEdge, ProjectedNode, ProjectedPort,
    ProjectionOutcome, Touched, Unattributed,
};
use schema::canvas::{AuthorType, CanvasNode, CanvasView};
use schema::ids::{DocumentKind, NodeId, ProjectId, Seq};
use schema::node::{Item, NodeView};

use crate::history;
use crate::room::Room;
use crate::services::Services;

/// How long edits are collected before the projection is made.
const DELAY_MS: u64 = 200;
/// The pause after a failure.
const RETRY_MS: u64 = 1_000;

/// Decides when a document is projected.
#[derive(Debug)]
pub(crate) struct Projection {
    kind: DocumentKind,
    due_ms: Option<u64>,
    running: bool,
}

/// What is to be written, and the place that it reflects.
pub(crate) struct View {
    content: Content,
    reflects: Seq,
    /// It may have something that the log does not have up to there.
    is_ahead: bool,
}

/// A projection that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Projected {
    /// The place that the rows reflect.
    reflects: Seq,
    /// It is to be made once more after this time, even if nothing happens: not all of it was told yet.
    again_after_ms: Option<u64>,
}

enum Content {
    Canvas(CanvasView),
    Node(NodeView),
}

impl Projection {
    pub(crate) fn new(kind: DocumentKind) -> Self {
        Self { kind, due_ms: None, running: false }
    }

    /// Something was committed that the projection does not reflect.
    pub(crate) fn request(&mut self, now: u64) {
        if matches!(self.kind, DocumentKind::Project | DocumentKind::Node) {
            let at = now + DELAY_MS;
            self.due_ms = Some(self.due_ms.map_or(at, |due| due.min(at)));
        }
    }

    pub(crate) fn due(&self) -> Option<u64> {
        self.due_ms.filter(|_| !self.running)
    }

    /// Whether something is to be projected, or is being projected.
    pub(crate) fn is_busy(&self) -> bool {
        self.running || self.due_ms.is_some()
    }

    /// Whether the projection is to be made now.
    pub(crate) fn start_if_due(&mut self, now: u64) -> bool {
        let due = self.due().is_some_and(|at| at <= now);
        if due {
            self.due_ms = None;
            self.running = true;
        }
        due
    }

    /// The projection was written, or failed.
    pub(crate) fn finished(&mut self, now: u64, written: Option<Projected>, head: Seq) {
        self.running = false;
        match written {
            Some(Projected { reflects, .. }) if reflects < head => self.request(now),
            Some(Projected { again_after_ms: Some(wait), .. }) => drop(self.due_ms.get_or_insert(now + wait)),
            Some(_) => {}
            None => self.due_ms = Some(now + RETRY_MS),
        }
    }

    /// Reads what is to be written. `None` when the document cannot be read or has no projection.
    pub(crate) fn view(&self, room: &mut Room) -> Option<View> {
        let head = room.head();
        let reflects = if room.is_saved() { head } else { Seq::new(head.get().saturating_sub(1)) };
        let is_ahead = room.is_ahead();
        let content = match self.kind {
            DocumentKind::Project => Content::Canvas(room.read(|txn| schema::canvas::read(txn)).ok()?),
            DocumentKind::Node => Content::Node(room.read(|txn| schema::node::read(txn)).ok()?),
            DocumentKind::Free | DocumentKind::Scratch => return None,
        };
        Some(View { content, reflects, is_ahead })
    }
}

/// Writes a projection, and tells which nodes it found new or different on a canvas. A failure is logged.
pub(crate) async fn project(
    services: &Services,
    document: &DocumentRef,
    view: View,
) -> Option<(Projected, Vec<Touched>)> {
    let reflects = view.reflects;
    match write(services, document, view).await {
        Ok(outcome) => {
            services.metrics.projections.inc();
            let ProjectionOutcome::Written { foreign, untold_for, touched, .. } = outcome else {
                return Some((Projected { reflects, again_after_ms: None }, Vec::new()));
            };
            if !foreign.is_empty() {
                tracing::warn!(document = %document.id, ?foreign, "the canvas has nodes whose ids belong elsewhere");
            }
            let again_after_ms = untold_for.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            Some((Projected { reflects, again_after_ms }, touched))
        }
        Err(error) => {
            services.metrics.projection_failures.inc();
            tracing::warn!(document = %document.id, %error, "the projection could not be written");
            None
        }
    }
}

async fn write(services: &Services, document: &DocumentRef, view: View) -> Result<ProjectionOutcome, DbError> {
    let View { content, reflects, is_ahead } = view;
    let mut tx = services.db.org(document.org).await?;
    let Some(project) = document.project else { return Ok(ProjectionOutcome::Stale) };
    let outcome = match content {
        Content::Canvas(view) => {
            nodes::project_canvas(&mut tx, project, reflects, &canvas_rows(view, is_ahead)).await?
        }
        Content::Node(view) => {
            let node = NodeId::new(document.id);
            nodes::project_node(&mut tx, project, node, reflects, &node_rows(view)).await?
        }
    };
    tx.commit().await?;
    if let ProjectionOutcome::Written { unattributed: Some(unattributed), .. } = &outcome {
        attribute(services, document, project, unattributed).await?;
    }
    Ok(outcome)
}

/// Finds out who of several put nodes into the trash or took them out, and has it recorded.
async fn attribute(
    services: &Services,
    document: &DocumentRef,
    project: ProjectId,
    unattributed: &Unattributed,
) -> Result<(), DbError> {
    let authors = history::authors_of_trash(services, document, unattributed).await.unwrap_or_else(|error| {
        tracing::warn!(document = %document.id, %error, "who moved nodes into the trash or out of it is not known");
        HashMap::new()
    });
    let mut tx = services.db.org(document.org).await?;
    nodes::record_trash(&mut tx, project, unattributed, &authors).await?;
    tx.commit().await
}

fn canvas_rows(view: CanvasView, is_ahead: bool) -> CanvasProjection {
    let in_cycles = view.edges_in_cycles();
    let edges = view.edges.iter().map(|(id, edge)| ProjectedEdge {
        id: *id,
        source: edge.source_node_id,
        target: edge.target_node_id,
        source_output: edge.source_output_id,
        target_input: edge.target_input_id,
        in_cycle: in_cycles.contains(id),
    });
    CanvasProjection {
        project: ProjectFacts {
            name: (!view.project.name.is_empty()).then_some(view.project.name),
            description: view.project.description,
            workflow_states: Some(view.project.workflow_states),
        },
        edges: edges.collect(),
        nodes: view.nodes.into_iter().map(|(id, node)| node_row(id, node)).collect(),
        is_ahead,
    }
}

fn node_row(id: NodeId, node: CanvasNode) -> ProjectedNode {
    ProjectedNode {
        id,
        parent: node.parent_id,
        title: node.title,
        status: node.status,
        author_type: match node.author_type {
            AuthorType::Human => nodes::AuthorType::Human,
            AuthorType::Agent => nodes::AuthorType::Agent,
        },
        author: node.author_user_id,
        supervisor: node.supervisor_user_id,
        metadata: node.metadata.into(),
        x: node.x,
        y: node.y,
        width: node.width,
        height: node.height,
        created_at: node.created_at,
        deleted_at: node.deleted_at,
    }
}

fn node_rows(view: NodeView) -> NodeProjection {
    NodeProjection {
        description: view.body,
        inputs: view.inputs.into_iter().map(port_row).collect(),
        outputs: view.outputs.into_iter().map(port_row).collect(),
        mentions: view.mentions.into_iter().collect(),
    }
}

fn port_row(item: Item) -> ProjectedPort {
    ProjectedPort {
        id: item.id,
        port_type: item.kind,
        label: item.label,
        text: item.text,
        data: item.data,
        file: item.file_id,
        source_node: item.source_node_id,
        source_version: item.source_version,
        url: item.url,
        metadata: item.metadata.into(),
        sort_order: item.sort_order,
    }
}
