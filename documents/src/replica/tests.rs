use yrs::{Array, ArrayPrelim, GetString, Map, ReadTxn, Text};

use super::*;

fn replica() -> Replica {
    Replica::from_log(std::iter::empty(), 1).unwrap()
}

fn apply(replica: &mut Replica, update: &Bytes) -> Outcome {
    replica.apply(update, &inspect(update).unwrap(), Trust::None).unwrap()
}

fn read(replica: &mut Replica) -> String {
    replica.read(|txn| txn.get_text("text").map(|text| text.get_string(txn)).unwrap_or_default()).unwrap()
}

/// A client that types into `text`.
struct Writer(Doc);

impl Writer {
    fn new(client: u64) -> Self {
        Self(schema::new_doc(ClientID::new(client)))
    }

    fn insert(&self, index: u32, letters: &str) -> Bytes {
        let text = self.0.get_or_insert_text("text");
        let mut txn = self.0.transact_mut();
        text.insert(&mut txn, index, letters);
        txn.encode_update_v1().into()
    }

    fn remove(&self, index: u32, length: u32) -> Bytes {
        let text = self.0.get_or_insert_text("text");
        let mut txn = self.0.transact_mut();
        text.remove_range(&mut txn, index, length);
        txn.encode_update_v1().into()
    }

    fn hear(&self, update: &[u8]) {
        self.0.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }
}

#[test]
fn d4_what_lacks_something_is_held_and_told_when_that_has_come() {
    let (a, b) = (Writer::new(7), Writer::new(8));
    let first = a.insert(0, "first ");
    b.hear(&first);
    let [second, third] = [b.insert(6, "second "), b.insert(13, "third")];
    let mut replica = replica();
    for update in [&third, &second] {
        assert_eq!(apply(&mut replica, update).applied, Applied::Held);
        assert_eq!(apply(&mut replica, update).applied, Applied::Nothing, "it is held already");
    }
    assert_eq!(read(&mut replica), "");
    let outcome = apply(&mut replica, &first);
    assert_eq!((outcome.applied, outcome.told, outcome.released), (Applied::Whole, first, vec![second, third]));
    assert_eq!(read(&mut replica), "first second third");
    assert!(!replica.holds_back());
}

/// yrs and yjs would keep such a deletion, and apply it to what its writer types next, but not at the writer's own.
#[test]
fn a_deletion_of_what_is_not_here_is_held() {
    let a = Writer::new(7);
    let [typed, deleted] = [a.insert(0, "text"), a.remove(1, 2)];
    let mut replica = replica();
    assert_eq!(apply(&mut replica, &deleted).applied, Applied::Held);
    assert_eq!(apply(&mut replica, &typed).released, [deleted]);
    assert_eq!(read(&mut replica), "tt");
}

/// Merged byte by byte, the second one would win: it begins with an earlier clock.
#[test]
fn updates_that_claim_the_same_clocks_are_told_as_the_document_has_them() {
    let (typist, receiver) = (Writer::new(7), Writer::new(9));
    let (base, missing) = (typist.insert(0, "base "), typist.insert(5, "and "));
    // One client id, two stories, both after what is missing.
    let [(dash, first), (_, second)] = ["first", "second"].map(|story| {
        let writer = Writer::new(8);
        writer.hear(&base);
        let dash = writer.insert(0, "- ");
        writer.hear(&missing);
        (dash, writer.insert(11, story))
    });
    let second = yrs::merge_updates_v1([&dash[..], &second[..]]).unwrap().into();
    let mut replica = replica();
    for update in [&base, &dash] {
        receiver.hear(&apply(&mut replica, update).told);
    }
    for update in [&first, &second] {
        assert_eq!(apply(&mut replica, update).applied, Applied::Held);
    }
    let known = replica.known();
    let Outcome { told, released, .. } = apply(&mut replica, &missing);
    let news = std::iter::once(told).chain(released).collect();
    receiver.hear(&replica.merge(news, &known).unwrap());
    let text = receiver.0.get_or_insert_text("text");
    assert_eq!(text.get_string(&receiver.0.transact()), read(&mut replica));
    assert!(read(&mut replica).starts_with("- base and first"), "{}", read(&mut replica));
}

