//! JSON-like values of a document, read tolerantly: a document may hold anything, whoever wrote it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;
use yrs::branch::BranchPtr;
use yrs::{Any, Array, ArrayRef, GetString, Map, MapRef, Number, Out, ReadTxn, TextRef, TransactionMut};

/// The deepest nesting of shared types and JSON that a view shows.
pub const VALUE_DEPTH_MAX: usize = 32;

/// The most problems that one view lists.
pub const PROBLEMS_MAX: usize = 100;

/// Something in a document that is not as it should be. It is shown and left alone; nothing else depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where: keys and indexes, joined by dots.
    pub path: String,
    /// What is expected there.
    pub message: String,
}

/// The problems found so far, at most [`PROBLEMS_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, path: &str, message: impl Into<String>) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(Problem { path: path.to_owned(), message: message.into() });
        }
    }

    pub(crate) fn into_inner(self) -> Vec<Problem> {
        self.0
    }
}

/// Reads the fields of one Y.Map, and notes those of a wrong type.
pub(crate) struct Fields<'a, T> {
    map: &'a MapRef,
    txn: &'a T,
    path: &'a str,
    problems: &'a mut Problems,
}

impl<'a, T: ReadTxn> Fields<'a, T> {
    pub(crate) fn new(map: &'a MapRef, txn: &'a T, path: &'a str, problems: &'a mut Problems) -> Self {
        Self { map, txn, path, problems }
    }

    /// The value of a key, if there is one other than null.
    pub(crate) fn raw(&self, key: &str) -> Option<Out> {
        self.map.get(self.txn, key).filter(|value| !matches!(value, Out::Any(Any::Null | Any::Undefined)))
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        match self.raw(key)? {
            Out::Any(Any::String(text)) => Some(text.as_ref().to_owned()),
            Out::YText(text) => Some(text.get_string(self.txn)),
            _ => self.wrong(key, "text"),
        }
    }

    /// A text that parses: an id, a time, a word of an enumeration.
    pub(crate) fn parsed<V>(&mut self, key: &str, expected: &str, parse: impl FnOnce(&str) -> Option<V>) -> Option<V> {
        match self.raw(key)? {
            Out::Any(Any::String(text)) => parse(&text).or_else(|| self.wrong(key, expected)),
            _ => self.wrong(key, expected),
        }
    }

    pub(crate) fn id<V: std::str::FromStr>(&mut self, key: &str) -> Option<V> {
        self.parsed(key, "a lower-case uuid", |text| text.parse().ok())
    }

    pub(crate) fn time(&mut self, key: &str) -> Option<DateTime<Utc>> {
        self.parsed(key, "a time in the form of RFC 3339", parse_time)
    }

    /// A finite number.
    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        match self.raw(key)? {
            Out::Any(Any::Number(number)) => {
                number.as_f64().filter(|number| number.is_finite()).or_else(|| self.wrong(key, "a finite number"))
            }
            _ => self.wrong(key, "a number"),
        }
    }

    /// An object, be it a Y.Map or plain JSON.
    pub(crate) fn object(&mut self, key: &str) -> serde_json::Map<String, Value> {
        match self.raw(key).map(|value| to_json(&value, self.txn)) {
            None => serde_json::Map::new(),
            Some(Some(Value::Object(object))) => object,
            Some(_) => self.wrong(key, "an object that is not too deep").unwrap_or_default(),
        }
    }

    pub(crate) fn json(&mut self, key: &str) -> Option<Value> {
        let value = self.raw(key)?;
        to_json(&value, self.txn).or_else(|| self.wrong(key, "a value that is not too deep"))
    }

    pub(crate) fn wrong<V>(&mut self, key: &str, expected: &str) -> Option<V> {
        self.problems.add(&format!("{}.{key}", self.path), format!("expected {expected}"));
        None
    }
}

/// The values of a list, each at its index. yrs 0.28 reads a list without end in which text beyond the basic plane
/// stands; nobody writes text into a list, so such a one reads as empty.
pub(crate) fn list_values<T: ReadTxn>(list: &ArrayRef, txn: &T) -> Vec<Out> {
    let text = TextRef::from(BranchPtr::from(list.as_ref())).get_string(txn);
    if text.chars().all(|letter| letter.len_utf16() == 1) { list.iter(txn).collect() } else { Vec::new() }
}

