//! Two stories under the same clocks of a Yjs client id, which two instances took in at the same time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use common::{Client, Instance, person, text_seen_by_a_newcomer};
use documents::delivery::{EndReason, Outgoing};
use documents::room::{
    Agreement, Attach, Comparison, Effect, Input, Mode, Receipts, Room, SessionId, Stored, UnsavedBudget, UpdateKind,
};
use platform::access::Access;
use platform::bus::Hub;
use platform::limits::Limits;
use platform::random::Random;
use platform::testing::TestDatabase;
use schema::ids::{Epoch, Seq};
use yrs::{Any, Map, Transact};

const ADAS: SessionId = SessionId(1);
const LATER_MS: u64 = 10_000;

struct Scene {
    room: Room,
}

fn stored(tail: &[&Bytes]) -> Stored {
    let head = Seq::new(tail.len() as u64);
    let tail = tail.iter().map(|update| (*update).clone()).collect();
    Stored { epoch: Epoch::FIRST, head, snapshot: None, tail, owners: HashMap::new() }
}

/// What client 5 types into an empty document.
fn typed(text: &str) -> Bytes {
    Client::new(5).type_offline(text)
}

impl Scene {
    /// A room of an empty document with a person in it.
    fn new() -> Self {
        let limits = Limits::default();
        let budget = UnsavedBudget::new(limits.unsaved_bytes);
        let room = Room::open(stored(&[]), Arc::new(limits), budget, Random::from_seed(1)).unwrap();
        let mut scene = Self { room };
        let mode = Mode::Sync { receipts: Receipts::Sent };
        let attach = Attach { session: ADAS, principal: person(1), access: Access::Write, mode };
        scene.feed(0, Input::Attach(attach));
        scene
    }

    fn feed(&mut self, now: u64, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.room.handle(now, input, &mut effects);
        effects
    }

    fn types(&mut self, update: &Bytes) {
        let effects = self.feed(0, Input::Update(ADAS, UpdateKind::Live, update.clone()));
        assert!(effects.iter().any(|it| matches!(it, Effect::Append(_))), "{effects:?}");
    }

    fn hears(&mut self, seq: u64, update: &Bytes) {
        let (epoch, seq, update) = (Epoch::FIRST, Seq::new(seq), update.clone());
        self.feed(0, Input::FromBus { epoch, seq, update });
    }

    fn is_saved_at(&mut self, seq: u64) {
        self.feed(0, Input::Committed(vec![Seq::new(seq)]));
    }

    /// What the room wants to have compared, once it is due.
    fn compares(&mut self) -> Option<Comparison> {
        self.feed(LATER_MS, Input::Tick).into_iter().find_map(|it| match it {
            Effect::Compare(comparison) => Some(comparison),
            _ => None,
        })
    }
}

#[test]
fn a_room_that_took_in_another_story_than_the_log_has_first_ends() {
    let (ours, theirs) = (typed("ours"), typed("them"));
    for is_saved in [false, true] {
        let mut scene = Scene::new();
        scene.types(&ours);
        if is_saved {
            // The news of it is here sooner than that of what is before it.
            scene.is_saved_at(2);
        }
        scene.hears(1, &theirs);
        let comparison = scene.compares().expect("the same clocks are in the log already");
        assert!(scene.compares().is_none(), "one at a time");
        assert_eq!(comparison.with(&stored(&[&theirs, &ours])).unwrap(), Agreement::Differs);
        let effects = scene.feed(LATER_MS, Input::Compared(Agreement::Differs));
        assert!(effects.iter().any(|it| matches!(it, Effect::Contradicted)), "{effects:?}");
    }
}

