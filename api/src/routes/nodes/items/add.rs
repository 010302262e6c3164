//! `POST /nodes/{nodeId}/inputs` and `POST /nodes/{nodeId}/outputs`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::SecondsFormat;
use http::{HeaderMap, StatusCode};
use platform::access::Access;
use schema::ids::NodeId;
use schema::node::{ItemContent, NewItem, NodePatch, Side};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{List, References};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{self, Id};
use crate::fields::Fields;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};
use crate::routes::nodes::item::{ItemBody, ItemTypeBody};

/// What an input or output begins with: its type, what that type holds, and nothing that only other types hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewNodeItem)]
pub(in crate::routes::nodes) struct Request {
    /// What it is.
    #[serde(rename = "type")]
    item_type: ItemTypeBody,
    /// What to call it; at most 255 characters.
    label: Option<String>,
    /// Whatever is to be noted of it; at most 256 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// What it comes from; at most 16 KiB. The server adds `userId` and `createdAt`.
    #[schema(value_type = Option<Object>, example = json!({"source": "crm"}))]
    provenance: Option<Map<String, Value>>,
    /// Of a text: the text, as Markdown; at most 1 MiB.
    text: Option<String>,
    /// Of structured data: the value; at most 256 KiB.
    data: Option<Value>,
    /// Of a file: which.
    file_id: Option<Uuid>,
    /// Of a reference: the node referred to.
    #[schema(value_type = Option<Uuid>)]
    source_node_id: Option<NodeId>,
    /// Of a reference: the version of that node which is meant, one of `/nodes/{nodeId}/versions`; left out: the node as it
    /// is when it is read.
    #[schema(minimum = 1, example = 3)]
    source_version: Option<i64>,
    /// Of a link: its `http` or `https` address.
    #[schema(example = "https://example.com/report")]
    url: Option<String>,
}

/// Add an input to a node
///
/// At the end of the list. An edit of the living document: everybody who has the node open sees it at once.
#[utoipa::path(post, path = "/nodes/{nodeId}/inputs", tag = "nodes", operation_id = "addInput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Added.", body = ItemBody, headers(("ETag" = String, description = "Where both documents of the node stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn input(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    add(&api, &caller, List { node, side: Side::Inputs }, &key, request).await
}

/// Add an output to a node
///
/// At the end of the list. An edit of the living document: everybody who has the node open sees it at once.
#[utoipa::path(post, path = "/nodes/{nodeId}/outputs", tag = "nodes", operation_id = "addOutput",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = Request,
    responses(
        (status = CREATED, description = "Added.", body = ItemBody, headers(("ETag" = String, description = "Where both documents of the node stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn output(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<Request>,
) -> Result<Response, Problem> {
    add(&api, &caller, List { node, side: Side::Outputs }, &key, request).await
}

async fn add(
    api: &Api,
    caller: &Caller,
    list: List,
    key: &IdempotencyKey,
    request: Request,
) -> Result<Response, Problem> {
    let (label, metadata) = (request.label.clone(), request.metadata.clone().unwrap_or_default());
    let mut provenance = request.provenance.clone().unwrap_or_default();
    provenance.insert("userId".to_owned(), json!(caller.user));
    provenance.insert("createdAt".to_owned(), json!(api.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true)));
    let content = request.content()?;
    list.check_references(api, caller, References::of(&content)).await?;
    let mut item = NewItem { id: Uuid::nil(), label, metadata, provenance: Some(provenance), content };
    item.check()?;
    let id = key.new_id(api, caller.user, &list.to_string()).await?;
    item.id = id;
    let node = match list.edit(api, caller, &HeaderMap::new(), NodePatch::AddItem { side: list.side, item }).await {
        // The request was sent before.
        Err(problem) if problem.code() == Code::Conflict && key.is_given() => {
            let documents = api.node_documents(caller, list.node, Access::Write).await?;
            api.live_node(list.node, &documents).await?
        }
        other => other?,
    };
    list.answer(StatusCode::CREATED, node, id)
}

impl References {
    fn of(content: &ItemContent) -> Self {
        match content {
            ItemContent::File { file_id } => Self { file: Some(*file_id), ..Self::default() },
            ItemContent::NodeReference { source_node_id, source_version } => {
                Self { node: Some((*source_node_id, *source_version)), ..Self::default() }
            }
            ItemContent::Text { .. } | ItemContent::Link { .. } | ItemContent::Data { .. } => Self::default(),
        }
    }
}

impl Request {
    /// What the item holds, if the request has all that its type needs and nothing else.
    fn content(self) -> Result<ItemContent, Problem> {
        let mut rest = self;
        let item_type = rest.item_type;
        let content = match item_type {
            ItemTypeBody::Text => Some(ItemContent::Text { text: rest.text.take().unwrap_or_default() }),
            ItemTypeBody::ExternalLink => rest.url.take().map(|url| ItemContent::Link { url }),
            ItemTypeBody::NodeReference => rest.source_node_id.take().map(|source_node_id| {
                ItemContent::NodeReference { source_node_id, source_version: rest.source_version.take() }
            }),
            ItemTypeBody::StructuredData => rest.data.take().map(|data| ItemContent::Data { data }),
            ItemTypeBody::File => rest.file_id.take().map(|file_id| ItemContent::File { file_id }),
        };
        let mut fields = Fields::default();
        let left = [
            ("text", rest.text.is_some()),
            ("data", rest.data.is_some()),
            ("fileId", rest.file_id.is_some()),
            ("sourceNodeId", rest.source_node_id.is_some()),
            ("sourceVersion", rest.source_version.is_some()),
            ("url", rest.url.is_some()),
        ];
        for (field, _) in left.into_iter().filter(|(_, is_left)| *is_left) {
            fields.refuse(field, "belongs to items of another type");
        }
        if content.is_none() {
            fields.refuse(item_type.needed_field(), "is needed for an item of this type");
        }
        fields.finish()?;
        content.ok_or_else(|| Problem::new(Code::ValidationFailed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(request: Value) -> Result<ItemContent, String> {
        let request: Request = serde_json::from_value(request).unwrap();
        request.content().map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn an_item_holds_what_its_type_says_and_nothing_else() {
        let id = Uuid::from_u128(1);
        assert_eq!(content(json!({"type": "text"})), Ok(ItemContent::Text { text: String::new() }));
        assert_eq!(content(json!({"type": "file", "fileId": id})), Ok(ItemContent::File { file_id: id }));
        let reference = ItemContent::NodeReference { source_node_id: id.into(), source_version: Some(2) };
        let request = json!({"type": "node_reference", "sourceNodeId": id, "sourceVersion": 2});
        assert_eq!(content(request), Ok(reference));
        for (request, field) in [
            (json!({"type": "external_link"}), "url"),
            (json!({"type": "structured_data", "data": null}), "data"),
            (json!({"type": "node_reference", "sourceVersion": 2}), "sourceNodeId"),
            (json!({"type": "text", "url": "https://example.com"}), "url"),
            (json!({"type": "file", "fileId": id, "text": ""}), "text"),
        ] {
            let problem = content(request).unwrap_err();
            assert!(problem.contains(&format!("{field:?}")), "{field}: {problem}");
        }
    }
}
