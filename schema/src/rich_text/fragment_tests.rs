use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use yrs::types::Attrs;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, ClientID, Doc, GetString, ReadTxn, StateVector, Text, Transact, Update, WriteTxn, Xml, XmlElementPrelim,
    XmlFragment, XmlFragmentRef, XmlTextPrelim, XmlTextRef,
};

use super::markdown::{parse, render};
use super::*;
use crate::new_doc;

fn body(doc: &Doc) -> XmlFragmentRef {
    doc.get_or_insert_xml_fragment("body")
}

fn set(doc: &Doc, markdown: &str) {
    set_blocks(doc, &parse(markdown));
}

fn set_blocks(doc: &Doc, blocks: &[Block]) {
    let body = body(doc);
    diff_apply(&body, &mut doc.transact_mut(), blocks);
}

fn blocks(doc: &Doc) -> Vec<Block> {
    let body = body(doc);
    from_xml(&body, &doc.transact())
}

fn markdown(doc: &Doc) -> String {
    render(&blocks(doc))
}

fn xml(doc: &Doc) -> String {
    let body = body(doc);
    body.get_string(&doc.transact())
}

fn doc_with(client: u64, markdown: &str) -> Doc {
    let doc = new_doc(ClientID::new(client));
    set(&doc, markdown);
    doc
}

fn send(from: &Doc, to: &Doc) {
    let state = from.transact().encode_state_as_update_v1(&StateVector::default());
    to.transact_mut().apply_update(Update::decode_v1(&state).unwrap()).unwrap();
}

fn copy(doc: &Doc, client: u64) -> Doc {
    let copy = new_doc(ClientID::new(client));
    send(doc, &copy);
    copy
}

