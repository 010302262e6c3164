//! `GET /nodes/{nodeId}/inputs/{inputId}` and `GET /nodes/{nodeId}/outputs/{outputId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schema::ids::{InputId, NodeId, OutputId};
use schema::node::Side;

use super::List;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::Problem;
use crate::routes::nodes::item::ItemBody;

/// Read an input of a node
#[utoipa::path(get, path = "/nodes/{nodeId}/inputs/{inputId}", tag = "nodes", operation_id = "getInput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("inputId" = Uuid, Path, description = "The input's id."),
    ),
    responses((status = OK, description = "The input.", body = ItemBody, headers(("ETag" = String, description = "Where both documents of the node stand.")))))]
pub(in crate::routes::nodes) async fn input(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(node, id): Ids<NodeId, InputId>,
) -> Result<Response, Problem> {
    let list = List { node, side: Side::Inputs };
    list.answer(StatusCode::OK, list.read(&api, &caller).await?, id.as_uuid())
}

/// Read an output of a node
#[utoipa::path(get, path = "/nodes/{nodeId}/outputs/{outputId}", tag = "nodes", operation_id = "getOutput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("outputId" = Uuid, Path, description = "The output's id."),
    ),
    responses((status = OK, description = "The output.", body = ItemBody, headers(("ETag" = String, description = "Where both documents of the node stand.")))))]
pub(in crate::routes::nodes) async fn output(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(node, id): Ids<NodeId, OutputId>,
) -> Result<Response, Problem> {
    let list = List { node, side: Side::Outputs };
    list.answer(StatusCode::OK, list.read(&api, &caller).await?, id.as_uuid())
}
