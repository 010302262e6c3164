use serde_json::json;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, StateVector, Text, TextPrelim, Transact, Update};

use super::*;
use crate::{ClientID, new_doc};

fn text_item(id: u128, text: &str) -> NewItem {
    NewItem {
        id: Uuid::from_u128(id),
        label: Some("Notes".to_owned()),
        metadata: serde_json::Map::new(),
        provenance: None,
        content: ItemContent::Text { text: text.to_owned() },
    }
}

#[test]
fn what_was_written_is_read() {
    let doc = new_doc(ClientID::new(1));
    let mut txn = doc.transact_mut();
    let link = NewItem { content: ItemContent::Link { url: "https://example.com/a".to_owned() }, ..text_item(2, "") };
    let data = NewItem { content: ItemContent::Data { data: serde_json::json!({"a": [1, 2]}) }, ..text_item(3, "") };
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
    apply(&NodePatch::UpdateItem { side: Side::Inputs, id, changes: Box::new(changes) }, &mut txn).unwrap();
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

/// A node with one input of each type, under the ids 1 to 5.
fn node_with_items() -> Doc {
    let doc = new_doc(ClientID::new(1));
    let contents = [
        ItemContent::Text { text: "One two three".to_owned() },
        ItemContent::Link { url: "https://example.com".to_owned() },
        ItemContent::NodeReference { source_node_id: Uuid::from_u128(7).into(), source_version: Some(3) },
        ItemContent::Data { data: json!([1]) },
        ItemContent::File { file_id: Uuid::from_u128(8) },
    ];
    let mut txn = doc.transact_mut();
    for (id, content) in (1..).zip(contents) {
        let provenance = json!({"userId": "u"}).as_object().cloned();
        let metadata = json!({"a": 1, "b": 2}).as_object().cloned().unwrap();
        let item = NewItem { metadata, provenance, content, ..text_item(id, "") };
        apply(&NodePatch::AddItem { side: Side::Inputs, item }, &mut txn).unwrap();
    }
    drop(txn);
    doc
}

fn change(doc: &Doc, id: u128, changes: serde_json::Value) -> Result<Item, PatchError> {
    let changes = Box::new(serde_json::from_value(changes).unwrap());
    let id = Uuid::from_u128(id);
    let mut txn = doc.transact_mut();
    if let Err(error) = apply(&NodePatch::UpdateItem { side: Side::Inputs, id, changes }, &mut txn) {
        assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1, "a refused patch writes nothing");
        return Err(error);
    }
    Ok(read(&txn).inputs.into_iter().find(|item| item.id == id).unwrap())
}

fn send(from: &Doc, to: &Doc) {
    let state = from.transact().encode_state_as_update_v1(&StateVector::default());
    to.transact_mut().apply_update(Update::decode_v1(&state).unwrap()).unwrap();
}

#[test]
fn what_an_item_holds_is_changed_by_the_fields_of_its_type() {
    let doc = node_with_items();
    assert_eq!(change(&doc, 1, json!({"text": "One **2** three"})).unwrap().text.unwrap().trim(), "One **2** three");
    assert_eq!(change(&doc, 1, json!({"text": null})).unwrap().text.as_deref(), Some(""));
    let url = change(&doc, 2, json!({"url": "http://example.org/x"})).unwrap().url;
    assert_eq!(url.as_deref(), Some("http://example.org/x"));
    let other = Uuid::from_u128(9);
    let item = change(&doc, 3, json!({"sourceNodeId": other, "sourceVersion": VERSION_MAX})).unwrap();
    assert_eq!((item.source_node_id, item.source_version), (Some(other.into()), Some(VERSION_MAX)));
    let item = change(&doc, 3, json!({"sourceVersion": null})).unwrap();
    assert_eq!((item.source_node_id, item.source_version), (Some(other.into()), None));
    assert_eq!(change(&doc, 4, json!({"data": {"x": [true]}})).unwrap().data, Some(json!({"x": [true]})));
    assert_eq!(change(&doc, 4, json!({"data": null})).unwrap().data, None);
    assert_eq!(change(&doc, 5, json!({"fileId": other})).unwrap().file_id, Some(other));
}

#[test]
fn metadata_is_merged_and_provenance_replaced() {
    let doc = node_with_items();
    let changes = json!({"metadata": {"b": null, "c": [3]}, "provenance": {"runId": "r"}, "sortOrder": 9});
    let item = change(&doc, 2, changes).unwrap();
    assert_eq!(json!(item.metadata), json!({"a": 1, "c": [3]}));
    assert_eq!(item.provenance, Some(json!({"runId": "r"})));
    assert_eq!(item.sort_order, 9);
    let item = change(&doc, 2, json!({"metadata": null, "provenance": null, "sortOrder": null})).unwrap();
    assert_eq!((item.metadata.len(), item.provenance, item.sort_order), (0, None, 0));
}

#[test]
fn a_change_of_an_item_that_changes_nothing_writes_nothing() {
    let doc = node_with_items();
    let same = [
        (1, json!({"text": "One two three", "label": "Notes", "metadata": {"a": 1}, "provenance": {"userId": "u"}})),
        (2, json!({"url": "https://example.com", "sortOrder": 1})),
        (3, json!({"sourceNodeId": Uuid::from_u128(7), "sourceVersion": 3})),
        (4, json!({"data": [1]})),
        (5, json!({"fileId": Uuid::from_u128(8)})),
    ];
    for (id, changes) in same {
        let changes = Box::new(serde_json::from_value(changes).unwrap());
        let mut txn = doc.transact_mut();
        apply(&NodePatch::UpdateItem { side: Side::Inputs, id: Uuid::from_u128(id), changes }, &mut txn).unwrap();
        assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1, "item {id}");
    }
}