#[test]
fn what_others_are_told_is_repaired() {
    let typed = Writer::new(7).insert(0, "text");
    let item = |flags: u8, ids: &[u8]| Bytes::from([&[1, 1, 8, 0, flags][..], ids, &[1, b'x', 0]].concat());
    let [written, repaired] = [item(0xc4, &[7, 2, 7, 2]), item(0x84, &[7, 2])];
    let mut replica = replica();
    apply(&mut replica, &typed);
    assert_eq!(apply(&mut replica, &written).told, repaired);
    assert_eq!(read(&mut replica), "textx");
    let newcomer = Writer::new(9);
    newcomer.hear(&replica.state().unwrap());
    let text = newcomer.0.get_or_insert_text("text");
    assert_eq!(text.get_string(&newcomer.0.transact()), "textx");
}

#[test]
fn an_update_in_the_log_that_does_not_fit_is_left_out_unless_it_is_the_first() {
    let writer = Writer::new(7);
    let [first, last] = [writer.insert(0, "first "), writer.insert(6, "last")];
    // Between letters of two roots.
    let misplaced = Bytes::from_static(&[1, 1, 8, 0, 4, 1, 1, b'r', 1, b'x', 0]);
    let unfit = Bytes::from_static(&[1, 1, 9, 0, 0xc4, 7, 0, 8, 0, 1, b'x', 0]);
    let log = [first, misplaced, unfit.clone(), last];
    let mut replica = Replica::from_log(log.iter(), 1).unwrap();
    assert_eq!(read(&mut replica), "first last");
    let circle = Bytes::from_static(&[1, 1, 9, 0, 0x84, 9, 0, 1, b'x', 0]);
    assert!(matches!(Replica::from_log([&circle].into_iter(), 1), Err(ApplyError::Malformed(_))));
    assert!(replica.apply(&unfit, &inspect(&unfit).unwrap(), Trust::None).is_err());
    assert!(!replica.is_broken());
}

#[test]
fn the_skeleton_forgets_what_was_deleted() {
    let doc = schema::new_doc(ClientID::new(7));
    let map = doc.get_or_insert_map("map");
    let mut txn = doc.transact_mut();
    let array = map.insert(&mut txn, "key", ArrayPrelim::default());
    for _ in 0..=SKELETON_GROWTH_RUNS {
        array.insert(&mut txn, 0, 1);
    }
    let filled = Bytes::from(txn.encode_update_v1());
    drop(txn);
    let mut txn = doc.transact_mut();
    map.remove(&mut txn, "key");
    let removed = Bytes::from(txn.encode_update_v1());
    let mut replica = replica();
    apply(&mut replica, &filled);
    assert!(replica.skeleton.runs() > SKELETON_GROWTH_RUNS);
    replica.skeleton_runs = 0;
    apply(&mut replica, &removed);
    assert!(replica.skeleton.runs() < 10);
}

#[test]
fn a_broken_replica_answers_at_once() {
    let mut replica = replica();
    // What a call that panicked leaves behind.
    std::mem::forget(replica.doc.transact_mut());
    replica.broken = true;
    assert!(replica.state_vector().is_err() && replica.state().is_err());
}

#[test]
fn those_who_lack_the_same_get_the_same_answer_until_something_changes() {
    let a = Writer::new(1);
    let (first, second) = (a.insert(0, "first "), a.insert(0, "second "));
    let known = state_vector::of(&first).unwrap();
    let mut replica = replica();
    apply(&mut replica, &first);
    apply(&mut replica, &second);
    let mut answer = || replica.answer(&known, AnswerKind::Own).unwrap().parts.swap_remove(0);
    let (one, other) = (answer(), answer());
    assert_eq!(one.as_ptr(), other.as_ptr());
    apply(&mut replica, &a.insert(0, "third "));
    let later = replica.answer(&known, AnswerKind::Own).unwrap().parts.swap_remove(0);
    let newcomer = Writer::new(9);
    newcomer.hear(&first);
    newcomer.hear(&later);
    let text = newcomer.0.get_or_insert_text("text");
    assert_eq!(text.get_string(&newcomer.0.transact()), read(&mut replica));
}

