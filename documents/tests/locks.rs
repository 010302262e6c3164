//! A room with a lock: whose edits it takes, and when it thinks that the holder has left.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::{Outgoing, Refusal};
use documents::room::{
    Attach, Effect, Enforcement, Input, LockState, Mode, Receipts, Room, SessionId, Stored, UnsavedBudget, UpdateKind,
};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind};
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use uuid::Uuid;
use yrs::{Text, Transact};

const LATER_MS: u64 = 600_000;

struct Scene {
    room: Room,
    ada: Arc<Principal>,
    bob: Arc<Principal>,
}

const ADAS: SessionId = SessionId(1);
const BOBS: SessionId = SessionId(2);

fn person(number: u128, name: &str) -> Arc<Principal> {
    Arc::new(Principal {
        kind: PrincipalKind::User,
        id: Uuid::from_u128(number),
        user: None,
        name: name.to_owned(),
        lease: None,
    })
}

impl Scene {
    fn new() -> Self {
        let stored =
            Stored { epoch: Epoch::FIRST, head: Seq::ZERO, snapshot: None, tail: Vec::new(), owners: HashMap::new() };
        let limits = Limits::default();
        let budget = UnsavedBudget::new(limits.unsaved_bytes);
        let room = Room::open(stored, Arc::new(limits), budget, Random::from_seed(1)).unwrap();
        Self { room, ada: person(1, "Ada"), bob: person(2, "Bob") }
    }

    fn feed(&mut self, now: u64, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.room.handle(now, input, &mut effects);
        effects
    }

    fn attach(&mut self, session: SessionId) {
        let principal = Arc::clone(if session == ADAS { &self.ada } else { &self.bob });
        let mode = Mode::Sync { receipts: Receipts::Sent };
        self.feed(0, Input::Attach(Attach { session, principal, access: Access::Write, mode }));
    }

    fn lock(&mut self, enforcement: Enforcement) -> Vec<Effect> {
        self.lock_as(1, enforcement)
    }

    fn lock_as(&mut self, fencing_token: i64, enforcement: Enforcement) -> Vec<Effect> {
        let holder = self.ada.reference();
        let state = LockState { holder, name: "Ada".into(), fencing_token, until_ms: LATER_MS, enforcement };
        self.feed(0, Input::Lock(Some(state)))
    }

    fn types(&mut self, now: u64, session: SessionId, client: u64) -> Vec<Effect> {
        self.feed(now, Input::Update(session, UpdateKind::Live, update(client)))
    }
}

fn update(client: u64) -> Bytes {
    let doc = schema::new_doc(ClientID::new(client));
    let text = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    text.insert(&mut txn, 0, "x");
    txn.encode_update_v1().into()
}

fn is_refused(effects: &[Effect]) -> bool {
    let refusal = Refusal::LockHeld { holder: "Ada".into() };
    effects.iter().any(|it| matches!(it, Effect::Send(_, Outgoing::Refused { refusal: why, .. }) if *why == refusal))
}

fn is_logged(effects: &[Effect]) -> bool {
    effects.iter().any(|it| matches!(it, Effect::Append(_)))
}

#[test]
fn g28_an_enforced_lock_refuses_others_and_asks_them_again_when_it_ends() {
    let mut scene = Scene::new();
    scene.attach(ADAS);
    scene.attach(BOBS);
    scene.lock(Enforcement::Enforced);
    let refused = scene.types(1, BOBS, 20);
    assert!(is_refused(&refused) && !is_logged(&refused), "{refused:?}");
    assert!(is_logged(&scene.types(2, ADAS, 10)));
    // A step 2 that brings nothing is no edit.
    let nothing = Bytes::from_static(&[0, 0]);
    assert!(!is_refused(&scene.feed(3, Input::Update(BOBS, UpdateKind::Step2, nothing))));
    let asked = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::Send(BOBS, Outgoing::Step1(_))));
    assert!(asked(&scene.feed(4, Input::Lock(None))));
    assert!(is_logged(&scene.types(5, BOBS, 20)));
}

