//! SPEC D10, nodes' documents.

use yrs::{
    Any, Array, ArrayPrelim, Map, MapPrelim, Text, TextPrelim, Transact, WriteTxn, Xml, XmlElementPrelim, XmlFragment,
    XmlTextPrelim,
};

use super::*;
use crate::node::{NodeView, read};
use crate::repair::right_id;

fn view(doc: &Doc) -> NodeView {
    read(&doc.transact())
}

fn item_of(doc: &Doc) -> crate::node::Item {
    let mut outputs = view(doc).outputs;
    assert_eq!(outputs.len(), 1);
    outputs.remove(0)
}

#[test]
fn what_is_right_or_unknown_is_left_alone() {
    let doc = written(|txn| {
        crate::node::set_body(txn, "# A\n\n- b\n\n| c |\n|---|\n| d |\n\n[e](https://f.example) `g`").unwrap();
        let body = txn.get_or_insert_xml_fragment("body");
        let mention = body.push_back(txn, XmlElementPrelim::empty("mention"));
        mention.insert_attribute(txn, "id", Any::from(5));
        let outputs = txn.get_or_insert_array("outputs");
        for (kind, text) in [("text", "plain"), ("of a newer client", "plain")] {
            let item = outputs.push_back(txn, MapPrelim::default());
            item.insert(txn, "id", right_id(kind).to_string());
            item.insert(txn, "type", kind);
            item.insert(txn, "text", text);
            item.insert(txn, "data", object(&[("a", Any::Null)]));
        }
        txn.get_or_insert_array("comments").push_back(txn, 5);
        txn.get_or_insert_map("inputs").insert(txn, "beside the list", 5);
    });
    assert_eq!(repaired(Shape::Node, &doc), said(&[]));
}

#[test]
fn what_no_rich_text_holds_becomes_words_in_it() {
    let doc = written(|txn| {
        let body = txn.get_or_insert_xml_fragment("body");
        let array: &yrs::ArrayRef = body.as_ref();
        let array = array.clone();
        body.push_back(
            txn,
            XmlElementPrelim::new("paragraph", [yrs::types::xml::XmlIn::from(XmlTextPrelim::new("kept"))]),
        );
        array.push_back(txn, "a string");
        array.push_back(txn, TextPrelim::new("a text"));
        array.push_back(txn, Any::Null);
        array.push_back(txn, object(&[("a", Any::from(1))]));
        body.push_back(txn, XmlTextPrelim::new("loose"));
        let element = body.push_back(txn, XmlElementPrelim::empty("heading"));
        let inside: &yrs::XmlFragmentRef = element.as_ref();
        let inside: &yrs::ArrayRef = inside.as_ref();
        inside.clone().push_back(txn, MapPrelim::default()).insert(txn, "b", 2);
        let words = element.push_back(txn, XmlTextPrelim::new("xy"));
        words.insert_embed(txn, 1, "emb\u{1f642}");
    });
    let all = repaired(Shape::Node, &doc);
    assert_eq!(all, said(&[("body", Reason::NotRichText)]));
    assert_eq!(view(&doc).body, "kept\n\na string\n\na text\n\n{\"a\":1}\n\nloose\n\n# {\"b\":2}xemb\u{1f642}y");
}

#[test]
fn words_typed_into_the_root_become_paragraphs_where_they_stand() {
    let doc = written(|txn| {
        let text = txn.get_or_insert_text("body");
        text.insert(txn, 0, "before \u{1f642}");
        let body = txn.get_or_insert_xml_fragment("body");
        body.insert(
            txn,
            9,
            XmlElementPrelim::new("paragraph", [yrs::types::xml::XmlIn::from(XmlTextPrelim::new("between"))]),
        );
        text.insert(txn, 10, "after");
        // A value between words: a text does not tell where it stands.
        Array::insert(&txn.get_or_insert_array("body"), txn, 0, 5);
        txn.get_or_insert_text("inputs").insert(txn, 0, "an input \u{1f642}");
    });
    assert_eq!(view(&doc).body, "", "which is why it is a violation");
    let all = repaired(Shape::Node, &doc);
    assert!(all.contains(&("body.0".to_owned(), Reason::NotRichText)), "{all:?}");
    assert_eq!(view(&doc).body, "before \u{1f642}\n\n5\n\nbetween\n\nafter");
    let input = view(&doc).inputs.remove(0);
    assert_eq!((input.kind.as_str(), input.text.as_deref()), ("text", Some("an input \u{1f642}")));
}

#[test]
fn an_attribute_that_is_a_shared_type_becomes_its_words() {
    let doc = written(|txn| {
        let body = txn.get_or_insert_xml_fragment("body");
        let link = body.push_back(txn, XmlElementPrelim::empty("image"));
        link.insert_attribute(txn, "src", TextPrelim::new("https://a.example"));
        link.insert_attribute(txn, "alt", MapPrelim::default());
    });
    let expected = [("body.src", Reason::NotRichText), ("body.alt", Reason::NotRichText)];
    assert_eq!(repaired(Shape::Node, &doc), said(&expected));
    assert_eq!(view(&doc).body, "![](https://a.example)");
}

