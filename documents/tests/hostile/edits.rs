//! Edits such as clients make: of texts, maps, lists and rich text.

use yrs::types::Attrs;
use yrs::{
    Any, Array, ArrayPrelim, Doc, GetString, Map, MapPrelim, MapRef, Out, Text, TextPrelim, TransactionMut,
    XmlElementPrelim, XmlFragment, XmlFragmentRef, XmlOut, XmlTextPrelim,
};

use super::forge::Pick;
use super::reading::is_list;
use super::world::fenced;

const WORDS: [&str; 5] = ["a", "bc", "\u{e9}t\u{e9}", "\u{1f642}", "0b8e3f5c"];
const KEYS: [&str; 4] = ["title", "status", "x", "tags"];

/// Makes a few edits in one transaction, and returns the update.
pub fn edit(doc: &Doc, pick: &mut Pick<'_>) -> Result<Vec<u8>, String> {
    let text = doc.get_or_insert_text("text");
    let map = doc.get_or_insert_map("project");
    let nodes = doc.get_or_insert_map("nodes");
    let list = doc.get_or_insert_array("inputs");
    let body = doc.get_or_insert_xml_fragment("body");
    fenced(doc, |txn| {
        for _ in 0..=pick(3) {
            match pick(8) {
                0..3 => edit_text(txn, &text, pick),
                3 => edit_map(txn, &map, pick),
                4 => edit_nodes(txn, &nodes, pick),
                5 if is_list(txn, "inputs") => edit_list(txn, &list, pick),
                6.. if is_list(txn, "body") => edit_rich_text(txn, &body, pick),
                _ => {}
            }
        }
        txn.encode_update_v1()
    })
}

fn word(pick: &mut Pick<'_>) -> &'static str {
    WORDS[pick(WORDS.len() as u64) as usize]
}

/// A place within a text that splits no character.
fn place(text: &str, pick: &mut Pick<'_>) -> (u32, u32) {
    let at = pick(text.chars().count() as u64 + 1) as usize;
    let units = |text: &mut dyn Iterator<Item = char>| text.map(|c| c.len_utf16() as u32).sum();
    let index = units(&mut text.chars().take(at));
    (index, units(&mut text.chars().skip(at).take(1 + pick(3) as usize)))
}

fn edit_text(txn: &mut TransactionMut<'_>, text: &(impl Text + GetString), pick: &mut Pick<'_>) {
    let string = text.get_string(txn);
    let (mut index, mut length) = place(&string, pick);
    if string.encode_utf16().count() != text.len(txn) as usize {
        // Something else than text stands in it, too.
        (index, length) = (0, 0);
    }
    let bold: Attrs = [("bold".into(), if pick(2) == 0 { Any::from(true) } else { Any::Null })].into();
    match pick(6) {
        0 if length > 0 => text.remove_range(txn, index, length),
        1 if length > 0 => text.format(txn, index, length, bold),
        2 => text.insert_with_attributes(txn, index, word(pick), bold),
        _ => text.insert(txn, index, word(pick)),
    }
}

fn edit_map(txn: &mut TransactionMut<'_>, map: &MapRef, pick: &mut Pick<'_>) {
    let key = KEYS[pick(KEYS.len() as u64) as usize];
    match pick(6) {
        0 => drop(map.remove(txn, key)),
        1 => drop(map.insert(txn, key, MapPrelim::from([("nested", word(pick))]))),
        2 => drop(map.insert(txn, key, ArrayPrelim::from([Any::from(word(pick)), Any::Null]))),
        3 => drop(map.insert(txn, key, TextPrelim::new(word(pick)))),
        _ => drop(map.insert(txn, key, word(pick))),
    }
}

fn edit_nodes(txn: &mut TransactionMut<'_>, nodes: &MapRef, pick: &mut Pick<'_>) {
    let id = format!("node{}", pick(4));
    match nodes.get(txn, &id) {
        Some(Out::YMap(node)) if pick(5) > 0 => edit_map(txn, &node, pick),
        Some(_) => drop(nodes.remove(txn, &id)),
        None => drop(nodes.insert(txn, id, MapPrelim::from([("title", word(pick))]))),
    }
}

fn edit_list(txn: &mut TransactionMut<'_>, list: &yrs::ArrayRef, pick: &mut Pick<'_>) {
    let length = list.len(txn);
    let index = pick(u64::from(length) + 1) as u32;
    match list.get(txn, index) {
        Some(Out::YMap(map)) if pick(2) == 0 => edit_map(txn, &map, pick),
        Some(_) if pick(3) == 0 => list.remove(txn, index),
        _ if pick(2) == 0 => drop(list.insert(txn, index, MapPrelim::from([("label", word(pick))]))),
        _ => list.insert_range(txn, index, [word(pick), word(pick)]),
    }
}

fn edit_rich_text(txn: &mut TransactionMut<'_>, body: &XmlFragmentRef, pick: &mut Pick<'_>) {
    let length = body.len(txn);
    let index = pick(u64::from(length) + 1) as u32;
    match body.get(txn, index) {
        Some(XmlOut::Element(element)) if pick(4) > 0 => match element.get(txn, 0) {
            Some(XmlOut::Text(text)) => edit_text(txn, &text, pick),
            _ => drop(element.insert(txn, 0, XmlTextPrelim::new(word(pick)))),
        },
        Some(_) if pick(2) == 0 => body.remove_range(txn, index, 1),
        _ => drop(body.insert(txn, index, XmlElementPrelim::empty("paragraph"))),
    }
}
