//! `POST /nodes/{nodeId}/inputs/order` and `POST /nodes/{nodeId}/outputs/order`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use schema::ids::NodeId;
use schema::node::{ITEMS_MAX, NodePatch, Side};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::List;
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::etag_header;
use crate::extract::{self, Id};
use crate::pagination::Page;
use crate::problem::{Code, Problem, ProblemBody};
use crate::routes::nodes::item::ItemBody;

/// In which order the items are to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NodeItemOrder)]
pub(in crate::routes::nodes) struct Request {
    /// The ids of all items of the list, in their new order.
    #[schema(max_items = 500)]
    ids: Vec<Uuid>,
}

/// Put a node's inputs into another order
#[utoipa::path(post, path = "/nodes/{nodeId}/inputs/order", tag = "nodes", operation_id = "orderInputs",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    request_body = Request,
    responses(
        (status = OK, description = "The inputs, in their new order.", body = Page<ItemBody>, headers(("ETag" = String, description = "Where both documents of the node stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: these are not the ids of all inputs that the node has now.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn inputs(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    order(&api, &caller, List { node, side: Side::Inputs }, &headers, request).await
}

/// Put a node's outputs into another order
#[utoipa::path(post, path = "/nodes/{nodeId}/outputs/order", tag = "nodes", operation_id = "orderOutputs",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    request_body = Request,
    responses(
        (status = OK, description = "The outputs, in their new order.", body = Page<ItemBody>, headers(("ETag" = String, description = "Where both documents of the node stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: these are not the ids of all outputs that the node has now.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn outputs(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    order(&api, &caller, List { node, side: Side::Outputs }, &headers, request).await
}

async fn order(
    api: &Api,
    caller: &Caller,
    list: List,
    headers: &HeaderMap,
    Request { ids }: Request,
) -> Result<Response, Problem> {
    if ids.len() > ITEMS_MAX {
        let message = format!("a node has at most {ITEMS_MAX}");
        return Err(Problem::new(Code::ValidationFailed).field_error("ids", message));
    }
    let node = list.edit(api, caller, headers, NodePatch::OrderItems { side: list.side, ids }).await?;
    let etag = etag_header(&node.tag);
    let items = list.items(node.content).into_iter().map(ItemBody::from);
    Ok(([etag], Json(Page::whole(items))).into_response())
}