/// Letters of many clients in one place, in the order in which each has to pass all before it; `needs` makes it wait.
fn crowd(clients: std::ops::Range<u64>, needs: Option<(u64, u8)>) -> Bytes {
    fn varuint(bytes: &mut Vec<u8>, mut value: u64) {
        while value > 0x7f {
            bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        bytes.push(value.to_le_bytes()[0]);
    }
    // One text of the root "text", without neighbours.
    const LETTER: [u8; 9] = [4, 1, 4, b't', b'e', b'x', b't', 1, b'x'];
    let mut update = Vec::new();
    let sections = needs.map(|(client, clock)| (client, u64::from(clock))).into_iter();
    let sections: Vec<_> = sections.chain(clients.map(|client| (client, 0))).collect();
    varuint(&mut update, sections.len() as u64);
    for (client, clock) in sections {
        varuint(&mut update, 1);
        varuint(&mut update, client);
        varuint(&mut update, clock);
        update.extend(LETTER);
    }
    update.push(0);
    update.into()
}

#[test]
fn what_was_held_takes_no_more_work_than_other_updates_wherever_it_comes_from() {
    let missing = Writer::new(5);
    let missing = missing.insert(0, "x");
    let (small, large) = (crowd(10..20, Some((5, 1))), crowd(100..3100, Some((5, 1))));
    let mut replicas = [Trust::None, Trust::Logged].map(|trust| {
        let mut replica = replica();
        for update in [&small, &large] {
            let held = replica.apply(update, &inspect(update).unwrap(), trust).unwrap();
            assert_eq!(held.applied, Applied::Held);
        }
        assert!(replica.holds_much());
        let outcome = replica.apply(&missing, &inspect(&missing).unwrap(), trust).unwrap();
        assert_eq!(
            outcome.released,
            std::slice::from_ref(&small),
            "the large one would take more than four million steps"
        );
        assert!(!replica.holds_back() && replica.knows_client(10) && !replica.knows_client(100));
        replica
    });
    let [here, from_log] = &mut replicas;
    assert_eq!(read(here), read(from_log));
    // Whatever came first elsewhere.
    let mut in_order = replica();
    for (update, applied) in [(&missing, Applied::Whole), (&small, Applied::Whole), (&large, Applied::LeftOut)] {
        assert_eq!(in_order.apply_logged(update).unwrap().applied, applied);
    }
    assert_eq!(read(&mut in_order), read(here));
}

#[test]
fn what_is_held_is_bounded_for_clients_and_not_for_the_log() {
    let waits = |number: u64| crowd(number..number + 1, Some((5, 1)));
    let mut replica = replica();
    let full = (10..).find_map(|number| {
        let update = waits(number);
        replica.apply(&update, &inspect(&update).unwrap(), Trust::None).err().map(|error| (update, error))
    });
    let (update, error) = full.unwrap();
    assert_eq!(error, ApplyError::Crowded);
    assert_eq!(replica.apply_logged(&update).unwrap().applied, Applied::Held);
    replica.apply_logged(&Writer::new(5).insert(0, "xy")).unwrap();
    assert!(!replica.holds_back());
}

#[test]
fn what_a_replica_has_of_other_documents_makes_no_answer_of_its_own() {
    let mut replica = replica();
    apply(&mut replica, &Writer::new(7).insert(0, "text"));
    let mut ask = |state_vector: &[u8], kind| {
        let answer = replica.answer(state_vector, kind).unwrap();
        (answer.parts.iter().map(|part| part.as_ptr()).collect::<Vec<_>>(), answer.own_bytes)
    };
    let whole = ask(&[0], AnswerKind::Own);
    assert_eq!(ask(&[2, 8, 1, 9, 3], AnswerKind::Own), whole, "clients that nobody knows");
    assert_eq!(ask(&[1, 7, 0], AnswerKind::Own), whole, "a clock of 0");
    assert_eq!(ask(&[1, 7, 2], AnswerKind::Shared), whole);
    let (part, own_bytes) = ask(&[1, 7, 2], AnswerKind::Own);
    assert!(part != whole.0 && own_bytes > 0);
    for kind in [AnswerKind::Own, AnswerKind::Shared] {
        assert_eq!(ask(&[2, 7, 2, 9, 3], kind), (part.clone(), 0), "as it was answered last");
    }
}