#[test]
fn changes_that_do_not_fit_an_item_are_refused_with_their_field() {
    let doc = node_with_items();
    let long = |length: usize| "x".repeat(length);
    let deep = (0..DATA_DEPTH_MAX).fold(json!(1), |inner, _| json!([inner]));
    let refused = [
        (1, json!({"url": "https://example.com"}), "url"),
        (2, json!({"text": "words"}), "text"),
        (3, json!({"data": 1}), "data"),
        (4, json!({"sourceNodeId": Uuid::nil()}), "sourceNodeId"),
        (4, json!({"sourceVersion": null}), "sourceVersion"),
        (1, json!({"fileId": Uuid::nil()}), "fileId"),
        (2, json!({"url": null}), "url"),
        (3, json!({"sourceNodeId": null}), "sourceNodeId"),
        (5, json!({"fileId": null}), "fileId"),
        (1, json!({"text": long(TEXT_BYTES_MAX + 1)}), "text"),
        (2, json!({"url": "javascript:alert(1)"}), "url"),
        (2, json!({"url": format!("https://{}", long(URL_BYTES_MAX))}), "url"),
        (3, json!({"sourceVersion": 0}), "sourceVersion"),
        (3, json!({"sourceVersion": VERSION_MAX + 1}), "sourceVersion"),
        (4, json!({"data": long(DATA_BYTES_MAX)}), "data"),
        (4, json!({"data": deep}), "data"),
        (1, json!({"label": long(LABEL_CHARS_MAX + 1)}), "label"),
        (1, json!({"metadata": {"big": long(DATA_BYTES_MAX)}}), "metadata"),
        (1, json!({"provenance": {"big": long(PROVENANCE_BYTES_MAX)}}), "provenance"),
    ];
    for (id, changes, field) in refused {
        let error = change(&doc, id, changes).unwrap_err();
        assert_eq!((error.code, error.field), (PatchErrorCode::Invalid, field), "item {id}");
    }
    let error = change(&doc, 99, json!({"label": "x"})).unwrap_err();
    assert_eq!((error.code, error.field), (PatchErrorCode::NotFound, "itemId"));
}

#[test]
fn a_new_item_that_does_not_fit_is_refused_with_its_field() {
    let doc = node_with_items();
    let version = ItemContent::NodeReference { source_node_id: Uuid::nil().into(), source_version: Some(0) };
    let provenance = json!({"big": "x".repeat(PROVENANCE_BYTES_MAX)}).as_object().cloned();
    let refused = [
        (NewItem { content: version, ..text_item(9, "") }, "sourceVersion"),
        (NewItem { provenance, ..text_item(9, "") }, "provenance"),
        (text_item(9, &"x".repeat(TEXT_BYTES_MAX + 1)), "text"),
    ];
    for (item, field) in refused {
        let mut txn = doc.transact_mut();
        let error = apply(&NodePatch::AddItem { side: Side::Inputs, item }, &mut txn).unwrap_err();
        assert_eq!((error.code, error.field), (PatchErrorCode::Invalid, field));
        assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1);
    }
}

#[test]
fn texts_that_two_rewrite_at_once_keep_the_words_of_both() {
    let a = node_with_items();
    let b = new_doc(ClientID::new(2));
    send(&a, &b);
    change(&a, 1, json!({"text": "Zero one two three"})).unwrap();
    change(&b, 1, json!({"text": "One two three four"})).unwrap();
    send(&a, &b);
    send(&b, &a);
    let text = read(&a.transact()).inputs[0].text.clone().unwrap();
    assert!(text.contains("Zero") && text.contains("two three four"), "{text}");
    assert_eq!(read(&b.transact()).inputs[0].text.as_deref(), Some(text.as_str()));
}

#[test]
fn a_text_without_blocks_is_edited_in_place_and_keeps_its_formatting() {
    let doc = node_with_items();
    {
        let mut txn = doc.transact_mut();
        let (_, item) = find(Side::Inputs, Uuid::from_u128(1), &txn).unwrap();
        let text = item.insert(&mut txn, keys::TEXT, TextPrelim::new("One two three"));
        text.format(&mut txn, 4, 3, [("bold".into(), true.into())].into());
    }
    let item = change(&doc, 1, json!({"text": "One two, 3 and 😀"})).unwrap();
    assert_eq!(item.text.as_deref(), Some("One two, 3 and 😀"));
    let txn = doc.transact();
    let text = txn.get_array(keys::INPUTS).and_then(|inputs| maps(&inputs, &txn).next());
    let Some(Out::YText(text)) = text.and_then(|(_, item)| item.get(&txn, keys::TEXT)) else { panic!("no text") };
    assert_eq!(text.get_string(&txn), "One two, 3 and 😀");
    let pieces = text.diff(&txn, yrs::types::text::YChange::identity);
    let bold: Vec<_> = pieces.iter().filter(|piece| piece.attributes.is_some()).map(|piece| &piece.insert).collect();
    assert_eq!(bold, [&Out::from("two")]);
}
