//! `POST /projects/{projectId}/dependencies`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use documents::EditFailed;
use http::StatusCode;
use platform::access::Access;
use schema::PatchErrorCode;
use schema::canvas::{self, CanvasEdge, CanvasPatch, NewEdge};
use schema::ids::{EdgeId, InputId, NodeId, OutputId, ProjectId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::EdgeBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{DocumentTag, etag_header};
use crate::extract::{self, Id};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Problem, ProblemBody};

/// What is to depend on what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewDependency)]
#[expect(clippy::struct_field_names, reason = "as callers write them")]
pub(super) struct Request {
    /// The node that yields.
    #[schema(value_type = uuid::Uuid)]
    source_node_id: NodeId,
    /// The node that takes.
    #[schema(value_type = uuid::Uuid)]
    target_node_id: NodeId,
    /// Which of its outputs; left out: the node as a whole.
    #[schema(value_type = Option<uuid::Uuid>)]
    source_output_id: Option<OutputId>,
    /// Which of its inputs; left out: the node as a whole.
    #[schema(value_type = Option<uuid::Uuid>)]
    target_input_id: Option<InputId>,
}

/// Make a node depend on another
///
/// An edit of the living canvas: everybody who has it open sees it at once.
#[utoipa::path(post, path = "/projects/{projectId}/dependencies", tag = "nodes", operation_id = "createDependency",
    params(
        ("projectId" = Uuid, Path, description = "The project's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Drawn.", body = EdgeBody, headers(("ETag" = String, description = "Where the canvas stands."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CYCLE`: the target leads to the source already. `CONFLICT`: these are joined already.",
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
    let edge = NewEdge {
        source_node_id: request.source_node_id,
        target_node_id: request.target_node_id,
        source_output_id: request.source_output_id,
        target_input_id: request.target_input_id,
    };
    edge.check()?;
    let id = EdgeId::new(key.new_id(&api, caller.user, &format!("dependencies of {project}")).await?);
    let create = vec![CanvasPatch::CreateEdge { id, edge: edge.clone() }];
    match api.edit_canvas(&canvas, &caller.principal, None, create).await {
        Ok(tag) => Ok(answer(&tag, id, edge.into())),
        Err(EditFailed::Patch(error)) if error.code == PatchErrorCode::AlreadyExists && key.is_given() => {
            let read = move |txn: &yrs::Transaction<'_>| canvas::read_edge(txn, id);
            let (edge, epoch, seq) = api.documents.read(&canvas, read).await?;
            // The request was sent before, unless the same nodes were joined by another.
            let edge = edge.ok_or_else(|| Problem::from(error))?;
            Ok(answer(&DocumentTag::new(epoch, seq), id, edge))
        }
        Err(error) => Err(error.into()),
    }
}

fn answer(tag: &DocumentTag, id: EdgeId, edge: CanvasEdge) -> Response {
    (StatusCode::CREATED, [etag_header(tag)], Json(EdgeBody::from((id, edge)))).into_response()
}
