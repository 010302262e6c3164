//! Inputs and outputs: the items of a node's lists.

mod check;
mod write;

use serde::{Deserialize, Serialize};
use serde_json::{Map as JsonMap, Value};
use uuid::Uuid;
use yrs::{Any, GetString, Map, MapRef, Out, ReadTxn};

use super::keys;
use crate::ids::NodeId;
use crate::patch::Patch;
use crate::value::{Fields, Problems};

pub use check::{
    DATA_BYTES_MAX, DATA_DEPTH_MAX, LABEL_CHARS_MAX, PROVENANCE_BYTES_MAX, TEXT_BYTES_MAX, URL_BYTES_MAX, VERSION_MAX,
};

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Unique within its list.
    pub id: Uuid,
    /// A word of [`ItemType`], or one of a newer client.
    #[serde(rename = "type")]
    pub kind: String,
    /// What to call it.
    pub label: Option<String>,
    /// A JSON object.
    pub metadata: JsonMap<String, Value>,
    /// Its place among the others.
    pub sort_order: i32,
    /// Who or what it comes from, as JSON.
    pub provenance: Option<Value>,
    /// The content of a text, as Markdown.
    pub text: Option<String>,
    /// The content of structured data.
    pub data: Option<Value>,
    /// The content of a file.
    pub file_id: Option<Uuid>,
    /// The node referred to.
    pub source_node_id: Option<NodeId>,
    /// The version referred to; the latest when absent.
    pub source_version: Option<i64>,
    /// The address of a link.
    pub url: Option<String>,
}

/// What an item can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
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

impl ItemType {
    /// The word in documents and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::ExternalLink => "external_link",
            Self::NodeReference => "node_reference",
            Self::StructuredData => "structured_data",
            Self::File => "file",
        }
    }
}

/// What a new item holds.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemContent {
    /// Text.
    Text {
        /// As Markdown; at most [`TEXT_BYTES_MAX`].
        text: String,
    },
    /// A link.
    Link {
        /// An `http` or `https` address of at most [`URL_BYTES_MAX`].
        url: String,
    },
    /// Another node.
    NodeReference {
        /// Which.
        source_node_id: NodeId,
        /// Which version, from 1 to [`VERSION_MAX`]; the latest when absent.
        source_version: Option<i64>,
    },
    /// JSON.
    Data {
        /// The value; at most [`DATA_BYTES_MAX`] and [`DATA_DEPTH_MAX`].
        data: Value,
    },
    /// A file.
    File {
        /// Which.
        file_id: Uuid,
    },
}

/// An item to add.
#[derive(Debug, Clone, PartialEq)]
pub struct NewItem {
    /// Unique within its list.
    pub id: Uuid,
    /// At most [`LABEL_CHARS_MAX`].
    pub label: Option<String>,
    /// At most [`DATA_BYTES_MAX`] and [`DATA_DEPTH_MAX`].
    pub metadata: JsonMap<String, Value>,
    /// Who or what it comes from; at most [`PROVENANCE_BYTES_MAX`].
    pub provenance: Option<JsonMap<String, Value>>,
    /// What it holds.
    pub content: ItemContent,
}

/// Changes of an item. Its type stays, and what it holds can be changed only by the fields of that type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemChanges {
    /// What to call it.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub label: Patch<String>,
    /// Its place among the others; cleared, it is the first.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub sort_order: Patch<i32>,
    /// Merged, key by key: `null` removes a key, and keys that are not named stay. Cleared, all are removed.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub metadata: Patch<JsonMap<String, Value>>,
    /// Who or what it comes from now; replaces what it said before.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub provenance: Patch<JsonMap<String, Value>>,
    /// Of a text: what it is to say, as Markdown. Only what differs is edited. Cleared, it is empty.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub text: Patch<String>,
    /// Of structured data: the value. Cleared, there is none.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub data: Patch<Value>,
    /// Of a file: which. Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub file_id: Patch<Uuid>,
    /// Of a reference: the node. Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub source_node_id: Patch<NodeId>,
    /// Of a reference: the version. Cleared, it is the latest.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub source_version: Patch<i64>,
    /// Of a link: the address. Cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub url: Patch<String>,
}

impl Item {
    pub(super) fn read<T: ReadTxn>(map: &MapRef, txn: &T, path: &str, problems: &mut Problems) -> Option<Self> {
        let text = match map.get(txn, keys::TEXT) {
            Some(Out::YXmlFragment(fragment)) => Some(crate::rich_text::to_markdown(&fragment, txn)),
            Some(Out::YText(text)) => Some(text.get_string(txn)),
            Some(Out::Any(Any::String(text))) => Some(text.as_ref().to_owned()),
            _ => None,
        };
        let mut fields = Fields::new(map, txn, path, problems);
        let Some(id) = fields.parsed(keys::ID, "a uuid", |text| Uuid::try_parse(text).ok()) else {
            if fields.raw(keys::ID).is_none() {
                fields.wrong::<()>(keys::ID, "a uuid");
            }
            return None;
        };
        Some(Self {
            id,
            kind: fields.text(keys::TYPE).unwrap_or_else(|| ItemType::Text.as_str().to_owned()),
            label: fields.text(keys::LABEL),
            metadata: fields.object(keys::METADATA),
            sort_order: fields.number(keys::SORT_ORDER).map_or(0, to_place),
            provenance: fields.json(keys::PROVENANCE),
            text,
            data: fields.json(keys::DATA),
            file_id: fields.parsed(keys::FILE_ID, "a uuid", |text| Uuid::try_parse(text).ok()),
            source_node_id: fields.id(keys::SOURCE_NODE_ID),
            source_version: fields.number(keys::SOURCE_VERSION).map(to_version),
            url: fields.text(keys::URL),
        })
    }
}

/// Numbers of a document are floats; a place that is none is cut to what fits.
#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
fn to_place(number: f64) -> i32 {
    number as i32
}

#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
fn to_version(number: f64) -> i64 {
    number as i64
}

impl ItemContent {
    /// Its type.
    #[must_use]
    pub const fn item_type(&self) -> ItemType {
        match self {
            Self::Text { .. } => ItemType::Text,
            Self::Link { .. } => ItemType::ExternalLink,
            Self::NodeReference { .. } => ItemType::NodeReference,
            Self::Data { .. } => ItemType::StructuredData,
            Self::File { .. } => ItemType::File,
        }
    }
}
