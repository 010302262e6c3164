//! What changed in the values of a document.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::text::Authorship;

/// A value that changed between two places of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// The keys that lead to it; items of lists go by their `id`.
    pub path: Vec<String>,
    /// What it was; `None` if it was not there.
    pub before: Option<Value>,
    /// What it is; `None` if it is gone.
    pub after: Option<Value>,
    /// Who changed it last, where that is asked for and known.
    pub by: Option<Authorship>,
}

/// The values that differ, from the outside in: what came or went is told as a whole.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    changes_at(Vec::new(), Some(before), Some(after))
}

/// The same of what is at a place.
pub(super) fn changes_at(mut path: Vec<String>, before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare(&mut path, before, after, &mut found);
    found
}

fn compare(path: &mut Vec<String>, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    match (before.and_then(by_key), after.and_then(by_key)) {
        (Some(before), Some(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                path.push(key.clone());
                compare(path, before.get(key), after.get(key), found);
                path.pop();
            }
        }
        _ => found.push(FieldChange { path: path.clone(), before: before.cloned(), after: after.cloned(), by: None }),
    }
}

/// A value's parts by key: those of an object, and those of a list of objects that have an `id` each.
fn by_key(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object.clone()),
        Value::Array(items) => {
            let id = |item: &Value| item.get("id").and_then(Value::as_str).map(str::to_owned);
            items.iter().map(|item| Some((id(item)?, item.clone()))).collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_told_with_the_way_to_it() {
        let before = json!({"same": 1, "gone": {"a": 1}, "list": [{"id": "x", "v": 1}, {"id": "y"}], "plain": [1]});
        let after = json!({"same": 1, "new": null, "list": [{"id": "z"}, {"id": "x", "v": 2}], "plain": [1, 2]});
        let told: Vec<_> = changes(&before, &after)
            .into_iter()
            .map(|change| (change.path.join("/"), change.before, change.after))
            .collect();
        let expected = vec![
            ("gone".to_owned(), Some(json!({"a": 1})), None),
            ("list/x/v".to_owned(), Some(json!(1)), Some(json!(2))),
            ("list/y".to_owned(), Some(json!({"id": "y"})), None),
            ("list/z".to_owned(), None, Some(json!({"id": "z"}))),
            ("new".to_owned(), None, Some(json!(null))),
            ("plain".to_owned(), Some(json!([1])), Some(json!([1, 2]))),
        ];
        assert_eq!(told, expected);
    }
}