/// A value as JSON: shared maps and arrays become objects and arrays, shared texts strings, bytes nothing. `None` when
/// it nests deeper than [`VALUE_DEPTH_MAX`].
pub(crate) fn to_json<T: ReadTxn>(value: &Out, txn: &T) -> Option<Value> {
    out_to_json(value, txn, VALUE_DEPTH_MAX)
}

fn out_to_json<T: ReadTxn>(value: &Out, txn: &T, depth_left: usize) -> Option<Value> {
    let depth_left = depth_left.checked_sub(1)?;
    Some(match value {
        Out::Any(any) => any_to_json(any, depth_left)?,
        Out::YMap(map) => {
            let entries =
                map.iter(txn).map(|(key, value)| Some((key.to_owned(), out_to_json(&value, txn, depth_left)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
        Out::YArray(array) => {
            let values = list_values(array, txn);
            Value::Array(values.iter().map(|value| out_to_json(value, txn, depth_left)).collect::<Option<_>>()?)
        }
        Out::YText(text) => Value::String(text.get_string(txn)),
        _ => Value::Null,
    })
}

fn any_to_json(any: &Any, depth_left: usize) -> Option<Value> {
    let depth_left = depth_left.checked_sub(1)?;
    Some(match any {
        Any::Null | Any::Undefined | Any::Buffer(_) => Value::Null,
        Any::Bool(flag) => Value::Bool(*flag),
        Any::Number(number) => number_to_json(*number),
        Any::String(text) => Value::String(text.as_ref().to_owned()),
        Any::Array(values) => {
            Value::Array(values.iter().map(|value| any_to_json(value, depth_left)).collect::<Option<_>>()?)
        }
        Any::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| Some((key.clone(), any_to_json(value, depth_left)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
    })
}

/// Whole numbers show without a fraction, as in JavaScript.
fn number_to_json(number: Number) -> Value {
    let number = number.as_f64().map_or(number, Number::try_i64);
    match number {
        Number::Int(whole) => Value::from(whole),
        Number::Float(number) => Value::from(number),
    }
}

/// JSON as a plain value of a document.
pub(crate) fn from_json(value: &Value) -> Any {
    match value {
        Value::Null => Any::Null,
        Value::Bool(flag) => Any::Bool(*flag),
        Value::Number(number) => number.as_f64().map_or(Any::Null, from_number),
        Value::String(text) => Any::from(text.as_str()),
        Value::Array(values) => Any::Array(values.iter().map(from_json).collect()),
        Value::Object(entries) => {
            let entries: HashMap<_, _> = entries.iter().map(|(key, value)| (key.clone(), from_json(value))).collect();
            Any::Map(Arc::new(entries))
        }
    }
}

/// A number in the encoding that yjs chooses for it.
pub(crate) fn from_number(number: f64) -> Any {
    Any::Number(Number::try_i64(number))
}

pub(crate) fn from_time(time: DateTime<Utc>) -> Any {
    Any::from(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// How long a text is for Yjs.
pub(crate) fn utf16_len(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).expect("a text's length is a 32-bit number in Yjs")
}

/// How deep JSON nests: 1 for what holds nothing.
pub(crate) fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Sets a key unless it has that value already.
pub(crate) fn set(map: &MapRef, txn: &mut TransactionMut, key: &str, value: Any) {
    let unchanged = matches!(map.get(txn, key), Some(Out::Any(current)) if current == value);
    if !unchanged {
        map.insert(txn, key, value);
    }
}

/// Sets or removes a key, unless that changes nothing.
pub(crate) fn set_or_remove(map: &MapRef, txn: &mut TransactionMut, key: &str, value: Option<Any>) {
    match value {
        Some(value) => set(map, txn, key, value),
        None if map.contains_key(txn, key) => drop(map.remove(txn, key)),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use yrs::{ClientID, Text, Transact};

    use super::*;

    #[test]
    fn a_list_in_which_text_stands_is_read_to_an_end() {
        let doc = crate::new_doc(ClientID::new(1));
        let (text, list) = (doc.get_or_insert_text("list"), doc.get_or_insert_array("list"));
        let mut txn = doc.transact_mut();
        list.push_back(&mut txn, "a value");
        assert_eq!(list_values(&list, &txn), [Out::from("a value")]);
        text.insert(&mut txn, 0, "\u{1f642}");
        assert_eq!(list_values(&list, &txn), []);
    }
}
