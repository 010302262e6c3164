//! A room with an honest client and two hostile ones, and what must hold whatever the hostile ones send.

use std::collections::{HashMap, VecDeque};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::{AwarenessState, Outgoing};
use documents::room::{
    Append, Attach, Audience, Effect, Input, Mode, Receipts, Room, SessionId, Stored, UnsavedBudget, UpdateKind,
};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use schema::{canvas, node};
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

/// The Yjs client id of the honest client, and its session.
pub const HONEST: u64 = 7;
/// The sessions of the hostile clients, which are two principals.
pub const HOSTILE: [u64; 2] = [8, 9];

/// The world around the room.
pub struct World {
    room: Room,
    now: u64,
    log: Vec<Bytes>,
    owners: HashMap<u64, PrincipalRef>,
    appends: VecDeque<Append>,
    honest: Doc,
    /// Updates that the honest client has yet to answer with, or to send.
    up: VecDeque<(UpdateKind, Bytes)>,
    /// The honest client's sink is full: `Some(true)` when an update was withheld from it.
    lag: Option<bool>,
    sent: u64,
    received: u64,
    /// What the honest client has to complain about.
    complaints: Vec<String>,
    /// The honest client's document failed; nothing can be done with it any more.
    lost: bool,
}

/// What a replica reads as.
#[derive(Debug)]
#[expect(dead_code, reason = "what counts is that it can be read")]
pub struct Reading {
    text: String,
    canvas: canvas::CanvasView,
    node: node::NodeView,
}

impl Default for World {
    fn default() -> Self {
        let limits = Limits::default();
        let budget = UnsavedBudget::new(limits.unsaved_bytes);
        let stored = Stored { epoch: Epoch::FIRST, head: Seq::new(0), parts: Vec::new(), owners: HashMap::new() };
        let room = Room::open(stored, limits, budget, Random::from_seed(1)).expect("an empty log is sound");
        let mut world = Self {
            room,
            now: 0,
            log: Vec::new(),
            owners: HashMap::new(),
            appends: VecDeque::new(),
            honest: schema::new_doc(ClientID::new(HONEST)),
            up: VecDeque::new(),
            lag: None,
            sent: 0,
            received: 0,
            complaints: Vec::new(),
            lost: false,
        };
        world.attach(HONEST);
        world.synchronize();
        world.edit_honestly(0);
        HOSTILE.iter().for_each(|session| world.attach(*session));
        world
    }
}

impl World {
    /// What the honest client suffered.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// The clock up to which the room holds a client's content.
    pub fn clock_of(&mut self, client: u64) -> u32 {
        self.room.read(|txn| txn.state_vector().get(&ClientID::new(client))).expect("the room is whole")
    }

    pub fn attach(&mut self, session: u64) {
        let principal = Arc::new(Principal {
            kind: PrincipalKind::User,
            id: Uuid::from_u128(session.into()),
            user: None,
            name: format!("client {session}"),
        });
        let mode = Mode::Sync { receipts: Receipts::Sent };
        let session = SessionId(session);
        self.feed(Input::Attach(Attach { session, principal, access: Access::Write, mode }));
    }

    pub fn detach(&mut self, session: u64) {
        self.feed(Input::Detach(SessionId(session)));
    }

    pub fn send_update(&mut self, session: u64, kind: UpdateKind, update: Bytes) {
        self.feed(Input::Update(SessionId(session), kind, update));
    }

    pub fn send_step_1(&mut self, session: u64, state_vector: Bytes) {
        self.feed(Input::Step1(SessionId(session), state_vector));
    }

    pub fn send_awareness(&mut self, session: u64, states: Vec<AwarenessState>) {
        self.feed(Input::Awareness(SessionId(session), states));
    }