#[test]
fn an_item_that_is_no_map_becomes_one() {
    let doc = written(|txn| {
        let outputs = txn.get_or_insert_array("outputs");
        outputs.push_back(txn, object(&[("id", Any::from(NODE)), ("label", Any::from("plain"))]));
        outputs.push_back(txn, "two\nlines");
        outputs.push_back(txn, ArrayPrelim::from([1, 2]));
        outputs.push_back(txn, Any::Null);
    });
    let all = repaired(Shape::Node, &doc);
    assert!(all.contains(&("outputs.0".to_owned(), Reason::NotAMap)), "{all:?}");
    let outputs = view(&doc).outputs;
    assert_eq!(view(&doc).problems, []);
    assert_eq!((outputs.len(), outputs[0].label.as_deref()), (3, Some("plain")));
    assert_eq!((outputs[1].kind.as_str(), outputs[1].text.as_deref()), ("text", Some("two\n\nlines")));
    assert_eq!(
        (outputs[2].kind.as_str(), outputs[2].data.clone()),
        ("structured_data", Some(serde_json::json!([1, 2])))
    );
}

#[test]
fn members_of_an_item_become_what_they_say() {
    let doc = written(|txn| {
        let item = txn.get_or_insert_array("outputs").push_back(txn, MapPrelim::default());
        item.insert(txn, "id", "output-1");
        item.insert(txn, "type", MapPrelim::default());
        item.insert(txn, "label", TextPrelim::new("typed"));
        item.insert(txn, "metadata", object(&[("a", Any::from(1))]));
        item.insert(txn, "sortOrder", "3");
        item.insert(txn, "text", 5);
        item.insert(txn, "fileId", NODE.to_uppercase());
        item.insert(txn, "sourceNodeId", "node-1");
        item.insert(txn, "sourceVersion", f64::INFINITY);
        item.insert(txn, "url", 5);
    });
    assert_eq!(repaired(Shape::Node, &doc).len(), 10);
    let item = item_of(&doc);
    assert_eq!((item.id, item.kind.as_str(), item.label.as_deref()), (right_id("output-1"), "text", Some("typed")));
    assert_eq!((item.sort_order, item.text.as_deref(), item.url.as_deref()), (3, Some("5"), Some("5")));
    assert_eq!((item.file_id, item.source_node_id), (NODE.parse().ok(), Some(right_id("node-1").into())));
    assert_eq!((item.source_version, &item.metadata["a"]), (None, &serde_json::Value::from(1)));
    assert_eq!(view(&doc).problems, []);
}

#[test]
fn an_item_without_an_id_gets_one_and_no_two_have_the_same() {
    let doc = written(|txn| {
        let outputs = txn.get_or_insert_array("outputs");
        outputs.push_back(txn, MapPrelim::default()).insert(txn, "label", "none");
        for id in [Any::from(NODE), Any::from(NODE), Any::from(NODE.to_uppercase()), Any::from(5), Any::from("5")] {
            outputs.push_back(txn, MapPrelim::default()).insert(txn, "id", id);
        }
    });
    let all = repaired(Shape::Node, &doc);
    assert!(all.contains(&("outputs.?.id".to_owned(), Reason::Incomplete)), "{all:?}");
    assert!(all.contains(&(format!("outputs.{NODE}"), Reason::Duplicate)), "{all:?}");
    let ids: BTreeSet<_> = view(&doc).outputs.iter().map(|item| item.id).collect();
    assert_eq!(ids.len(), 6);
    assert!(ids.contains(&NODE.parse().unwrap()) && ids.contains(&right_id("5")));
}

#[test]
fn an_items_text_is_rich_text_or_words() {
    let doc = written(|txn| {
        let outputs = txn.get_or_insert_array("outputs");
        let item = outputs.push_back(txn, MapPrelim::default());
        item.insert(txn, "id", NODE);
        let text = item.insert(txn, "text", TextPrelim::new("ab"));
        text.insert_embed(txn, 1, object(&[("c", Any::from(1))]));
    });
    assert_eq!(repaired(Shape::Node, &doc), said(&[(&format!("outputs.{NODE}.text"), Reason::NotRichText)]));
    assert_eq!(item_of(&doc).text.as_deref(), Some("a{\"c\":1}b"));
}

/// What is typed all the time is not looked at.
#[test]
fn to_type_touches_no_spot() {
    let doc = crate::new_doc(ClientID::new(1));
    let body = doc.get_or_insert_xml_fragment("body");
    let (mut skeleton, limits) = (Skeleton::default(), UpdateLimits::default());
    let mut touched = |edit: &dyn Fn(&mut TransactionMut<'_>)| {
        let mut txn = doc.transact_mut();
        edit(&mut txn);
        let update = txn.encode_update_v1();
        let summary = inspect(&update, &limits).unwrap();
        assert_eq!(skeleton.integrate(&update, &summary, &limits), Ok(Fit::Whole));
        let mut spots = Spots::new(Shape::Node);
        spots.note(&skeleton, &update, &summary, &limits);
        spots.take()
    };
    let new_paragraph = |txn: &mut TransactionMut<'_>| {
        let paragraph = body.push_back(txn, XmlElementPrelim::empty("paragraph"));
        paragraph.insert_attribute(txn, "align", "left");
        paragraph.push_back(txn, XmlTextPrelim::new("a"));
    };
    assert_eq!(touched(&new_paragraph), [].into());
    let words = |txn: &TransactionMut<'_>| {
        let paragraph = body.get(txn, 0).unwrap().into_xml_element().unwrap();
        paragraph.get(txn, 0).unwrap().into_xml_text().unwrap()
    };
    assert_eq!(touched(&|txn| words(txn).insert(txn, 1, "b\u{1f642}")), [].into());
    let bold = || [("bold".into(), Any::Bool(true))].into();
    assert_eq!(touched(&|txn| words(txn).format(txn, 0, 2, bold())), [].into());
    assert_eq!(touched(&|txn| words(txn).remove_range(txn, 0, 1)), [].into());
    assert_eq!(touched(&|txn| body.remove(txn, 0)), [].into());
}
