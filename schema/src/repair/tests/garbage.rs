//! Whatever clients write, its repair leaves nothing to repair, is the same everywhere, and spares what is right.

use proptest::prelude::*;
use yrs::{
    Any, Array, ArrayPrelim, ArrayRef, Map, MapPrelim, MapRef, Text, TextPrelim, Transact, WriteTxn, XmlElementPrelim,
    XmlFragmentPrelim, XmlFragmentRef, XmlTextPrelim,
};

use super::*;
use crate::{canvas, node};

const KEYS: [&str; 30] = [
    NODE,
    OTHER,
    "node-1",
    "0192D3E0-5B7A-7C3E-8F00-3F2A9F1C4D5E",
    "",
    "name",
    "description",
    "workflowStates",
    "title",
    "status",
    "parentId",
    "authorType",
    "authorUserId",
    "x",
    "width",
    "metadata",
    "createdAt",
    "deletedAt",
    "sourceNodeId",
    "targetNodeId",
    "sourceOutputId",
    "id",
    "type",
    "label",
    "sortOrder",
    "text",
    "fileId",
    "sourceVersion",
    "url",
    "unknown",
];

/// Reads choices from bytes; at the end, always the first.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }

    fn key(&mut self) -> &'static str {
        KEYS[self.below(KEYS.len())]
    }

    fn plain(&mut self) -> Any {
        match self.below(14) {
            0 => Any::Null,
            1 => Any::Undefined,
            2 => Any::from(f64::NAN),
            3 => Any::from(-1e300),
            4 => Any::from(17),
            5 => Any::from(true),
            6 => Any::from("12"),
            7 => Any::from("words \u{1f642}\nof two lines"),
            8 => Any::from("2026-01-02"),
            9 => Any::from(self.key()),
            10 => Any::from(vec![0_u8, 1]),
            11 => Any::Array([self.plain()].into()),
            12 => object(&[(self.key(), self.plain())]),
            _ => Any::from(""),
        }
    }
}

fn write(choices: &mut Choices<'_>, txn: &mut TransactionMut<'_>) {
    let list_root = |choices: &mut Choices<'_>| ["body", "inputs", "outputs"][choices.below(3)];
    match choices.below(8) {
        0..3 => {
            let map = txn.get_or_insert_map(["nodes", "edges", "project"][choices.below(3)]);
            write_member(&map, choices, txn, 3);
        }
        3..6 => {
            let list = txn.get_or_insert_array(list_root(choices));
            write_child(&list, choices, txn, 3);
        }
        6 => {
            let text = txn.get_or_insert_text(list_root(choices));
            text.insert(txn, 0, ["a", "\u{1f642}b"][choices.below(2)]);
        }
        _ => {
            // Deleting can leave something incomplete.
            let map = txn.get_or_insert_map(["nodes", "edges"][choices.below(2)]);
            if let Some(entry) = map.get(txn, choices.key()).and_then(|entry| entry.cast::<MapRef>().ok()) {
                entry.remove(txn, choices.key());
            }
        }
    }
}

fn write_member(map: &MapRef, choices: &mut Choices<'_>, txn: &mut TransactionMut<'_>, depth: usize) {
    let key = choices.key();
    match if depth == 0 { 0 } else { choices.below(8) } {
        1..4 => {
            let existing = map.get(txn, key).and_then(|value| value.cast::<MapRef>().ok());
            let inner = existing.unwrap_or_else(|| map.insert(txn, key, MapPrelim::default()));
            for _ in 0..choices.below(4) {
                write_member(&inner, choices, txn, depth - 1);
            }
        }
        4 => write_child(&map.insert(txn, key, ArrayPrelim::default()), choices, txn, depth - 1),
        5 => write_embedded(&map.insert(txn, key, TextPrelim::new("te\u{1f642}xt")), choices, txn),
        6 => {
            let fragment = map.insert(txn, key, XmlFragmentPrelim::default());
            write_child(AsRef::<ArrayRef>::as_ref(&fragment), choices, txn, depth - 1);
        }
        7 => drop(map.insert(txn, key, XmlTextPrelim::new("xml"))),
        _ => drop(map.insert(txn, key, choices.plain())),
    }
}

