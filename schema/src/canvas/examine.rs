//! What in a canvas is not of its shape (see [`crate::repair`]).

use std::collections::BTreeMap;

use yrs::{Any, Map, MapRef, Out, ReadTxn};

use super::{COORDINATE_MAX, keys};
use crate::repair::{Change, Copied, Fixes, Members, Reason, right_id, shown_key, words_of};
use crate::value::list_values;

/// The maps at a canvas's root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The project's own properties.
    Project,
    /// The nodes, by id.
    Nodes,
    /// The edges, by id.
    Edges,
}

impl Root {
    pub(crate) const ALL: [Self; 3] = [Self::Project, Self::Nodes, Self::Edges];

    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Project => keys::PROJECT,
            Self::Nodes => keys::NODES,
            Self::Edges => keys::EDGES,
        }
    }

    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.key() == key)
    }
}

/// Looks at one member of one of the maps.
pub(crate) fn examine<T: ReadTxn>(root: Root, key: &str, txn: &T, fixes: &mut Fixes) {
    let Some(map) = txn.get_map(root.key()) else { return };
    match root {
        Root::Project => examine_project(&map, key, txn, fixes),
        Root::Nodes | Root::Edges => examine_entry(root, &map, key, txn, fixes),
    }
}

fn examine_project<T: ReadTxn>(map: &MapRef, key: &str, txn: &T, fixes: &mut Fixes) {
    let mut members = Members { map, txn, path: keys::PROJECT, fixes };
    match key {
        keys::NAME | keys::DESCRIPTION => members.text(key),
        keys::WORKFLOW_STATES => examine_states(&mut members),
        _ => {}
    }
}

/// The states are a Y.Array or a plain array, of texts.
fn examine_states<T: ReadTxn>(members: &mut Members<'_, T>) {
    const KEY: &str = keys::WORKFLOW_STATES;
    let is_text = |value: &Out| matches!(value, Out::Any(Any::String(_)));
    let txn = members.txn;
    match members.get(KEY) {
        None => {}
        Some(Out::YArray(list)) => {
            for (value, index) in list_values(&list, txn).into_iter().zip(0..) {
                if !is_text(&value) {
                    let path = format!("{}.{KEY}.{index}", members.path);
                    let value = words_of(&value, txn).map(Copied::text);
                    members.fixes.add(path, Reason::NotText, Change::Child { of: list.clone(), index, value });
                }
            }
        }
        Some(Out::Any(Any::Array(values))) if values.iter().all(|value| matches!(value, Any::String(_))) => {}
        Some(Out::Any(Any::Array(values))) => {
            let words = values.iter().filter_map(|value| words_of(&Out::Any(value.clone()), txn));
            members.fix(KEY, Reason::NotText, Some(Copied::Array(words.map(Copied::text).collect())));
        }
        Some(Out::Any(Any::String(state))) => {
            members.fix(KEY, Reason::NotAList, Some(Copied::Array(vec![Copied::text(state)])));
        }
        Some(_) => members.fix(KEY, Reason::NotAList, None),
    }
}

fn examine_entry<T: ReadTxn>(root: Root, map: &MapRef, key: &str, txn: &T, fixes: &mut Fixes) {
    let Some(value) = map.get(txn, key) else { return };
    let path = format!("{}.{}", root.key(), shown_key(key));
    let Out::YMap(entry) = &value else {
        let value = match &value {
            Out::Any(object @ Any::Map(_)) => Copied::map_of(object),
            // A node that is nothing but words is called by them.
            other if root == Root::Nodes => words_of(other, txn)
                .map(|words| Copied::Map(BTreeMap::from([(keys::TITLE.into(), Copied::text(words))]))),
            _ => None,
        };
        return fixes.add(path, Reason::NotAMap, Change::Member { of: map.clone(), key: key.into(), value });
    };
    let id = right_id(key).to_string();
    if id != key {
        let change = Change::Rename { root, map: map.clone(), from: key.into(), to: id.into() };
        return fixes.add(path, Reason::NotAnId, change);
    }
    let mut members = Members { map: entry, txn, path: &path, fixes };
    if root == Root::Nodes {
        return examine_node(&mut members);
    }
    for key in [keys::SOURCE_NODE_ID, keys::TARGET_NODE_ID] {
        let reason = match members.get(key) {
            Some(value) if words_of(&value, txn).is_some() => {
                members.reference(key);
                continue;
            }
            Some(_) => Reason::NotAnId,
            None => Reason::Incomplete,
        };
        // An edge that leads nowhere is none.
        let path = format!("{path}.{key}");
        let (of, key) = (map.clone(), id.as_str().into());
        return fixes.add(path, reason, Change::Member { of, key, value: None });
    }
    members.reference(keys::SOURCE_OUTPUT_ID);
    members.reference(keys::TARGET_INPUT_ID);
}

fn examine_node<T: ReadTxn>(members: &mut Members<'_, T>) {
    // A word that is unknown may be a newer client's.
    for key in [keys::TITLE, keys::STATUS, keys::AUTHOR_TYPE] {
        members.text(key);
    }
    members.reference(keys::PARENT_ID);
    members.foreign_id(keys::AUTHOR_USER_ID);
    members.foreign_id(keys::SUPERVISOR_USER_ID);
    for key in [keys::X, keys::Y, keys::WIDTH, keys::HEIGHT] {
        members.number(key, COORDINATE_MAX);
    }
    members.map(keys::METADATA);
    members.time(keys::CREATED_AT);
    members.time(keys::DELETED_AT);
}
