//! What in a node's document is not of its shape (see [`crate::repair`]).

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;
use yrs::block::ID;
use yrs::branch::BranchID;
use yrs::{Any, Array, Map, MapRef, Out, ReadTxn};

use super::{ItemType, Side, VERSION_MAX, keys};
use crate::repair::{Change, Copied, Fixes, Members, Reason, derived_id, right_id, words_of};
use crate::rich_text::{self, Loose, Words};
use crate::value::list_values;

/// Items that have the same id are looked for in lists of so many.
const DUPLICATES_SOUGHT_MAX: u32 = 2_000;

/// Whether a root is the body.
pub(crate) fn is_body(root: &str) -> bool {
    root == keys::BODY
}

/// The list that a root is.
pub(crate) fn side_of(root: &str) -> Option<Side> {
    [Side::Inputs, Side::Outputs].into_iter().find(|side| side.key() == root)
}

/// Whether a member of an item is its text.
pub(crate) fn is_text(key: &str) -> bool {
    key == keys::TEXT
}

/// Whether a member of an item is its id.
pub(crate) fn is_id(key: &str) -> bool {
    key == keys::ID
}

/// The items of a list.
pub(crate) fn items_of<T: ReadTxn>(side: Side, txn: &T) -> Vec<MapRef> {
    let list = txn.get_array(side.key());
    list.map(|list| super::maps(&list, txn).map(|(_, item)| item).collect()).unwrap_or_default()
}

/// Looks at the body.
pub(crate) fn examine_body<T: ReadTxn>(txn: &T, fixes: &mut Fixes) {
    if let Some(body) = txn.get_xml_fragment(keys::BODY) {
        rich_text::examine(&body, keys::BODY, txn, fixes);
    }
}

/// Looks at what a list consists of.
pub(crate) fn examine_list<T: ReadTxn>(side: Side, txn: &T, fixes: &mut Fixes) {
    let Some(list) = txn.get_array(side.key()) else { return };
    let loose = rich_text::loose_words(list.as_ref(), txn);
    if !loose.is_empty() {
        for Loose { index, units, words } in loose {
            let value = Some(text_item(Copied::Fragment(rich_text::Tree::element("paragraph", words))));
            let change = Change::Loose { of: list.clone(), index, units, value };
            fixes.add(format!("{}.{index}", side.key()), Reason::NotAMap, change);
        }
        return;
    }
    let seeks_duplicates = list.len(txn) <= DUPLICATES_SOUGHT_MAX;
    let mut ids = HashSet::new();
    for (value, index) in list_values(&list, txn).into_iter().zip(0..) {
        let Out::YMap(item) = &value else {
            let (list, value) = (list.clone(), item_of(&value, txn));
            let change = Change::Child { of: list, index, value };
            fixes.add(format!("{}.{index}", side.key()), Reason::NotAMap, change);
            continue;
        };
        if seeks_duplicates
            && let Some(id) = id_of(item, txn)
            && !ids.insert(id)
        {
            let path = format!("{}.{id}", side.key());
            let id = derived_id(&format!("{id} {}", place_of(item))).to_string();
            let (of, key, value) = (item.clone(), keys::ID.into(), Some(Copied::text(id)));
            fixes.add(path, Reason::Duplicate, Change::Member { of, key, value });
        }
    }
}

/// The id of an item, or the one that it will be given.
fn id_of<T: ReadTxn>(item: &MapRef, txn: &T) -> Option<Uuid> {
    let id = item.get(txn, keys::ID)?;
    words_of(&id, txn).map(|text| right_id(&text))
}

/// What is one of its kind in every item.
fn place_of(item: &MapRef) -> String {
    match item.as_ref().id() {
        BranchID::Nested(ID { client, clock }) => format!("{}.{clock}", client.get()),
        BranchID::Root(name) => name.to_string(),
    }
}

/// What somebody put into a list in place of a map, as the item that it may be.
fn item_of<T: ReadTxn>(value: &Out, txn: &T) -> Option<Copied> {
    match value {
        Out::Any(object @ Any::Map(_)) => Copied::map_of(object),
        Out::YText(text) => Some(text_item(Copied::Text(Words::of(text, txn)))),
        Out::Any(Any::Array(_)) | Out::YArray(_) => {
            let kind = Copied::text(ItemType::StructuredData.as_str());
            let data = Copied::of(value, txn);
            Some(Copied::Map(BTreeMap::from([(keys::TYPE.into(), kind), (keys::DATA.into(), data)])))
        }
        other => words_of(other, txn).map(|words| text_item(Copied::Fragment(rich_text::Tree::paragraphs(&words)))),
    }
}

fn text_item(text: Copied) -> Copied {
    let kind = Copied::text(ItemType::Text.as_str());
    Copied::Map(BTreeMap::from([(keys::TYPE.into(), kind), (keys::TEXT.into(), text)]))
}

/// Looks at an item.
pub(crate) fn examine_item<T: ReadTxn>(side: Side, item: &MapRef, txn: &T, fixes: &mut Fixes) {
    let named = id_of(item, txn).map_or_else(|| "?".to_owned(), |id| id.to_string());
    let path = format!("{}.{named}", side.key());
    let mut members = Members { map: item, txn, path: &path, fixes };
    if id_of(item, txn).is_some() {
        members.reference(keys::ID);
    } else {
        let id = derived_id(&place_of(item)).to_string();
        members.fix(keys::ID, Reason::Incomplete, Some(Copied::text(id)));
    }
    // A type that is unknown may be a newer client's.
    for key in [keys::TYPE, keys::LABEL, keys::URL] {
        members.text(key);
    }
    members.number(keys::SORT_ORDER, f64::from(i32::MAX));
    members.map(keys::METADATA);
    members.foreign_id(keys::FILE_ID);
    members.reference(keys::SOURCE_NODE_ID);
    #[expect(clippy::cast_precision_loss, reason = "it is 2^53 - 1")]
    members.number(keys::SOURCE_VERSION, VERSION_MAX as f64);
    match members.get(keys::TEXT) {
        None | Some(Out::Any(Any::String(_))) => {}
        Some(Out::YXmlFragment(fragment)) => {
            rich_text::examine(&fragment, &format!("{path}.{}", keys::TEXT), txn, fixes);
        }
        Some(Out::YText(text)) => rich_text::examine_words(&text, &format!("{path}.{}", keys::TEXT), txn, fixes),
        Some(other) => {
            let words = words_of(&other, txn);
            let text = words.map(|words| Copied::Fragment(rich_text::Tree::paragraphs(&words)));
            members.fix(keys::TEXT, Reason::NotText, text);
        }
    }
}
