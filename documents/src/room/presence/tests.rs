//! Presence as a room handles it.

use std::collections::HashMap;

use bytes::Bytes;
use platform::access::Access;
use platform::auth::PrincipalKind;
use platform::limits::Limit;
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq, UserId};
use uuid::Uuid;
use yrs::{Text, Transact};

use super::super::{Attach, Effect, Input, Mode, Receipts, Room, Stored, UnsavedBudget, UpdateKind};
use super::*;
use crate::delivery::{Outgoing, Refusal};

const ANN: SessionId = SessionId(1);
const BOB: SessionId = SessionId(2);

fn principal(id: u128) -> Arc<Principal> {
    let id = Uuid::from_u128(id);
    Arc::new(Principal {
        kind: PrincipalKind::User,
        id,
        user: Some(UserId::new(id)),
        name: "Somebody".to_owned(),
        lease: None,
    })
}

fn room(limits: Limits) -> Room {
    let owners = HashMap::new();
    let stored = Stored { epoch: Epoch::FIRST, head: Seq::new(0), snapshot: None, tail: Vec::new(), owners };
    let budget = UnsavedBudget::new(limits.unsaved_bytes);
    Room::open(stored, Arc::new(limits), budget, Random::from_seed(1)).unwrap()
}

fn feed(room: &mut Room, now: u64, input: Input) -> Vec<Effect> {
    let mut out = Vec::new();
    room.handle(now, input, &mut out);
    out
}

fn attach(room: &mut Room, session: SessionId, who: u128) {
    let mode = Mode::Sync { receipts: Receipts::Sent };
    feed(room, 0, Input::Attach(Attach { session, principal: principal(who), access: Access::Write, mode }));
}

fn says(client: u64, clock: u64, json: Option<&str>) -> Input {
    Input::Awareness(ANN, vec![AwarenessState { client, clock, state: json.map(Into::into) }])
}

/// Lets time pass until nothing is due before `until`. The states that were broadcast, and when.
fn pass(room: &mut Room, until: u64) -> Vec<(u64, AwarenessState)> {
    let mut heard = Vec::new();
    while let Some(now) = room.deadline().filter(|at| *at < until) {
        for effect in feed(room, now, Input::Tick) {
            if let Effect::Broadcast(_, Outgoing::Awareness(states)) = effect {
                heard.extend(states.iter().map(|state| (now, state.clone())));
            }
        }
    }
    heard
}

