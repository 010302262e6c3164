//! Two rooms on one log, as two instances have them, and a liar who tells each of them another story under the same Yjs
//! client ids.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use documents::room::{Append, Attach, Effect, Input, Mode, Receipts, Room, SessionId, Stored, UpdateKind};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use uuid::Uuid;
use yrs::updates::decoder::Decode;
use yrs::{Doc, ReadTxn, Update};

use super::world::{self, CLIENTS, HOSTILE, Reading};
use super::{edits, forge, reading, wire};

const STEPS: usize = 60;
/// After what was contested is looked at.
const LATER_MS: u64 = 10_000;
/// However an attacker writes, the log of so few updates is loaded sooner.
const LOAD_MAX: Duration = Duration::from_secs(10);

struct Side {
    room: Room,
    /// Given to the log, not committed yet.
    appends: VecDeque<Append>,
    /// The same, of a room that has ended.
    left_behind: VecDeque<Append>,
}

/// The world around the rooms.
pub struct Pair {
    sides: [Side; 2],
    log: Vec<Bytes>,
    owners: HashMap<u64, PrincipalRef>,
    now: u64,
    contradicted: usize,
    complaints: Vec<String>,
}

/// Grows a pair.
pub fn run(seed: u64) -> Pair {
    let random = Random::from_seed(seed);
    let mut pair = Pair::new();
    let pick = &mut |bound| random.below(bound);
    for _ in 0..STEPS {
        let at = pick(2) as usize;
        match pick(8) {
            0..5 => {
                let update = pair.update(at, pick);
                let kind = if pick(2) == 0 { UpdateKind::Live } else { UpdateKind::Step2 };
                let session = SessionId(HOSTILE[pick(2) as usize]);
                pair.feed(at, Input::Update(session, kind, update.into()));
            }
            5 => pair.commit(at),
            6 => pair.read_log(at),
            _ => pair.hear_of_one(at, pick),
        }
    }
    pair.settle();
    pair.check();
    pair
}

impl Pair {
    fn new() -> Self {
        let nothing = || Stored {
            epoch: Epoch::FIRST,
            head: Seq::ZERO,
            snapshot: None,
            tail: Vec::new(),
            owners: HashMap::new(),
        };
        let side = || Side {
            room: world::open(nothing()).expect("an empty log is sound"),
            appends: VecDeque::new(),
            left_behind: VecDeque::new(),
        };
        let mut pair = Self {
            sides: [side(), side()],
            log: Vec::new(),
            owners: HashMap::new(),
            now: 0,
            contradicted: 0,
            complaints: Vec::new(),
        };
        pair.attach(0);
        pair.attach(1);
        pair
    }

    /// How often a room ended because the log said something else.
    pub fn contradicted(&self) -> usize {
        self.contradicted
    }

