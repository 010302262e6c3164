//! Metadata: a Y.Map of JSON under one key, of which each member can be changed at the same time as the others.

use serde_json::{Map as JsonMap, Value};
use yrs::{Map, MapPrelim, MapRef, Out, TransactionMut};

use super::Patch;
use crate::value::{from_json, set_or_remove, to_json};

/// Changes the metadata under `key`: merges, member by member (`null` removes one), or removes all. What some client
/// wrote as plain JSON becomes a Y.Map.
pub(crate) fn change(owner: &MapRef, txn: &mut TransactionMut, key: &str, change: &Patch<JsonMap<String, Value>>) {
    let Some(change) = change.as_change() else { return };
    let metadata = match (change, owner.get(txn, key)) {
        (Some(_), Some(Out::YMap(metadata))) => metadata,
        (Some(_), Some(plain)) => {
            let plain = to_json(&plain, txn);
            let metadata = owner.insert(txn, key, MapPrelim::default());
            if let Some(Value::Object(plain)) = plain {
                merge(&metadata, txn, &plain);
            }
            metadata
        }
        (None, Some(Out::YMap(metadata))) => {
            metadata.clear(txn);
            return;
        }
        (_, None) | (None, Some(_)) => owner.insert(txn, key, MapPrelim::default()),
    };
    if let Some(change) = change {
        merge(&metadata, txn, change);
    }
}

/// Writes metadata where there is none yet.
pub(crate) fn write(owner: &MapRef, txn: &mut TransactionMut, key: &str, members: &JsonMap<String, Value>) {
    let metadata = owner.insert(txn, key, MapPrelim::default());
    merge(&metadata, txn, members);
}

/// What [`change`] will leave of `present`.
pub(crate) fn merged(present: &JsonMap<String, Value>, change: &JsonMap<String, Value>) -> JsonMap<String, Value> {
    let mut merged = present.clone();
    merged.extend(change.clone());
    merged.retain(|_, value| !value.is_null());
    merged
}

fn merge(metadata: &MapRef, txn: &mut TransactionMut, members: &JsonMap<String, Value>) {
    for (key, value) in members {
        set_or_remove(metadata, txn, key, (!value.is_null()).then(|| from_json(value)));
    }
}
