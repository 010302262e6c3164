//! The end of a world: no more faults, and what must hold then.

use std::collections::BTreeMap;
use std::sync::Arc;

use documents::delivery::Outgoing;
use documents::room::{Attach, Effect, Input, Mode, Receipts, Room, SavingState, SessionId, UnsavedBudget};
use platform::access::Access;
use platform::limits::Limits;
use schema::ids::{ClientID, Epoch, Seq};
use schema::repair::{Spot, violations};
use yrs::Transact;

use crate::{CLIENTS, Client, INSTANCES, World, apply, clock_of, content};

/// How many rounds everything has to settle, and how long one is: longer than presence lives that nobody renews.
const SETTLE_ROUNDS: usize = 100;
const SETTLE_ROUND_MS: u64 = 1000;

impl World {
    /// No more faults: everybody comes back, but for one at times, and everything that waits is delivered.
    pub(crate) fn settle(&mut self) {
        let absent = self.below(2 * CLIENTS);
        if absent < CLIENTS {
            self.disconnect(absent);
        }
        self.calm = true;
        self.unlock();
        for instance in 0..INSTANCES {
            if self.instances[instance].saving == SavingState::Behind {
                self.change_saving(instance);
            }
        }
        for at in (0..CLIENTS).filter(|at| *at != absent) {
            self.clients[at].slow = false;
            self.connect(at);
        }
        for _ in 0..SETTLE_ROUNDS {
            self.now += SETTLE_ROUND_MS;
            let head = Seq::new(self.log.len() as u64);
            for instance in 0..INSTANCES {
                while !self.instances[instance].appends.is_empty() {
                    self.commit(instance);
                }
                self.feed(instance, Input::Head(Epoch::FIRST, head));
                self.log_answers(instance);
                self.bus_delivers(instance);
                self.report_gap(instance);
                while !self.instances[instance].presence.is_empty() {
                    self.presence_arrives(instance);
                }
                self.feed(instance, Input::Tick);
            }
            for at in 0..CLIENTS {
                self.offer_again(at);
                self.pass(at);
                while !self.clients[at].up.is_empty() {
                    self.send_one(at);
                }
                while !self.clients[at].down.is_empty() {
                    self.receive_one(at);
                }
            }
        }
    }

    fn connected(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter().filter(|client| client.session.is_some())
    }

    /// Everybody sees everybody who is here, as they say of themselves and under the name that is theirs.
    fn check_presence(&self) {
        let own = |client: &Client| Some((client.id, client.awareness.cursors().remove(&client.id)?));
        let expected: BTreeMap<_, _> = self.connected().filter_map(own).collect();
        for client in self.connected() {
            let name = &client.principal.name;
            assert_eq!(client.awareness.cursors(), expected, "{name} sees somebody else");
            for other in self.connected().filter(|other| other.id != client.id && expected.contains_key(&other.id)) {
                assert_eq!(client.awareness.name_of(other.id), Some(other.principal.name.as_str().into()), "to {name}");
            }
        }
    }

    /// A newcomer is told of exactly those who are here, whatever the instance.
    fn check_newcomers(&mut self) {
        let own = |client: &Client| client.awareness.cursors().contains_key(&client.id).then_some(client.id);
        let expected: Vec<u64> = self.connected().filter_map(own).collect();
        let principal = Arc::clone(&self.clients[0].principal);
        for room in self.instances.iter_mut().filter_map(|instance| instance.room.as_mut()) {
            let mode = Mode::Sync { receipts: Receipts::Unknown };
            let (session, access) = (SessionId(u64::MAX), Access::Read);
            let mut effects = Vec::new();
            let principal = Arc::clone(&principal);
            room.handle(self.now, Input::Attach(Attach { session, principal, access, mode }), &mut effects);
            let told = effects.iter().find_map(|effect| match effect {
                Effect::Send(_, Outgoing::Awareness(states)) => Some(states.iter().map(|state| state.client).collect()),
                _ => None,
            });
            assert_eq!(told.unwrap_or_else(Vec::new), expected, "a newcomer sees somebody else");
        }
    }

    pub(crate) fn check(&mut self) {
        let budget = UnsavedBudget::new(0);
        let mut reopened = Room::open(self.stored(), Arc::new(Limits::default()), budget, self.random.clone()).unwrap();
        let log_doc = schema::new_doc(ClientID::new(1));
        apply(&log_doc, &reopened.state().unwrap());
        let expected = content(&log_doc);
        if let Some(shape) = self.shape {
            let txn = log_doc.transact();
            let wrong = Spot::all(shape, &txn).into_iter().find(|spot| !violations(spot, &txn).is_empty());
            assert_eq!(wrong, None, "something is not of the document's shape");
        }
        for client in &self.clients {
            assert!(clock_of(&log_doc, client.id) >= client.confirmed, "what was confirmed is lost");
        }
        for client in self.connected() {
            assert_eq!(content(&client.doc), expected, "{} differs from the log", client.principal.name);
            let sent = client.frames.last().copied().unwrap_or(0);
            assert_eq!(client.confirmed, sent.max(client.confirmed), "{} waits for a receipt", client.principal.name);
        }
        self.check_presence();
        self.check_newcomers();
        for instance in &mut self.instances {
            let Some(room) = &mut instance.room else { continue };
            assert!(room.is_saved());
            assert_eq!(room.head(), Seq::new(self.log.len() as u64));
            let replica = schema::new_doc(ClientID::new(2));
            apply(&replica, &room.state().unwrap());
            assert_eq!(content(&replica), expected, "a room differs from the log");
        }
    }
}
