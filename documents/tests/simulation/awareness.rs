//! What a stock client keeps of who is here, after y-protocols/awareness.js.

use std::collections::BTreeMap;
use std::sync::Arc;

use documents::delivery::AwarenessState;
use serde_json::Value;

/// A client renews its own state, and forgets others, after so long.
const RENEWAL_MS: u64 = 15_000;
const TIMEOUT_MS: u64 = 30_000;

#[derive(Debug, Clone, Copy)]
struct Meta {
    clock: u64,
    updated_ms: u64,
}

pub(crate) struct Awareness {
    own: u64,
    states: BTreeMap<u64, Arc<str>>,
    meta: BTreeMap<u64, Meta>,
}

impl Awareness {
    pub(crate) fn new(own: u64) -> Self {
        Self { own, states: BTreeMap::new(), meta: BTreeMap::new() }
    }

    /// What the application says of itself. Returns what the client sends.
    pub(crate) fn set(&mut self, now: u64, cursor: usize) -> Vec<AwarenessState> {
        self.set_json(now, format!(r#"{{"cursor":{cursor}}}"#).into())
    }

    fn set_json(&mut self, now: u64, json: Arc<str>) -> Vec<AwarenessState> {
        let clock = self.meta.get(&self.own).map_or(0, |meta| meta.clock + 1);
        self.meta.insert(self.own, Meta { clock, updated_ms: now });
        self.states.insert(self.own, json);
        self.entries(&[self.own])
    }

    /// What the client sends first on a new connection.
    pub(crate) fn hello(&self) -> Vec<AwarenessState> {
        if self.states.contains_key(&self.own) { self.entries(&[self.own]) } else { Vec::new() }
    }

    /// Forgets everybody else, as a client does that lost its connection.
    pub(crate) fn forget_others(&mut self) {
        self.states.retain(|client, _| *client == self.own);
    }

    /// Takes in what the server tells. Returns what the client sends back: all that was news to it.
    pub(crate) fn apply(&mut self, now: u64, states: &[AwarenessState]) -> Vec<AwarenessState> {
        let mut news = Vec::new();
        for AwarenessState { client, clock, state } in states {
            let known = self.meta.get(client).copied();
            let present = known.map_or(0, |meta| meta.clock);
            let removes = *clock == present && state.is_none() && self.states.contains_key(client);
            if present >= *clock && !removes {
                continue;
            }
            let mut clock = *clock;
            match state {
                Some(state) => drop(self.states.insert(*client, Arc::clone(state))),
                // It is still here, and says so.
                None if *client == self.own && self.states.contains_key(client) => clock += 1,
                None => drop(self.states.remove(client)),
            }
            self.meta.insert(*client, Meta { clock, updated_ms: now });
            if state.is_some() || known.is_some() {
                news.push(*client);
            }
        }
        self.entries(&news)
    }

    /// What happens by itself as time passes. Returns what the client sends.
    pub(crate) fn pass(&mut self, now: u64) -> Vec<AwarenessState> {
        let (own, meta) = (self.own, &self.meta);
        self.states.retain(|client, _| *client == own || now < meta[client].updated_ms + TIMEOUT_MS);
        match (self.states.get(&own), self.meta.get(&own)) {
            (Some(json), Some(meta)) if meta.updated_ms + RENEWAL_MS <= now => self.set_json(now, Arc::clone(json)),
            _ => Vec::new(),
        }
    }

    fn entries(&self, clients: &[u64]) -> Vec<AwarenessState> {
        let entry = |client: &u64| AwarenessState {
            client: *client,
            clock: self.meta[client].clock,
            state: self.states.get(client).cloned(),
        };
        clients.iter().map(entry).collect()
    }

    /// The cursor of everybody who is here.
    pub(crate) fn cursors(&self) -> BTreeMap<u64, Value> {
        let cursor = |json: &Arc<str>| serde_json::from_str::<Value>(json).unwrap()["cursor"].clone();
        self.states.iter().map(|(client, json)| (*client, cursor(json))).collect()
    }

    /// Whose name the state of a client bears.
    pub(crate) fn name_of(&self, client: u64) -> Option<Value> {
        let json = self.states.get(&client)?;
        Some(serde_json::from_str::<Value>(json).unwrap()["user"]["name"].clone())
    }
}
