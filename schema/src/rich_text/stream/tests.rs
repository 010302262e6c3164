mod markdown;
mod people;

use proptest::prelude::*;
use yrs::updates::decoder::Decode;
use yrs::{ClientID, Doc, ReadTxn, Transact, Update, XmlFragment};

use self::markdown::{any_text, ordinary_markdown};
use super::super::{plain_text, set_markdown, to_markdown};
use super::*;
use crate::new_doc;

const BODY: &str = "body";

fn document(client_id: u64) -> Doc {
    new_doc(ClientID::new(client_id))
}

/// Another replica of a document, with the same client id if it is to go on where the first one ends.
fn replica(doc: &Doc, client_id: u64) -> Doc {
    let replica = document(client_id);
    merge(&replica, doc);
    replica
}

fn merge(into: &Doc, from: &Doc) {
    let missing = from.transact().encode_state_as_update_v1(&into.transact().state_vector());
    into.transact_mut().apply_update(Update::decode_v1(&missing).unwrap()).unwrap();
}

fn body(doc: &Doc) -> XmlFragmentRef {
    doc.get_or_insert_xml_fragment(BODY)
}

fn nodes_of(doc: &Doc) -> Vec<Node> {
    node::read_children(&body(doc), &doc.transact())
}

fn markdown_of(doc: &Doc) -> String {
    to_markdown(&body(doc), &doc.transact())
}

fn words_of(doc: &Doc) -> String {
    plain_text(&body(doc), &doc.transact())
}

fn begin(doc: &Doc) -> StreamWriter {
    StreamWriter::at_end(&body(doc), &doc.transact())
}

fn write(writer: &mut StreamWriter, doc: &Doc, text: &str, end: End) -> Written {
    writer.write(&body(doc), &mut doc.transact_mut(), text, end)
}

fn retract(writer: &mut StreamWriter, doc: &Doc, keep: usize) -> usize {
    writer.retract(&body(doc), &mut doc.transact_mut(), keep)
}

fn written_at_once(text: &str) -> Vec<Node> {
    let doc = document(1);
    write(&mut begin(&doc), &doc, text, End::Reached);
    nodes_of(&doc)
}

fn said(markdown: &str) -> Vec<Node> {
    let doc = document(1);
    set_markdown(&body(&doc), &mut doc.transact_mut(), markdown);
    nodes_of(&doc)
}

/// The prefixes of a text of these lengths, as far as they are some, and in order.
fn prefixes(text: &str, cuts: &[usize]) -> Vec<String> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(cut % (text.len() + 1))).collect();
    ends.sort_unstable();
    ends.into_iter().map(|end| text[..end].to_owned()).collect()
}

fn restored(writer: &StreamWriter) -> StreamWriter {
    serde_json::from_str(&serde_json::to_string(writer).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ordinary_markdown_is_written_as_it_reads(text in ordinary_markdown()) {
        prop_assert_eq!(written_at_once(&text), said(&text), "{}", text);
    }

    #[test]
    fn however_a_text_is_divided_the_same_is_written(
        text in prop_oneof![ordinary_markdown(), any_text()],
        cuts in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let doc = document(1);
        let mut writer = begin(&doc);
        let mut before = Vec::new();
        for prefix in prefixes(&text, &cuts) {
            write(&mut writer, &doc, &prefix, End::NotYet);
            let after = nodes_of(&doc);
            let grows = before.len() <= after.len() && before.iter().zip(&after).all(|(from, into)| grow::can_grow(from, into));
            prop_assert!(grows, "no element is removed or replaced: {:?}, {:?}", before, after);
            before = after;
        }
        let written = write(&mut writer, &doc, &text, End::Reached);
        prop_assert_eq!(nodes_of(&doc), written_at_once(&text), "{:?}", text);
        prop_assert_eq!(written, Written { bytes: text.len(), left_to_people: 0 });
    }

    #[test]
    fn letter_by_letter_no_word_is_taken_back(text in ordinary_markdown()) {
        let doc = document(1);
        let mut writer = begin(&doc);
        let mut before = String::new();
        for (end, _) in text.char_indices() {
            write(&mut writer, &doc, &text[..end], End::NotYet);
            let after = words_of(&doc);
            prop_assert!(after.starts_with(before.trim_end()), "{:?}, {:?}", before, after);
            before = after;
        }
    }

    #[test]
    fn a_writer_that_is_restored_elsewhere_goes_on_the_same(
        text in prop_oneof![ordinary_markdown(), any_text()],
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut doc = document(1);
        let mut writer = begin(&doc);
        for (client_id, prefix) in (2..).zip(prefixes(&text, &cuts)) {
            write(&mut writer, &doc, &prefix, End::NotYet);
            writer = restored(&writer);
            doc = replica(&doc, client_id);
        }
        write(&mut writer, &doc, &text, End::Reached);
        prop_assert_eq!(nodes_of(&doc), written_at_once(&text));
    }

    #[test]
    fn what_is_retracted_can_be_written_otherwise(
        (kept, first, second) in (ordinary_markdown(), ordinary_markdown(), ordinary_markdown()),
        cuts in prop::collection::vec(any::<usize>(), 1..6),
        keep in any::<usize>(),
    ) {
        let first = format!("{kept}\n\n{first}");
        let keep = first.floor_char_boundary(keep % (first.len() + 1));
        let second = format!("{}{second}", &first[..keep]);
        let doc = document(1);
        let mut writer = begin(&doc);
        for prefix in prefixes(&first, &cuts) {
            write(&mut writer, &doc, &prefix, End::NotYet);
        }
        let kept = retract(&mut writer, &doc, keep);
        prop_assert!(kept <= keep, "{kept} of {keep}");
        prop_assert!(second.starts_with(&first[..kept]));
        write(&mut writer, &doc, &second, End::Reached);
        prop_assert_eq!(nodes_of(&doc), written_at_once(&second), "{:?}\n{:?}", first, second);
    }
}

#[test]
fn texts_that_were_once_written_otherwise_in_parts_are_not() {
    for text in [
        "    | a |\n|---|\n>     ---    *     a",
        "<div>| a |\n|---|\n| a |\n|---|\n~~",
        "\\\n`a    aa",
        "\\\n#~",
        "---\r-     * ",
        "1. - `a`[ ] `    b",
        "- **[ ]** a",
        "1. a<b>b c| a |\n|---|\n| a |\n|---|\n<b>\n",
        "1. \\[ ] ## a~~~\n~~~\n*`1. ## ## |`",
        "- \\\n  `a",
        " **`\n\r- ",
        "a\n*#**[:#*",
        "aaaa    - <b>    - )",
    ] {
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let doc = document(1);
            let mut writer = begin(&doc);
            write(&mut writer, &doc, &text[..cut], End::NotYet);
            let state = format!("{writer:?}");
            write(&mut writer, &doc, text, End::Reached);
            assert_eq!(nodes_of(&doc), written_at_once(text), "{text:?} divided at {cut}: {state}");
        }
    }
}

