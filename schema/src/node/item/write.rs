//! Writing items, once they are checked.

use serde_json::{Map as JsonMap, Value};
use yrs::{Any, Array, ArrayRef, Map, MapPrelim, MapRef, Out, TransactionMut, XmlFragmentPrelim};

use super::{ItemChanges, ItemContent, NewItem};
use crate::node::keys;
use crate::patch::{Patch, metadata};
use crate::rich_text;
use crate::value::{from_json, from_number, set_or_remove};

impl NewItem {
    pub(in crate::node) fn write(&self, list: &ArrayRef, sort_order: i32, txn: &mut TransactionMut<'_>) {
        let item = list.push_back(txn, MapPrelim::default());
        item.insert(txn, keys::ID, self.id.to_string());
        item.insert(txn, keys::TYPE, self.content.item_type().as_str());
        item.insert(txn, keys::SORT_ORDER, from_number(f64::from(sort_order)));
        set_or_remove(&item, txn, keys::LABEL, self.label.as_deref().map(Any::from));
        metadata::write(&item, txn, keys::METADATA, &self.metadata);
        set_or_remove(&item, txn, keys::PROVENANCE, self.provenance.as_ref().map(object));
        self.content.write(&item, txn);
    }
}

impl ItemContent {
    fn write(&self, item: &MapRef, txn: &mut TransactionMut<'_>) {
        match self {
            Self::Text { text } => write_text(item, txn, text),
            Self::Link { url } => set_or_remove(item, txn, keys::URL, Some(Any::from(url.as_str()))),
            Self::NodeReference { source_node_id, source_version } => {
                item.insert(txn, keys::SOURCE_NODE_ID, source_node_id.to_string());
                set_or_remove(item, txn, keys::SOURCE_VERSION, source_version.map(version));
            }
            Self::Data { data } => set_or_remove(item, txn, keys::DATA, Some(from_json(data))),
            Self::File { file_id } => set_or_remove(item, txn, keys::FILE_ID, Some(Any::from(file_id.to_string()))),
        }
    }
}

impl ItemChanges {
    pub(in crate::node) fn write(&self, item: &MapRef, txn: &mut TransactionMut<'_>) {
        metadata::change(item, txn, keys::METADATA, &self.metadata);
        match &self.text {
            Patch::Absent => {}
            Patch::Clear => write_text(item, txn, ""),
            Patch::Set(text) => write_text(item, txn, text),
        }
        let text = |text: &String| Any::from(text.as_str());
        let values = [
            (keys::LABEL, self.label.as_change().map(|label| label.map(text))),
            (keys::URL, self.url.as_change().map(|url| url.map(text))),
            (keys::SORT_ORDER, self.sort_order.as_change().map(|at| at.map(|at| from_number(f64::from(*at))))),
            (keys::PROVENANCE, self.provenance.as_change().map(|provenance| provenance.map(object))),
            (keys::DATA, self.data.as_change().map(|data| data.map(from_json))),
            (keys::FILE_ID, self.file_id.as_change().map(|id| id.map(|id| Any::from(id.to_string())))),
            (keys::SOURCE_NODE_ID, self.source_node_id.as_change().map(|id| id.map(|id| Any::from(id.to_string())))),
            (keys::SOURCE_VERSION, self.source_version.as_change().map(|number| number.copied().map(version))),
        ];
        for (key, change) in values {
            if let Some(value) = change {
                set_or_remove(item, txn, key, value);
            }
        }
    }
}

/// Makes the text say this Markdown by the smallest edit, in whatever form it is there.
fn write_text(item: &MapRef, txn: &mut TransactionMut<'_>, markdown: &str) {
    match item.get(txn, keys::TEXT) {
        Some(Out::YXmlFragment(fragment)) => rich_text::set_markdown(&fragment, txn, markdown),
        Some(Out::YText(text)) => rich_text::set_words(&text, txn, markdown),
        _ => {
            let fragment = item.insert(txn, keys::TEXT, XmlFragmentPrelim::default());
            rich_text::set_markdown(&fragment, txn, markdown);
        }
    }
}

fn object(members: &JsonMap<String, Value>) -> Any {
    from_json(&Value::Object(members.clone()))
}

fn version(number: i64) -> Any {
    from_json(&Value::from(number))
}
