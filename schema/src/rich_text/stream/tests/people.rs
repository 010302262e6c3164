//! People write while a text is written.

use std::collections::BTreeSet;

use yrs::{Any, GetString, Out, Text, XmlElementPrelim, XmlTextPrelim, XmlTextRef};

use super::*;

/// One who writes, and what is known of what he and the others did.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Insert,
    Delete,
    DeleteBlock,
    AddBlock,
    Split,
    Format,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The text goes on for so many bytes.
    Write(usize),
    /// One of two people does something somewhere.
    Person(usize, Deed, u32, u32),
    /// The replica of one learns what another has.
    Exchange(usize, usize),
    /// The writer goes on at another replica.
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deed = prop_oneof![
        4 => Just(Deed::Insert),
        2 => Just(Deed::Delete),
        1 => Just(Deed::DeleteBlock),
        2 => Just(Deed::AddBlock),
        1 => Just(Deed::Split),
        1 => Just(Deed::Format),
    ];
    let step = prop_oneof![
        4 => (1..60_usize).prop_map(Step::Write),
        3 => (1..3_usize, deed, any::<u32>(), any::<u32>()).prop_map(|(who, deed, a, b)| Step::Person(who, deed, a, b)),
        4 => (0..3_usize, 0..3_usize).prop_map(|(from, to)| Step::Exchange(from, to)),
        1 => Just(Step::Restore),
    ];
    prop::collection::vec(step, 1..60)
}

fn rows(many: usize, row: &mut dyn FnMut() -> String) -> String {
    std::iter::repeat_with(row).take(many).collect::<Vec<_>>().concat()
}

const FIRSTS: &[u8] = b"abcdefghijklmnopqrstuv";
const SECONDS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A word of its own for each number, such as `wa0a0`: what people make of pieces of two of them is none of the others.
fn word(number: usize) -> String {
    let (first, second) = (char::from(FIRSTS[number / SECONDS.len()]), char::from(SECONDS[number % SECONDS.len()]));
    format!("w{first}{second}{first}{second}")
}

fn is_word(text: &str) -> bool {
    matches!(text.as_bytes(), [b'w', a, b, c, d] if a == c && b == d && FIRSTS.contains(a) && SECONDS.contains(b))
}

/// The words of the text, each another, in blocks of all kinds.
fn text_of_words() -> impl Strategy<Value = String> {
    prop::collection::vec((0..7_usize, 1..6_usize, 1..5_usize), 1..8).prop_map(|blocks| {
        let mut count = 0;
        let mut words = |many: usize| {
            let words: Vec<String> = (0..many).map(|index| word(count + index)).collect();
            count += many;
            words.join(" ")
        };
        let blocks = blocks.into_iter().map(|(kind, many, lines)| {
            let mut line = || words(many);
            match kind {
                0 => format!("## {}", line()),
                1 => rows(lines, &mut || format!("- {}\n", line())),
                2 => {
                    let mut number = 0;
                    rows(lines, &mut || {
                        number += 1;
                        format!("{number}. {}\n   - {}\n", line(), line())
                    })
                }
                3 => format!("```rust\n{}```", rows(lines, &mut || format!("{}\n", line()))),
                4 => format!("| h | i |\n|---|---|\n{}", rows(lines, &mut || format!("| {} | x |\n", line()))),
                5 => rows(lines, &mut || format!("> {}\n", line())),
                _ => format!("{} **{}** {}", line(), line(), line()),
            }
        });
        blocks.collect::<Vec<String>>().join("\n\n")
    })
}

/// The end of the word in which a place is.
fn end_of_word(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    text[at..].find(|character: char| !character.is_ascii_alphanumeric()).map_or(text.len(), |more| at + more)
}

