//! Markdown: what is parsed, rendered and parsed again is the same tree. And rich text of any shape: what it reads as
//! crosses to Markdown and back, and writing it to where it was read from changes nothing.
#![no_main]

use glassbox_fuzz::applied;
use libfuzzer_sys::fuzz_target;
use schema::rich_text::markdown::{parse, render};
use schema::rich_text::{diff_apply, from_xml};
use yrs::Transact;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((b'!', update)) => of_any_shape(update),
        _ => of_any_text(bytes),
    }
});

fn of_any_text(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let blocks = parse(text);
    let rendered = render(&blocks);
    assert_eq!(parse(&rendered), blocks, "{rendered:?}");
    assert_eq!(render(&parse(&rendered)), rendered);
}

fn of_any_shape(update: &[u8]) {
    let Some(doc) = applied(&[update]) else { return };
    let body = doc.get_or_insert_xml_fragment("body");
    let mut txn = doc.transact_mut();
    let blocks = from_xml(&body, &txn);
    assert_eq!(parse(&render(&blocks)), blocks);
    diff_apply(&body, &mut txn, &blocks);
    assert_eq!(from_xml(&body, &txn), blocks);
    let other = parse("# Title\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |");
    diff_apply(&body, &mut txn, &other);
    assert_eq!(from_xml(&body, &txn), other);
}
