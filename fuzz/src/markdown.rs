//! Markdown: what is parsed, rendered and parsed again is the same tree. And rich text of any shape: it is read, what it
//! reads as is stable Markdown, and other Markdown can be written in its place.
use super::applied;
use schema::rich_text::markdown::{parse, render};
use schema::rich_text::{plain_text, read, set_markdown, to_markdown};
use yrs::Transact;

const OTHER: &str = "# Title\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |";

/// Checks one input.
pub fn check(bytes: &[u8]) {
    match bytes.split_first() {
        Some((b'!', update)) => of_any_shape(update),
        _ => of_any_text(bytes),
    }
}

fn of_any_text(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let blocks = parse(text);
    let rendered = render(&blocks);
    assert_eq!(parse(&rendered), blocks, "{rendered:?}");
}

fn of_any_shape(update: &[u8]) {
    let Some(doc) = applied(&[update]) else { return };
    let body = doc.get_or_insert_xml_fragment("body");
    let mut txn = doc.transact_mut();
    let _ = plain_text(&body, &txn);
    let markdown = render(&parse(&to_markdown(&body, &txn)));
    assert_eq!(render(&parse(&markdown)), markdown);
    set_markdown(&body, &mut txn, &markdown);
    let blocks = read(&body, &txn);
    set_markdown(&body, &mut txn, OTHER);
    assert!(to_markdown(&body, &txn).contains("Title"), "{blocks:?}");
}
