//! A client's copy of a document, which outlives its connections: a text and a map.

use std::collections::BTreeMap;

use anyhow::Result;
use rand::Rng as _;
use rand::rngs::StdRng;
use schema::new_doc;
use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{
    ClientID, Doc, GetString as _, Map as _, MapRef, ReadTxn as _, StateVector, Text as _, TextRef, Transact as _,
    Update,
};

use crate::typing::ROOT;

const MAP: &str = "map";
const KEYS: u32 = 24;
const WORDS: [&str; 6] = ["river ", "of ", "glass ", "between ", "a ", "morning "];

/// A replica with the client id under which it edits.
#[derive(Debug)]
pub(super) struct Replica {
    doc: Doc,
    text: TextRef,
    map: MapRef,
    client: u64,
}

/// What a replica holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) text: String,
    map: BTreeMap<String, String>,
    clocks: BTreeMap<u64, u32>,
}

impl Replica {
    pub(super) fn new(client: u64) -> Self {
        let doc = new_doc(ClientID::new(client));
        let (text, map) = (doc.get_or_insert_text(ROOT), doc.get_or_insert_map(MAP));
        Self { doc, text, map, client }
    }

    pub(super) fn client(&self) -> u64 {
        self.client
    }

    /// An edit at a random place, which always inserts something: the update.
    pub(super) fn edit(&self, rng: &mut StdRng) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        if rng.random_ratio(1, 3) {
            let key = format!("k{}", rng.random_range(0..KEYS));
            self.map.insert(&mut txn, key, rng.random_range(0..1_000_000_i64));
            return txn.encode_update_v1();
        }
        let len = self.text.len(&txn);
        if rng.random_ratio(1, 5) {
            let start = rng.random_range(0..=len);
            let removed = rng.random_range(0..=(len - start).min(8));
            self.text.remove_range(&mut txn, start, removed);
        }
        let at = rng.random_range(0..=self.text.len(&txn));
        self.text.insert(&mut txn, at, WORDS[rng.random_range(0..WORDS.len())]);
        txn.encode_update_v1()
    }

    pub(super) fn apply(&self, update: &[u8]) -> Result<()> {
        Ok(self.doc.transact_mut().apply_update(Update::decode_v1(update)?)?)
    }

    /// What a step 1 says.
    pub(super) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// How much of a client's work is here.
    pub(super) fn clock_of(&self, client: u64) -> u32 {
        self.doc.transact().state_vector().get(&ClientID::new(client))
    }

    /// What answers a step 1.
    pub(super) fn diff(&self, state_vector: &[u8]) -> Result<Vec<u8>> {
        Ok(self.doc.transact().encode_diff_v1(&StateVector::decode_v1(state_vector)?))
    }

    /// Whether something came that builds upon what is not here.
    pub(super) fn has_gap(&self) -> bool {
        self.doc.transact().has_missing_updates()
    }

    pub(super) fn content(&self) -> Content {
        let txn = self.doc.transact();
        let map = self.map.iter(&txn).map(|(key, value)| (key.to_owned(), value.to_string(&txn))).collect();
        let text = self.text.get_string(&txn);
        drop(txn);
        Content { text, map, clocks: self.clocks() }
    }

    /// How much of everybody's work is here, by client.
    pub(super) fn clocks(&self) -> BTreeMap<u64, u32> {
        self.doc.transact().state_vector().iter().map(|(client, clock)| (client.get(), *clock)).collect()
    }
}

impl Content {
    /// Where another content differs, for people.
    pub(super) fn difference(&self, other: &Self) -> String {
        let mut what = Vec::new();
        if self.text != other.text {
            let same = self.text.chars().zip(other.text.chars()).take_while(|(one, other)| one == other).count();
            what.push(format!("text of {} and {} bytes, alike up to {same}", self.text.len(), other.text.len()));
        }
        if self.map != other.map {
            let differing = self.map.iter().filter(|(key, value)| other.map.get(*key) != Some(value));
            what.push(format!("map, at {:?}", differing.map(|(key, _)| key).collect::<Vec<_>>()));
        }
        if self.clocks != other.clocks {
            let all: std::collections::BTreeSet<_> = self.clocks.keys().chain(other.clocks.keys()).collect();
            let differing = all.into_iter().filter(|client| self.clocks.get(client) != other.clocks.get(client));
            let clocks = differing.map(|it| format!("{it}: {:?} and {:?}", self.clocks.get(it), other.clocks.get(it)));
            what.push(format!("clocks {}", clocks.collect::<Vec<_>>().join(", ")));
        }
        what.join("; ")
    }
}
