//! The document of a node, `node:<uuid>`: its body, what it works with, and what came of it.

mod item;
mod keys;

use serde::Serialize;
use uuid::Uuid;
use yrs::{Array, ArrayRef, Map, MapRef, Out, ReadTxn, TransactionMut, WriteTxn, XmlFragmentRef};

pub use item::{Item, ItemChanges, ItemContent, NewItem};

use crate::patch::{PatchError, PatchErrorCode};
use crate::rich_text;
use crate::value::{Problem, Problems};

/// The longest body that is written, in bytes of Markdown.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// The most inputs, and the most outputs, that are written to a node.
pub const ITEMS_MAX: usize = 500;

/// What a node's document holds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// The body, as Markdown.
    pub body: String,
    /// What it works with, in order.
    pub inputs: Vec<Item>,
    /// What came of it, in order.
    pub outputs: Vec<Item>,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
}

/// The two lists of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// What it works with.
    Inputs,
    /// What came of it.
    Outputs,
}

impl Side {
    const fn key(self) -> &'static str {
        match self {
            Self::Inputs => keys::INPUTS,
            Self::Outputs => keys::OUTPUTS,
        }
    }
}

/// One change of a node's document.
#[derive(Debug, Clone, PartialEq)]
pub enum NodePatch {
    /// Makes the body read as this Markdown, by the smallest edit that does.
    SetBody {
        /// The new body.
        markdown: String,
    },
    /// Adds an input or output at the end of its list.
    AddItem {
        /// Which list.
        side: Side,
        /// What it holds.
        item: NewItem,
    },
    /// Changes an input or output.
    UpdateItem {
        /// Which list.
        side: Side,
        /// Which item.
        id: Uuid,
        /// What changes.
        changes: ItemChanges,
    },
    /// Removes an input or output.
    RemoveItem {
        /// Which list.
        side: Side,
        /// Which item.
        id: Uuid,
    },
}

/// Reads a node's document. It may hold anything: what is not as it should be is listed and left out.
pub fn read<T: ReadTxn>(txn: &T) -> NodeView {
    let mut problems = Problems::default();
    let body = txn.get_xml_fragment(keys::BODY).map(|body| markdown_of(&body, txn)).unwrap_or_default();
    let inputs = read_items(Side::Inputs, txn, &mut problems);
    let outputs = read_items(Side::Outputs, txn, &mut problems);
    NodeView { body, inputs, outputs, problems: problems.into_inner() }
}

/// Makes a change. An error says that nothing was changed.
pub fn apply(patch: &NodePatch, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    match patch {
        NodePatch::SetBody { markdown } => set_body(txn, markdown),
        NodePatch::AddItem { side, item } => add_item(*side, item, txn),
        NodePatch::UpdateItem { side, id, changes } => {
            changes.validate()?;
            let (_, item) = find(*side, *id, txn)?;
            changes.write(&item, txn);
            Ok(())
        }
        NodePatch::RemoveItem { side, id } => {
            let (index, _) = find(*side, *id, txn)?;
            txn.get_or_insert_array(side.key()).remove(txn, index);
            Ok(())
        }
    }
}

fn markdown_of<T: ReadTxn>(fragment: &XmlFragmentRef, txn: &T) -> String {
    rich_text::to_markdown(fragment, txn)
}

/// Makes the body read as this Markdown, by the smallest edit that does.
pub fn set_body(txn: &mut TransactionMut<'_>, text: &str) -> Result<(), PatchError> {
    if text.len() > BODY_BYTES_MAX {
        return Err(PatchError::invalid("body", format!("a body has at most {BODY_BYTES_MAX} bytes of Markdown")));
    }
    let body = txn.get_or_insert_xml_fragment(keys::BODY);
    rich_text::set_markdown(&body, txn, text);
    Ok(())
}

fn add_item(side: Side, item: &NewItem, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    item.validate()?;
    let list = txn.get_or_insert_array(side.key());
    if list.len(txn) as usize >= ITEMS_MAX {
        return Err(PatchError::new(PatchErrorCode::TooMany, side.key(), format!("a node has at most {ITEMS_MAX}")));
    }
    if find(side, item.id, txn).is_ok() {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "id", "there is an item with this id already"));
    }
    let orders = read_items(side, txn, &mut Problems::default()).into_iter().map(|item| item.sort_order);
    item.write(&list, orders.max().map_or(0, |highest| highest.saturating_add(1)), txn);
    Ok(())
}

