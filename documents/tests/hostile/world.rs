//! A room with an honest client and two hostile ones, and what must hold whatever the hostile ones send.

use std::collections::{BTreeMap, HashMap, VecDeque};
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
use schema::update::{ClientRange, UpdateLimits};
use serde_json::Value;
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{Doc, ReadTxn, StateVector, Text, Transact, Update};

use super::reading;

/// The Yjs client id of the honest client, and its session.
pub const HONEST: u64 = 7;
/// The sessions of the hostile clients, which are two principals.
pub const HOSTILE: [u64; 2] = [8, 9];
/// Client ids that the hostile ones use: their own, the honest client's, and one that nobody has.
pub const CLIENTS: [u64; 6] = [HOSTILE[0], HOSTILE[0] + 100, HOSTILE[1], HOSTILE[1] + 100, HONEST, 1 << 40];

/// What a replica reads as.
pub type Reading = BTreeMap<&'static str, Value>;

/// The world around the room.
pub struct World {
    room: Room,
    now: u64,
    log: Vec<Append>,
    owners: HashMap<u64, PrincipalRef>,
    appends: VecDeque<Append>,
    honest: Doc,
    /// What the honest client has yet to read.
    down: VecDeque<Outgoing>,
    /// Updates that the honest client has yet to send.
    up: VecDeque<(UpdateKind, Bytes)>,
    /// The honest client's sink is full: `Some(true)` when an update was withheld from it.
    lag: Option<bool>,
    sent: u64,
    received: u64,
    reloads: usize,
    /// What the honest client, or a newcomer, has to complain about.
    complaints: Vec<String>,
    /// The honest client's document failed; nothing can be done with it any more.
    lost: bool,
}

impl Default for World {
    fn default() -> Self {
        let stored =
            Stored { epoch: Epoch::FIRST, head: Seq::new(0), snapshot: None, tail: Vec::new(), owners: HashMap::new() };
        let mut world = Self {
            room: open(stored).expect("an empty log is sound"),
            now: 0,
            log: Vec::new(),
            owners: HashMap::new(),
            appends: VecDeque::new(),
            honest: schema::new_doc(ClientID::new(HONEST)),
            down: VecDeque::new(),
            up: VecDeque::new(),
            lag: None,
            sent: 0,
            received: 0,
            reloads: 0,
            complaints: Vec::new(),
            lost: false,
        };
        world.attach(HONEST);
        world.synchronize();
        world.type_honestly(0);
        world.pass_on();
        for session in HOSTILE {
            world.attach(session);
        }
        world
    }
}

/// A room on a log.
pub fn open(stored: Stored) -> Result<Room, String> {
    let limits = Limits::default();
    let budget = UnsavedBudget::new(limits.unsaved_bytes);
    Room::open(stored, Arc::new(limits), budget, Random::from_seed(1)).map_err(|error| error.to_string())
}

impl World {
    /// What the honest client and newcomers suffered.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// How often the room had to be loaded anew because yrs failed.
    pub fn reloads(&self) -> usize {
        self.reloads
    }

    /// The updates that were accepted.
    pub fn accepted(&self) -> Vec<Bytes> {
        self.log.iter().map(|append| append.update.clone()).collect()
    }

    /// The clocks up to which the room holds each client's content.
    pub fn clocks(&mut self) -> [(u64, u64); CLIENTS.len()] {
        let known = self.room.read(|txn| txn.state_vector()).expect("the room is whole");
        CLIENTS.map(|client| (client, known.get(&ClientID::new(client)).into()))
    }

    /// A replica of what the room holds.
    pub fn replica(&mut self, client: u64) -> Doc {
        let doc = schema::new_doc(ClientID::new(client));
        let state = self.room.state().expect("the room is whole");
        if let Err(why) = apply(&doc, &state) {
            self.complaints.push(format!("the state cannot be applied: {why}"));
            std::mem::forget(doc);
            return schema::new_doc(ClientID::new(client));
        }
        doc
    }

