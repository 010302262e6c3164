//! What clients write is never refused: recorded typing of people, sessions of yjs clients, edits of yrs clients.
//!
//! `GLASSBOX_TRACES` names a folder with the whole recording `clownschool.json.gz`; `GLASSBOX_YJS_SESSIONS` a file with
//! more sessions, as `fixtures/record-yjs.mjs` records them; `GLASSBOX_LEGITIMATE_SEEDS` runs more seeds.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "numbers are drawn below bounds that fit")]
#![allow(dead_code, reason = "other tests use the rest")]

#[path = "hostile/edits.rs"]
mod edits;
#[path = "hostile/forge.rs"]
mod forge;
#[path = "hostile/reading.rs"]
mod reading;
#[path = "hostile/wire.rs"]
mod wire;
#[path = "hostile/world.rs"]
mod world;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use documents::delivery::Outgoing;
use documents::room::{Attach, Effect, Input, Mode, Receipts, Room, SessionId, Stored, UnsavedBudget, UpdateKind};
use platform::access::Access;
use platform::auth::{Principal, PrincipalKind};
use platform::limits::Limits;
use platform::random::Random;
use schema::ids::{ClientID, Epoch, Seq};
use serde_json::Value;
use uuid::Uuid;
use yrs::undo::UndoManager;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Text, Transact, Update};

/// A room that must not refuse anything.
struct Willing {
    room: Room,
    logged: u64,
    log: Vec<Bytes>,
}

impl Willing {
    fn new(clients: impl IntoIterator<Item = u64>) -> Self {
        let stored =
            Stored { epoch: Epoch::FIRST, head: Seq::new(0), snapshot: None, tail: Vec::new(), owners: HashMap::new() };
        let mut willing = Self { room: open(stored), logged: 0, log: Vec::new() };
        for client in clients {
            let id = Uuid::from_u128(client.into());
            let principal =
                Arc::new(Principal { kind: PrincipalKind::User, id, user: None, name: String::new(), lease: None });
            let mode = Mode::Sync { receipts: Receipts::Sent };
            let session = SessionId(client);
            willing.feed(Input::Attach(Attach { session, principal, access: Access::Write, mode }));
            willing.send(client, UpdateKind::Step2, Bytes::from_static(&[0, 0]));
        }
        willing
    }

    fn send(&mut self, client: u64, kind: UpdateKind, update: Bytes) {
        self.feed(Input::Update(SessionId(client), kind, update));
    }

    fn feed(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.room.handle(0, input, &mut effects);
        let mut seqs = Vec::new();
        for effect in effects {
            match effect {
                Effect::Append(append) => {
                    self.logged += 1;
                    self.log.push(append.update);
                    seqs.push(Seq::new(self.logged));
                }
                Effect::Send(session, Outgoing::Refused { refusal, .. }) => panic!("{session:?}: {refusal:?}"),
                Effect::Reload => panic!("the document engine failed"),
                _ => {}
            }
        }
        if !seqs.is_empty() {
            self.feed(Input::Committed(seqs));
        }
    }

    fn text(&mut self) -> String {
        self.room.read(|txn| text_of(txn)).unwrap()
    }

    /// Whether the log and the state say the same as the room.
    fn check(&mut self) {
        let expected = self.room.read(|txn| reading::read(txn)).unwrap();
        let state = self.room.state().unwrap();
        assert_eq!(world::reading_of_state(&state).unwrap(), expected);
        let (head, parts) = (Seq::new(self.logged), self.log.clone());
        let mut loaded =
            open(Stored { epoch: Epoch::FIRST, head, snapshot: None, tail: parts, owners: HashMap::new() });
        assert_eq!(loaded.read(|txn| reading::read(txn)).unwrap(), expected);
    }
}

fn open(stored: Stored) -> Room {
    let limits = Limits::default();
    let budget = UnsavedBudget::new(limits.unsaved_bytes);
    Room::open(stored, Arc::new(limits), budget, Random::from_seed(1)).unwrap()
}

fn text_of<T: ReadTxn>(txn: &T) -> String {
    txn.get_text("text").map(|text| text.get_string(txn)).unwrap_or_default()
}

/// Unpacks a file; `gzip` is on every system that builds this.
fn gunzip(path: &Path) -> String {
    let output = Command::new("gzip").arg("-dc").arg(path).output().expect("gzip can be run");
    assert!(output.status.success(), "{} cannot be unpacked", path.display());
    String::from_utf8(output.stdout).unwrap()
}

fn apply(doc: &Doc, update: &[u8]) {
    doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
}

/// A recording of people who type at the same time: its format is that of `josephg/editing-traces`.
struct Recording {
    agents: Vec<Doc>,
    /// Of each transaction: who typed, after which others, and the update.
    typed: Vec<(usize, Vec<usize>, Bytes)>,
    /// What each agent has heard of.
    heard: Vec<Vec<bool>>,
}

impl Recording {
    /// An agent hears of transactions and of all before them.
    fn hear(&mut self, agent: usize, of: &[usize]) {
        let (mut unheard, mut left) = (Vec::new(), of.to_vec());
        while let Some(transaction) = left.pop() {
            if !std::mem::replace(&mut self.heard[agent][transaction], true) {
                unheard.push(transaction);
                left.extend(&self.typed[transaction].1);
            }
        }
        unheard.sort_unstable();
        for transaction in unheard {
            apply(&self.agents[agent], &self.typed[transaction].2);
        }
    }
}

