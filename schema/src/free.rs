//! A free document as JSON. The server knows no shape of it, and Yjs does not say of what type a root is, so that is
//! told from what the root holds.

use serde_json::{Map, Value};
use yrs::types::ToJson;
use yrs::{Any, Array, ArrayRef, GetString, MapRef, Out, ReadTxn, TextRef, XmlFragmentRef};
use yrs::{Map as _, branch::BranchPtr};

/// All roots of a document by name: maps as objects, arrays as arrays, text and XML as strings, empty ones as `null`.
pub fn read(txn: &impl ReadTxn) -> Value {
    let roots = txn.root_refs().map(|(name, root)| (name.to_owned(), root_value(root, txn)));
    Value::Object(roots.collect::<Map<_, _>>())
}

fn root_value(root: Out, txn: &impl ReadTxn) -> Value {
    match root {
        Out::UndefinedRef(branch) => untyped(branch, txn),
        typed => plain(&typed.to_json(txn)),
    }
}

fn untyped(branch: BranchPtr, txn: &impl ReadTxn) -> Value {
    let map = MapRef::from(branch);
    if map.len(txn) > 0 {
        return plain(&map.to_json(txn));
    }
    let array = ArrayRef::from(branch);
    match array.iter(txn).next() {
        None => text_of(branch, txn),
        Some(Out::YXmlElement(_) | Out::YXmlFragment(_) | Out::YXmlText(_)) => {
            Value::String(XmlFragmentRef::from(branch).get_string(txn))
        }
        Some(_) => match text_of(branch, txn) {
            Value::Null => plain(&array.to_json(txn)),
            text => text,
        },
    }
}

fn text_of(branch: BranchPtr, txn: &impl ReadTxn) -> Value {
    let text = TextRef::from(branch).get_string(txn);
    if text.is_empty() { Value::Null } else { Value::String(text) }
}

fn plain(value: &Any) -> Value {
    // Numbers that JSON has no word for become null.
    serde_json::to_value(value).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use crate::ClientID;
    use serde_json::json;
    use yrs::updates::decoder::Decode;
    use yrs::{Doc, StateVector, Text, Transact, Update, WriteTxn, XmlElementPrelim, XmlFragment, XmlTextPrelim};

    use super::*;

    /// What a server sees of a document that a client made.
    fn received(write: impl FnOnce(&mut yrs::TransactionMut<'_>)) -> Value {
        let client = crate::new_doc(ClientID::new(1));
        write(&mut client.transact_mut());
        let update = client.transact().encode_state_as_update_v1(&StateVector::default());
        let server: Doc = crate::new_doc(ClientID::new(2));
        server.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
        read(&server.transact())
    }

    #[test]
    fn roots_show_as_what_they_hold() {
        let value = received(|txn| {
            txn.get_or_insert_text("text").insert(txn, 0, "Grüße 👋");
            txn.get_or_insert_map("map").insert(txn, "key", 1);
            let array = txn.get_or_insert_array("array");
            array.push_back(txn, "one");
            array.push_back(txn, vec![2]);
            let fragment = txn.get_or_insert_xml_fragment("xml");
            let paragraph = fragment.push_back(txn, XmlElementPrelim::empty("p"));
            paragraph.push_back(txn, XmlTextPrelim::new("Hello"));
        });
        let expected = json!({
            "text": "Grüße 👋", "map": {"key": 1}, "array": ["one", [2]], "xml": "<p>Hello</p>",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_root_that_was_emptied_is_null() {
        let value = received(|txn| {
            let text = txn.get_or_insert_text("text");
            text.insert(txn, 0, "gone");
            text.remove_range(txn, 0, 4);
        });
        assert_eq!(value, json!({"text": null}));
    }
}
