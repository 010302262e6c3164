//! What is checked before an item is written.

use serde_json::{Map as JsonMap, Value};

use super::{Item, ItemChanges, ItemContent, ItemType, NewItem};
use crate::patch::{Patch, PatchError, metadata};
use crate::value::depth;

/// The longest label, in characters.
pub const LABEL_CHARS_MAX: usize = 255;
/// The longest address of a link, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// The longest text of an item, in bytes of Markdown.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// The largest structured data, and the largest metadata, in bytes of JSON.
pub const DATA_BYTES_MAX: usize = 256 * 1024;
/// Their deepest nesting, and that of provenance.
pub const DATA_DEPTH_MAX: usize = 24;
/// The largest provenance, in bytes of JSON.
pub const PROVENANCE_BYTES_MAX: usize = 16 * 1024;
/// The highest version of a node that can be referred to: integers that JavaScript reads exactly.
pub const VERSION_MAX: i64 = (1 << 53) - 1;

impl NewItem {
    /// Whether it may be in a node at all, whatever else is there.
    ///
    /// # Errors
    /// Names the field, and says what it needs.
    pub fn check(&self) -> Result<(), PatchError> {
        self.label.as_deref().map_or(Ok(()), check_label)?;
        check_object("metadata", &self.metadata, DATA_BYTES_MAX)?;
        self.provenance.as_ref().map_or(Ok(()), check_provenance)?;
        match &self.content {
            ItemContent::Text { text } => check_text(text),
            ItemContent::Link { url } => check_url(url),
            ItemContent::Data { data } => check_json("data", data, DATA_BYTES_MAX),
            ItemContent::NodeReference { source_version, .. } => source_version.map_or(Ok(()), check_version),
            ItemContent::File { .. } => Ok(()),
        }
    }
}

impl ItemChanges {
    /// Whether the changes fit the item as it is.
    pub(in crate::node) fn check(&self, item: &Item) -> Result<(), PatchError> {
        self.check_fields(&item.kind)?;
        self.label.value().map_or(Ok(()), |label| check_label(label))?;
        if let Patch::Set(change) = &self.metadata {
            check_object("metadata", &metadata::merged(&item.metadata, change), DATA_BYTES_MAX)?;
        }
        self.provenance.value().map_or(Ok(()), check_provenance)?;
        self.text.value().map_or(Ok(()), |text| check_text(text))?;
        self.data.value().map_or(Ok(()), |data| check_json("data", data, DATA_BYTES_MAX))?;
        self.source_version.value().copied().map_or(Ok(()), check_version)?;
        self.url.value().map_or(Ok(()), |url| check_url(url))
    }

    /// Whether only fields of the item's type are named, and none is cleared that the type needs.
    fn check_fields(&self, kind: &str) -> Result<(), PatchError> {
        let fields = [
            ("text", self.text.is_absent(), ItemType::Text),
            ("data", self.data.is_absent(), ItemType::StructuredData),
            ("fileId", self.file_id.is_absent(), ItemType::File),
            ("sourceNodeId", self.source_node_id.is_absent(), ItemType::NodeReference),
            ("sourceVersion", self.source_version.is_absent(), ItemType::NodeReference),
            ("url", self.url.is_absent(), ItemType::ExternalLink),
        ];
        for (field, is_absent, of) in fields {
            if !is_absent && kind != of.as_str() {
                let message = format!("only an item of the type {} has it; add another item instead", of.as_str());
                return Err(PatchError::invalid(field, message));
            }
        }
        let cleared = [
            ("fileId", matches!(self.file_id, Patch::Clear)),
            ("sourceNodeId", matches!(self.source_node_id, Patch::Clear)),
            ("url", matches!(self.url, Patch::Clear)),
        ];
        match cleared.iter().find(|(_, is_cleared)| *is_cleared) {
            Some((field, _)) => Err(PatchError::invalid(field, "cannot be emptied; leave it out, or remove the item")),
            None => Ok(()),
        }
    }
}

fn check_label(label: &str) -> Result<(), PatchError> {
    if label.chars().count() > LABEL_CHARS_MAX {
        return Err(PatchError::invalid("label", format!("a label has at most {LABEL_CHARS_MAX} characters")));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), PatchError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(PatchError::invalid("text", format!("a text has at most {TEXT_BYTES_MAX} bytes of Markdown")));
    }
    Ok(())
}

fn check_provenance(provenance: &JsonMap<String, Value>) -> Result<(), PatchError> {
    check_object("provenance", provenance, PROVENANCE_BYTES_MAX)
}

fn check_object(field: &'static str, object: &JsonMap<String, Value>, bytes_max: usize) -> Result<(), PatchError> {
    check_json(field, &Value::Object(object.clone()), bytes_max)
}

fn check_json(field: &'static str, value: &Value, bytes_max: usize) -> Result<(), PatchError> {
    if depth(value) > DATA_DEPTH_MAX || value.to_string().len() > bytes_max {
        let limits = format!("has at most {bytes_max} bytes of JSON and {DATA_DEPTH_MAX} levels");
        return Err(PatchError::invalid(field, limits));
    }
    Ok(())
}

fn check_version(version: i64) -> Result<(), PatchError> {
    if !(1..=VERSION_MAX).contains(&version) {
        return Err(PatchError::invalid("sourceVersion", format!("needs a whole number from 1 to {VERSION_MAX}")));
    }
    Ok(())
}

fn check_url(url: &str) -> Result<(), PatchError> {
    let has_scheme = url.starts_with("https://") || url.starts_with("http://");
    if !has_scheme || url.len() > URL_BYTES_MAX || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let expected = format!("needs an http or https address of at most {URL_BYTES_MAX} bytes");
        return Err(PatchError::invalid("url", expected));
    }
    Ok(())
}