#[test]
fn what_people_typed_is_never_refused() {
    let whole = std::env::var("GLASSBOX_TRACES").map(|folder| PathBuf::from(folder).join("clownschool.json.gz"));
    let excerpt = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/clownschool-excerpt.json.gz");
    let trace: Value = serde_json::from_str(&gunzip(&whole.unwrap_or(excerpt))).unwrap();
    let transactions = trace["txns"].as_array().unwrap();
    let agents = trace["numAgents"].as_u64().unwrap();
    let mut recording = Recording {
        agents: (0..agents).map(|agent| schema::new_doc(ClientID::new(100 + agent))).collect(),
        typed: Vec::new(),
        heard: vec![vec![false; transactions.len()]; agents as usize],
    };
    let mut room = Willing::new((0..agents).map(|agent| 100 + agent));
    for (number, transaction) in transactions.iter().enumerate() {
        let agent = transaction["agent"].as_u64().unwrap() as usize;
        let parents: Vec<_> =
            transaction["parents"].as_array().unwrap().iter().map(|parent| parent.as_u64().unwrap() as usize).collect();
        recording.hear(agent, &parents);
        let text = recording.agents[agent].get_or_insert_text("text");
        let mut txn = recording.agents[agent].transact_mut();
        for patch in transaction["patches"].as_array().unwrap() {
            let [at, deleted] = [0, 1].map(|index| patch[index].as_u64().unwrap() as u32);
            text.remove_range(&mut txn, at, deleted);
            text.insert(&mut txn, at, patch[2].as_str().unwrap());
        }
        let update = Bytes::from(txn.encode_update_v1());
        drop(txn);
        recording.heard[agent][number] = true;
        recording.typed.push((agent, parents, update.clone()));
        room.send(100 + agent as u64, UpdateKind::Live, update);
    }
    assert_eq!(room.text(), trace["endContent"].as_str().unwrap());
}

#[test]
fn what_yjs_clients_write_is_never_refused() {
    let sessions = match std::env::var("GLASSBOX_YJS_SESSIONS") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => gunzip(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/yjs-sessions.jsonl.gz")),
    };
    let mut messages = 0;
    for line in sessions.lines() {
        let session: Value = serde_json::from_str(line).unwrap();
        let mut room = Willing::new(100..103);
        for message in session["messages"].as_array().unwrap() {
            let kind = if message[1] == "step2" { UpdateKind::Step2 } else { UpdateKind::Live };
            let update = decode_base64(message[2].as_str().unwrap());
            room.send(message[0].as_u64().unwrap(), kind, update.into());
            messages += 1;
        }
        assert_eq!(room.text(), session["text"].as_str().unwrap());
        room.check();
    }
    assert!(messages > 1_000, "{messages} messages test too little");
}

fn decode_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| ALPHABET.iter().position(|digit| *digit == byte));
    let bits: Vec<u8> = digits.flat_map(|digit| (0..6).rev().map(move |bit| (digit >> bit & 1) as u8)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

/// A yrs client that undoes and redoes.
struct Client {
    doc: Doc,
    undo: UndoManager<()>,
    /// How many of the updates of all it has heard of.
    heard: usize,
}

fn client(id: u64) -> Client {
    let doc = schema::new_doc(ClientID::new(id));
    let text = doc.get_or_insert_text("text");
    let options = yrs::undo::Options { capture_timeout_millis: 0, ..yrs::undo::Options::default() };
    let mut undo = UndoManager::with_options(options);
    undo.expand_scope(&doc, &text);
    undo.expand_scope(&doc, &doc.get_or_insert_map("project"));
    undo.expand_scope(&doc, &doc.get_or_insert_map("nodes"));
    undo.expand_scope(&doc, &doc.get_or_insert_array("inputs"));
    undo.expand_scope(&doc, &doc.get_or_insert_xml_fragment("body"));
    Client { doc, undo, heard: 0 }
}

#[test]
fn what_yrs_clients_write_is_never_refused() {
    let seeds = std::env::var("GLASSBOX_LEGITIMATE_SEEDS").map_or(60, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        run_yrs_clients(seed);
    }
}

fn run_yrs_clients(seed: u64) {
    const CLIENTS: u64 = 3;
    let random = Random::from_seed(seed);
    let pick = &mut |bound| random.below(bound);
    let mut clients: Vec<_> = (0..CLIENTS).map(|index| client(100 + index)).collect();
    let mut room = Willing::new((0..CLIENTS).map(|index| 100 + index));
    let mut relayed: Vec<(u64, Bytes)> = Vec::new();
    for _ in 0..60 {
        let index = pick(CLIENTS);
        let client = &mut clients[index as usize];
        let before = client.doc.transact().state_vector();
        match pick(8) {
            0 | 1 => {
                for (from, update) in &relayed[client.heard..] {
                    if *from != index {
                        apply(&client.doc, update);
                    }
                }
                client.heard = relayed.len();
                continue;
            }
            2 => drop(client.undo.undo_blocking()),
            3 => drop(client.undo.redo_blocking()),
            _ => drop(edits::edit(&client.doc, pick).unwrap()),
        }
        let news = Bytes::from(client.doc.transact().encode_diff_v1(&before));
        relayed.push((index, news.clone()));
        let (kind, update) = match pick(10) {
            // All it has, as a client does that does not know what the server has.
            0 => (UpdateKind::Step2, client.doc.transact().encode_state_as_update_v1(&StateVector::default()).into()),
            _ => (UpdateKind::Live, news),
        };
        room.send(100 + index, kind, update);
    }
    room.check();
}
