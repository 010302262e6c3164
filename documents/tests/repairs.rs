//! What is not of a document's shape is put right by the room (SPEC D10, D11).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::{Outgoing, Refusal};
use documents::room::{
    Append, Attach, Effect, Input, Mode, Receipts, Room, SessionId, Stored, UnsavedBudget, UpdateKind,
};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use schema::repair::{Reason, Shape, Spot, violations};
use uuid::Uuid;
use yrs::XmlTextPrelim;
use yrs::updates::decoder::Decode;
use yrs::{Any, Array, Doc, Map, MapPrelim, MapRef, Out, Transact, TransactionMut, Update, WriteTxn};

const NODE: &str = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";
const AUTHOR: SessionId = SessionId(1);
const READER: SessionId = SessionId(2);
/// Longer than the room waits for anybody.
const LATER_MS: u64 = 10_000;

struct World {
    room: Room,
    now: u64,
    log: Vec<Bytes>,
    /// The author's replica.
    doc: Doc,
}

fn open(log: &[Bytes], shape: impl Into<Option<Shape>>, seed: u64) -> Room {
    let (epoch, head) = (Epoch::FIRST, Seq::new(log.len() as u64));
    let stored = Stored { epoch, head, snapshot: None, tail: log.to_vec(), owners: HashMap::new() };
    let limits = Limits::default();
    let budget = UnsavedBudget::new(limits.unsaved_bytes);
    Room::open(stored, Arc::new(limits), budget, Random::from_seed(seed)).unwrap().with_shape(shape.into())
}

impl World {
    fn new(shape: Shape) -> Self {
        let mut world =
            Self { room: open(&[], shape, 1), now: 1, log: Vec::new(), doc: schema::new_doc(ClientID::new(100)) };
        for session in [AUTHOR, READER] {
            let id = Uuid::from_u128(session.0.into());
            let principal =
                Arc::new(Principal { kind: PrincipalKind::User, id, user: None, name: String::new(), lease: None });
            let mode = Mode::Sync { receipts: Receipts::Sent };
            world.feed(Input::Attach(Attach { session, principal, access: Access::Write, mode }));
        }
        world.feed(Input::Update(AUTHOR, UpdateKind::Step2, Bytes::from_static(&[0, 0])));
        world
    }

    fn feed(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.room.handle(self.now, input, &mut effects);
        for effect in &effects {
            if let Effect::Append(append) = effect {
                self.log.push(append.update.clone());
            }
        }
        effects
    }

    fn write(&mut self, write: impl FnOnce(&mut TransactionMut<'_>)) -> Vec<Effect> {
        let mut txn = self.doc.transact_mut();
        write(&mut txn);
        let update = Bytes::from(txn.encode_update_v1());
        drop(txn);
        self.feed(Input::Update(AUTHOR, UpdateKind::Live, update))
    }

    /// Lets so much time pass, with the ticks that the room wants in it.
    fn pass(&mut self, milliseconds: u64) -> Vec<Effect> {
        let end = self.now + milliseconds;
        let mut effects = Vec::new();
        while let Some(at) = self.room.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            effects.extend(self.feed(Input::Tick));
        }
        self.now = end;
        effects
    }

    fn receive(&mut self, effects: &[Effect]) {
        for effect in effects {
            if let Effect::Broadcast(_, Outgoing::Update(update)) = effect {
                self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
            }
        }
    }

    fn is_right(&mut self, shape: Shape) -> bool {
        let is_right =
            |txn: &yrs::Transaction<'_>| Spot::all(shape, txn).iter().all(|spot| violations(spot, txn).is_empty());
        self.room.read(is_right).unwrap()
    }
}

fn appends(effects: &[Effect]) -> Vec<&Append> {
    let appends = effects.iter().filter_map(|effect| match effect {
        Effect::Append(append) => Some(append),
        _ => None,
    });
    appends.collect()
}

fn broadcasts(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Broadcast(_, Outgoing::Update(_)))).count()
}

fn wrong_x(txn: &mut TransactionMut<'_>) {
    let node = txn.get_or_insert_map("nodes").insert(txn, NODE, MapPrelim::default());
    node.insert(txn, "x", "12");
}