    /// The honest client types a letter.
    pub fn edit_honestly(&mut self, position: u32) {
        if self.lost {
            return;
        }
        let text = self.honest.get_or_insert_text("text");
        let update = fenced(&self.honest, |txn| {
            let index = position % (text.len(txn) + 1);
            text.insert(txn, index, "h");
            txn.encode_update_v1()
        });
        match update {
            Ok(update) => self.up.push_back((UpdateKind::Live, update.into())),
            Err(why) => self.lose(format!("it cannot edit any more: {why}")),
        }
        self.send_honestly();
    }

    /// The honest client stops or resumes reading.
    pub fn toggle_lag(&mut self) {
        match self.lag {
            None => self.lag = Some(false),
            Some(false) => self.lag = None,
            Some(true) => self.feed(Input::Drained(SessionId(HONEST))),
        }
    }

    /// All that waits for the log is in it.
    pub fn commit(&mut self) {
        let mut seqs = Vec::new();
        for append in std::mem::take(&mut self.appends) {
            self.log.push(append.update);
            for client in append.new_clients {
                self.owners.entry(client).or_insert(append.principal);
            }
            seqs.push(Seq::new(self.log.len() as u64));
        }
        self.feed(Input::Committed(seqs));
    }

    pub fn pass_time(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        self.feed(Input::Tick);
    }

    /// The room is loaded anew from the log, as after a failure.
    pub fn reload(&mut self) {
        let (stored, mut effects) = (self.stored(), Vec::new());
        self.room.reload(stored, &mut effects).unwrap_or_else(|why| panic!("the log cannot be loaded any more: {why}"));
        self.carry_out(effects);
    }

    /// What must hold after anything.
    pub fn check(&mut self) {
        if self.lag == Some(true) {
            self.toggle_lag();
        }
        self.lag = None;
        self.commit();
        self.synchronize();
        self.commit();
        assert_eq!(self.received, self.sent, "the honest client waits for a receipt");
        assert!(!self.room.is_broken() && self.room.is_saved());

        let budget = UnsavedBudget::new(Limits::default().unsaved_bytes);
        let mut loaded = Room::open(self.stored(), Limits::default(), budget, Random::from_seed(2))
            .unwrap_or_else(|why| panic!("the log cannot be loaded any more: {why}"));
        let state = self.room.state().expect("the state can be encoded");
        self.room.read(|txn| read(txn)).expect("the room can be read");
        loaded.read(|txn| read(txn)).expect("the loaded room can be read");

        let all = self.room.read(|txn| vector_of(txn)).expect("the room can be read");
        if loaded.read(|txn| vector_of(txn)).expect("the loaded room can be read") != all {
            self.complaints.push("the log is another document".to_owned());
        }
        let newcomer = schema::new_doc(ClientID::new(1));
        match apply(&newcomer, &state) {
            Err(why) => self.complaints.push(format!("a newcomer cannot apply the state: {why}")),
            Ok(()) if vector_of(&newcomer.transact()) != all => {
                self.complaints.push("a newcomer lacks something".to_owned());
            }
            Ok(()) => {}
        }
        if !self.lost && vector_of(&self.honest.transact()) != all {
            self.complaints.push("it has another document".to_owned());
        }
    }

    fn lose(&mut self, complaint: String) {
        self.lost = true;
        self.complaints.push(complaint);
    }

    /// The honest client says what it has and hears what it lacks.
    fn synchronize(&mut self) {
        if self.lost {
            return;
        }
        let state_vector = vector_of(&self.honest.transact()).encode_v1();
        self.send_step_1(HONEST, state_vector.into());
        self.send_honestly();
    }

    fn send_honestly(&mut self) {
        while let Some((kind, update)) = self.up.pop_front() {
            self.sent += 1;
            self.send_update(HONEST, kind, update);
        }
    }

    fn stored(&self) -> Stored {
        Stored {
            epoch: Epoch::FIRST,
            head: Seq::new(self.log.len() as u64),
            parts: self.log.clone(),
            owners: self.owners.clone(),
        }
    }

