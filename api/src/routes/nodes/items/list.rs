//! `GET /nodes/{nodeId}/inputs` and `GET /nodes/{nodeId}/outputs`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use schema::ids::NodeId;
use schema::node::Side;

use super::List;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::etag_header;
use crate::extract::Id;
use crate::pagination::Page;
use crate::problem::Problem;
use crate::routes::nodes::item::ItemBody;

/// List a node's inputs
///
/// All of them, in their order, as the living document has them now.
#[utoipa::path(get, path = "/nodes/{nodeId}/inputs", tag = "nodes", operation_id = "listInputs",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses((status = OK, description = "The inputs.", body = Page<ItemBody>, headers(("ETag" = String, description = "Where both documents of the node stand.")))))]
pub(in crate::routes::nodes) async fn inputs(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
) -> Result<Response, Problem> {
    list(&api, &caller, List { node, side: Side::Inputs }).await
}

/// List a node's outputs
///
/// All of them, in their order, as the living document has them now.
#[utoipa::path(get, path = "/nodes/{nodeId}/outputs", tag = "nodes", operation_id = "listOutputs",
    params(("nodeId" = Uuid, Path, description = "The node's id.")),
    responses((status = OK, description = "The outputs.", body = Page<ItemBody>, headers(("ETag" = String, description = "Where both documents of the node stand.")))))]
pub(in crate::routes::nodes) async fn outputs(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
) -> Result<Response, Problem> {
    list(&api, &caller, List { node, side: Side::Outputs }).await
}

async fn list(api: &Api, caller: &Caller, list: List) -> Result<Response, Problem> {
    let node = list.read(api, caller).await?;
    let etag = etag_header(&node.tag);
    let items = list.items(node.content).into_iter().map(ItemBody::from);
    Ok(([etag], Json(Page::whole(items))).into_response())
}
