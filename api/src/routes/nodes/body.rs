//! What nodes look like in answers.

use axum::Json;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use platform::db::nodes::{self, LastChange, Node};
use schema::canvas::AuthorType;
use schema::ids::{NodeId, ProjectId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::item::ItemBody;
use crate::Api;
use crate::content::{LiveNode, NodeDocuments};
use crate::etag::etag_header;
use crate::problem::Problem;

/// A place on the canvas, in canvas units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// The left edge.
    #[schema(example = 120.0)]
    pub(super) x: f64,
    /// The upper edge.
    #[schema(example = 80.0)]
    pub(super) y: f64,
}

/// Who made a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AuthorType)]
pub(in crate::routes) enum AuthorTypeBody {
    /// A person.
    Human,
    /// An agent, on behalf of a person.
    Agent,
}

/// What the canvas says of a node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeOnCanvas {
    /// Its id. Its own document is `node:<id>`.
    #[schema(value_type = uuid::Uuid)]
    id: NodeId,
    /// The project it belongs to.
    #[schema(value_type = uuid::Uuid)]
    project_id: ProjectId,
    /// The node that it is inside.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    parent_id: Option<NodeId>,
    /// Its title.
    #[schema(example = "Twelve interviews")]
    title: String,
    /// One of the project's states.
    #[schema(example = "in_progress")]
    status: String,
    /// Who made it.
    author_type: AuthorTypeBody,
    /// The person who made it, or for whom the agent did.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    author_user_id: Option<UserId>,
    /// Who answers for an agent's node.
    #[schema(value_type = Option<uuid::Uuid>, required)]
    supervisor_user_id: Option<UserId>,
    /// Where it is on the canvas.
    position: Position,
    /// Its width, if it was changed.
    #[schema(required)]
    width: Option<f64>,
    /// Its height, if it was changed.
    #[schema(required)]
    height: Option<f64>,
    /// `priority`, `dueDate`, `tags`, `assignees` and whatever else was put there.
    #[schema(value_type = Object, example = json!({"tags": ["research"], "priority": "high"}))]
    metadata: Map<String, Value>,
    /// When it was made.
    #[schema(required)]
    created_at: Option<DateTime<Utc>>,
}

/// A node in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeInList)]
pub(super) struct NodeRowBody {
    #[serde(flatten)]
    on_canvas: NodeOnCanvas,
    /// The newest of its versions: what `/nodes/{nodeId}/versions/{version}` and `/rollback/{version}` take. What was
    /// written since then is in none yet. `null`: it has none.
    #[schema(required, minimum = 1, example = 3)]
    version: Option<i32>,
    /// Counts its changes, as the events that tell of them do: the greater number is the later state. No version has
    /// this number.
    #[schema(minimum = 1, example = 7)]
    change_count: i32,
    /// When it last changed.
    updated_at: DateTime<Utc>,
    /// Since when it is in the trash.
    #[schema(required)]
    deleted_at: Option<DateTime<Utc>>,
    /// The beginning of its text, as Markdown; at most 280 characters.
    excerpt: String,
    /// The place in the canvas's log that this reflects.
    reflects_seq: u64,
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Node)]
pub(super) struct NodeBody {
    #[serde(flatten)]
    on_canvas: NodeOnCanvas,
    /// The newest of its versions: what `/nodes/{nodeId}/versions/{version}` and `/rollback/{version}` take. What was
    /// written since then is in none yet. `null`: it has none.
    #[schema(required, minimum = 1, example = 3)]
    version: Option<i32>,
    /// When it last changed. Of a change on the canvas that made no version, a moment later. `null`: nobody knows yet.
    #[schema(required)]
    updated_at: Option<DateTime<Utc>>,
    /// Its text, as Markdown.
    #[schema(example = "# Twelve interviews\n\nBetween 3 and 14 February we walked along.")]
    body: String,
    /// What it works with, in order.
    inputs: Vec<ItemBody>,
    /// What came of it, in order.
    outputs: Vec<ItemBody>,
}

impl From<AuthorType> for AuthorTypeBody {
    fn from(author: AuthorType) -> Self {
        match author {
            AuthorType::Human => Self::Human,
            AuthorType::Agent => Self::Agent,
        }
    }
}

impl From<AuthorTypeBody> for AuthorType {
    fn from(author: AuthorTypeBody) -> Self {
        match author {
            AuthorTypeBody::Human => Self::Human,
            AuthorTypeBody::Agent => Self::Agent,
        }
    }
}

impl From<nodes::AuthorType> for AuthorTypeBody {
    fn from(author: nodes::AuthorType) -> Self {
        match author {
            nodes::AuthorType::Human => Self::Human,
            nodes::AuthorType::Agent => Self::Agent,
        }
    }
}

impl From<AuthorTypeBody> for nodes::AuthorType {
    fn from(author: AuthorTypeBody) -> Self {
        match author {
            AuthorTypeBody::Human => Self::Human,
            AuthorTypeBody::Agent => Self::Agent,
        }
    }
}

impl From<Node> for NodeRowBody {
    fn from(row: Node) -> Self {
        let node = row.node;
        let on_canvas = NodeOnCanvas {
            id: node.id,
            project_id: row.project,
            parent_id: node.parent,
            title: node.title,
            status: node.status,
            author_type: node.author_type.into(),
            author_user_id: node.author,
            supervisor_user_id: node.supervisor,
            position: Position { x: node.x, y: node.y },
            width: node.width,
            height: node.height,
            metadata: if let Value::Object(metadata) = node.metadata { metadata } else { Map::new() },
            created_at: Some(row.created_at),
        };
        Self {
            on_canvas,
            version: row.version,
            change_count: row.change_count,
            updated_at: row.updated_at,
            deleted_at: node.deleted_at,
            excerpt: row.description,
            reflects_seq: row.reflects.get(),
        }
    }
}

impl NodeBody {
    fn of(LiveNode { id, project, on_canvas: node, content, .. }: LiveNode, last: LastChange) -> Self {
        let updated_at = last.at.or(node.created_at);
        let on_canvas = NodeOnCanvas {
            id,
            project_id: project,
            parent_id: node.parent_id,
            title: node.title,
            status: node.status,
            author_type: node.author_type.into(),
            author_user_id: node.author_user_id,
            supervisor_user_id: node.supervisor_user_id,
            position: Position { x: node.x, y: node.y },
            width: node.width,
            height: node.height,
            metadata: node.metadata,
            created_at: node.created_at,
        };
        let items = |items: Vec<_>| items.into_iter().map(ItemBody::from).collect();
        Self {
            on_canvas,
            version: last.version,
            updated_at,
            body: content.body,
            inputs: items(content.inputs),
            outputs: items(content.outputs),
        }
    }
}

/// A node with its `ETag`.
pub(super) async fn answer(
    api: &Api,
    documents: &NodeDocuments,
    status: StatusCode,
    node: LiveNode,
) -> Result<Response, Problem> {
    let last = nodes::last_change(&api.db, documents.node.org, node.id).await?;
    let etag = etag_header(&node.tag);
    Ok((status, [etag], Json(NodeBody::of(node, last))).into_response())
}
