//! The views of a canvas and of a node are read from documents of any shape.
use super::{Reader, applied};
use schema::{canvas, node};
use yrs::Transact;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut updates = Vec::new();
    while let Some(update) = reader.chunk() {
        updates.push(update);
    }
    let Some(doc) = applied(&updates) else { return };
    let txn = doc.transact();
    canvas::read(&txn);
    node::read(&txn);
}
