//! The rows that canvases and node documents are projected to, for lists and searches. What a node holds is in its
//! document.

mod edges;
mod list;
mod notify;
mod ports;
mod progress;
mod tell;
mod trash;
mod write;

use std::time::Duration;

use chrono::{DateTime, Utc};
use schema::ids::{EdgeId, InputId, NodeId, OrgId, OutputId, ProjectId, Seq, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::{Db, DbError};
use crate::auth::PrincipalRef;

#[cfg(feature = "testing")]
pub(super) use edges::of_project as edges_of_project;
pub use edges::{EdgeFilter, EdgeSort, list_edges};
#[cfg(feature = "testing")]
pub use list::explain_list;
pub use list::{NodeFilter, NodeSort, ParentFilter, Trash, list};
pub use trash::{Author, Unattributed, note_trash, record_trash};
pub use write::{project_canvas, project_node};

/// Who works on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthorType {
    /// A person.
    Human,
    /// An agent.
    Agent,
}

impl AuthorType {
    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
        }
    }

    fn from_column(text: &str) -> Result<Self, DbError> {
        match text {
            "human" => Ok(Self::Human),
            "agent" => Ok(Self::Agent),
            other => Err(DbError::Invalid(format!("{other} is no author type"))),
        }
    }
}

/// What a canvas says of its project; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectFacts {
    /// The name.
    pub name: Option<String>,
    /// What the project is about.
    pub description: Option<String>,
    /// The states that its nodes go through.
    pub workflow_states: Option<Vec<String>>,
}

/// A canvas as of one place in its log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CanvasProjection {
    /// What it says of the project.
    pub project: ProjectFacts,
    /// Its nodes, the softly deleted ones too.
    pub nodes: Vec<ProjectedNode>,
    /// Its edges.
    pub edges: Vec<ProjectedEdge>,
    /// Whether it may have something that is not in the log up to there.
    pub is_ahead: bool,
}

/// A node as its canvas has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectedNode {
    /// Its id, and that of its document.
    pub id: NodeId,
    /// The node it is part of.
    pub parent: Option<NodeId>,
    /// What to call it.
    pub title: String,
    /// Its place in the project's workflow.
    pub status: String,
    /// Who works on it.
    pub author_type: AuthorType,
    /// The person who works on it, or for whom an agent does.
    pub author: Option<UserId>,
    /// The person who looks after an agent's work.
    pub supervisor: Option<UserId>,
    /// Priority, due date, tags and the like; a JSON object.
    pub metadata: Value,
    /// Its place on the canvas, in pixels.
    pub x: f64,
    /// Its place on the canvas, in pixels.
    pub y: f64,
    /// Its size on the canvas, in pixels.
    pub width: Option<f64>,
    /// Its size on the canvas, in pixels.
    pub height: Option<f64>,
    /// When it was created; that of the first projection when the canvas does not say.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was softly deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// An edge as its canvas has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectedEdge {
    /// Its id.
    pub id: EdgeId,
    /// The node that provides.
    pub source: NodeId,
    /// The node that consumes.
    pub target: NodeId,
    /// What is provided.
    pub source_output: Option<OutputId>,
    /// What it is consumed as.
    pub target_input: Option<InputId>,
    /// Whether it is part of a cycle, which people who edited at the same time have closed.
    pub in_cycle: bool,
}

/// A node's document as of one place in its log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeProjection {
    /// The body, as Markdown.
    pub description: String,
    /// What it works with.
    pub inputs: Vec<ProjectedPort>,
    /// What came of it.
    pub outputs: Vec<ProjectedPort>,
    /// Who is mentioned in the body.
    pub mentions: Vec<UserId>,
}

/// An input or output of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectedPort {
    /// Its id, unique within the node.
    pub id: Uuid,
    /// `file`, `node_reference`, `structured_data`, `text`, `external_link`, …
    pub port_type: String,
    /// What to call it.
    pub label: Option<String>,
    /// The content, of a text.
    pub text: Option<String>,
    /// The content, of structured data.
    pub data: Option<Value>,
    /// The content, of a file.
    pub file: Option<Uuid>,
    /// The node referred to.
    pub source_node: Option<NodeId>,
    /// The version referred to; the latest when it is not said.
    pub source_version: Option<i64>,
    /// The content, of a link.
    pub url: Option<String>,
    /// A JSON object.
    pub metadata: Value,
    /// Its place among the others.
    pub sort_order: i32,
}

/// Of so many nodes that changed at once one is told.
pub const TOUCHED_MAX: usize = 100;

/// A node of which its canvas says something else than before, apart from where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The node.
    pub node: NodeId,
    /// What became of it.
    pub touch: Touch,
    /// Who did that; of several who edited the canvas at that time, one.
    pub by: PrincipalRef,
    /// It was in the canvas's log up to this place.
    pub through: Seq,
}

