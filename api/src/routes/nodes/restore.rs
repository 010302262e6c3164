//! `POST /nodes/{nodeId}/restore`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::access::Access;
use platform::db::audit::Action;
use platform::db::versions::NodeChange;
use schema::canvas::{self, CanvasPatch};
use schema::ids::NodeId;

use super::body::{NodeBody, answer};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Take a node out of the trash
///
/// It is where it was, with its content and its dependencies, but for those that would close a cycle with what was drawn
/// meanwhile: these are gone. A node that is not in the trash stays as it is.
#[utoipa::path(post, path = "/nodes/{nodeId}/restore", tag = "nodes", operation_id = "restoreNode",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses(
        (status = OK, description = "The node as it is now.", body = NodeBody, headers(("ETag" = String, description = "Where both documents stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
) -> Result<Response, Problem> {
    let documents = api.node_documents(&caller, id, Access::Write).await?;
    let before = api.documents.read(&documents.canvas, move |txn| canvas::read_node(txn, id)).await?.0;
    let restore = vec![CanvasPatch::RestoreNode { id }];
    let edited = api.edit_canvas(&documents.canvas, &caller.principal, None, restore).await?;
    if before.is_some_and(|node| node.deleted_at.is_some()) {
        api.note_trash(&caller, &documents, Action::NodeRestored, edited).await?;
    }
    api.keep_version(&caller, &documents.node, NodeChange::Updated, "Out of the trash").await;
    let node = api.live_node(id, &documents).await?;
    answer(&api, &documents, StatusCode::OK, node).await
}
