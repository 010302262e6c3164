//! Inputs and outputs: the items of a node's lists.

use serde::{Deserialize, Serialize};
use serde_json::{Map as JsonMap, Value};
use uuid::Uuid;
use yrs::{Any, Array, ArrayRef, GetString, Map, MapPrelim, MapRef, Out, ReadTxn, TransactionMut, XmlFragmentPrelim};

use super::{keys, markdown_of};
use crate::ids::NodeId;
use crate::patch::{Patch, PatchError};
use crate::rich_text;
use crate::value::{Fields, Problems, depth, from_json, from_number, set_or_remove};

/// The longest label, in characters.
pub(super) const LABEL_CHARS_MAX: usize = 255;
/// The longest address of a link, in bytes.
pub(super) const URL_BYTES_MAX: usize = 2_048;
/// The longest text of an item, in bytes of Markdown.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;
/// The largest structured data and metadata, in bytes of JSON.
pub(super) const DATA_BYTES_MAX: usize = 256 * 1024;
/// Their deepest nesting.
pub(super) const DATA_DEPTH_MAX: usize = 24;

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Unique within its list.
    pub id: Uuid,
    /// `text`, `external_link`, `node_reference`, `structured_data`, `file`, or a word of a newer client.
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

/// What a new item holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ItemContent {
    /// Text.
    Text {
        /// As Markdown.
        markdown: String,
    },
    /// A link.
    #[serde(rename = "external_link")]
    Link {
        /// An `http` or `https` address.
        url: String,
    },
    /// Another node.
    NodeReference {
        /// Which.
        source_node_id: NodeId,
        /// Which version; the latest when absent.
        #[serde(default)]
        source_version: Option<i64>,
    },
    /// JSON.
    #[serde(rename = "structured_data")]
    Data {
        /// The value.
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
    /// At most 255 characters.
    pub label: Option<String>,
    /// At most 256 KiB of JSON.
    pub metadata: JsonMap<String, Value>,
    /// What it holds.
    pub content: ItemContent,
}

/// Changes of an item.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemChanges {
    /// What to call it.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub label: Patch<String>,
    /// Its place among the others; cleared, it is the first.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub sort_order: Patch<i32>,
}

impl Item {
    pub(super) fn read<T: ReadTxn>(map: &MapRef, txn: &T, path: &str, problems: &mut Problems) -> Option<Self> {
        let text = match map.get(txn, keys::TEXT) {
            Some(Out::YXmlFragment(fragment)) => Some(markdown_of(&fragment, txn)),
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
            kind: fields.text(keys::TYPE).unwrap_or_else(|| "text".to_owned()),
            label: fields.text(keys::LABEL),
            metadata: fields.object(keys::METADATA),
            sort_order: fields.number(keys::SORT_ORDER).map_or(0, to_place),
            provenance: fields.json(keys::PROVENANCE),
            text,
            data: fields.json(keys::DATA),
            file_id: fields.parsed(keys::FILE_ID, "a uuid", |text| Uuid::try_parse(text).ok()),
            source_node_id: fields.id(keys::SOURCE_NODE_ID),
            source_version: fields.number(keys::SOURCE_VERSION).map(|version| i64::from(to_place(version))),
            url: fields.text(keys::URL),
        })
    }
}

/// Numbers of a document are floats; a place that is none is cut to what fits.
#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
fn to_place(number: f64) -> i32 {
    number as i32
}

fn check_label(label: &str) -> Result<(), PatchError> {
    if label.chars().count() > LABEL_CHARS_MAX {
        return Err(PatchError::invalid("label", format!("a label has at most {LABEL_CHARS_MAX} characters")));
    }
    Ok(())
}

fn check_json(field: &'static str, value: &Value) -> Result<(), PatchError> {
    if depth(value) > DATA_DEPTH_MAX || value.to_string().len() > DATA_BYTES_MAX {
        let limits = format!("at most {DATA_BYTES_MAX} bytes and {DATA_DEPTH_MAX} levels");
        return Err(PatchError::invalid(field, limits));
    }
    Ok(())
}

impl NewItem {
    pub(super) fn validate(&self) -> Result<(), PatchError> {
        self.label.as_deref().map_or(Ok(()), check_label)?;
        check_json("metadata", &Value::Object(self.metadata.clone()))?;
        match &self.content {
            ItemContent::Text { markdown } if markdown.len() > TEXT_BYTES_MAX => {
                Err(PatchError::invalid("markdown", format!("a text has at most {TEXT_BYTES_MAX} bytes")))
            }
            ItemContent::Link { url } => check_url(url),
            ItemContent::Data { data } => check_json("data", data),
            ItemContent::Text { .. } | ItemContent::NodeReference { .. } | ItemContent::File { .. } => Ok(()),
        }
    }

    pub(super) fn write(&self, list: &ArrayRef, sort_order: i32, txn: &mut TransactionMut<'_>) {
        let item = list.push_back(txn, MapPrelim::default());
        item.insert(txn, keys::ID, self.id.to_string());
        item.insert(txn, keys::TYPE, self.content.word());
        item.insert(txn, keys::SORT_ORDER, from_number(f64::from(sort_order)));
        if let Some(label) = &self.label {
            item.insert(txn, keys::LABEL, label.as_str());
        }
        let metadata = item.insert(txn, keys::METADATA, MapPrelim::default());
        for (key, value) in &self.metadata {
            metadata.insert(txn, key.as_str(), from_json(value));
        }
        self.content.write(&item, txn);
    }
}

fn check_url(url: &str) -> Result<(), PatchError> {
    let has_scheme = url.starts_with("https://") || url.starts_with("http://");
    if !has_scheme || url.len() > URL_BYTES_MAX || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let expected = format!("an http or https address of at most {URL_BYTES_MAX} bytes");
        return Err(PatchError::invalid("url", expected));
    }
    Ok(())
}

impl ItemContent {
    /// The word that stands for its type in a document.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Link { .. } => "external_link",
            Self::NodeReference { .. } => "node_reference",
            Self::Data { .. } => "structured_data",
            Self::File { .. } => "file",
        }
    }

    fn write(&self, item: &MapRef, txn: &mut TransactionMut<'_>) {
        match self {
            Self::Text { markdown: text } => {
                let fragment = item.insert(txn, keys::TEXT, XmlFragmentPrelim::default());
                rich_text::set_markdown(&fragment, txn, text);
            }
            Self::Link { url } => drop(item.insert(txn, keys::URL, url.as_str())),
            Self::NodeReference { source_node_id, source_version } => {
                item.insert(txn, keys::SOURCE_NODE_ID, source_node_id.to_string());
                if let Some(version) = source_version {
                    item.insert(txn, keys::SOURCE_VERSION, from_json(&Value::from(*version)));
                }
            }
            Self::Data { data } => drop(item.insert(txn, keys::DATA, from_json(data))),
            Self::File { file_id } => drop(item.insert(txn, keys::FILE_ID, file_id.to_string())),
        }
    }
}

impl ItemChanges {
    pub(super) fn validate(&self) -> Result<(), PatchError> {
        self.label.value().map_or(Ok(()), |label| check_label(label))
    }

    pub(super) fn write(&self, item: &MapRef, txn: &mut TransactionMut<'_>) {
        if let Some(label) = self.label.as_change() {
            set_or_remove(item, txn, keys::LABEL, label.map(|label| Any::from(label.as_str())));
        }
        if let Some(place) = self.sort_order.as_change() {
            set_or_remove(item, txn, keys::SORT_ORDER, place.map(|place| from_number(f64::from(*place))));
        }
    }
}