/// What both have after two edits that did not know of each other, whichever client id is the smaller.
fn merged(start: &str, mine: impl Fn(&Doc), theirs: impl Fn(&Doc)) -> [String; 2] {
    [(2, 3), (3, 2)].map(|(mine_id, theirs_id)| {
        let original = doc_with(1, start);
        let (a, b) = (copy(&original, mine_id), copy(&original, theirs_id));
        mine(&a);
        theirs(&b);
        send(&a, &b);
        send(&b, &a);
        assert_eq!(normalized_xml(&xml(&a)), normalized_xml(&xml(&b)));
        markdown(&a)
    })
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

fn tiptap() -> Doc {
    let doc = new_doc(ClientID::new(1));
    doc.transact_mut().apply_update(Update::decode_v1(&fixture("tiptap.update")).unwrap()).unwrap();
    doc
}

const TIPTAP_MARKDOWN: &str = "## Title

plain **bold** ***both*** ~~struck~~ `code` <u>under</u> [linked](https://example.org/).\\
after

![An image](a.png \"T\")

- one
- two
  - nested

3. three

- [x] done
- [ ] open

> quoted

```js
let x = 1
let y = 2
```

---

| a | b |
| --- | --- |
| 1 | 2 |";

#[test]
fn what_tiptap_writes_is_read_in_full() {
    assert_eq!(markdown(&tiptap()), TIPTAP_MARKDOWN);
}

#[test]
fn what_is_written_has_the_shape_that_tiptap_writes() {
    let doc = doc_with(1, TIPTAP_MARKDOWN);
    let theirs = String::from_utf8(fixture("tiptap.xml")).unwrap();
    let theirs = theirs
        .trim_end()
        .replace(" class=\"null\"", "")
        .replace(" rel=\"noopener noreferrer nofollow\" target=\"_blank\" title=\"null\"", "")
        // There the picture is within the line, and an empty paragraph is the last.
        .replace(
            "<image alt=\"An image\" src=\"a.png\" title=\"T\"></image></paragraph>",
            "</paragraph><image alt=\"An image\" src=\"a.png\" title=\"T\"></image>",
        )
        .trim_end_matches("<paragraph></paragraph>")
        .to_owned();
    assert_eq!(normalized_xml(&xml(&doc)), normalized_xml(&theirs));
}

/// yjs and yrs show attributes in different orders and names in different cases; here neither counts.
fn normalized_xml(xml: &str) -> Vec<String> {
    let tag = |tag: &str| {
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut words: Vec<_> = attributes.split_inclusive("\" ").map(str::trim).collect();
        words.sort_unstable();
        format!("{name} {}", words.join(" ")).to_lowercase()
    };
    xml.split(['<', '>']).map(tag).collect()
}

#[test]
fn attributes_have_the_types_that_tiptap_uses() {
    let doc = doc_with(1, "## T\n\n3. a\n\n- [x] b\n\n| c |\n| --- |");
    let body = body(&doc);
    let txn = doc.transact();
    let element = |index| body.get(&txn, index).unwrap().into_xml_element().unwrap();
    let inner = |element: yrs::XmlElementRef| element.get(&txn, 0).unwrap().into_xml_element().unwrap();
    let attribute = |element: &yrs::XmlElementRef, key: &str| element.get_attribute(&txn, key);
    assert_eq!(attribute(&element(0), "level"), Some(yrs::Out::Any(Any::from(2))));
    assert_eq!(attribute(&element(1), "start"), Some(yrs::Out::Any(Any::from(3))));
    assert_eq!(attribute(&inner(element(2)), "checked"), Some(yrs::Out::Any(Any::Bool(true))));
    let cell = inner(inner(element(3)));
    assert_eq!(cell.tag().as_ref(), "tableHeader");
    assert_eq!(attribute(&cell, "colspan"), Some(yrs::Out::Any(Any::from(1))));
}

#[test]
fn setting_what_is_there_already_writes_nothing() {
    for doc in [tiptap(), doc_with(1, TIPTAP_MARKDOWN)] {
        let body = body(&doc);
        let read = blocks(&doc);
        let mut txn = doc.transact_mut();
        diff_apply(&body, &mut txn, &parse(&render(&read)));
        assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1);
    }
}

#[test]
fn every_block_of_tiptaps_document_can_be_edited_in_place() {
    let edits = [
        ("## Title", "# New title"),
        ("plain", "plainer"),
        ("**bold**", "bold"),
        ("[linked](https://example.org/)", "[linked](https://example.net/)"),
        ("after", "before\\\nafter"),
        ("- two", "- 2"),
        ("nested", "nested deeper"),
        ("3. three", "4. three"),
        ("- [ ] open", "- [x] open"),
        ("quoted", "quoted, in part"),
        ("let y = 2", "let y = 3"),
        ("```js", "```ts"),
        ("| 1 | 2 |", "| 1 | two |\n| 3 | 4 |"),
        ("---\n\n|", "A paragraph\n\n|"),
    ];
    for (from, to) in edits {
        assert!(TIPTAP_MARKDOWN.contains(from), "{from}");
        let doc = tiptap();
        let expected = TIPTAP_MARKDOWN.replacen(from, to, 1);
        set(&doc, &expected);
        assert_eq!(markdown(&doc), expected);
    }
}

#[test]
fn edits_of_different_blocks_are_both_kept() {
    let start = "one\n\ntwo\n\nthree";
    let both = merged(start, |doc| set(doc, "one\n\ntwo\n\nTHREE"), |doc| set(doc, "ONE\n\ntwo\n\nthree"));
    assert_eq!(both, ["ONE\n\ntwo\n\nTHREE"; 2]);
}

#[test]
fn edits_of_different_places_of_a_paragraph_are_both_kept() {
    let start = "the quick brown fox jumps over the lazy dog";
    let mine = |doc: &Doc| set(doc, "the quick red fox jumps over the lazy dog");
    let theirs = |doc: &Doc| set(doc, "the quick brown fox jumps over the very lazy dog!");
    assert_eq!(merged(start, mine, theirs), ["the quick red fox jumps over the very lazy dog!"; 2]);
}

#[test]
fn somebody_who_types_keeps_the_letters_while_the_paragraph_is_replaced() {
    let typing = |doc: &Doc| {
        let body = body(doc);
        let mut txn = doc.transact_mut();
        let paragraph = body.get(&txn, 0).unwrap().into_xml_element().unwrap();
        let text = paragraph.get(&txn, 0).unwrap().into_xml_text().unwrap();
        text.insert(&mut txn, 5, " typed");
    };
    let replace = |doc: &Doc| set(doc, "hello there, wide world\n\nmore");
    assert_eq!(merged("hello world", typing, replace), ["hello typed there, wide world\n\nmore"; 2]);
}

#[test]
fn formats_and_text_of_one_paragraph_are_both_kept() {
    let mine = |doc: &Doc| set(doc, "make **this** bold");
    let theirs = |doc: &Doc| set(doc, "please make this bold now");
    assert_eq!(merged("make this bold", mine, theirs), ["please make **this** bold now"; 2]);
}

#[test]
fn edits_of_different_items_rows_and_cells_are_both_kept() {
    let lists = merged("- a\n- b\n- c", |doc| set(doc, "- a\n- B\n- c\n- d"), |doc| set(doc, "- A\n- b\n- c"));
    assert_eq!(lists, ["- A\n- B\n- c\n- d"; 2]);
    let table = |a: &str, b: &str| format!("| h | i |\n| --- | --- |\n| {a} | x |\n| y | {b} |");
    let both = merged(&table("1", "2"), |doc| set(doc, &table("one", "2")), |doc| set(doc, &table("1", "two")));
    assert_eq!(both, [table("one", "two"), table("one", "two")]);
    let tasks = merged("- [ ] a\n- [ ] b", |doc| set(doc, "- [x] a\n- [ ] b"), |doc| set(doc, "- [ ] a\n- [x] b!"));
    assert_eq!(tasks, ["- [x] a\n- [x] b!"; 2]);
}

#[test]
fn a_paragraph_that_moves_apart_from_an_edited_one_keeps_its_place() {
    let mine = |doc: &Doc| set(doc, "zero\n\none\n\ntwo and more");
    let theirs = |doc: &Doc| set(doc, "one\n\ntwo\n\nthree");
    assert_eq!(merged("one\n\ntwo", mine, theirs), ["zero\n\none\n\ntwo and more\n\nthree"; 2]);
}

#[test]
fn lines_of_code_and_lines_of_a_paragraph_are_edited_one_by_one() {
    let code = |a: &str, b: &str| format!("```\n{a}\nmiddle\n{b}\n```");
    let both = merged(&code("1", "2"), |doc| set(doc, &code("one", "2")), |doc| set(doc, &code("1", "two")));
    assert_eq!(both, [code("one", "two"), code("one", "two")]);
    let lines = |a: &str, b: &str| format!("{a}\\\nmiddle\\\n{b}");
    let both = merged(&lines("1", "2"), |doc| set(doc, &lines("one", "2")), |doc| set(doc, &lines("1", "two")));
    assert_eq!(both, [lines("one", "two"), lines("one", "two")]);
}

#[test]
fn offsets_count_utf16_units() {
    let mine = |doc: &Doc| set(doc, "🙂 漢字 é 👩‍👩‍👧 ende **x**");
    let theirs = |doc: &Doc| set(doc, "🙃 漢字 é 👩‍👩‍👧 end x");
    assert_eq!(merged("🙂 漢字 é 👩‍👩‍👧 end x", mine, theirs), ["🙃 漢字 é 👩‍👩‍👧 ende **x**"; 2]);
}

fn first_text(doc: &Doc) -> XmlTextRef {
    let body = body(doc);
    let txn = doc.transact();
    body.get(&txn, 0).unwrap().into_xml_element().unwrap().get(&txn, 0).unwrap().into_xml_text().unwrap()
}

#[test]
fn unknown_marks_survive_edits_of_their_paragraph() {
    let doc = doc_with(1, "commented words here");
    let text = first_text(&doc);
    let comment = Attrs::from([("comment--abcdefgh".into(), Any::from("thread 1"))]);
    text.format(&mut doc.transact_mut(), 0, 15, comment);
    set(&doc, "commented **good** words here, and more");
    assert_eq!(markdown(&doc), "commented **good** words here, and more");
    let shown = text.get_string(&doc.transact());
    let deltas = text.diff(&doc.transact(), yrs::types::text::YChange::identity);
    let commented: usize = deltas
        .iter()
        .filter(|chunk| {
            chunk.attributes.as_ref().is_some_and(|attributes| attributes.contains_key("comment--abcdefgh"))
        })
        .map(|chunk| if let yrs::Out::Any(Any::String(text)) = &chunk.insert { text.len() } else { 0 })
        .sum();
    assert_eq!(commented, "commented good words".len(), "{shown}");
}

#[test]
fn marks_with_a_hash_are_read_and_removed_by_their_name() {
    let doc = doc_with(1, "a link");
    let href: std::collections::HashMap<_, _> = [("href".to_owned(), Any::from("https://a.org"))].into();
    let link = Attrs::from([("link--Ab0+/=9z".into(), Any::Map(Arc::new(href)))]);
    first_text(&doc).format(&mut doc.transact_mut(), 2, 4, link);
    assert_eq!(markdown(&doc), "a [link](https://a.org)");
    set(&doc, "a link");
    assert_eq!(markdown(&doc), "a link");
}

/// A document with elements that are not known: a block with blocks in it, one without, and one within a line.
fn with_unknown() -> Doc {
    let doc = doc_with(1, "before\n\nafter");
    let body = body(&doc);
    let mut txn = doc.transact_mut();
    let details = body.insert(&mut txn, 1, XmlElementPrelim::empty("details"));
    for text in ["summary", "content"] {
        let paragraph = details.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        paragraph.push_back(&mut txn, XmlTextPrelim::new(text));
    }
    let video = body.insert(&mut txn, 2, XmlElementPrelim::empty("youtube"));
    video.insert_attribute(&mut txn, "src", "https://youtu.be/x");
    let first = body.get(&txn, 0).unwrap().into_xml_element().unwrap();
    let mention = first.push_back(&mut txn, XmlElementPrelim::empty("mention"));
    mention.insert_attribute(&mut txn, "label", "Ann");
    drop(txn);
    doc
}

#[test]
fn unknown_elements_are_readable_and_survive_what_does_not_touch_them() {
    let doc = with_unknown();
    let read = "before\\[mention: Ann]\n\nsummary\n\ncontent\n\n\\[youtube: https://youtu.be/x]\n\nafter";
    assert_eq!(markdown(&doc), read);
    let unknown = "<details><paragraph>summary</paragraph><paragraph>content</paragraph></details>\
                   <youtube src=\"https://youtu.be/x\"></youtube>";
    set(&doc, &format!("new\n\n{}", read.replace("before", "well before").replace("after", "long after")));
    assert!(xml(&doc).contains(unknown), "{}", xml(&doc));
    assert!(xml(&doc).contains("well before<mention label=\"Ann\"></mention>"), "{}", xml(&doc));

    set(&doc, &markdown(&doc).replace("Ann]", "Ann] and Bob"));
    assert!(xml(&doc).contains("<mention label=\"Ann\"></mention> and Bob"), "{}", xml(&doc));
    set(&doc, "new\n\nsummary");
    assert_eq!(markdown(&doc), "new\n\nsummary");
}

#[test]
fn an_empty_paragraph_is_the_place_for_the_first_text() {
    let doc = new_doc(ClientID::new(1));
    body(&doc).push_back(&mut doc.transact_mut(), XmlElementPrelim::empty("paragraph"));
    set(&doc, "first");
    assert_eq!(xml(&doc), "<paragraph>first</paragraph>");
}

#[test]
fn items_and_cells_keep_the_paragraph_that_editors_need() {
    let doc = doc_with(1, "- a\n  - b\n\n| h |\n| --- |\n| x |");
    set(&doc, "-\n  - b\n\n| h |\n| --- |\n|  |");
    assert!(xml(&doc).starts_with("<bulletList><listItem><paragraph></paragraph><bulletList>"), "{}", xml(&doc));
    assert!(xml(&doc).contains("<paragraph></paragraph></tableCell>"), "{}", xml(&doc));
}

#[test]
fn spaces_at_the_end_of_a_line_where_somebody_types_stay() {
    let doc = doc_with(1, "hello");
    first_text(&doc).insert(&mut doc.transact_mut(), 5, " ");
    set(&doc, "well, hello");
    assert_eq!(first_text(&doc).get_string(&doc.transact()), "well, hello ");
}

#[test]
fn hostile_nesting_is_read_without_a_deep_stack() {
    let doc = new_doc(ClientID::new(1));
    {
        let mut txn = doc.transact_mut();
        let mut element =
            txn.get_or_insert_xml_fragment("body").push_back(&mut txn, XmlElementPrelim::empty("blockquote"));
        for _ in 0..20_000 {
            element = element.push_back(&mut txn, XmlElementPrelim::empty("blockquote"));
        }
    }
    let read = blocks(&doc);
    assert!(render(&read).contains("nested too deep"), "{}", render(&read));
    assert_eq!(parse(&render(&read)), read);
}

#[test]
fn values_that_are_no_elements_are_left_alone() {
    let doc = doc_with(1, "a\n\nb");
    {
        let mut txn = doc.transact_mut();
        let body = txn.get_or_insert_xml_fragment("body");
        let array: &yrs::ArrayRef = body.as_ref();
        yrs::Array::insert(array, &mut txn, 1, Any::from("no element"));
        body.push_back(&mut txn, XmlTextPrelim::new("loose"));
    }
    assert_eq!(markdown(&doc), "a\n\nb\n\nloose");
    set(&doc, "a!\n\nb!\n\nloose text");
    assert_eq!(markdown(&doc), "a!\n\nb!\n\nloose text");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_there_it_reads_as_what_was_set(trees in prop::collection::vec(prop::collection::vec(markdown::tests::any_block(), 0..4), 1..4)) {
        let doc = new_doc(ClientID::new(1));
        for tree in trees {
            set_blocks(&doc, &tree);
            prop_assert_eq!(blocks(&doc), normalize(&tree), "{}", xml(&doc));
            let body = body(&doc);
            let mut txn = doc.transact_mut();
            diff_apply(&body, &mut txn, &tree);
            prop_assert_eq!(txn.encode_update_v1(), Update::EMPTY_V1);
        }
    }

    #[test]
    fn small_edits_of_paragraphs_read_as_what_was_set(
        texts in prop::collection::vec("(\\*\\*|\\*|`|a|b|c| |🙂|\\\\\n|\n\n){0,12}", 2..5)
    ) {
        let doc = new_doc(ClientID::new(1));
        for text in texts {
            set(&doc, &text);
            prop_assert_eq!(blocks(&doc), parse(&text), "{}", xml(&doc));
        }
    }

    #[test]
    fn replicas_that_edit_at_the_same_time_agree(
        trees in prop::collection::vec(prop::collection::vec(markdown::tests::any_block(), 0..4), 3)
    ) {
        let original = new_doc(ClientID::new(1));
        set_blocks(&original, &trees[0]);
        let (a, b) = (copy(&original, 2), copy(&original, 3));
        set_blocks(&a, &trees[1]);
        set_blocks(&b, &trees[2]);
        send(&a, &b);
        send(&b, &a);
        prop_assert_eq!(blocks(&a), blocks(&b));
    }
}
