//! `GET /nodes/{nodeId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use platform::access::Access;
use schema::ids::NodeId;

use super::body::{NodeBody, answer};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{NodeTag, etag_header, if_none_match};
use crate::extract::Id;
use crate::problem::Problem;

/// Read a node
///
/// As its canvas and its own document have it now. The `ETag` names the place of both:
/// `"<canvas epoch>-<canvas seq>.<node epoch>-<node seq>"`. That a version is kept changes neither, so it does not change
/// the `ETag`.
#[utoipa::path(get, path = "/nodes/{nodeId}", tag = "nodes", operation_id = "getNode",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The node.", body = NodeBody, headers(("ETag" = String, description = "Where both documents stand."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<NodeId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match::<NodeTag>(&headers)?;
    let documents = api.node_documents(&caller, id, Access::Read).await?;
    let node = api.live_node(id, &documents).await?;
    if known.is_some_and(|known| known.holds(&node.tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [etag_header(&node.tag)]).into_response());
    }
    answer(&api, &documents, StatusCode::OK, node).await
}