#[test]
fn what_is_uncertain_is_held_back_and_comes_at_last() {
    let doc = document(1);
    let mut writer = begin(&doc);
    let held = |text: &str, writer: &mut StreamWriter| {
        let written = write(writer, &doc, text, End::NotYet);
        (markdown_of(&doc), text.len() - written.bytes)
    };
    assert_eq!(held("Some **bo", &mut writer), ("Some".to_owned(), 4));
    assert_eq!(held("Some **bold**, and", &mut writer), ("Some **bold**, and".to_owned(), 0));
    let text = "Some **bold**, and\n\n| a | b |\n";
    assert_eq!(held(text, &mut writer), ("Some **bold**, and".to_owned(), 10));
    let text = format!("{text}|---|---|\n| 1 | 2 |\n| 3 ");
    assert_eq!(held(&text, &mut writer).0, "Some **bold**, and\n\n| a | b |\n| --- | --- |\n| 1 | 2 |");
    write(&mut writer, &doc, &text, End::Reached);
    assert!(markdown_of(&doc).ends_with("| 1 | 2 |\n| 3 | |"), "{}", markdown_of(&doc));
}

#[test]
fn it_begins_behind_what_is_there_and_before_blank_lines() {
    let doc = document(1);
    set_markdown(&body(&doc), &mut doc.transact_mut(), "before");
    {
        let (body, mut txn) = (body(&doc), doc.transact_mut());
        node::insert(&body, &mut txn, 1, &crate::rich_text::shape::empty_paragraph());
    }
    write(&mut begin(&doc), &doc, "# Title\n\nwords", End::Reached);
    let names: Vec<_> = nodes_of(&doc).iter().map(|node| node.name().to_owned()).collect();
    assert_eq!(names, ["paragraph", "heading", "paragraph", "paragraph"]);
    assert_eq!(markdown_of(&doc), "before\n\n# Title\n\nwords");
}

#[test]
fn a_text_that_is_shorter_than_what_was_written_says_nothing() {
    for text in ["some words é", "- one\n- two é", "```\ncode é", "> é", "a\n\nb é"] {
        for length in (0..text.len()).filter(|length| text.is_char_boundary(*length)) {
            let doc = document(1);
            let mut writer = begin(&doc);
            write(&mut writer, &doc, text, End::NotYet);
            people::insert_into(&doc, 0, 0, "!");
            write(&mut writer, &doc, &text[..length], End::NotYet);
            write(&mut writer, &doc, text, End::Reached);
            assert!(words_of(&doc).contains("é"), "{:?} {length}", markdown_of(&doc));
        }
    }
}

#[test]
fn the_state_stays_small() {
    let doc = document(1);
    let mut writer = begin(&doc);
    write(&mut writer, &doc, &"A paragraph of words.\n\n".repeat(2_000), End::NotYet);
    let bytes = serde_json::to_string(&writer).unwrap().len();
    assert!(bytes < 64 * 48, "{bytes} bytes");
}

#[test]
fn the_caret_is_behind_the_last_words() {
    let doc = document(1);
    let mut writer = begin(&doc);
    assert_eq!(writer.caret(&doc.transact()), None);
    write(&mut writer, &doc, "- one\n- two", End::NotYet);
    let txn = doc.transact();
    let caret = writer.caret(&txn).unwrap().get_offset(&txn).unwrap();
    assert_eq!(caret.index, 3);
}

#[test]
fn what_is_retracted_leaves_what_people_wrote() {
    let doc = document(1);
    let mut writer = begin(&doc);
    write(&mut writer, &doc, "one\n\ntwo\n\n- three\n- four", End::NotYet);
    let person = replica(&doc, 2);
    people::insert_into(&person, 1, 1, "!");
    people::insert_into(&person, 2, 2, "?");
    merge(&doc, &person);
    assert_eq!(markdown_of(&doc), "one\n\nt!wo\n\n- th?ree\n- four");
    assert_eq!(retract(&mut writer, &doc, 5), 5);
    assert_eq!(markdown_of(&doc), "one\n\n!\n\n- ?");
    write(&mut writer, &doc, "one\n\nsix", End::Reached);
    assert_eq!(markdown_of(&doc), "one\n\nsix\n\n!\n\n- ?");
}