#[test]
fn d10_a_violation_is_taken_and_then_repaired_for_everybody() {
    let mut world = World::new(Shape::Canvas);
    let taken = world.write(wrong_x);
    assert_eq!((appends(&taken).len(), broadcasts(&taken)), (1, 1), "the update itself is an update like any other");
    assert!(!world.is_right(Shape::Canvas));
    let repair = world.pass(100);
    let [append] = appends(&repair)[..] else { panic!("{repair:?}") };
    assert_eq!(append.principal, PrincipalRef::SYSTEM);
    assert_eq!(append.clients, append.new_clients, "under a client id of its own (D6)");
    assert_eq!(broadcasts(&repair), 1);
    let told: Vec<_> = repair
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(session, Outgoing::Repaired(notice)) => Some((*session, notice.clone())),
            _ => None,
        })
        .collect();
    let [(AUTHOR, notice)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((notice.violations[0].path.clone(), notice.more), (format!("nodes.{NODE}.x"), 0));
    assert_eq!(notice.violations[0].reason, Reason::NotANumber);
    assert!(world.is_right(Shape::Canvas));
    world.receive(&repair);
    let x = world.doc.get_or_insert_map("nodes").get(&world.doc.transact(), NODE).unwrap().cast::<MapRef>().unwrap();
    assert_eq!(x.get(&world.doc.transact(), "x"), Some(Out::Any(Any::from(12))));
    assert_eq!(appends(&world.pass(LATER_MS)).len(), 0, "once");
}

#[test]
fn d10_what_is_right_or_put_right_by_its_writer_is_not_edited() {
    let mut world = World::new(Shape::Canvas);
    world.write(|txn| {
        txn.get_or_insert_map("nodes").insert(txn, NODE, MapPrelim::from([("title", "right")]));
    });
    assert_eq!(appends(&world.pass(LATER_MS)).len(), 0);
    // An edge that is being made is left alone for a while.
    world.write(|txn| {
        txn.get_or_insert_map("edges").insert(txn, NODE, MapPrelim::default());
    });
    assert_eq!(appends(&world.pass(1_000)).len(), 0);
    world.write(|txn| {
        let edge = txn.get_or_insert_map("edges").get(txn, NODE).unwrap().cast::<MapRef>().unwrap();
        edge.insert(txn, "sourceNodeId", NODE);
        edge.insert(txn, "targetNodeId", NODE);
    });
    assert_eq!(appends(&world.pass(LATER_MS)).len(), 0);
}

#[test]
fn d11_what_another_instance_took_is_left_to_it_for_a_while() {
    let mut author = World::new(Shape::Canvas);
    author.write(wrong_x);
    let mut elsewhere = World::new(Shape::Canvas);
    let from_bus = |at: usize, author: &World| Input::FromBus {
        epoch: Epoch::FIRST,
        seq: Seq::new(at as u64),
        update: author.log[at - 1].clone(),
    };
    elsewhere.feed(from_bus(1, &author));
    assert_eq!(appends(&elsewhere.pass(1_000)).len(), 0);
    author.pass(100);
    elsewhere.feed(from_bus(2, &author));
    assert_eq!(appends(&elsewhere.pass(LATER_MS)).len(), 0, "the repair came");
    assert!(elsewhere.is_right(Shape::Canvas));

    let mut orphaned = World::new(Shape::Canvas);
    orphaned.feed(from_bus(1, &author));
    assert_eq!(appends(&orphaned.pass(LATER_MS)).len(), 1, "the other instance is gone");
    assert!(orphaned.is_right(Shape::Canvas));
}

#[test]
fn d11_two_instances_that_open_a_document_with_a_violation_make_one_repair() {
    let mut author = World::new(Shape::Node);
    author.write(|txn| {
        txn.get_or_insert_array("outputs").push_back(txn, "no item");
        txn.get_or_insert_array("body").push_back(txn, XmlTextPrelim::new("without a paragraph"));
    });
    let repairs = [2, 3].map(|seed| {
        let mut world = World::new(Shape::Node);
        world.room = open(&author.log, Shape::Node, seed);
        assert!(!world.is_right(Shape::Node));
        let effects = world.pass(LATER_MS);
        assert!(world.is_right(Shape::Node));
        appends(&effects)[0].update.clone()
    });
    assert_eq!(repairs[0], repairs[1], "both write the same under the same client id");
}

#[test]
fn d11_who_is_always_wrong_has_to_wait() {
    let mut world = World::new(Shape::Canvas);
    let mut taken = 0;
    let refusal = loop {
        let effects = world.write(wrong_x);
        let refused = effects.iter().find_map(|effect| match effect {
            Effect::Send(AUTHOR, Outgoing::Refused { refusal, .. }) => Some(refusal.clone()),
            _ => None,
        });
        if let Some(refusal) = refused {
            break refusal;
        }
        taken += 1;
        assert!(taken < 100, "there is a limit");
        world.pass(25);
    };
    assert_eq!(refusal, Refusal::TooManyRepairs);
    assert!(refusal.retry(), "nothing is lost: it is taken later");
    world.pass(LATER_MS);
    assert!(world.is_right(Shape::Canvas), "what was taken is repaired nevertheless");
    let effects = world.write(|_| {});
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::Send(_, Outgoing::Refused { .. }))));
}