    /// What differs from the log in the end.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn attach(&mut self, at: usize) {
        for session in HOSTILE {
            let principal = Arc::new(Principal {
                kind: PrincipalKind::User,
                id: Uuid::from_u128(session.into()),
                user: None,
                name: format!("client {session}"),
                lease: None,
            });
            let (session, mode) = (SessionId(session), Mode::Sync { receipts: Receipts::Sent });
            self.feed(at, Input::Attach(Attach { session, principal, access: Access::Write, mode }));
        }
    }

    fn stored(&self) -> Stored {
        let head = Seq::new(self.log.len() as u64);
        let (tail, owners) = (self.log.clone(), self.owners.clone());
        Stored { epoch: Epoch::FIRST, head, snapshot: None, tail, owners }
    }

    /// An update that fits what one of the rooms holds, or nearly.
    fn update(&mut self, at: usize, pick: &mut forge::Pick<'_>) -> Vec<u8> {
        let room = &mut self.sides[at].room;
        let known = room.read(|txn| txn.state_vector()).expect("the room is whole");
        let clocks = CLIENTS.map(|client| (client, known.get(&ClientID::new(client)).into()));
        if pick(4) == 0 {
            return forge::update(pick, &clocks).encode();
        }
        let replica = schema::new_doc(ClientID::new(CLIENTS[pick(4) as usize]));
        apply(&replica, &room.state().expect("the room is whole"));
        let valid = edits::edit(&replica, pick).expect("a replica of the room can be edited");
        let mut update = wire::Update::decode(&valid).expect("yrs writes what a Yjs client writes");
        if pick(3) == 0 {
            forge::mutate(pick, &clocks, &mut update);
        }
        update.encode()
    }

    fn commit(&mut self, at: usize) {
        for append in std::mem::take(&mut self.sides[at].left_behind) {
            self.log(append);
        }
        let appends = std::mem::take(&mut self.sides[at].appends);
        let seqs = appends.into_iter().map(|append| self.log(append)).collect();
        self.feed(at, Input::Committed(seqs));
    }

    fn log(&mut self, append: Append) -> Seq {
        for client in append.new_clients {
            self.owners.entry(client).or_insert(append.principal);
        }
        self.log.push(append.update);
        Seq::new(self.log.len() as u64)
    }

    /// The room reads what it misses.
    fn read_log(&mut self, at: usize) {
        let head = self.sides[at].room.head().get();
        let updates = self.log.iter().enumerate().skip(head as usize);
        let updates = updates.map(|(index, update)| (Seq::new(index as u64 + 1), update.clone())).collect();
        self.feed(at, Input::FromLog(updates));
    }

    /// The bus brings an update, whatever it was before it.
    fn hear_of_one(&mut self, at: usize, pick: &mut forge::Pick<'_>) {
        if !self.log.is_empty() {
            let index = pick(self.log.len() as u64);
            let (epoch, seq, update) = (Epoch::FIRST, Seq::new(index + 1), self.log[index as usize].clone());
            self.feed(at, Input::FromBus { epoch, seq, update });
        }
    }

    /// Everything is committed and known, and there is time to look at it.
    fn settle(&mut self) {
        for _ in 0..4 {
            for at in 0..2 {
                self.commit(at);
            }
            for at in 0..2 {
                self.read_log(at);
                self.now += LATER_MS;
                self.feed(at, Input::Tick);
            }
        }
    }

    fn check(&mut self) {
        let started = Instant::now();
        let expected = world::loaded(self.stored());
        if started.elapsed() > LOAD_MAX {
            self.complaints.push(format!("the log takes {:?} to load", started.elapsed()));
        }
        for at in 0..2 {
            let room = &mut self.sides[at].room;
            let held: Result<Reading, String> = room.read(|txn| reading::read(txn)).map_err(|error| error.to_string());
            if held != expected {
                self.complaints.push(format!("room {at} holds {held:?}, the log says {expected:?}"));
            }
        }
    }

    fn feed(&mut self, at: usize, input: Input) {
        let mut effects = Vec::new();
        self.sides[at].room.handle(self.now, input, &mut effects);
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Append(append) => self.sides[at].appends.push_back(append),
                Effect::Reload => {
                    let (stored, mut more) = (self.stored(), Vec::new());
                    let reloaded = self.sides[at].room.reload(stored, &mut more);
                    reloaded.unwrap_or_else(|why| panic!("the log cannot be loaded any more: {why}"));
                    effects.extend(more);
                }
                Effect::Compare(comparison) => {
                    let agreement = comparison.with(&self.stored()).expect("the log makes a document");
                    let mut more = Vec::new();
                    self.sides[at].room.handle(self.now, Input::Compared(agreement), &mut more);
                    effects.extend(more);
                }
                Effect::Contradicted => return self.end(at),
                _ => {}
            }
        }
    }

    /// The room ends, and its clients come back. What it gave to the log gets there.
    fn end(&mut self, at: usize) {
        self.contradicted += 1;
        let room = world::open(self.stored()).expect("the log can be loaded");
        let ended = std::mem::replace(&mut self.sides[at].room, room);
        drop(ended);
        let appends = std::mem::take(&mut self.sides[at].appends);
        self.sides[at].left_behind.extend(appends);
        self.attach(at);
    }
}

fn apply(doc: &Doc, update: &[u8]) {
    let applied = world::fenced(doc, |txn| {
        let update = Update::decode_v1(update).map_err(|error| error.to_string())?;
        txn.apply_update(update).map_err(|error| error.to_string())
    });
    applied.and_then(|applied| applied).expect("a state can be applied");
}
