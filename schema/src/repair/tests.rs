mod canvas;
mod garbage;
mod node;

use std::collections::BTreeSet;

use yrs::updates::decoder::Decode;
use yrs::{Any, Array, Doc, ReadTxn, StateVector, Transact, TransactionMut, Update};

use super::{Reason, Shape, Spot, Spots, client_id, repair, violations};
use crate::ids::ClientID;
use crate::update::skeleton::{Fit, Skeleton};
use crate::update::{UpdateLimits, inspect};

const NODE: &str = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";
const OTHER: &str = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5f";

/// A document as clients wrote it.
fn written(write: impl FnOnce(&mut TransactionMut<'_>)) -> Doc {
    let doc = crate::new_doc(ClientID::new(1));
    write(&mut doc.transact_mut());
    received(&doc)
}

/// The document as the server has it: from updates alone, so that roots have no types.
fn received(doc: &Doc) -> Doc {
    let server = crate::new_doc(ClientID::new(2));
    apply(&server, &state(doc));
    server
}

fn state(doc: &Doc) -> Vec<u8> {
    doc.transact().encode_state_as_update_v1(&StateVector::default())
}

fn apply(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

fn found(shape: Shape, doc: &Doc) -> Vec<(String, Reason)> {
    let txn = doc.transact();
    let spots = Spot::all(shape, &txn).into_iter();
    spots.flat_map(|spot| violations(&spot, &txn)).map(|found| (found.path, found.reason)).collect()
}

/// Repairs all that is wrong; says what that was. Nothing is wrong any more, and nothing is edited twice.
fn repaired(shape: Shape, doc: &Doc) -> BTreeSet<(String, Reason)> {
    let noted = noted(shape, &state(doc));
    {
        let txn = doc.transact();
        for spot in Spot::all(shape, &txn) {
            assert!(noted.contains(&spot) || violations(&spot, &txn).is_empty(), "{spot:?} is not noted");
        }
    }
    let spots = Spot::all(shape, &doc.transact());
    let done = repair(&spots, &mut doc.transact_mut());
    assert_eq!(found(shape, doc), [], "something is still wrong");
    let spots = Spot::all(shape, &doc.transact());
    let mut txn = doc.transact_mut();
    assert_eq!(repair(&spots, &mut txn), []);
    txn.commit();
    assert!(txn.insert_set().is_empty() && txn.delete_set().is_empty(), "what is right is edited");
    done.into_iter().map(|repaired| (repaired.path, repaired.reason)).collect()
}

/// The spots that an update is seen to touch.
fn noted(shape: Shape, update: &[u8]) -> BTreeSet<Spot> {
    let (mut skeleton, mut spots, limits) = (Skeleton::default(), Spots::new(shape), UpdateLimits::default());
    let summary = inspect(update, &limits).unwrap();
    assert_eq!(skeleton.integrate(update, &summary, &limits), Ok(Fit::Whole));
    spots.note(&skeleton, update, &summary, &limits);
    spots.take()
}

fn said(reasons: &[(&str, Reason)]) -> BTreeSet<(String, Reason)> {
    reasons.iter().map(|(path, reason)| ((*path).to_owned(), *reason)).collect()
}

fn object(members: &[(&str, Any)]) -> Any {
    Any::from(
        members
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect::<std::collections::HashMap<_, _>>(),
    )
}

#[test]
fn the_same_edit_has_the_same_client_id_in_whatever_order_its_keys_come() {
    let drafts: Vec<_> = (0..20)
        .map(|_| {
            let members: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|key| (key, Any::from(1))).into();
            let doc = crate::new_doc(ClientID::new(1));
            doc.get_or_insert_array("outputs").push_back(&mut doc.transact_mut(), object(&members));
            state(&doc)
        })
        .collect();
    assert!(drafts.iter().any(|draft| *draft != drafts[0]), "the drafts are to differ in the order of their keys");
    assert!(drafts.iter().all(|draft| client_id(draft, 0) == client_id(&drafts[0], 0)));
    assert_ne!(client_id(&drafts[0], 0), client_id(&drafts[0], 1));
}