    fn feed(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.room.handle(self.now, input, &mut effects);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut broken = false;
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Broadcast(Audience::Watching, _) => {}
                Effect::Broadcast(Audience::SyncingExcept(session), _) if session == SessionId(HONEST) => {}
                Effect::Broadcast(_, message) if self.lag.is_some() && matches!(message, Outgoing::Update(_)) => {
                    if self.lag == Some(false) {
                        let mut more = Vec::new();
                        self.room.handle(self.now, Input::Withheld(SessionId(HONEST), message), &mut more);
                        effects.extend(more);
                        self.lag = Some(true);
                    }
                }
                Effect::Broadcast(_, message) => self.receive(message),
                Effect::Send(session, message) if session == SessionId(HONEST) => self.receive(message),
                Effect::Resume(session) if session == SessionId(HONEST) => self.lag = None,
                Effect::Append(append) => self.appends.push_back(append),
                Effect::Reload => broken = true,
                Effect::EpochChanged => panic!("the epoch never changes here"),
                Effect::Quarantine(quarantined) => {
                    let honest = Uuid::from_u128(HONEST.into());
                    if quarantined.principal.id == honest {
                        self.complaints.push(format!("its update is put into quarantine: {}", quarantined.reason));
                    }
                }
                _ => {}
            }
        }
        if broken {
            self.reload();
            assert!(!self.room.is_broken(), "a reload does not heal the room");
        }
    }

    fn receive(&mut self, message: Outgoing) {
        match message {
            Outgoing::Receipt { through, .. } => self.received = through,
            _ if self.lost => {}
            Outgoing::Step1(state_vector) => {
                let theirs = StateVector::decode_v1(&state_vector).expect("the server's state vector can be read");
                let answer = fenced(&self.honest, |txn| txn.encode_state_as_update_v1(&theirs));
                match answer {
                    Ok(answer) => self.up.push_back((UpdateKind::Step2, answer.into())),
                    Err(why) => self.lose(format!("it cannot answer any more: {why}")),
                }
            }
            Outgoing::Step2(update) | Outgoing::Part(update) | Outgoing::Update(update) => {
                if let Err(why) = apply(&self.honest, &update) {
                    self.lose(format!("it cannot apply what the server sent ({why}): {}", hex(&update)));
                }
            }
            Outgoing::Refused { refusal, .. } => self.complaints.push(format!("it is refused: {refusal:?}")),
            _ => {}
        }
    }
}

fn vector_of<T: ReadTxn>(txn: &T) -> StateVector {
    txn.state_vector()
}

/// Reads what stands for a document of every kind.
pub fn read<T: ReadTxn>(txn: &T) -> Reading {
    let text = txn.get_text("text").map(|text| text.get_string(txn)).unwrap_or_default();
    Reading { text, canvas: canvas::read(txn), node: node::read(txn) }
}

/// Applies what the server sent.
fn apply(doc: &Doc, update: &[u8]) -> Result<(), String> {
    let applied = fenced(doc, |txn| {
        let update = Update::decode_v1(update).map_err(|error| error.to_string())?;
        txn.apply_update(update).map_err(|error| error.to_string())
    });
    applied.and_then(|applied| applied)
}

/// A panic within a transaction is told without dropping it, which would panic again and end the process.
fn fenced<T>(doc: &Doc, work: impl FnOnce(&mut yrs::TransactionMut<'_>) -> T) -> Result<T, String> {
    let mut txn = ManuallyDrop::new(doc.transact_mut());
    let done = catch_unwind(AssertUnwindSafe(|| {
        let result = work(&mut txn);
        txn.commit();
        result
    }));
    let done = done.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().map_or_else(|_| "a panic".to_owned(), |text| (*text).to_owned()),
    })?;
    drop(ManuallyDrop::into_inner(txn));
    Ok(done)
}

/// For the reader of a failure.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