    pub fn attach(&mut self, session: u64) {
        let principal = Arc::new(Principal {
            kind: PrincipalKind::User,
            id: Uuid::from_u128(session.into()),
            user: None,
            name: format!("client {session}"),
            lease: None,
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
    pub fn type_honestly(&mut self, position: u32) {
        self.edit_honestly(|doc| {
            let text = doc.get_or_insert_text("text");
            fenced(doc, |txn| {
                let index = position % (text.len(txn) + 1);
                text.insert(txn, index, "h");
                txn.encode_update_v1()
            })
        });
    }

    /// The honest client edits its document; the update waits for [`Self::pass_on`].
    pub fn edit_honestly(&mut self, edit: impl FnOnce(&Doc) -> Result<Vec<u8>, String>) {
        if self.lost {
            return;
        }
        match edit(&self.honest) {
            Ok(update) => self.up.push_back((UpdateKind::Live, update.into())),
            Err(why) => self.lose(format!("it cannot edit any more: {why}")),
        }
    }

    /// The honest client reads what is on its way to it, and what it has to send arrives.
    pub fn pass_on(&mut self) {
        while !self.up.is_empty() || !self.down.is_empty() {
            while let Some(message) = self.down.pop_front() {
                self.receive(message);
            }
            while let Some((kind, update)) = self.up.pop_front() {
                self.sent += 1;
                self.send_update(HONEST, kind, update);
            }
        }
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
            for client in &append.new_clients {
                self.owners.entry(*client).or_insert(append.principal);
            }
            self.log.push(append);
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
        let (stored, mut effects) = (self.stored(self.accepted()), Vec::new());
        self.room.reload(stored, &mut effects).unwrap_or_else(|why| panic!("the log cannot be loaded any more: {why}"));
        self.carry_out(effects);
    }

    /// What must hold after anything.
    pub fn check(&mut self, pick: &mut super::forge::Pick<'_>) {
        if self.lag == Some(true) {
            self.toggle_lag();
        }
        self.lag = None;
        self.pass_on();
        self.commit();
        self.synchronize();
        self.commit();
        self.pass_on();
        assert_eq!(self.received, self.sent, "the honest client waits for a receipt");
        assert!(!self.room.is_broken() && self.room.is_saved());
        let Some(room) = self.reading_of_room() else { return };
        self.compare("a newcomer", &room, Self::newcomer);
        self.compare("the log", &room, |world| loaded(world.stored(world.accepted())));
        self.compare_orders(pick);
        if !self.lost {
            self.compare("the honest client", &room, |world| reading_of(&world.honest));
        }
    }

    fn compare(&mut self, who: &str, expected: &Reading, read: impl FnOnce(&mut Self) -> Result<Reading, String>) {
        match read(self) {
            Ok(reading) if reading == *expected => {}
            Ok(reading) => {
                let differences = expected.iter().filter(|(name, value)| reading[*name] != **value);
                let differences: Vec<_> =
                    differences.map(|(name, value)| format!("{name}: {value} / {}", reading[name])).collect();
                self.complaints.push(format!("{who} reads another document: {}", differences.join("\n    ")));
            }
            Err(why) => self.complaints.push(format!("{who} has no document: {why}")),
        }
    }

    fn reading_of_room(&mut self) -> Option<Reading> {
        let reading = self.room.read(|txn| reading::read(txn));
        reading.inspect_err(|why| self.complaints.push(format!("the room cannot be read: {why}"))).ok()
    }

    fn newcomer(&mut self) -> Result<Reading, String> {
        let state = self.room.state().map_err(|error| error.to_string())?;
        reading_of_state(&state)
    }

    /// What is in the log, without what claims clocks that another update has claimed before: for such updates, and for
    /// them alone, the log's order matters.
    fn unambiguous_log(&self) -> Vec<(Vec<ClientRange>, Bytes)> {
        let mut claimed: Vec<ClientRange> = Vec::new();
        let mut log = Vec::new();
        for update in self.accepted() {
            let summary = schema::update::inspect(&update, &UpdateLimits::default()).expect("it was accepted");
            let ranges = summary.insertions();
            let overlap = |a: &ClientRange, b: &ClientRange| a.client == b.client && a.start < b.end && b.start < a.end;
            if !claimed.iter().any(|earlier| ranges.iter().any(|range| overlap(earlier, range))) {
                claimed.extend_from_slice(ranges);
                log.push((ranges.to_vec(), update));
            }
        }
        log
    }

    /// Compares what the log reads as with what it would read as had its updates come in another order.
    fn compare_orders(&mut self, pick: &mut super::forge::Pick<'_>) {
        let mut log = self.unambiguous_log();
        let updates = |log: &[(_, Bytes)]| log.iter().map(|(_, update)| update.clone()).collect::<Vec<_>>();
        let Ok(expected) = loaded(self.stored(updates(&log))) else {
            return self.complaints.push("the log cannot be loaded".to_owned());
        };
        for _ in 0..2 {
            for at in 1..log.len() {
                log.swap(at, pick(at as u64 + 1) as usize);
            }
            let updates = updates(&log);
            self.compare("the log in another order", &expected, |world| loaded(world.stored(updates)));
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
        let state_vector = self.honest.transact().state_vector().encode_v1();
        self.send_step_1(HONEST, state_vector.into());
        self.pass_on();
    }

    fn stored(&self, parts: Vec<Bytes>) -> Stored {
        let head = Seq::new(parts.len() as u64);
        Stored { epoch: Epoch::FIRST, head, snapshot: None, tail: parts, owners: self.owners.clone() }
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
                Effect::Broadcast(_, Outgoing::Update(_)) if self.lag == Some(true) => {}
                Effect::Broadcast(_, message @ Outgoing::Update(_)) if self.lag == Some(false) => {
                    let mut more = Vec::new();
                    self.room.handle(self.now, Input::Withheld(SessionId(HONEST), message), &mut more);
                    effects.extend(more);
                    self.lag = Some(true);
                }
                Effect::Broadcast(_, message) => self.down.push_back(message),
                Effect::Send(session, message) if session == SessionId(HONEST) => self.down.push_back(message),
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
            self.reloads += 1;
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

/// What a newcomer reads after the log was loaded.
pub fn loaded(stored: Stored) -> Result<Reading, String> {
    let mut room = open(stored)?;
    let state = room.state().map_err(|error| error.to_string())?;
    reading_of_state(&state)
}

/// What a newcomer reads who is sent this.
pub fn reading_of_state(state: &[u8]) -> Result<Reading, String> {
    let doc = schema::new_doc(ClientID::new(1));
    if let Err(why) = apply(&doc, state) {
        std::mem::forget(doc);
        return Err(why);
    }
    reading_of(&doc)
}

fn reading_of(doc: &Doc) -> Result<Reading, String> {
    catch_unwind(AssertUnwindSafe(|| reading::read(&doc.transact()))).map_err(|panic| panic_text(&*panic))
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
pub fn fenced<T>(doc: &Doc, work: impl FnOnce(&mut yrs::TransactionMut<'_>) -> T) -> Result<T, String> {
    let mut txn = ManuallyDrop::new(doc.transact_mut());
    let done = catch_unwind(AssertUnwindSafe(|| {
        let result = work(&mut txn);
        txn.commit();
        result
    }));
    let done = done.map_err(|panic| panic_text(&*panic))?;
    drop(ManuallyDrop::into_inner(txn));
    Ok(done)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

/// For the reader of a failure.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
