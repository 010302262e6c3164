//! Presence as a client keeps it: its own state, and what it knows of others.
//!
//! Source: `y-protocols`, `awareness.js`, and `web-protocol/client/src/presence.ts`.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;
use web_protocol::awareness::{Entry, GONE, decode, encode};

const MAX_ENTRIES: usize = 1000;

/// Who is here, by Yjs client id, with what each of them says: a number.
pub(super) type Present = BTreeMap<u64, u64>;

/// The presence of one document as one client knows it.
#[derive(Debug, Default)]
pub(super) struct Awareness {
    own: Option<Own>,
    /// Clock and state of the others, `None` for those who are gone.
    others: BTreeMap<u64, (u64, Option<u64>)>,
}

#[derive(Debug)]
struct Own {
    client: u64,
    clock: u64,
    says: u64,
}

impl Awareness {
    /// Of somebody who is seen by others.
    pub(super) fn of(client: u64) -> Self {
        Self { own: Some(Own { client, clock: 0, says: 0 }), others: BTreeMap::new() }
    }

    /// Says something new: what is to be sent.
    pub(super) fn say(&mut self, says: u64) -> Option<Vec<u8>> {
        self.own.as_mut()?.says = says;
        self.renew()
    }

    /// Says the same again with a clock that nobody has seen: what is to be sent.
    pub(super) fn renew(&mut self) -> Option<Vec<u8>> {
        let own = self.own.as_mut()?;
        own.clock += 1;
        let state = format!(r#"{{"says":{}}}"#, own.says);
        Some(encode([Entry { client: own.client, clock: own.clock, state: &state }].into_iter()))
    }

    /// Says goodbye: what is to be sent.
    pub(super) fn leave(&mut self) -> Option<Vec<u8>> {
        let own = self.own.as_mut()?;
        own.clock += 1;
        Some(encode([Entry { client: own.client, clock: own.clock, state: GONE }].into_iter()))
    }

    /// The connection is gone: what others do is not known any more.
    pub(super) fn detach(&mut self) {
        self.others.clear();
    }

    /// Takes in what the server says. What is to be sent, if it believes that this client is gone.
    pub(super) fn receive(&mut self, update: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut contradicts = false;
        for Entry { client, clock, state } in decode(update, MAX_ENTRIES)? {
            let says = says(state)?;
            match &mut self.own {
                Some(own) if own.client == client => {
                    if clock > own.clock || (clock == own.clock && says.is_none()) {
                        own.clock = clock;
                        contradicts |= says.is_none();
                    }
                }
                _ => {
                    let known = self.others.get(&client);
                    let is_news = match known {
                        None => true,
                        Some((before, state)) => {
                            clock > *before || (clock == *before && says.is_none() && state.is_some())
                        }
                    };
                    if is_news {
                        self.others.insert(client, (clock, says));
                    }
                }
            }
        }
        Ok(if contradicts { self.renew() } else { None })
    }

    /// Who is here.
    pub(super) fn present(&self) -> Present {
        let own = self.own.iter().map(|own| (own.client, own.says));
        own.chain(self.others.iter().filter_map(|(client, (_, says))| Some((*client, (*says)?)))).collect()
    }

    /// This client and what it says.
    pub(super) fn own(&self) -> Option<(u64, u64)> {
        self.own.as_ref().map(|own| (own.client, own.says))
    }
}

/// What a state says; `None` when its client is gone.
fn says(state: &str) -> Result<Option<u64>> {
    Ok(serde_json::from_str::<Value>(state)?["says"].as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_said_to_be_gone_contradicts() {
        let (mut one, mut other) = (Awareness::of(1), Awareness::of(2));
        assert_eq!(other.receive(&one.say(7).unwrap()).unwrap(), None);
        assert_eq!(other.present(), Present::from([(1, 7), (2, 0)]));
        let gone = encode([Entry { client: 1, clock: 1, state: GONE }].into_iter());
        other.receive(&gone).unwrap();
        assert_eq!(other.present(), Present::from([(2, 0)]));
        let contradiction = one.receive(&gone).unwrap().expect("it is still here");
        other.receive(&contradiction).unwrap();
        assert_eq!(other.present(), Present::from([(1, 7), (2, 0)]));
    }
}
