//! `DELETE /nodes/{nodeId}/inputs/{inputId}` and `DELETE /nodes/{nodeId}/outputs/{outputId}`

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use schema::ids::{InputId, NodeId, OutputId};
use schema::node::{NodePatch, Side};
use uuid::Uuid;

use super::List;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Ids;
use crate::problem::{Problem, ProblemBody};

/// Remove an input from a node
#[utoipa::path(delete, path = "/nodes/{nodeId}/inputs/{inputId}", tag = "nodes", operation_id = "removeInput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("inputId" = Uuid, Path, description = "The input's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    responses(
        (status = NO_CONTENT, description = "It is removed."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn input(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(node, id): Ids<NodeId, InputId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    remove(&api, &caller, List { node, side: Side::Inputs }, id.as_uuid(), &headers).await
}

/// Remove an output from a node
#[utoipa::path(delete, path = "/nodes/{nodeId}/outputs/{outputId}", tag = "nodes", operation_id = "removeOutput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("outputId" = Uuid, Path, description = "The output's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    responses(
        (status = NO_CONTENT, description = "It is removed."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the node has changed; ETag says where it is.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn output(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(node, id): Ids<NodeId, OutputId>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    remove(&api, &caller, List { node, side: Side::Outputs }, id.as_uuid(), &headers).await
}

async fn remove(api: &Api, caller: &Caller, list: List, id: Uuid, headers: &HeaderMap) -> Result<StatusCode, Problem> {
    list.edit(api, caller, headers, NodePatch::RemoveItem { side: list.side, id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