#[test]
fn p6_who_talks_too_fast_is_heard_less_often_and_to_the_last_word() {
    let limits = Limits { presence_messages_per_second: 10, presence_messages_burst: 5, ..Limits::default() };
    let mut room = room(limits);
    attach(&mut room, ANN, 1);
    let mut over = 0;
    let mut heard = Vec::new();
    for clock in 1..=200 {
        let now = clock * 10;
        heard.extend(pass(&mut room, now));
        let effects = feed(&mut room, now, says(7, clock, Some(&format!(r#"{{"at":{clock}}}"#))));
        over += effects.iter().filter(|it| matches!(it, Effect::LimitReached(Limit::PresenceRate))).count();
    }
    heard.extend(pass(&mut room, 5000));
    assert!((5..=26).contains(&heard.len()), "a burst, and 10 in each of two seconds: {}", heard.len());
    assert_eq!(heard.last().unwrap().1.clock, 200);
    assert!(over > 150, "{over}");

    // Who says at last that they leave has left.
    for clock in 201..=240 {
        feed(&mut room, 5000, says(7, clock, (clock < 240).then_some("{}")));
    }
    let heard = pass(&mut room, 6000);
    assert_eq!(heard.last().unwrap().1.state, None);
    assert!(heard.len() <= 2, "what was said at once is told at once: {}", heard.len());
}

#[test]
fn p6_what_waits_is_bounded_and_gone_with_its_session() {
    let limits = Limits { presence_messages_burst: 1, ..Limits::default() };
    let clients = limits.presence_clients_per_session;
    let mut room = room(limits);
    attach(&mut room, ANN, 1);
    for client in 1..1000 {
        feed(&mut room, 0, says(client, 1, Some("{}")));
    }
    // The burst's one is its own.
    assert_eq!(pass(&mut room, 1000).len(), clients);
    feed(&mut room, 1000, says(1, 2, Some("{}")));
    feed(&mut room, 1000, says(1, 3, Some(r#"{"never":"heard"}"#)));
    feed(&mut room, 1000, Input::Detach(ANN));
    let heard = pass(&mut room, 2000);
    assert!(heard.iter().all(|(_, state)| state.state.is_none()), "{heard:?}");
}

#[test]
fn d6_nobody_waits_for_an_instance_that_has_gone_silent() {
    let mut room = room(Limits { presence_timeout_seconds: 30, ..Limits::default() });
    attach(&mut room, ANN, 1);
    feed(&mut room, 0, Input::Update(ANN, UpdateKind::Step2, Bytes::from_static(&[0, 0])));
    // Ann's id is known to be hers, and she is at another instance, where she brought what she had.
    let own = |text: &str| {
        let doc = schema::new_doc(ClientID::new(7));
        let shared = doc.get_or_insert_text("text");
        let mut txn = doc.transact_mut();
        shared.push(&mut txn, text);
        Bytes::from(txn.encode_update_v1())
    };
    feed(&mut room, 0, Input::Update(ANN, UpdateKind::Live, own("a")));
    feed(&mut room, 0, Input::Detach(ANN));
    let claim = Claim { json: "{}".into(), principal: principal(1), editing: false };
    let state = PresenceState { client: 7, clock: 1, claim: Some(claim), answered: true };
    let news = PresenceNews { extent: Extent::All, states: vec![state] };
    feed(&mut room, 0, Input::RemotePresence(InstanceId::new(Uuid::from_u128(9)), news));
    attach(&mut room, BOB, 2);

    let mut brings = |now| {
        let effects = feed(&mut room, now, Input::Update(BOB, UpdateKind::Step2, own("ab")));
        let is_refused =
            |it: &Effect| matches!(it, Effect::Send(BOB, Outgoing::Refused { refusal: Refusal::SavingBehind, .. }));
        !effects.iter().any(is_refused)
    };
    assert!(!brings(1000) && !brings(14_999), "it is on its way here");
    assert!(brings(15_000), "it will not come any more");
}

/// A state that is gone is told with the next clock, which clients must be able to read.
#[test]
fn p7_a_clock_that_leaves_no_room_for_a_next_one_is_ignored() {
    let mut room = room(Limits::default());
    attach(&mut room, ANN, 1);
    for clock in [(1 << 53) - 1, CLOCK_MAX, NEW_CLOCK_MAX + 1] {
        feed(&mut room, 0, says(7, clock, Some("{}")));
    }
    assert_eq!(pass(&mut room, 1000), []);
    feed(&mut room, 1000, says(7, NEW_CLOCK_MAX, Some("{}")));
    feed(&mut room, 1000, says(7, CLOCK_MAX + 1, Some("{}")));
    feed(&mut room, 1000, says(7, CLOCK_MAX, Some("{}")));
    feed(&mut room, 1000, Input::Detach(ANN));
    let heard = pass(&mut room, 2000);
    assert!(!heard.is_empty() && heard.iter().all(|(_, state)| state.clock <= CLOCK_MAX + 1), "{heard:?}");
}

#[test]
fn p8_who_takes_up_ever_new_client_ids_is_not_remembered_under_all_of_them() {
    let limits = Limits { presence_messages_burst: 10_000, ..Limits::default() };
    let max = CLIENTS_BROUGHT_PER_PLACE * limits.presence_clients_per_session;
    let mut room = room(limits);
    attach(&mut room, ANN, 1);
    for client in 1..=1000 {
        feed(&mut room, 0, says(client, 1, Some("{}")));
        feed(&mut room, 0, says(client, 2, None));
    }
    assert_eq!(room.presence.shown.len(), max);
    pass(&mut room, 40_000);
    feed(&mut room, 40_000, says(5000, 1, Some("{}")));
    assert!(room.presence.shown.contains_key(&5000), "once those are forgotten, there is room again");
}

#[test]
fn p4_nobody_is_shown_under_the_client_id_of_anothers_content() {
    let mut room = room(Limits::default());
    attach(&mut room, ANN, 1);
    feed(&mut room, 0, Input::Update(ANN, UpdateKind::Step2, Bytes::from_static(&[0, 0])));
    let doc = schema::new_doc(ClientID::new(7));
    let text = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    text.push(&mut txn, "hers");
    feed(&mut room, 0, Input::Update(ANN, UpdateKind::Live, txn.encode_update_v1().into()));
    feed(&mut room, 0, Input::Detach(ANN));
    attach(&mut room, BOB, 2);
    let bob_says = |client| Input::Awareness(BOB, vec![AwarenessState { client, clock: 1, state: Some("{}".into()) }]);
    feed(&mut room, 0, bob_says(7));
    assert_eq!(room.presence.shown.len(), 0);
    feed(&mut room, 0, bob_says(8));
    assert_eq!(room.presence.shown.len(), 1);
}

#[test]
fn who_asks_for_much_again_and_again_gets_what_all_share() {
    const BYTES: usize = 3 << 20;
    let mut room = room(Limits::default());
    attach(&mut room, ANN, 1);
    let doc = schema::new_doc(ClientID::new(7));
    let text = doc.get_or_insert_text("text");
    let mut txn = doc.transact_mut();
    text.push(&mut txn, &"x".repeat(BYTES));
    feed(&mut room, 0, Input::Update(ANN, UpdateKind::Live, txn.encode_update_v1().into()));
    // Each time something else, and every byte that is kept once.
    let mut kept = HashMap::new();
    let mut ask = |now: u64, clock: u8| {
        for effect in feed(&mut room, now, Input::Step1(ANN, Bytes::from(vec![1, 7, clock]))) {
            if let Effect::Send(ANN, Outgoing::Step2(part) | Outgoing::Part(part)) = effect {
                kept.insert(part.as_ptr(), part);
            }
        }
        (kept.values().map(|part| part.len()).sum::<usize>() + BYTES / 2) / BYTES
    };
    for clock in 1..=100 {
        ask(0, clock);
    }
    let at_once = ask(0, 101);
    assert!((8..16).contains(&at_once), "{at_once}");
    assert_eq!(ask(10_000, 102), at_once + 1, "later, they get what they lack again");
}