/// What became of a node on its canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// It was not there before.
    Appeared,
    /// It has this status now.
    Restated(String),
    /// Something else is different: its title, say.
    Changed,
}

/// What became of a projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectionOutcome {
    /// The rows reflect it.
    Written {
        /// Nodes that were left out, because a document of their id belongs to another project or is no node.
        foreign: Vec<NodeId>,
        /// Something has changed of which no event tells yet, lest there be too many, or the audit log does not: it is to
        /// be projected once more after this time. Until then, the rows count as behind.
        untold_for: Option<Duration>,
        /// Nodes that are on the canvas, and were not or were different before; not more than [`TOUCHED_MAX`] of them.
        touched: Vec<Touched>,
        /// Nodes that went into the trash or came out of it, and nobody knows by whom. Until that is recorded, the rows
        /// count as behind.
        unattributed: Option<Unattributed>,
    },
    /// The rows reflect a later place already; nothing was done.
    Stale,
    /// The node is on no canvas that was projected yet. It is projected again when it is.
    NotOnCanvas,
}

/// A node as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What its canvas says of it.
    pub node: ProjectedNode,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The body, as Markdown; in lists the beginning of it.
    pub description: String,
    /// The newest of its versions, if there is one.
    pub version: Option<i32>,
    /// Counts the changes of title, status, metadata, body, inputs and outputs that were projected, from 1.
    pub change_count: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its row last changed.
    pub updated_at: DateTime<Utc>,
    /// The canvas's place that the row was last written of.
    pub reflects: Seq,
}

#[derive(sqlx::FromRow)]
struct NodeRow {
    id: Uuid,
    project_id: Uuid,
    parent_id: Option<Uuid>,
    title: String,
    description: String,
    status: String,
    author_type: String,
    author_user_id: Option<Uuid>,
    supervisor_user_id: Option<Uuid>,
    version: Option<i32>,
    change_count: i32,
    metadata: Value,
    x: f64,
    y: f64,
    width: Option<f64>,
    height: Option<f64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    reflects_seq: i64,
}

impl NodeRow {
    fn read(self) -> Result<Node, DbError> {
        Ok(Node {
            node: ProjectedNode {
                id: self.id.into(),
                parent: self.parent_id.map(NodeId::new),
                title: self.title,
                status: self.status,
                author_type: AuthorType::from_column(&self.author_type)?,
                author: self.author_user_id.map(UserId::new),
                supervisor: self.supervisor_user_id.map(UserId::new),
                metadata: self.metadata,
                x: self.x,
                y: self.y,
                width: self.width,
                height: self.height,
                created_at: Some(self.created_at),
                deleted_at: self.deleted_at,
            },
            project: self.project_id.into(),
            description: self.description,
            version: self.version,
            change_count: self.change_count,
            created_at: self.created_at,
            updated_at: self.updated_at,
            reflects: super::log::seq_from_column(self.reflects_seq),
        })
    }
}

/// A node's row, if it was projected; a softly deleted one too.
pub async fn find(db: &Db, org: OrgId, node: NodeId) -> Result<Option<Node>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        NodeRow,
        r#"SELECT id, project_id, parent_id, title, description, status, author_type, author_user_id, supervisor_user_id,
                  (SELECT v.version FROM node_versions v WHERE v.node_id = nodes.id ORDER BY v.version DESC LIMIT 1)
                      AS "version?",
                  version AS change_count, metadata, x, y, width, height, created_at, updated_at, deleted_at, reflects_seq
           FROM nodes WHERE id = $1 AND org_id = $2"#,
        node.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(NodeRow::read).transpose()
}

/// What is known of a node's changes beside what its documents hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastChange {
    /// When it last changed; `None` when its canvas was not projected yet.
    pub at: Option<DateTime<Utc>>,
    /// The newest of its versions.
    pub version: Option<i32>,
}

/// When a node last changed. Of the last second, only what made a version at once is known.
pub async fn last_change(db: &Db, org: OrgId, node: NodeId) -> Result<LastChange, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        LastChange,
        r#"SELECT last.version AS "version?", greatest(nodes.updated_at,
               CASE WHEN last.change_type IN ('updated', 'status_change', 'rollback') THEN last.created_at END) AS "at?"
           FROM (SELECT $1::uuid AS id) AS asked
           LEFT JOIN nodes ON nodes.id = asked.id AND nodes.org_id = $2
           LEFT JOIN LATERAL (
               SELECT v.version, v.change_type, v.created_at FROM node_versions v
               WHERE v.node_id = asked.id ORDER BY v.version DESC LIMIT 1) AS last ON true"#,
        node.as_uuid(),
        org.as_uuid()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(row)
}