/// The items of a list in the order that people see: by sort order, then by place.
fn read_items<T: ReadTxn>(side: Side, txn: &T, problems: &mut Problems) -> Vec<Item> {
    let Some(list) = txn.get_array(side.key()) else { return Vec::new() };
    let mut items: Vec<Item> = maps(&list, txn)
        .filter_map(|(index, map)| {
            let path = format!("{}.{index}", side.key());
            Item::read(&map, txn, &path, problems)
        })
        .collect();
    items.sort_by_key(|item| item.sort_order);
    items
}

fn maps<T: ReadTxn>(list: &ArrayRef, txn: &T) -> impl Iterator<Item = (u32, MapRef)> {
    list.iter(txn).zip(0..).filter_map(|(value, index)| match value {
        Out::YMap(map) => Some((index, map)),
        _ => None,
    })
}

fn find(side: Side, id: Uuid, txn: &TransactionMut<'_>) -> Result<(u32, MapRef), PatchError> {
    let id = id.to_string();
    let list = txn.get_array(side.key());
    let found = list.and_then(|list| {
        maps(&list, txn).find(|(_, map)| map.get(txn, keys::ID).is_some_and(|value| value.to_string(txn) == id))
    });
    found.ok_or_else(|| PatchError::not_found("id", "the node has no such item"))
}

#[cfg(test)]
mod tests {
    use yrs::Transact;

    use super::*;
    use crate::{ClientID, new_doc};

    fn text_item(id: u128, text: &str) -> NewItem {
        NewItem {
            id: Uuid::from_u128(id),
            label: Some("Notes".to_owned()),
            metadata: serde_json::Map::new(),
            content: ItemContent::Text { markdown: text.to_owned() },
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let doc = new_doc(ClientID::new(1));
        let mut txn = doc.transact_mut();
        let link =
            NewItem { content: ItemContent::Link { url: "https://example.com/a".to_owned() }, ..text_item(2, "") };
        let data =
            NewItem { content: ItemContent::Data { data: serde_json::json!({"a": [1, 2]}) }, ..text_item(3, "") };
        apply(&NodePatch::SetBody { markdown: "# Title\n\nSome _text_".to_owned() }, &mut txn).unwrap();
        apply(&NodePatch::AddItem { side: Side::Inputs, item: text_item(1, "Some **notes**") }, &mut txn).unwrap();
        apply(&NodePatch::AddItem { side: Side::Inputs, item: link }, &mut txn).unwrap();
        apply(&NodePatch::AddItem { side: Side::Outputs, item: data }, &mut txn).unwrap();
        let view = read(&txn);
        assert_eq!(view.body.trim(), "# Title\n\nSome _text_");
        assert_eq!(view.inputs.len(), 2);
        assert_eq!(view.inputs[0].text.as_deref().map(str::trim), Some("Some **notes**"));
        assert_eq!(view.inputs[1].url.as_deref(), Some("https://example.com/a"));
        assert_eq!(view.outputs[0].data, Some(serde_json::json!({"a": [1, 2]})));
        assert!(view.problems.is_empty(), "{:?}", view.problems);
    }

    #[test]
    fn items_are_changed_and_removed_by_id() {
        let doc = new_doc(ClientID::new(1));
        let mut txn = doc.transact_mut();
        for id in 1..=3 {
            apply(&NodePatch::AddItem { side: Side::Inputs, item: text_item(id, "x") }, &mut txn).unwrap();
        }
        let changes = ItemChanges { label: crate::Patch::Clear, ..ItemChanges::default() };
        let id = Uuid::from_u128(2);
        apply(&NodePatch::UpdateItem { side: Side::Inputs, id, changes }, &mut txn).unwrap();
        apply(&NodePatch::RemoveItem { side: Side::Inputs, id: Uuid::from_u128(1) }, &mut txn).unwrap();
        let labels: Vec<_> = read(&txn).inputs.into_iter().map(|item| item.label).collect();
        assert_eq!(labels, [None, Some("Notes".to_owned())]);
        let missing = NodePatch::RemoveItem { side: Side::Outputs, id };
        assert_eq!(apply(&missing, &mut txn).unwrap_err().code, PatchErrorCode::NotFound);
        let twice = NodePatch::AddItem { side: Side::Inputs, item: text_item(2, "x") };
        assert_eq!(apply(&twice, &mut txn).unwrap_err().code, PatchErrorCode::AlreadyExists);
    }

    #[test]
    fn a_document_of_any_shape_is_read() {
        let doc = new_doc(ClientID::new(1));
        let mut txn = doc.transact_mut();
        let inputs = txn.get_or_insert_array(keys::INPUTS);
        inputs.push_back(&mut txn, 7);
        let item = inputs.push_back(&mut txn, yrs::MapPrelim::default());
        item.insert(&mut txn, "id", "not a uuid");
        let view = read(&txn);
        assert!(view.inputs.is_empty());
        assert_eq!(view.problems.len(), 1);
    }
}