#[test]
fn two_stories_that_both_wait_are_compared_when_one_is_taken_in() {
    let author = Client::new(5);
    let first = author.type_offline("first");
    let fork = |text: &str| {
        let writer = Client::new(6);
        common::hear(&writer, &first);
        writer.type_offline(text)
    };
    let (ours, theirs) = (fork("ours"), fork("them"));
    let mut scene = Scene::new();
    scene.types(&ours);
    scene.hears(1, &theirs);
    let comparison = scene.compares().expect("both wait");
    assert_eq!(comparison.with(&stored(&[&theirs])).unwrap(), Agreement::Agrees, "nobody sees either");
    scene.feed(0, Input::Compared(Agreement::Agrees));
    assert!(scene.compares().is_none());
    scene.hears(2, &first);
    let comparison = scene.compares().expect("one of them was taken in");
    assert_eq!(comparison.with(&stored(&[&theirs, &first, &ours])).unwrap(), Agreement::Differs);
}

#[test]
fn a_room_that_the_log_has_first_has_nothing_to_compare() {
    let mut scene = Scene::new();
    scene.types(&typed("ours"));
    scene.is_saved_at(1);
    scene.hears(2, &typed("them"));
    assert!(scene.compares().is_none());
}

#[test]
fn who_brings_the_same_to_two_instances_harms_nobody() {
    let ada = Client::new(5);
    let (first, second) = (ada.type_offline("one "), ada.type_offline("two "));
    // yrs writes the keys of such a value in another order each time.
    let third: Bytes = {
        let values: HashMap<String, Any> = (0..12).map(|key| (key.to_string(), Any::from("value"))).collect();
        let map = ada.doc.get_or_insert_map("map");
        let mut txn = ada.doc.transact_mut();
        map.insert(&mut txn, "values", Any::from(values));
        txn.encode_update_v1().into()
    };
    let mut scene = Scene::new();
    // All at once to here, one after the other to there.
    let all = common::state(&ada);
    scene.types(&all);
    scene.hears(1, &first);
    let comparison = scene.compares().expect("the same clocks are in the log already");
    assert_eq!(comparison.with(&stored(&[&first, &second, &third])).unwrap(), Agreement::Agrees);
    let effects = scene.feed(LATER_MS, Input::Compared(Agreement::Agrees));
    assert!(effects.iter().all(|it| !matches!(it, Effect::Contradicted)), "{effects:?}");
    // What could not be found out is looked at again.
    scene.hears(2, &second);
    assert!(scene.compares().is_some());
    scene.feed(LATER_MS, Input::Compared(Agreement::Unknown));
    assert!(scene.feed(2 * LATER_MS, Input::Tick).iter().any(|it| matches!(it, Effect::Compare(_))));
}

#[tokio::test]
async fn of_two_instances_with_two_stories_one_sends_its_clients_away_and_both_have_the_same() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { head_check_ms: 50, ..Limits::default() };
    // A hub each: they do not hear each other.
    let one = Instance::with(database.another_instance().await, &Hub::default(), limits.clone());
    let two = Instance::with(database.another_instance().await, &Hub::default(), limits);
    // The same Yjs client id and person at both, and somebody who looks on at each.
    let (mut here, mut there, mut ann, mut bob) = (Client::new(5), Client::new(5), Client::new(11), Client::new(12));
    here.attach(&one, &document).await;
    ann.attach(&one, &document).await;
    there.attach(&two, &document).await;
    bob.attach(&two, &document).await;
    let log = database.lock("document_updates").await;
    here.type_text("here").await;
    there.type_text("nook").await;
    ann.until_text(|text| text == "here").await;
    bob.until_text(|text| text == "nook").await;
    drop(log);

    let is_ended = |told: &[Outgoing]| told.iter().any(|it| matches!(it, Outgoing::Ended(EndReason::Unavailable)));
    tokio::select! {
        () = ann.inbox.until("the end of either room", is_ended) => {}
        () = bob.inbox.until("the end of either room", is_ended) => {}
    }
    let stays = if is_ended(&ann.inbox.all()) { bob.text() } else { ann.text() };
    assert_eq!(text_seen_by_a_newcomer(&one, &document).await, stays);
    assert_eq!(text_seen_by_a_newcomer(&two, &document).await, stays);
    assert!(!is_ended(&ann.inbox.all()) || !is_ended(&bob.inbox.all()), "who the log has first goes on");
    one.stop().await;
    two.stop().await;
}
