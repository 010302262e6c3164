//! Documents and Markdown that nobody means well with.

use yrs::{ArrayRef, Text, XmlElementPrelim, XmlFragment, XmlTextPrelim};

use super::*;

/// So deep that a recursion without a bound would overflow the stack of a test.
const HOSTILE_DEPTH: usize = 100_000;

fn deep(name: &str, depth: usize) -> Doc {
    let doc = new_doc(ClientID::new(1));
    let body = doc.get_or_insert_xml_fragment(BODY);
    let mut txn = doc.transact_mut();
    let mut inner = body.push_back(&mut txn, XmlElementPrelim::empty(name));
    for _ in 1..depth {
        inner = inner.push_back(&mut txn, XmlElementPrelim::empty(name));
    }
    inner.push_back(&mut txn, XmlTextPrelim::new("deep"));
    drop(txn);
    doc
}

#[test]
fn a_deep_document_is_read_so_far_and_edited_beside() {
    for name in ["blockquote", "whatever"] {
        let doc = deep(name, 10_000);
        assert!(!written(&doc).contains("deep"));
        let body = doc.get_or_insert_xml_fragment(BODY);
        assert!(plain_text(&body, &doc.transact()).len() < 100);
        write(&doc, &format!("words\n\n{}", written(&doc)));
        assert!(written(&doc).starts_with("words\n\n"));
    }
}

#[test]
fn deep_markdown_is_flattened_and_keeps_its_words() {
    for marker in [">", "- ", "1. "] {
        let markdown = format!("{}deep", marker.repeat(HOSTILE_DEPTH));
        let doc = document(1, &markdown);
        assert!(written(&doc).contains("deep"), "{marker}");
        assert_eq!(shape::nodes(&blocks(&doc)), nodes(&doc), "{marker}");
    }
}

#[test]
fn blocks_beyond_the_depth_keep_their_words() {
    let mut blocks = vec![Block::Paragraph(vec![Inline::plain("deep")])];
    for _ in 0..200 {
        blocks = vec![Block::Blockquote(blocks)];
    }
    let doc = new_doc(ClientID::new(1));
    write_blocks(&doc, &blocks);
    assert!(written(&doc).ends_with("deep"));
}

#[test]
fn what_is_no_rich_text_is_passed_over() {
    use yrs::{Array, MapPrelim};
    let doc = document(1, "one\n\ntwo");
    let body = doc.get_or_insert_xml_fragment(BODY);
    let array: &ArrayRef = body.as_ref();
    array.insert(&mut doc.transact_mut(), 1, 7);
    array.insert(&mut doc.transact_mut(), 1, MapPrelim::default());
    {
        let mut txn = doc.transact_mut();
        let first = body.get(&txn, 0).unwrap().into_xml_element().unwrap();
        let text = first.get(&txn, 0).unwrap().into_xml_text().unwrap();
        text.insert_embed(&mut txn, 1, MapPrelim::default());
        first.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
    }
    write(&doc, "one\n\ntwo\n\nthree");
    let body = doc.get_or_insert_xml_fragment(BODY);
    assert!(plain_text(&body, &doc.transact()).ends_with("two\nthree"));
}

#[test]
fn elements_in_the_wrong_place_are_kept_as_unknown() {
    let doc = new_doc(ClientID::new(1));
    let body = doc.get_or_insert_xml_fragment(BODY);
    {
        let mut txn = doc.transact_mut();
        body.push_back(&mut txn, XmlTextPrelim::new("loose"));
        let list = body.push_back(&mut txn, XmlElementPrelim::empty("bulletList"));
        list.push_back(&mut txn, XmlTextPrelim::new("no item"));
        let table = body.push_back(&mut txn, XmlElementPrelim::empty("table"));
        table.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
    }
    let before = xml(&doc);
    assert_eq!(written(&doc), "loose\n\nno item\n\n\\[table\\]");
    write(&doc, "loose\n\nno item\n\n\\[table\\]\n\nmore");
    assert_eq!(xml(&doc), format!("{before}<paragraph>more</paragraph>"));
}

#[test]
fn what_is_too_deep_to_be_removed_stays() {
    let doc = deep("blockquote", 100);
    write(&doc, "words");
    assert_eq!(written(&doc), "words");

    let doc = deep("blockquote", 10_000);
    write(&doc, "words");
    assert!(written(&doc).starts_with("words\n\n>"));
}

#[test]
fn a_nul_is_no_character_of_markdown() {
    for markdown in ["\0", "a\0b", "`\0`", "```\n\0\n```", "[a](\0)"] {
        let blocks = markdown::parse(markdown);
        assert!(!markdown::render(&blocks).contains('\0'));
        assert_eq!(markdown::parse(&markdown::render(&blocks)), blocks, "{markdown:?}");
    }
}

#[test]
fn a_carriage_return_ends_a_line_wherever_it_is() {
    let text = "| `t x\n```\n\n-t\n\rt`";
    let blocks = markdown::parse(text);
    assert_eq!(markdown::parse(&markdown::render(&blocks)), blocks);
    assert_eq!(blocks, markdown::parse(&text.replace('\r', "\n")));
    assert_eq!(markdown::parse("a\r\nb\rc"), markdown::parse("a\nb\nc"));
}
