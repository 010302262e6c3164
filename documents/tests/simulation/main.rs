//! Thousands of small worlds, each grown from a seed: one document, several instances with a room each, a log and a
//! bus that misbehave, clients that type, point, go away, come back, and read too slowly. Whatever happens, every
//! receipt is true; in the end all replicas hold what the log holds, it is of the document's shape, and everybody sees
//! who is here.
//!
//! A failing seed is printed; `GLASSBOX_SIMULATION_SEED=<seed>` runs that one alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod awareness;
mod locks;
mod presence;
mod quiescence;
mod violating;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use awareness::Awareness;
use bytes::Bytes;
use documents::delivery::Outgoing;
use documents::room::{
    Agreement, Append, Attach, Audience, Effect, Extent, Input, LockState, Mode, PresenceNews, Receipts, Room,
    SavingState, SessionId, Stored, UnsavedBudget, UpdateKind,
};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use platform::bus::InstanceId;
use platform::limits::Limits;
use platform::random::Random;
use presence::Said;
use schema::ids::{ClientID, Epoch, Seq};
use schema::repair::Shape;
use schema::update::{ClientRange, UpdateLimits, inspect};
use uuid::Uuid;
use violating::views;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, Map, ReadTxn, StateVector, Text, Transact, Update};

const SEEDS: u64 = 10_000;
const STEPS: usize = 160;
const INSTANCES: usize = 3;
const CLIENTS: usize = 4;

/// What a message to a client is when it waits on its way.
type Wire = VecDeque<Outgoing>;

struct Client {
    principal: Arc<Principal>,
    doc: Doc,
    id: u64,
    session: Option<(usize, SessionId)>,
    /// From the room.
    down: Wire,
    /// To the room.
    up: VecDeque<Input>,
    /// For each frame that it sent on this session, how much of its own content the log must hold once that frame is
    /// durable. Before it has answered step 1, a live update may lack predecessors: nothing follows from it.
    frames: Vec<u32>,
    answered: bool,
    /// The server's state vector, to answer again when the first answer was refused for now.
    asked: Option<Bytes>,
    awareness: Awareness,
    /// Its own clock that a receipt has covered.
    confirmed: u32,
    slow: bool,
    withheld: bool,
}

struct Instance {
    /// Another one after each restart.
    id: InstanceId,
    room: Option<Room>,
    /// Given to the log, not committed yet.
    appends: VecDeque<Append>,
    /// Messages on the bus to this instance.
    bus: Vec<(Seq, Bytes)>,
    /// The same, of presence.
    presence: VecDeque<(InstanceId, Said)>,
    /// A message to this instance was lost, which it will hear of.
    gap: bool,
    reads: VecDeque<Seq>,
    saving: SavingState,
    /// As its room was told.
    keeps_out_others_than: Option<PrincipalRef>,
}

struct World {
    random: Random,
    now: u64,
    log: Vec<Bytes>,
    owners: HashMap<u64, PrincipalRef>,
    /// What the log holds of each client's content, and where.
    logged: Vec<(Seq, ClientRange)>,
    instances: Vec<Instance>,
    clients: Vec<Client>,
    next_session: u64,
    shape: Option<Shape>,
    /// Who has locked the document.
    lock: Option<LockState>,
    /// No more crashes, drops and edits: everything is to settle.
    calm: bool,
}

fn clock_of(doc: &Doc, client: u64) -> u32 {
    doc.transact().state_vector().get(&ClientID::new(client))
}

