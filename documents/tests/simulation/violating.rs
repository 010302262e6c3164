//! Clients that write what is not of the document's shape.

use bytes::Bytes;
use documents::room::{Input, UpdateKind};
use schema::repair::Shape;
use yrs::{
    Any, Array, Doc, Map, MapPrelim, MapRef, Text, TextPrelim, Transact, TransactionMut, WriteTxn, XmlElementPrelim,
    XmlTextPrelim,
};

use crate::{World, clock_of};

const IDS: [&str; 3] = ["0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e", "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5f", "node-1"];

impl World {
    /// What documents of this shape should hold, and now and then do not.
    pub(crate) fn write_by_shape(&mut self, at: usize) {
        let Some(shape) = self.shape else { return };
        let (what, id, other) = (self.below(9), IDS[self.below(3)], IDS[self.below(3)]);
        let client = &mut self.clients[at];
        let mut txn = client.doc.transact_mut();
        match shape {
            Shape::Canvas => write_canvas(&mut txn, what, id, other),
            Shape::Node => write_node(&mut txn, what, id),
        }
        let update = Bytes::from(txn.encode_update_v1());
        drop(txn);
        self.send(at, update);
    }

    pub(crate) fn send(&mut self, at: usize, update: Bytes) {
        let client = &mut self.clients[at];
        if let Some((_, session)) = client.session {
            client.up.push_back(Input::Update(session, UpdateKind::Live, update));
            client.frames.push(if client.answered { clock_of(&client.doc, client.id) } else { 0 });
        }
    }
}

fn write_canvas(txn: &mut TransactionMut<'_>, what: usize, id: &str, other: &str) {
    let (nodes, edges) = (txn.get_or_insert_map("nodes"), txn.get_or_insert_map("edges"));
    let existing = |map: &MapRef, txn: &TransactionMut<'_>| map.get(txn, id).and_then(|it| it.cast::<MapRef>().ok());
    match what {
        0 | 1 => {
            nodes.insert(txn, id, MapPrelim::from([("title", "right")]));
        }
        2 => {
            nodes.insert(txn, id, Any::from_json(r#"{"title":"plain","x":"7"}"#).unwrap());
        }
        3 => {
            nodes.insert(txn, id, "words");
        }
        4 | 5 => {
            if let Some(node) = existing(&nodes, txn) {
                node.insert(txn, "x", if what == 4 { Any::from(f64::NAN) } else { Any::from("12") });
                node.insert(txn, "title", TextPrelim::new("typed"));
            }
        }
        6 => {
            let edge = edges.insert(txn, id, MapPrelim::from([("sourceNodeId", id)]));
            edge.insert(txn, "targetNodeId", other);
        }
        7 => {
            edges.insert(txn, other, MapPrelim::from([("sourceNodeId", id)]));
        }
        _ => {
            if let Some(edge) = existing(&edges, txn) {
                edge.remove(txn, "targetNodeId");
            }
        }
    }
}

fn write_node(txn: &mut TransactionMut<'_>, what: usize, id: &str) {
    let (body, outputs) = (txn.get_or_insert_array("body"), txn.get_or_insert_array("outputs"));
    match what {
        0 | 1 => {
            let paragraph = body.insert(txn, 0, XmlElementPrelim::empty("paragraph"));
            yrs::XmlFragment::push_back(&paragraph, txn, XmlTextPrelim::new("right"));
        }
        2 => {
            body.insert(txn, 0, "a value");
        }
        3 => {
            body.insert(txn, 0, XmlTextPrelim::new("without a paragraph"));
        }
        4 => txn.get_or_insert_text("body").insert(txn, 0, "typed \u{1f642}"),
        5 | 6 => {
            outputs.insert(txn, 0, MapPrelim::from([("id", id), ("label", "one of several")]));
        }
        7 => {
            outputs.insert(txn, 0, "no item");
        }
        _ => {
            outputs.insert(txn, 0, MapPrelim::from([("label", "without an id")]));
        }
    }
}

/// What a reader sees of the shapes.
pub(crate) fn views(doc: &Doc) -> [serde_json::Value; 2] {
    let txn = doc.transact();
    let views = [serde_json::to_value(schema::canvas::read(&txn)), serde_json::to_value(schema::node::read(&txn))];
    views.map(Result::unwrap)
}
