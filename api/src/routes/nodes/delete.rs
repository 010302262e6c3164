//! `DELETE /nodes/{nodeId}`

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use platform::access::Access;
use platform::db::audit::Action;
use schema::canvas::CanvasPatch;
use schema::ids::NodeId;

use super::update::expected_place;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::if_match;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Put a node into the trash
///
/// It disappears from lists; its content stays, and people can take it out of the trash.
#[utoipa::path(delete, path = "/nodes/{nodeId}", tag = "nodes", operation_id = "deleteNode",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is deleted only if that holds."),
    ),
    responses(
        (status = NO_CONTENT, description = "It is in the trash."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let condition = if_match(&headers)?;
    let documents = api.node_documents(&caller, id, Access::Write).await?;
    let present = api.live_node(id, &documents).await?.tag;
    let expected = expected_place(condition.as_ref(), &present)?.map(|tag| tag.canvas.place());
    let delete = vec![CanvasPatch::DeleteNode { id }];
    let edited = api.edit_canvas(&documents.canvas, &caller.principal, expected, delete).await?;
    api.note_trash(&caller, &documents, Action::NodeDeleted, edited).await?;
    Ok(StatusCode::NO_CONTENT)
}
