mod concurrent;
mod fixture;
mod hostile;
mod properties;
mod trees;

use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, GetString, ReadTxn, StateVector, Transact, Update};

use super::*;
use crate::new_doc;

const BODY: &str = "body";

/// A document that says `markdown`.
fn document(client_id: u64, markdown: &str) -> Doc {
    let doc = new_doc(ClientID::new(client_id));
    write(&doc, markdown);
    doc
}

/// Another replica of a document.
fn replica(doc: &Doc, client_id: u64) -> Doc {
    let replica = new_doc(ClientID::new(client_id));
    merge(&replica, &state(doc));
    replica
}

fn write(doc: &Doc, markdown: &str) {
    let body = doc.get_or_insert_xml_fragment(BODY);
    set_markdown(&body, &mut doc.transact_mut(), markdown);
}

fn write_blocks(doc: &Doc, blocks: &[Block]) {
    let body = doc.get_or_insert_xml_fragment(BODY);
    apply(&body, &mut doc.transact_mut(), blocks);
}

fn written(doc: &Doc) -> String {
    let body = doc.get_or_insert_xml_fragment(BODY);
    to_markdown(&body, &doc.transact())
}

fn blocks(doc: &Doc) -> Vec<Block> {
    let body = doc.get_or_insert_xml_fragment(BODY);
    read(&body, &doc.transact())
}

fn nodes(doc: &Doc) -> Vec<node::Node> {
    let body = doc.get_or_insert_xml_fragment(BODY);
    node::read_children(&body, &doc.transact())
}

fn xml(doc: &Doc) -> String {
    let body = doc.get_or_insert_xml_fragment(BODY);
    body.get_string(&doc.transact())
}

fn state(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_state_as_update_v1(&StateVector::default())
}

fn merge(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

#[test]
fn what_is_written_reads_back_the_same() {
    let markdown = "# Title\n\nSome **bold**, _italic_ and `code` with a [link](https://a.example/x?a=1&b=2).\n\n\
                    - one\n- two\n  - deeper\n  - still\n\n3. three\n4. four\n\n> a quote\n>\n> of two\n\n\
                    ```rust\nfn main() {}\n```\n\n---\n\nfirst line\\\nsecond line\n\n- [x] done\n- [ ] open\n\n\
                    | a | b |\n| --- | :-: |\n| 1 | 2 |\n\n![An image](https://a.example/i.png \"Its title\")";
    assert_eq!(written(&document(1, markdown)), markdown);
}

#[test]
fn a_paragraph_that_loses_its_words_keeps_its_text() {
    let doc = document(1, "- words");
    write_blocks(&doc, &[Block::BulletList(vec![vec![Block::Paragraph(vec![])]])]);
    assert_eq!(xml(&doc), "<bulletList><listItem><paragraph></paragraph></listItem></bulletList>");
    let text_of = |doc: &Doc| {
        let item = nodes(doc)[0].children()[0].clone();
        item.children()[0].children().to_vec()
    };
    assert_eq!(text_of(&doc), [node::Node::Text(vec![])]);
}

#[test]
fn a_blank_line_stays_and_is_written_on_first() {
    let doc = new_doc(ClientID::new(1));
    write_blocks(&doc, &[Block::Paragraph(vec![])]);
    write(&doc, "# Title");
    assert_eq!(xml(&doc), "<heading level=\"1\">Title</heading><paragraph></paragraph>");
    write(&doc, "# Title\n\nwords");
    assert_eq!(xml(&doc), "<heading level=\"1\">Title</heading><paragraph>words</paragraph>");
}

#[test]
fn only_what_differs_is_written() {
    let doc = document(1, "# Title\n\nA paragraph of some words.\n\n- one\n- two");
    let before = doc.transact().state_vector();
    write(&doc, "# Title\n\nA paragraph of some more words.\n\n- one\n- two");
    let written = doc.transact().state_vector().get(&ClientID::new(1)) - before.get(&ClientID::new(1));
    assert_eq!(written, 5, "the five letters of `more `");
}

#[test]
fn plain_text_is_a_line_for_each_block() {
    let doc = document(1, "# Title\n\n- one **bold**\n- two\n\n| a | b |\n|---|---|\n| c | d |\n\nx\\\ny");
    let body = doc.get_or_insert_xml_fragment(BODY);
    assert_eq!(plain_text(&body, &doc.transact()), "Title\none bold\ntwo\na\nb\nc\nd\nx\ny");
}
