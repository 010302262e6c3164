//! `PATCH /nodes/{nodeId}/inputs/{inputId}` and `PATCH /nodes/{nodeId}/outputs/{outputId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use schema::Patch;
use schema::ids::{InputId, NodeId, OutputId};
use schema::node::{ItemChanges, NodePatch, Side};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::List;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Ids};
use crate::problem::{Problem, ProblemBody};
use crate::routes::nodes::item::ItemBody;

/// What is to change. A field that is left out stays as it is; `null` empties it. The type stays, and what the item
/// holds can be changed only by the fields of that type.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NodeItemPatch)]
pub(in crate::routes::nodes) struct Request {
    /// What to call it; at most 255 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    label: Patch<String>,
    /// Its place among the others.
    #[serde(default)]
    #[schema(value_type = Option<i32>, required = false)]
    sort_order: Patch<i32>,
    /// Merged, key by key: `null` removes a key, and keys that are not named stay. `null` as a whole removes all.
    #[serde(default)]
    #[schema(value_type = Option<Object>, required = false)]
    metadata: Patch<Map<String, Value>>,
    /// Of a text: what it is to say, as Markdown; at most 1 MiB.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    text: Patch<String>,
    /// Of structured data: the value; at most 256 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Value>, required = false)]
    data: Patch<Value>,
    /// Of a file: which; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>, required = false)]
    file_id: Patch<Uuid>,
    /// Of a reference: the node referred to; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>, required = false)]
    source_node_id: Patch<NodeId>,
    /// Of a reference: the version referred to; `null`: the latest.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false)]
    source_version: Patch<i64>,
    /// Of a link: its `http` or `https` address; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "https://example.com/report")]
    url: Patch<String>,
}

/// Change an input of a node
///
/// An edit of the living document. Of a text only what differs is changed, so that what others write meanwhile stays.
#[utoipa::path(patch, path = "/nodes/{nodeId}/inputs/{inputId}", tag = "nodes", operation_id = "updateInput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("inputId" = Uuid, Path, description = "The input's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The input as it is now.", body = ItemBody, headers(("ETag" = String, description = "Where both documents of the node stand."))),
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
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    update(&api, &caller, List { node, side: Side::Inputs }, id.as_uuid(), &headers, request).await
}

/// Change an output of a node
///
/// An edit of the living document. Of a text only what differs is changed, so that what others write meanwhile stays.
#[utoipa::path(patch, path = "/nodes/{nodeId}/outputs/{outputId}", tag = "nodes", operation_id = "updateOutput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("outputId" = Uuid, Path, description = "The output's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag of the node: it is changed only if that holds."),
    ),
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The output as it is now.", body = ItemBody, headers(("ETag" = String, description = "Where both documents of the node stand."))),
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
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    update(&api, &caller, List { node, side: Side::Outputs }, id.as_uuid(), &headers, request).await
}

async fn update(
    api: &Api,
    caller: &Caller,
    list: List,
    id: Uuid,
    headers: &HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let changes = Box::new(ItemChanges::from(request));
    let node = list.edit(api, caller, headers, NodePatch::UpdateItem { side: list.side, id, changes }).await?;
    list.answer(StatusCode::OK, node, id)
}

impl From<Request> for ItemChanges {
    /// Where the item comes from stays as it was said when it was added.
    fn from(request: Request) -> Self {
        let Request { label, sort_order, metadata, text, data, file_id, source_node_id, source_version, url } = request;
        Self {
            label,
            sort_order,
            metadata,
            provenance: Patch::Absent,
            text,
            data,
            file_id,
            source_node_id,
            source_version,
            url,
        }
    }
}
