//! `PATCH /nodes/{nodeId}/inputs/{inputId}` and `PATCH /nodes/{nodeId}/outputs/{outputId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use schema::Patch;
use schema::ids::{InputId, NodeId, OutputId};
use schema::node::{self, ItemChanges, NodePatch, Side};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{List, References};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Ids};
use crate::merge::merge_texts;
use crate::problem::{Code, Problem, ProblemBody};
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
    /// Of a text: what it is to say, as Markdown; at most 1 MiB. Only what differs from the present text is changed.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    text: Patch<String>,
    /// The text as the caller read it, before it made `text` of it. When others have written since, what they wrote is
    /// kept, unless the caller changed the same words. Without it, `text` is what the item says afterwards.
    #[schema(required = false, nullable = false)]
    base_text: Option<String>,
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
    /// Of a reference: the version of that node which is meant, one of `/nodes/{nodeId}/versions`; `null`: the node as it is
    /// when it is read. It stays when another node is referred to, which must have it then.
    #[serde(default)]
    #[schema(value_type = Option<i64>, required = false, minimum = 1, example = 3)]
    source_version: Patch<i64>,
    /// Of a link: its `http` or `https` address; cannot be emptied.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "https://example.com/report")]
    url: Patch<String>,
}

/// Change an input of a node
///
/// An edit of the living document: everybody who has the node open sees it at once. With `baseText`, what others have
/// written in a text since the caller read it stays.
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
/// An edit of the living document: everybody who has the node open sees it at once. With `baseText`, what others have
/// written in a text since the caller read it stays.
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
    let (mut changes, base) = request.split()?;
    let references = references_after(api, caller, &list, id, &changes).await?;
    list.check_references(api, caller, references).await?;
    let edit: documents::replica::Patch = Box::new(move |txn| {
        if let Some(base) = base {
            let item = list.items(node::read(txn)).into_iter().find(|item| item.id == id);
            let present = item.and_then(|item| item.text).unwrap_or_default();
            let text = changes.text.value().map_or("", String::as_str);
            changes.text = Patch::Set(merge_texts(&base, text, &present));
        }
        node::apply(&NodePatch::UpdateItem { side: list.side, id, changes: Box::new(changes) }, txn)
    });
    let node = list.edit_by(api, caller, headers, edit).await?;
    list.answer(StatusCode::OK, node, id)
}

/// What an item refers to after its changes, as far as they concern that.
async fn references_after(
    api: &Api,
    caller: &Caller,
    list: &List,
    id: Uuid,
    changes: &ItemChanges,
) -> Result<References, Problem> {
    let file = changes.file_id.value().copied();
    if changes.source_node_id.is_absent() && changes.source_version.value().is_none() {
        return Ok(References { file, node: None });
    }
    let items = list.items(list.read(api, caller).await?.content);
    let Some(item) = items.into_iter().find(|item| item.id == id) else { return Ok(References { file, node: None }) };
    let source = changes.source_node_id.value().copied().or(item.source_node_id);
    let version = match &changes.source_version {
        Patch::Absent => item.source_version,
        Patch::Set(version) => Some(*version),
        Patch::Clear => None,
    };
    Ok(References { file, node: source.map(|source| (source, version)) })
}

impl Request {
    /// What changes, and the text of which the new one was made. Where the item comes from stays as it was said when it
    /// was added.
    fn split(self) -> Result<(ItemChanges, Option<String>), Problem> {
        if self.base_text.is_some() && self.text.is_absent() {
            let message = "says what text was made of, and means nothing without it";
            return Err(Problem::new(Code::ValidationFailed).field_error("baseText", message));
        }
        let changes = ItemChanges {
            label: self.label,
            sort_order: self.sort_order,
            metadata: self.metadata,
            provenance: Patch::Absent,
            text: self.text,
            data: self.data,
            file_id: self.file_id,
            source_node_id: self.source_node_id,
            source_version: self.source_version,
            url: self.url,
        };
        Ok((changes, self.base_text))
    }
}
