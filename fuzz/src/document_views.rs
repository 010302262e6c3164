//! The views of a canvas and of a node are read from documents of any shape, and what is not of theirs is repaired.
use super::{Reader, applied};
use schema::repair::{Shape, Spot, repair, violations};
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
    {
        let txn = doc.transact();
        canvas::read(&txn);
        node::read(&txn);
    }
    for shape in [Shape::Canvas, Shape::Node] {
        // A repair changes so much at a time.
        for _ in 0..4 {
            let spots = Spot::all(shape, &doc.transact());
            repair(&spots, &mut doc.transact_mut());
        }
        let txn = doc.transact();
        for spot in Spot::all(shape, &txn) {
            assert_eq!(violations(&spot, &txn), []);
        }
    }
}