#[test]
fn an_advisory_lock_refuses_nothing_and_one_that_runs_out_is_looked_up() {
    let mut scene = Scene::new();
    scene.attach(BOBS);
    scene.lock(Enforcement::Advisory);
    assert!(is_logged(&scene.types(1, BOBS, 20)));
    scene.lock(Enforcement::Enforced);
    assert_eq!(scene.room.deadline(), Some(LATER_MS));
    let due = scene.feed(LATER_MS, Input::Tick);
    assert!(due.iter().any(|it| matches!(it, Effect::ReadLock)), "{due:?}");
    assert!(is_logged(&scene.types(LATER_MS, BOBS, 21)));
}

#[test]
fn activity_of_the_holder_renews_the_lock_now_and_then() {
    let mut scene = Scene::new();
    scene.attach(ADAS);
    scene.attach(BOBS);
    scene.lock(Enforcement::Advisory);
    let renews = |effects: &[Effect]| effects.iter().filter(|it| matches!(it, Effect::RenewLock(_))).count();
    assert_eq!(renews(&scene.types(1_000, BOBS, 20)), 0);
    assert_eq!(renews(&scene.types(1_000, ADAS, 10)), 1);
    assert_eq!(renews(&scene.types(30_000, ADAS, 11)), 0);
    assert_eq!(renews(&scene.types(61_000, ADAS, 12)), 1);
}

#[test]
fn g26_it_is_said_some_seconds_after_the_holders_last_session_that_they_left_unless_they_come_back() {
    let mut scene = Scene::new();
    let leaves = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::LeaveLock(_)));
    scene.lock(Enforcement::Advisory);
    scene.attach(BOBS);
    scene.feed(100, Input::Detach(BOBS));
    assert!(!leaves(&scene.feed(60_000, Input::Tick)), "a holder that was never here does not leave");
    scene.attach(ADAS);
    scene.feed(60_000, Input::Detach(ADAS));
    scene.attach(ADAS);
    assert!(!leaves(&scene.feed(70_000, Input::Tick)), "a page that is loaded anew is the same person");
    scene.feed(80_000, Input::Detach(ADAS));
    assert!(!leaves(&scene.feed(81_000, Input::Tick)));
    assert!(leaves(&scene.feed(83_000, Input::Tick)));
    assert!(!leaves(&scene.feed(90_000, Input::Tick)), "it is said once");

    scene.attach(ADAS);
    scene.feed(100_000, Input::Detach(ADAS));
    scene.lock_as(2, Enforcement::Advisory);
    assert!(!leaves(&scene.feed(110_000, Input::Tick)), "from a lock that was taken after that they did not leave");
}

#[test]
fn it_is_said_that_the_holder_is_here_when_they_come_and_from_time_to_time() {
    let mut scene = Scene::new();
    let says = |effects: &[Effect]| effects.iter().filter(|it| matches!(it, Effect::AttendLock(_))).count();
    scene.lock(Enforcement::Advisory);
    scene.attach(BOBS);
    assert_eq!(says(&scene.feed(100, Input::Tick)), 0, "a holder that was never here");
    assert_eq!(scene.room.deadline(), Some(LATER_MS));
    scene.attach(ADAS);
    assert_eq!(says(&scene.feed(1_000, Input::Tick)), 1);
    scene.lock(Enforcement::Advisory);
    assert_eq!(says(&scene.feed(20_999, Input::Tick)), 0, "a renewal changes nothing about it");
    assert_eq!(scene.room.deadline(), Some(21_000));
    assert_eq!(says(&scene.feed(21_000, Input::Tick)), 1);
    scene.feed(22_000, Input::Detach(ADAS));
    assert_eq!(says(&scene.feed(41_000, Input::Tick)), 0, "the holder has left");
    scene.feed(41_000, Input::Lock(None));

    scene.attach(ADAS);
    assert_eq!(says(&scene.feed(50_000, Input::Tick)), 0);
    scene.lock(Enforcement::Advisory);
    assert_eq!(says(&scene.feed(50_001, Input::Tick)), 1, "the lock was taken by somebody who is here");
    scene.lock_as(2, Enforcement::Advisory);
    assert_eq!(
        says(&scene.feed(50_002, Input::Tick)),
        1,
        "nothing that was said of an earlier lock holds for the next"
    );
}