/// The texts in a document, each with the index of the block that it is in.
fn texts(doc: &Doc) -> Vec<(u32, XmlTextRef)> {
    fn collect(inside: &XmlFragmentRef, block: Option<u32>, txn: &impl ReadTxn, found: &mut Vec<(u32, XmlTextRef)>) {
        for (index, child) in (0..).zip(node::children(inside, txn)) {
            let block = block.unwrap_or(index);
            match child {
                Out::YXmlText(text) => found.push((block, text)),
                Out::YXmlElement(element) => collect(element.as_ref(), Some(block), txn, found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    let body = body(doc);
    collect(&body, None, &doc.transact(), &mut found);
    found
}

/// Puts words into the first text of a block.
pub(super) fn insert_into(doc: &Doc, block: u32, at: u32, words: &str) {
    let (_, text) = texts(doc).into_iter().find(|(of, _)| *of == block).unwrap();
    text.insert(&mut doc.transact_mut(), at, words);
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|text| is_word(text))
}

#[derive(Default)]
struct Known {
    inserted: Vec<char>,
    deleted: BTreeSet<char>,
    /// Words of blocks that somebody changed.
    touched: BTreeSet<String>,
    /// Words that somebody deleted, in one piece.
    deleted_words: BTreeSet<String>,
    has_split: bool,
}

impl Known {
    fn touch(&mut self, doc: &Doc, block: u32) {
        let of_block = texts(doc).into_iter().filter(|(of, _)| *of == block);
        for (_, text) in of_block {
            let written = plain(&text, doc);
            self.touched.extend(words(&written).map(ToOwned::to_owned));
        }
    }

    fn delete(&mut self, text: &str) {
        self.deleted.extend(text.chars());
        self.deleted_words.extend(words(text).map(ToOwned::to_owned));
    }

    fn next(&mut self) -> char {
        let next = char::from_u32(0x4e00 + u32::try_from(self.inserted.len()).unwrap()).unwrap();
        self.inserted.push(next);
        next
    }
}

fn plain(text: &XmlTextRef, doc: &Doc) -> String {
    let runs = node::read_text(text, &doc.transact());
    runs.into_iter().map(|run| run.text).collect()
}

fn act(doc: &Doc, deed: Deed, a: u32, b: u32, known: &mut Known) {
    let texts = texts(doc);
    let body = body(doc);
    if let Deed::AddBlock = deed {
        let at = a % (body.len(&doc.transact()) + 1);
        let words = known.next().to_string();
        let mut txn = doc.transact_mut();
        let block = body.insert(&mut txn, at, XmlElementPrelim::empty("paragraph"));
        let inside: &XmlFragmentRef = block.as_ref();
        inside.insert(&mut txn, 0, XmlTextPrelim::new(words));
        return;
    }
    if texts.is_empty() {
        return;
    }
    let (block, text) = &texts[a as usize % texts.len()];
    known.touch(doc, *block);
    let written = plain(text, doc);
    let length = text.len(&doc.transact());
    let (at, many) = (b % (length + 1), 1 + b % 7);
    let many = many.min(length - at);
    let part = |from: u32, many: u32| written.chars().skip(from as usize).take(many as usize).collect::<String>();
    match deed {
        Deed::Insert => {
            let words = known.next().to_string();
            text.insert(&mut doc.transact_mut(), at, &words);
        }
        Deed::Delete if many > 0 => {
            known.delete(&part(at, many));
            text.remove_range(&mut doc.transact_mut(), at, many);
        }
        Deed::DeleteBlock => {
            for (_, text) in texts.iter().filter(|(of, _)| of == block) {
                known.delete(&plain(text, doc));
            }
            body.remove(&mut doc.transact_mut(), *block);
        }
        Deed::Split if at < length => {
            known.has_split = true;
            let moved = part(at, length - at);
            let mut txn = doc.transact_mut();
            text.remove_range(&mut txn, at, length - at);
            let block = body.insert(&mut txn, block + 1, XmlElementPrelim::empty("paragraph"));
            let inside: &XmlFragmentRef = block.as_ref();
            inside.insert(&mut txn, 0, XmlTextPrelim::new(moved));
        }
        Deed::Format if many > 0 => {
            let bold = yrs::types::Attrs::from([("bold".into(), Any::Map(std::sync::Arc::default()))]);
            text.format(&mut doc.transact_mut(), at, many, bold);
        }
        _ => {}
    }
}

fn check(docs: &[Doc; 3], text: &str, known: &Known) -> Result<(), TestCaseError> {
    for _ in 0..2 {
        for (from, into) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
            merge(&docs[into], &docs[from]);
        }
    }
    prop_assert_eq!(nodes_of(&docs[0]), nodes_of(&docs[1]), "replicas converge");
    prop_assert_eq!(nodes_of(&docs[0]), nodes_of(&docs[2]), "replicas converge");
    let written = words_of(&docs[0]);
    for inserted in known.inserted.iter().filter(|inserted| !known.deleted.contains(inserted)) {
        prop_assert!(written.contains(*inserted), "what people wrote stays: {inserted}\n{written}");
    }
    // What a deletion joins of two words may look like one.
    let of_text: BTreeSet<&str> = words(text).collect();
    let is_untouched = |word: &&str| of_text.contains(word) && !known.touched.contains(*word);
    let untouched = |text: &str| -> Vec<String> { words(text).filter(is_untouched).map(ToOwned::to_owned).collect() };
    prop_assert_eq!(untouched(&written), untouched(text), "the words are there, in order, once");
    if !known.has_split {
        let again: Vec<_> = words(&written).filter(|word| known.deleted_words.contains(*word)).collect();
        prop_assert!(again.is_empty(), "what people deleted is not written again: {again:?}");
    }
    Ok(())
}

fn run(text: &str, steps: &[Step], restores: Restores) -> ([Doc; 3], Known) {
    let mut docs = [document(1), document(2), document(3)];
    let mut writer = begin(&docs[0]);
    let mut known = Known::default();
    let mut length = 0;
    for step in steps {
        match *step {
            Step::Write(more) => {
                length = end_of_word(text, length + more);
                write(&mut writer, &docs[0], &text[..length], End::NotYet);
            }
            Step::Person(who, deed, a, b) => {
                if let Deed::DeleteBlock = deed {
                    // What another writes in a block at the moment of its removal goes with it.
                    merge(&docs[who], &docs[3 - who]);
                    merge(&docs[who], &docs[0]);
                }
                act(&docs[who], deed, a, b, &mut known);
                if let Deed::DeleteBlock = deed {
                    merge(&docs[3 - who], &docs[who]);
                    merge(&docs[0], &docs[who]);
                }
            }
            Step::Exchange(from, into) if from != into => merge(&docs[into], &docs[from]),
            Step::Restore if restores == Restores::Yes => {
                writer = restored(&writer);
                docs[0] = replica(&docs[0], 1);
            }
            Step::Exchange(..) | Step::Restore => {}
        }
    }
    write(&mut writer, &docs[0], text, End::Reached);
    (docs, known)
}

#[derive(Clone, Copy, PartialEq)]
enum Restores {
    Yes,
    No,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn people_and_the_writer_leave_one_another_alone(text in text_of_words(), steps in steps()) {
        let (docs, known) = run(&text, &steps, Restores::Yes);
        check(&docs, &text, &known)?;
    }

    #[test]
    fn it_makes_no_difference_where_a_writer_goes_on(text in text_of_words(), steps in steps()) {
        let (with, _) = run(&text, &steps, Restores::Yes);
        let (without, _) = run(&text, &steps, Restores::No);
        prop_assert_eq!(nodes_of(&with[0]), nodes_of(&without[0]));
    }

    #[test]
    fn what_people_wrote_outlasts_a_retraction(
        text in text_of_words(), steps in steps(), keep in any::<usize>(),
    ) {
        let docs = [document(1), document(2), document(3)];
        let mut writer = begin(&docs[0]);
        let mut known = Known::default();
        let mut length = 0;
        for step in &steps {
            match *step {
                Step::Write(more) => {
                    length = end_of_word(&text, length + more);
                    write(&mut writer, &docs[0], &text[..length], End::NotYet);
                }
                Step::Person(who, deed, a, b) => {
                    merge(&docs[who], &docs[0]);
                    act(&docs[who], deed, a, b, &mut known);
                    merge(&docs[0], &docs[who]);
                }
                Step::Exchange(..) | Step::Restore => {}
            }
        }
        retract(&mut writer, &docs[0], keep % (length + 1));
        write(&mut writer, &docs[0], &text, End::Reached);
        let written = words_of(&docs[0]);
        for inserted in known.inserted.iter().filter(|inserted| !known.deleted.contains(inserted)) {
            prop_assert!(written.contains(*inserted), "what people wrote stays: {inserted}\n{written}");
        }
        for word in words(&text).filter(|word| !known.touched.contains(*word)) {
            prop_assert_eq!(times(&written, word), 1, "{}\n{}", word, written);
        }
    }
}

/// A document with what was written of a text so far, and a person's replica of it.
fn half_written(text: &str) -> (Doc, StreamWriter, Doc) {
    let doc = document(1);
    let mut writer = begin(&doc);
    write(&mut writer, &doc, text, End::NotYet);
    let person = replica(&doc, 2);
    (doc, writer, person)
}

fn finished(text: &str, more: &str, edit: impl FnOnce(&Doc)) -> String {
    let (doc, mut writer, person) = half_written(text);
    edit(&person);
    merge(&doc, &person);
    let written = write(&mut writer, &doc, &format!("{text}{more}"), End::Reached);
    assert_eq!(written.left_to_people, 1);
    markdown_of(&doc)
}

#[test]
fn a_block_that_somebody_changed_is_left_to_them() {
    let typed = |at| move |person: &Doc| insert_into(person, 0, at, "!");
    assert_eq!(finished("Some words", " and more", typed(4)), "Some! words\n\nand more");
    assert_eq!(finished("## A title", " and more", typed(1)), "## A! title\n\n## and more");
    assert_eq!(finished("- one\n- two", " and\n- three", typed(3)), "- one!\n- two\n\n* and\n* three");
    assert_eq!(finished("1. one\n2. two", "\n3. three", typed(3)), "1. one!\n2. two\n\n3) three");
    assert_eq!(finished("```rust\na\n", "b\n```\n", typed(1)), "```rust\na!\n```\n\n```rust\nb\n```");
    assert_eq!(finished("> one", " two", typed(3)), "> one!\n\n> two");
    let row = "| a |\n|---|\n| 1 |\n";
    assert_eq!(finished(row, "| 2 |\n", typed(1)), "| a! |\n| --- |\n| 1 |\n\n| a |\n| --- |\n| 2 |");
}

#[test]
fn a_block_that_somebody_removed_is_not_written_again() {
    let removed = |person: &Doc| body(person).remove(&mut person.transact_mut(), 1);
    assert_eq!(finished("one\n\nSome words", " and more", removed), "one\n\nand more");
}

#[test]
fn behind_a_block_that_was_divided_it_goes_on_behind_its_end() {
    let divided = |person: &Doc| act(person, Deed::Split, 0, 6, &mut Known::default());
    assert_eq!(finished("Some words", " and more", divided), "Some w\n\nords\n\nand more");
}

#[test]
fn what_people_do_around_the_open_block_does_not_matter() {
    let (doc, mut writer, person) = half_written("one\n\ntwo");
    act(&person, Deed::AddBlock, 2, 0, &mut Known::default());
    act(&person, Deed::AddBlock, 0, 0, &mut Known::default());
    body(&person).remove(&mut person.transact_mut(), 1);
    merge(&doc, &person);
    let written = write(&mut writer, &doc, "one\n\ntwo and\n\nthree", End::Reached);
    assert_eq!(written.left_to_people, 0);
    assert_eq!(markdown_of(&doc), "一\n\ntwo and\n\nthree\n\n一");
    assert!(!body(&doc).get_string(&doc.transact()).is_empty());
}

/// How often a word of the text is there: not as the beginning of another one, as when a person joins two.
fn times(written: &str, word: &str) -> usize {
    let is_whole =
        |(at, found): &(usize, &str)| !written[at + found.len()..].starts_with(|next: char| next.is_ascii_digit());
    written.match_indices(word).filter(is_whole).count()
}
