use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, GetString, StateVector, Transact, Update};

use super::*;
use crate::new_doc;

const BODY: &str = "body";

/// A document that says `markdown`.
fn document(client_id: u64, markdown: &str) -> Doc {
    let doc = new_doc(ClientID::new(client_id));
    write(&doc, markdown);
    doc
}

fn write(doc: &Doc, markdown: &str) {
    let body = doc.get_or_insert_xml_fragment(BODY);
    set_markdown(&body, &mut doc.transact_mut(), markdown);
}

fn written(doc: &Doc) -> String {
    let body = doc.get_or_insert_xml_fragment(BODY);
    to_markdown(&body, &doc.transact())
}

fn xml(doc: &Doc) -> String {
    let body = doc.get_or_insert_xml_fragment(BODY);
    body.get_string(&doc.transact())
}

fn update_since(doc: &Doc, state: &StateVector) -> Vec<u8> {
    use yrs::ReadTxn;
    doc.transact().encode_state_as_update_v1(state)
}

fn merge(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

#[test]
fn what_is_written_reads_back_the_same() {
    let markdown = "# Title\n\nSome **bold**, _italic_ and `code` with a [link](https://a.example/x?a=1&b=2).\n\n\
                    - one\n- two\n  - deeper\n  - still\n\n3. three\n4. four\n\n> a quote\n>\n> of two\n\n\
                    ```rust\nfn main() {}\n```\n\n---\n\nfirst line\\\nsecond line";
    assert_eq!(written(&document(1, markdown)), markdown);
}

#[test]
fn probe() {
    for md in [
        "- [ ] a\n- [x] b",
        "- [ ]\n- [x]\n- [ ] ",
        "- [ ]\n\n  # H",
        "- [ ] \n\n  # H",
        "- [ ] a\n- b",
        "1. [ ] a",
        "| a | b |\n|---|:-:|\n| `x` | y<br>z |",
        "<br>",
        "<div>\nfoo\n</div>",
        "~~x~~ ~y~",
        "a ![i](u \"t\") b",
        "[![i](u)](w)",
    ] {
        println!("{md:?}\n   {:?}\n   {:?}", markdown::parse(md), markdown::render(&markdown::parse(md)));
    }
}

/// What one writer changes to `ours` and another at the same time to `theirs`, merged in both orders.
fn merged(base: &str, ours: &str, theirs: &str) -> String {
    let one = document(1, base);
    let two = new_doc(ClientID::new(2));
    merge(&two, &update_since(&one, &StateVector::default()));
    let state = {
        use yrs::ReadTxn;
        one.transact().state_vector()
    };
    write(&one, ours);
    write(&two, theirs);
    let (from_one, from_two) = (update_since(&one, &state), update_since(&two, &state));
    merge(&one, &from_two);
    merge(&two, &from_one);
    assert_eq!(xml(&one), xml(&two), "the replicas converge");
    written(&one)
}

#[test]
fn edits_of_two_blocks_at_the_same_time_both_stand() {
    let merged = merged("# Title\n\none\n\ntwo", "# New title\n\none\n\ntwo", "# Title\n\none\n\ntwo, and three");
    assert_eq!(merged, "# New title\n\none\n\ntwo, and three");
}

#[test]
fn edits_of_two_places_of_a_paragraph_at_the_same_time_both_stand() {
    let base = "The quick fox jumps over the lazy dog";
    assert_eq!(
        merged(base, "The quick brown fox jumps over the lazy dog", "The quick fox jumps over the sleeping dog"),
        "The quick brown fox jumps over the sleeping dog"
    );
    assert_eq!(
        merged(base, "The **quick** fox jumps over the lazy dog", "The quick fox leaps over the lazy dog"),
        "The **quick** fox leaps over the lazy dog"
    );
}
