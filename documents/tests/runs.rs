//! A room in which workers write for runs of agents: what is noted of their updates, and which of them may go on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::{EndReason, Outgoing};
use documents::room::{
    Append, Attach, Effect, Input, Mode, Receipts, Room, SessionId, Stored, UnsavedBudget, UpdateKind,
};
use platform::access::Access;
use platform::auth::Principal;
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{ClientID, Epoch, RunId, Seq, UserId};
use uuid::Uuid;
use yrs::{Text, Transact};

const ANN: u128 = 1;
const RUN: u128 = 7;

struct Scene(Room);

fn worker(run: u128, lease: i64) -> Arc<Principal> {
    let (run, ann) = (RunId::new(Uuid::from_u128(run)), UserId::new(Uuid::from_u128(ANN)));
    Arc::new(Principal::run(run, lease, ann, "Agent"))
}

impl Scene {
    fn new() -> Self {
        let stored =
            Stored { epoch: Epoch::FIRST, head: Seq::ZERO, snapshot: None, tail: Vec::new(), owners: HashMap::new() };
        let limits = Limits::default();
        let budget = UnsavedBudget::new(limits.unsaved_bytes);
        Self(Room::open(stored, Arc::new(limits), budget, Random::from_seed(1)).unwrap())
    }

    fn feed(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.0.handle(0, input, &mut effects);
        effects
    }

    fn attach(&mut self, session: u64, principal: &Arc<Principal>) -> Vec<Effect> {
        let mode = Mode::Sync { receipts: Receipts::Sent };
        let principal = Arc::clone(principal);
        self.feed(Input::Attach(Attach { session: SessionId(session), principal, access: Access::Write, mode }))
    }

    /// What is logged when a session types under a Yjs client id.
    fn types(&mut self, session: u64, client: u64) -> Vec<Append> {
        let update = Input::Update(SessionId(session), UpdateKind::Live, update(client));
        let appended = |effect| if let Effect::Append(append) = effect { Some(append) } else { None };
        self.feed(update).into_iter().filter_map(appended).collect()
    }
}

fn update(client: u64) -> Bytes {
    let doc = schema::new_doc(ClientID::new(client));
    let text = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    text.insert(&mut txn, 0, "x");
    txn.encode_update_v1().into()
}

fn ended(effects: &[Effect]) -> Vec<SessionId> {
    let ended = effects.iter().filter_map(|effect| match effect {
        Effect::Send(session, Outgoing::Ended(EndReason::AccessEnded)) => Some(*session),
        _ => None,
    });
    ended.collect()
}

#[test]
fn g33_updates_belong_to_the_step_that_was_begun_before_them() {
    let mut scene = Scene::new();
    let run = RunId::new(Uuid::from_u128(RUN));
    let event = Uuid::from_u128(99);
    scene.attach(1, &worker(RUN, 1));
    scene.attach(2, &Arc::new(Principal::user(UserId::new(Uuid::from_u128(ANN)), "Ann")));
    assert_eq!(scene.types(1, 10)[0].run, Some((run, None)));
    scene.feed(Input::Step(SessionId(1), Some(event)));
    assert_eq!(scene.types(1, 11)[0].run, Some((run, Some(event))));
    assert_eq!(scene.types(2, 20)[0].run, None);
    scene.feed(Input::Step(SessionId(1), None));
    assert_eq!(scene.types(1, 12)[0].run, Some((run, None)));
}

#[test]
fn g34_a_greater_lease_of_the_same_run_ends_smaller_ones_and_refuses_them() {
    let mut scene = Scene::new();
    scene.attach(1, &worker(RUN, 1));
    scene.attach(2, &worker(RUN, 1));
    scene.attach(3, &worker(RUN + 1, 1));
    scene.attach(4, &Arc::new(Principal::user(UserId::new(Uuid::from_u128(ANN)), "Ann")));
    assert_eq!(ended(&scene.attach(5, &worker(RUN, 2))), [SessionId(1), SessionId(2)]);
    for (session, logged) in [(1, 0), (2, 0), (3, 1), (4, 1), (5, 1)] {
        assert_eq!(scene.types(session, 10 * session).len(), logged, "{session}");
    }
    // One that was on its way here while the lease was taken.
    assert_eq!(ended(&scene.attach(6, &worker(RUN, 1))), [SessionId(6)]);
    assert!(scene.types(6, 60).is_empty());
    assert_eq!(scene.types(5, 51).len(), 1);
}
