//! Who is here through other instances, as those instances say.

use std::collections::BTreeMap;

use platform::auth::PrincipalRef;
use platform::bus::InstanceId;

use super::super::message::{Claim, Extent, PresenceNews, PresenceState};

/// A state that an instance told of.
#[derive(Debug)]
pub(super) struct State {
    pub(super) clock: u64,
    pub(super) claim: Claim,
    answered: bool,
}

/// What each of the other instances told last.
#[derive(Debug, Default)]
pub(super) struct Remote {
    instances: BTreeMap<InstanceId, Told>,
}

#[derive(Debug)]
struct Told {
    states: BTreeMap<u64, State>,
    heard_ms: u64,
}

impl Remote {
    /// Takes in what an instance tells. Returns the clients whose states may have changed.
    pub(super) fn take(&mut self, now: u64, from: InstanceId, news: PresenceNews) -> Vec<u64> {
        let told = self.instances.entry(from).or_insert(Told { states: BTreeMap::new(), heard_ms: now });
        told.heard_ms = now;
        let mut touched: Vec<u64> = news.states.iter().map(|state| state.client).collect();
        if news.extent == Extent::All {
            touched.extend(told.states.keys());
            told.states.clear();
        }
        for state in news.states {
            match state.claim {
                Some(claim) => {
                    let PresenceState { client, clock, answered, .. } = state;
                    told.states.insert(client, State { clock, claim, answered });
                }
                None => drop(told.states.remove(&state.client)),
            }
        }
        if told.states.is_empty() {
            self.instances.remove(&from);
        }
        touched
    }

    /// Forgets instances that were not heard of since `before`. Returns their clients.
    pub(super) fn forget_silent(&mut self, before: u64) -> Vec<u64> {
        let silent = self.instances.extract_if(.., |_, told| told.heard_ms <= before);
        silent.flat_map(|(_, told)| told.states.into_keys()).collect()
    }

    /// When the instance that has been silent longest was heard.
    pub(super) fn longest_silent_since(&self) -> Option<u64> {
        self.instances.values().map(|told| told.heard_ms).min()
    }

    /// The states of a client; two while it moves from one instance to another.
    pub(super) fn states_of(&self, client: u64) -> impl Iterator<Item = (InstanceId, &State)> {
        self.instances.iter().filter_map(move |(instance, told)| Some((*instance, told.states.get(&client)?)))
    }

    /// Whether somebody is here through another instance, which was heard of after `silent_since`, and has brought there
    /// what they had.
    pub(super) fn has_answered(&self, principal: PrincipalRef, silent_since: Option<u64>) -> bool {
        let heard = self.instances.values().filter(|told| silent_since.is_none_or(|since| told.heard_ms > since));
        let mut states = heard.flat_map(|told| told.states.values());
        states.any(|state| state.answered && state.claim.principal.reference() == principal)
    }
}