fn apply(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

fn content(doc: &Doc) -> (String, BTreeMap<String, String>, [serde_json::Value; 2]) {
    let (text, map) = (doc.get_or_insert_text("text"), doc.get_or_insert_map("map"));
    let txn = doc.transact();
    let map = map.iter(&txn).map(|(key, value)| (key.to_owned(), value.to_string(&txn))).collect();
    (text.get_string(&txn), map, views(doc))
}

impl Instance {
    fn new(id: InstanceId, saving: SavingState) -> Self {
        let (appends, reads, presence) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self {
            id,
            room: None,
            appends,
            bus: Vec::new(),
            presence,
            gap: false,
            reads,
            saving,
            keeps_out_others_than: None,
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let random = Random::from_seed(seed);
        let clients = (0..CLIENTS)
            .map(|index| {
                let id = 100 + index as u64;
                let principal = Arc::new(Principal {
                    kind: PrincipalKind::User,
                    id: Uuid::from_u128(id.into()),
                    user: None,
                    name: format!("client {index}"),
                    lease: None,
                });
                Client {
                    principal,
                    doc: schema::new_doc(ClientID::new(id)),
                    id,
                    session: None,
                    down: Wire::new(),
                    up: VecDeque::new(),
                    frames: Vec::new(),
                    answered: false,
                    asked: None,
                    awareness: Awareness::new(id),
                    confirmed: 0,
                    slow: false,
                    withheld: false,
                }
            })
            .collect();
        let instance = |_| Instance::new(InstanceId::new(random.uuid_v4()), SavingState::Current);
        let instances = (0..INSTANCES).map(instance).collect();
        Self {
            random,
            now: 0,
            log: Vec::new(),
            owners: HashMap::new(),
            logged: Vec::new(),
            instances,
            clients,
            next_session: 1,
            shape: [None, Some(Shape::Canvas), Some(Shape::Node)][usize::try_from(seed % 3).unwrap()],
            lock: None,
            calm: false,
        }
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound as u64)).unwrap()
    }

    fn one_in(&self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn stored(&self) -> Stored {
        Stored {
            epoch: Epoch::FIRST,
            head: Seq::new(self.log.len() as u64),
            snapshot: None,
            tail: self.log.clone(),
            owners: self.owners.clone(),
        }
    }

    /// Up to where the log, up to a place, holds a client's content without a gap.
    fn logged_clock(&self, client: u64, through: Seq) -> u32 {
        let mut clock = 0;
        let before = || self.logged.iter().filter(|(seq, _)| *seq <= through).map(|(_, range)| range);
        while let Some(next) =
            before().find(|range| range.client == client && range.start <= clock && range.end > clock)
        {
            clock = next.end;
        }
        u32::try_from(clock).unwrap()
    }

    fn feed(&mut self, instance: usize, input: Input) {
        let mut effects = Vec::new();
        let Some(room) = &mut self.instances[instance].room else { return };
        room.handle(self.now, input, &mut effects);
        let mut next = 0;
        while next < effects.len() {
            let effect = std::mem::replace(&mut effects[next], Effect::Nothing);
            next += 1;
            self.carry_out(instance, effect, &mut effects);
        }
    }

    fn carry_out(&mut self, instance: usize, effect: Effect, more: &mut Vec<Effect>) {
        match effect {
            Effect::Send(session, message) => self.deliver(instance, session, message, more),
            Effect::Broadcast(audience, message) => {
                let is_update = matches!(message, Outgoing::Update(_));
                let sessions: Vec<SessionId> = self
                    .clients
                    .iter()
                    .filter(|client| !(is_update && client.withheld))
                    .filter_map(|client| client.session)
                    .filter(|(at, session)| *at == instance && audience != Audience::SyncingExcept(*session))
                    .map(|(_, session)| session)
                    .collect();
                for session in sessions {
                    self.deliver(instance, session, message.clone(), more);
                }
            }
            Effect::Resume(session) => {
                if let Some(client) = self.client_of(session) {
                    client.withheld = false;
                }
            }
            Effect::Append(append) => {
                self.check_lock(instance, append.principal);
                self.instances[instance].appends.push_back(append);
            }
            Effect::ReadLock | Effect::LeaveLock(_) => self.lock_effect(instance, &effect, more),
            Effect::ReadLog(after) => self.instances[instance].reads.push_back(after),
            Effect::Publish(seq, update) => self.publish(instance, seq, &update),
            Effect::PublishPresence(news) => self.say(instance, &|| Said::News(news.clone())),
            Effect::Quarantine(quarantined) => panic!("an honest update is put into quarantine: {quarantined:?}"),
            Effect::Reload => panic!("the replica broke"),
            Effect::Compare(comparison) => {
                let agreement = comparison.with(&self.stored()).unwrap();
                assert_ne!(agreement, Agreement::Unknown);
                let now = self.now;
                if let Some(room) = &mut self.instances[instance].room {
                    room.handle(now, Input::Compared(agreement), more);
                }
            }
            Effect::Contradicted => panic!("the log says something else than a room without a liar"),
            Effect::EpochChanged => panic!("the epoch never changes here"),
            Effect::Edited(..)
            | Effect::End(_)
            | Effect::LimitReached(_)
            | Effect::Repaired(..)
            | Effect::PublishStateless(_)
            | Effect::RenewLock(_)
            | Effect::AttendLock(_)
            | Effect::Nothing => {}
        }
    }

    fn client_of(&mut self, session: SessionId) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.session.is_some_and(|(_, own)| own == session))
    }

    /// What a socket's outbox does: a slow client's is full after two messages.
    fn deliver(&mut self, instance: usize, session: SessionId, message: Outgoing, more: &mut Vec<Effect>) {
        let now = self.now;
        let Some(client) = self.client_of(session) else { return };
        let may_wait = matches!(message, Outgoing::Update(_) | Outgoing::Awareness(_));
        if may_wait && client.slow && client.down.len() >= 2 {
            client.withheld |= matches!(message, Outgoing::Update(_));
            if let Some(room) = &mut self.instances[instance].room {
                room.handle(now, Input::Withheld(session, message), more);
            }
        } else {
            client.down.push_back(message);
        }
    }

    fn publish(&mut self, from: usize, seq: Seq, update: &Bytes) {
        for to in (0..INSTANCES).filter(|to| *to != from) {
            let copies = if self.calm { 1 } else { [0, 1, 1, 1, 2][self.below(5)] };
            for _ in 0..copies {
                self.instances[to].bus.push((seq, update.clone()));
            }
        }
    }

    // What can happen.

    /// An instance ends in order, and starts anew.
    fn restart(&mut self, instance: usize) {
        let Some(room) = self.instances[instance].room.as_ref().filter(|room| room.is_saved()) else { return };
        if room.has_told_presence() {
            self.say(instance, &|| Said::News(PresenceNews { extent: Extent::All, states: Vec::new() }));
        }
        self.crash(instance);
    }

    fn edit(&mut self, at: usize) {
        let (position, letter, delete) = (self.below(1000), self.below(26), self.one_in(4));
        let key = format!("k{}", self.below(3));
        let set = self.one_in(5);
        let client = &mut self.clients[at];
        let (text, map) = (client.doc.get_or_insert_text("text"), client.doc.get_or_insert_map("map"));
        let mut txn = client.doc.transact_mut();
        let len = text.len(&txn);
        let index = u32::try_from(position).unwrap() % (len + 1);
        if set {
            map.insert(&mut txn, key, format!("{letter}"));
        } else if delete && index < len {
            text.remove_range(&mut txn, index, 1);
        } else {
            let letter = char::from(b'a' + u8::try_from(letter).unwrap());
            text.insert(&mut txn, index, &letter.to_string());
        }
        let update = Bytes::from(txn.encode_update_v1());
        drop(txn);
        self.send(at, update);
    }

    fn connect(&mut self, at: usize) {
        if self.clients[at].session.is_some() {
            return;
        }
        let instance = self.below(INSTANCES);
        self.open(instance);
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let client = &mut self.clients[at];
        client.session = Some((instance, session));
        client.frames.clear();
        client.answered = false;
        client.asked = None;
        client.withheld = false;
        let state_vector = client.doc.transact().state_vector().encode_v1().into();
        client.up.push_back(Input::Step1(session, state_vector));
        let hello = client.awareness.hello();
        let principal = Arc::clone(&client.principal);
        let mode = Mode::Sync { receipts: Receipts::Sent };
        self.feed(instance, Input::Attach(Attach { session, principal, access: Access::Write, mode }));
        self.send_awareness(at, hello);
    }

    fn open(&mut self, instance: usize) {
        if self.instances[instance].room.is_none() {
            let limits = Limits::default();
            let budget = UnsavedBudget::new(limits.unsaved_bytes);
            let room = Room::open(self.stored(), Arc::new(limits), budget, self.random.clone()).unwrap();
            self.instances[instance].room = Some(room.with_shape(self.shape));
            self.instances[instance].bus.clear();
            self.tell_lock(instance);
            self.say(instance, &|| Said::Query);
        }
    }

    fn disconnect(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.down.clear();
        client.awareness.forget_others();
        let (up, session) = (std::mem::take(&mut client.up), client.session.take());
        if let Some((instance, session)) = session {
            // Some of what was under way arrives, then the end of the socket is noticed.
            let arrived = self.below(up.len() + 1);
            for input in up.into_iter().take(arrived) {
                self.feed(instance, input);
            }
            self.feed(instance, Input::Detach(session));
        }
    }

    fn crash(&mut self, instance: usize) {
        for at in 0..CLIENTS {
            if self.clients[at].session.is_some_and(|(of, _)| of == instance) {
                let client = &mut self.clients[at];
                client.session = None;
                client.down.clear();
                client.up.clear();
                client.awareness.forget_others();
            }
        }
        let (id, saving) = (InstanceId::new(self.random.uuid_v4()), self.instances[instance].saving);
        self.instances[instance] = Instance::new(id, saving);
    }

    fn send_one(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if let (Some((instance, _)), Some(input)) = (client.session, client.up.pop_front()) {
            self.feed(instance, input);
        }
    }

    /// Answers the server's step 1.
    fn answer(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let (Some((_, session)), Some(state_vector)) = (client.session, &client.asked) else { return };
        let theirs = StateVector::decode_v1(state_vector).unwrap();
        let answer = client.doc.transact().encode_state_as_update_v1(&theirs);
        client.up.push_back(Input::Update(session, UpdateKind::Step2, answer.into()));
        client.frames.push(clock_of(&client.doc, client.id));
        client.answered = true;
    }

    /// What was refused for now is offered again.
    fn offer_again(&mut self, at: usize) {
        if self.clients[at].asked.is_some() && !self.clients[at].answered {
            self.answer(at);
        }
    }

    fn receive_one(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let Some((instance, session)) = client.session else { return };
        match client.down.pop_front() {
            Some(Outgoing::Step1(state_vector)) => {
                client.asked = Some(state_vector);
                self.answer(at);
            }
            Some(Outgoing::Awareness(states)) => {
                let echo = client.awareness.apply(self.now, &states);
                self.send_awareness(at, echo);
            }
            Some(Outgoing::Step2(update) | Outgoing::Part(update) | Outgoing::Update(update)) => {
                apply(&client.doc, &update);
            }
            Some(Outgoing::Receipt { through, seq, .. }) => {
                let covered = client.frames[usize::try_from(through).unwrap() - 1];
                client.confirmed = client.confirmed.max(covered);
                let id = client.id;
                assert!(seq.get() <= self.log.len() as u64, "a receipt names a place that the log does not have");
                assert!(self.logged_clock(id, seq) >= covered, "a receipt covers what is not in the log at its place");
            }
            Some(Outgoing::Refused { frame, refusal }) => {
                assert!(refusal.retry(), "an honest client is refused: {refusal:?}");
                // Nothing follows from what came after it, either: it may lack predecessors.
                client.frames[usize::try_from(frame).unwrap() - 1..].fill(0);
                client.answered = false;
            }
            Some(_) | None => {}
        }
        if self.clients[at].down.is_empty() && self.clients[at].session.is_some() {
            self.feed(instance, Input::Drained(session));
        }
    }

    fn commit(&mut self, instance: usize) {
        if self.instances[instance].saving == SavingState::Behind {
            return;
        }
        let count = self.below(4) + 1;
        let mut seqs = Vec::new();
        for _ in 0..count {
            let Some(append) = self.instances[instance].appends.pop_front() else { break };
            let summary = inspect(&append.update, &UpdateLimits::default()).unwrap();
            self.log.push(append.update);
            let seq = Seq::new(self.log.len() as u64);
            self.logged.extend(summary.insertions().iter().map(|range| (seq, *range)));
            for client in append.new_clients {
                self.owners.entry(client).or_insert(append.principal);
            }
            seqs.push(seq);
        }
        // A crash between the commit and its report: the log has it, nobody was told.
        if !self.calm && self.one_in(40) {
            return self.crash(instance);
        }
        self.feed(instance, Input::Committed(seqs));
    }

    fn bus_delivers(&mut self, instance: usize) {
        let waiting = self.instances[instance].bus.len();
        if waiting > 0 {
            let pick = if self.calm { 0 } else { self.below(waiting) };
            let (seq, update) = self.instances[instance].bus.remove(pick);
            self.feed(instance, Input::FromBus { epoch: Epoch::FIRST, seq, update });
        }
    }

    fn log_answers(&mut self, instance: usize) {
        let Some(after) = self.instances[instance].reads.pop_front() else { return };
        let is_trimmed = !self.calm && self.one_in(6);
        if is_trimmed {
            // There is no answer: the room is loaded anew instead.
            return self.reload(instance);
        }
        let failed = !self.calm && self.one_in(4);
        let from = usize::try_from(after.get()).unwrap();
        let updates = self.log.iter().enumerate().skip(if failed { usize::MAX } else { from });
        let updates = updates.map(|(at, update)| (Seq::new(at as u64 + 1), update.clone())).collect();
        self.feed(instance, Input::FromLog(updates));
    }

    fn change_saving(&mut self, instance: usize) {
        let state = match self.instances[instance].saving {
            SavingState::Current if !self.calm => SavingState::Behind,
            _ => SavingState::Current,
        };
        self.instances[instance].saving = state;
        self.feed(instance, Input::Saving(state));
    }

    fn reload(&mut self, instance: usize) {
        let stored = self.stored();
        let mut effects = Vec::new();
        if let Some(room) = &mut self.instances[instance].room {
            room.reload(stored, &mut effects).unwrap();
        }
        for effect in effects {
            self.carry_out(instance, effect, &mut Vec::new());
        }
    }

    fn step(&mut self) {
        self.now += self.random.below(40);
        let (client, instance) = (self.below(CLIENTS), self.below(INSTANCES));
        match self.below(122) {
            0..16 => self.edit(client),
            16..20 => self.write_by_shape(client),
            20..26 => self.connect(client),
            26..28 => self.disconnect(client),
            28 => self.crash(instance),
            29 => self.change_saving(instance),
            30 => self.reload(instance),
            31..33 => self.clients[client].slow ^= true,
            33..50 => self.send_one(client),
            50..72 => self.receive_one(client),
            72..84 => self.commit(instance),
            84..92 => self.bus_delivers(instance),
            92..96 => self.log_answers(instance),
            96..100 => self.feed(instance, Input::Tick),
            100..106 => self.point(client),
            106..115 => self.presence_arrives(instance),
            115..117 => self.report_gap(instance),
            117 => self.restart(instance),
            118 => self.offer_again(client),
            119 => self.change_lock(),
            _ => self.pass(client),
        }
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.settle();
    world.check();
}

#[test]
fn every_receipt_is_true_and_all_replicas_agree_in_the_end() {
    if let Ok(seed) = std::env::var("GLASSBOX_SIMULATION_SEED") {
        return run(seed.parse().expect("a seed is a number"));
    }
    for seed in 0..SEEDS {
        let world = std::panic::catch_unwind(|| run(seed));
        assert!(world.is_ok(), "seed {seed} fails; run it alone with GLASSBOX_SIMULATION_SEED={seed}");
    }
}
