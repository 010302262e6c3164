//! What a node's inputs and outputs look like in answers.

use schema::ids::NodeId;
use schema::node::Item;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// What an input or output can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = NodeItemType)]
pub(super) enum ItemTypeBody {
    /// Text.
    Text,
    /// A link.
    ExternalLink,
    /// Another node.
    NodeReference,
    /// JSON.
    StructuredData,
    /// A file.
    File,
}

impl ItemTypeBody {
    /// What an item of this type cannot be without.
    pub(super) const fn needed_field(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::ExternalLink => "url",
            Self::NodeReference => "sourceNodeId",
            Self::StructuredData => "data",
            Self::File => "fileId",
        }
    }
}

/// An input or output. Which members have a value follows from its type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NodeItem)]
pub(super) struct ItemBody {
    /// Unique within its list.
    id: Uuid,
    /// `text`, `external_link`, `node_reference`, `structured_data`, `file`, or a word of a newer client.
    #[serde(rename = "type")]
    #[schema(example = "external_link")]
    kind: String,
    /// What to call it.
    #[schema(required)]
    label: Option<String>,
    /// Whatever was noted of it.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Its place among the others.
    sort_order: i32,
    /// Who or what it comes from.
    #[schema(required, value_type = Option<Object>)]
    provenance: Option<Value>,
    /// Of a text: the text, as Markdown.
    #[schema(required)]
    text: Option<String>,
    /// Of structured data: the value.
    #[schema(required)]
    data: Option<Value>,
    /// Of a file: which.
    #[schema(required)]
    file_id: Option<Uuid>,
    /// Of a reference: the node referred to.
    #[schema(required, value_type = Option<Uuid>)]
    source_node_id: Option<NodeId>,
    /// Of a reference: the version of that node which is meant, one of `/nodes/{nodeId}/versions`; `null`: the node as it
    /// is when it is read.
    #[schema(required, example = 3)]
    source_version: Option<i64>,
    /// Of a link: its address.
    #[schema(required, example = "https://example.com/report")]
    url: Option<String>,
}

impl From<Item> for ItemBody {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            kind: item.kind,
            label: item.label,
            metadata: item.metadata,
            sort_order: item.sort_order,
            provenance: item.provenance,
            text: item.text,
            data: item.data,
            file_id: item.file_id,
            source_node_id: item.source_node_id,
            source_version: item.source_version,
            url: item.url,
        }
    }
}
