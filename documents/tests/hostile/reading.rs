//! What a document reads as, whatever is in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use yrs::types::ToJson;
use yrs::types::text::YChange;
use yrs::{Array, GetString, Map, Out, ReadTxn, Text, Xml, XmlFragment, XmlOut};

/// The roots that are read, all of them in every way.
const ROOTS: [&str; 6] = ["text", "body", "project", "nodes", "edges", "inputs"];

/// Reads every root as each kind of type.
pub fn read<T: ReadTxn>(txn: &T) -> BTreeMap<&'static str, Value> {
    ROOTS.into_iter().map(|name| (name, root(txn, name))).collect()
}

/// A root that nobody has asked for yet reads like an empty one.
fn root<T: ReadTxn>(txn: &T, name: &str) -> Value {
    let text = txn.get_text(name).map_or(json!([]), |text| rich_text(txn, &text));
    let map = txn.get_map(name).map_or(json!({}), |map| any(txn, &Out::YMap(map)));
    let list = txn.get_array(name).filter(|_| is_list(txn, name));
    let list = list.map_or(json!([]), |array| any(txn, &Out::YArray(array)));
    json!({"text": text, "map": map, "list": list})
}

/// Whether a root can be read as a list: yrs 0.28 reads one without end that holds text beyond the basic plane.
pub fn is_list<T: ReadTxn>(txn: &T, name: &str) -> bool {
    txn.get_text(name).is_none_or(|text| text.get_string(txn).chars().all(|c| c.len_utf16() == 1))
}

fn rich_text<T: ReadTxn>(txn: &T, text: &impl Text) -> Value {
    let mut chunks: Vec<(Value, Value)> = Vec::new();
    for chunk in text.diff(txn, YChange::identity) {
        let attributes: BTreeMap<_, _> = chunk
            .attributes
            .iter()
            .flat_map(|all| all.iter())
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect();
        let (attributes, insert) = (json!(attributes), any(txn, &chunk.insert));
        match (chunks.last_mut(), &insert) {
            (Some((Value::String(text), same)), Value::String(more)) if *same == attributes => text.push_str(more),
            _ => chunks.push((insert, attributes)),
        }
    }
    json!(chunks)
}

fn any<T: ReadTxn>(txn: &T, out: &Out) -> Value {
    match out {
        Out::Any(any) => serde_json::to_value(any).unwrap_or(Value::Null),
        Out::YText(text) => rich_text(txn, text),
        Out::YXmlText(text) => rich_text(txn, text),
        Out::YMap(map) => map.iter(txn).map(|(key, value)| (key.to_owned(), any(txn, &value))).collect(),
        Out::YArray(array) => array.iter(txn).map(|value| any(txn, &value)).collect(),
        Out::YXmlElement(element) => xml(txn, &XmlOut::Element(element.clone())),
        Out::YXmlFragment(fragment) => xml(txn, &XmlOut::Fragment(fragment.clone())),
        other => serde_json::to_value(other.to_json(txn)).unwrap_or(Value::Null),
    }
}

fn xml<T: ReadTxn>(txn: &T, node: &XmlOut) -> Value {
    match node {
        XmlOut::Text(text) => rich_text(txn, text),
        XmlOut::Element(element) => {
            let attributes: BTreeMap<_, _> =
                element.attributes(txn).map(|(name, value)| (name.to_owned(), any(txn, &value))).collect();
            let children: Vec<_> = element.children(txn).map(|child| xml(txn, &child)).collect();
            json!([element.tag().as_ref(), attributes, children])
        }
        XmlOut::Fragment(fragment) => fragment.children(txn).map(|child| xml(txn, &child)).collect(),
    }
}
