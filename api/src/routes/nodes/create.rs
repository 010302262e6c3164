//! `POST /projects/{projectId}/nodes`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use documents::EditFailed;
use http::StatusCode;
use platform::access::Access;
use platform::db::documents as document_rows;
use platform::db::versions::NodeChange;
use schema::PatchErrorCode;
use schema::canvas::{AuthorType, CanvasPatch, NewNode};
use schema::ids::{NodeId, ProjectId, UserId};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{AuthorTypeBody, NodeBody, Position, answer};
use crate::Api;
use crate::authenticate::Caller;
use crate::content::NodeDocuments;
use crate::extract::{self, Id};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

/// What a node begins with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewNode)]
pub(super) struct Request {
    /// 1 to 500 characters.
    #[schema(example = "Twelve interviews", min_length = 1, max_length = 500)]
    title: String,
    /// The body, as Markdown. May be called `description` as well.
    #[serde(alias = "description")]
    #[schema(example = "We have asked twelve people.")]
    body: Option<String>,
    /// One of the project's states; left out: the first of them.
    #[schema(example = "draft")]
    status: Option<String>,
    /// The node that this one is inside.
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_id: Option<NodeId>,
    /// Who makes it; left out: a person.
    author_type: Option<AuthorTypeBody>,
    /// Who answers for an agent's node.
    #[schema(value_type = Option<uuid::Uuid>)]
    supervisor_user_id: Option<UserId>,
    /// Where on the canvas; left out: at its origin.
    position: Option<Position>,
    /// The width, in canvas units; left out: the canvas's own.
    #[schema(example = 320.0)]
    width: Option<f64>,
    /// The height, in canvas units; left out: the canvas's own.
    #[schema(example = 200.0)]
    height: Option<f64>,
    /// `priority`, `dueDate`, `tags`, `assignees` and whatever else.
    #[schema(value_type = Option<Object>, example = json!({"tags": ["research"], "priority": "high"}))]
    metadata: Option<Map<String, Value>>,
}

/// Add a node to a project
///
/// An edit of the living canvas: everybody who has it open sees the node at once.
#[utoipa::path(post, path = "/projects/{projectId}/nodes", tag = "nodes", operation_id = "createNode",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Added.", body = NodeBody, headers(("ETag" = String, description = "Where both documents stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    let canvas = api.project(&caller, project, Access::Write).await?.document;
    let (new, body) = request.split(caller.user);
    new.check()?;
    body.as_deref().map_or(Ok(()), schema::node::check_body)?;
    let id = NodeId::new(key.new_id(&api, caller.user, &format!("nodes of {project}")).await?);
    let node = document_rows::ensure_node(&api.db, canvas.org, project, id).await?;
    let node = node.ok_or_else(|| Problem::new(Code::Conflict))?;
    let documents = NodeDocuments { canvas, project, node };
    let create = vec![CanvasPatch::CreateNode { id, node: Box::new(new) }];
    match api.edit_canvas(&documents.canvas, &caller.principal, None, create).await {
        // The request was sent before.
        Err(EditFailed::Patch(error)) if error.code == PatchErrorCode::AlreadyExists && key.is_given() => {}
        other => drop(other?),
    }
    if let Some(body) = body.filter(|body| !body.is_empty()) {
        api.begin_body(&documents, &caller.principal, body).await?;
    }
    api.keep_version(&caller, &documents.node, NodeChange::Created, "Created").await;
    let node = api.live_node(id, &documents).await?;
    answer(&api, &documents, StatusCode::CREATED, node).await
}

impl Request {
    /// What the canvas shows, and the body.
    fn split(self, author: UserId) -> (NewNode, Option<String>) {
        let Position { x, y } = self.position.unwrap_or_default();
        let node = NewNode {
            title: self.title,
            status: self.status,
            parent_id: self.parent_id,
            author_type: self.author_type.map_or(AuthorType::Human, AuthorType::from),
            author_user_id: Some(author),
            supervisor_user_id: self.supervisor_user_id,
            x,
            y,
            width: self.width,
            height: self.height,
            metadata: self.metadata.unwrap_or_default(),
        };
        (node, self.body)
    }
}