fn write_child(list: &ArrayRef, choices: &mut Choices<'_>, txn: &mut TransactionMut<'_>, depth: usize) {
    match if depth == 0 { 0 } else { choices.below(8) } {
        1 | 2 => {
            let map = list.insert(txn, 0, MapPrelim::default());
            for _ in 0..choices.below(5) {
                write_member(&map, choices, txn, depth - 1);
            }
        }
        3 => write_child(&list.insert(txn, 0, ArrayPrelim::default()), choices, txn, depth - 1),
        4 => write_embedded(&list.insert(txn, 0, TextPrelim::new("text")), choices, txn),
        5 | 6 => {
            let element = list.insert(txn, 0, XmlElementPrelim::empty(["paragraph", "mention"][choices.below(2)]));
            for _ in 0..choices.below(3) {
                let inside: &XmlFragmentRef = element.as_ref();
                write_child(AsRef::<ArrayRef>::as_ref(inside), choices, txn, depth - 1);
            }
            if choices.below(3) == 1 {
                yrs::Xml::insert_attribute(&element, txn, choices.key(), TextPrelim::new("attribute"));
            }
        }
        7 => {
            let text = list.insert(txn, 0, XmlTextPrelim::new("xml"));
            if choices.below(2) == 1 {
                text.insert_embed(txn, 1, choices.plain());
            }
        }
        _ => drop(list.insert(txn, 0, choices.plain())),
    }
}

fn write_embedded(text: &yrs::TextRef, choices: &mut Choices<'_>, txn: &mut TransactionMut<'_>) {
    if choices.below(2) == 1 {
        text.insert_embed(txn, 1, choices.plain());
    }
}

/// What is right before clients write garbage beside it.
fn write_right(txn: &mut TransactionMut<'_>) {
    node::set_body(txn, "# Right\n\n- and **good**").unwrap();
    let item = txn.get_or_insert_array("outputs").push_back(txn, MapPrelim::default());
    item.insert(txn, "id", "0192d3e0-5b7a-7c3e-8f00-000000000001");
    item.insert(txn, "type", "text");
    let node = txn.get_or_insert_map("nodes").insert(txn, "0192d3e0-5b7a-7c3e-8f00-000000000002", MapPrelim::default());
    node.insert(txn, "title", "right");
}

fn written_by(client: u64, before: &Doc, bytes: &[u8]) -> Doc {
    let doc = crate::new_doc(ClientID::new(client));
    apply(&doc, &state(before));
    let mut choices = Choices(bytes);
    while !choices.0.is_empty() {
        write(&mut choices, &mut doc.transact_mut());
    }
    doc
}

fn state_of(doc: &Doc) -> (serde_json::Value, serde_json::Value) {
    let txn = doc.transact();
    (serde_json::to_value(canvas::read(&txn)).unwrap(), serde_json::to_value(node::read(&txn)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_repair_is_whole_is_the_same_everywhere_and_spares_what_is_right(
        one in prop::collection::vec(any::<u8>(), 0..60),
        other in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let right = crate::new_doc(ClientID::new(3));
        write_right(&mut right.transact_mut());
        let merged = received(&written_by(4, &right, &one));
        apply(&merged, &state(&written_by(5, &right, &other)));
        let copies = [received(&merged), received(&merged)];
        for copy in &copies {
            repaired(Shape::Canvas, copy);
            repaired(Shape::Node, copy);
        }
        let [copy, again] = &copies;
        prop_assert_eq!(state_of(copy), state_of(again));
        prop_assert_eq!(copy.transact().state_vector(), again.transact().state_vector());
        let txn = copy.transact();
        let view = canvas::read(&txn);
        prop_assert_eq!(&view.nodes[&"0192d3e0-5b7a-7c3e-8f00-000000000002".parse().unwrap()].title, "right");
        let view = node::read(&txn);
        prop_assert!(view.outputs.iter().any(|item| item.id.as_u128() & 0xffff == 1), "{:?}", view.outputs);
        prop_assert!(view.body.contains("# Right\n\n- and **good**"), "{}", view.body);
    }
}
