//! Locks: somebody keeps the others out for a while, and rooms hear of it, late or never.

use std::sync::Arc;

use documents::room::{Effect, Enforcement, Input, LockState};
use platform::auth::{PrincipalKind, PrincipalRef};

use crate::{CLIENTS, INSTANCES, World};

/// The longest that a lock lasts.
const LOCK_MS: u64 = 3_000;

impl World {
    /// Somebody takes the lock, or nobody has it any more. Some instances hear of it.
    pub(crate) fn change_lock(&mut self) {
        let holder = self.below(CLIENTS + 2);
        let enforcement = if self.one_in(4) { Enforcement::Advisory } else { Enforcement::Enforced };
        self.lock = self.clients.get(holder).map(|client| LockState {
            holder: client.principal.reference(),
            name: Arc::from(client.principal.name.as_str()),
            fencing_token: 1,
            until_ms: self.now + self.random.below(LOCK_MS),
            enforcement,
        });
        for instance in 0..INSTANCES {
            if !self.one_in(4) {
                self.tell_lock(instance);
            }
        }
    }

    pub(crate) fn tell_lock(&mut self, instance: usize) {
        self.instances[instance].keeps_out_others_than = self.sole_writer();
        self.feed(instance, Input::Lock(self.lock.clone()));
    }

    /// Whose lock keeps the others out.
    fn sole_writer(&self) -> Option<PrincipalRef> {
        self.lock.as_ref().filter(|lock| lock.enforcement == Enforcement::Enforced).map(|lock| lock.holder)
    }

    /// Whether somebody has a session on one of these instances.
    fn is_at(&self, principal: PrincipalRef, is_meant: impl Fn(usize) -> bool) -> bool {
        let mut theirs = self.clients.iter().filter(|client| client.principal.reference() == principal);
        theirs.any(|client| client.session.is_some_and(|(at, _)| is_meant(at)))
    }

    /// Nobody has it any more, and everybody knows.
    pub(crate) fn unlock(&mut self) {
        self.lock = None;
        for instance in 0..INSTANCES {
            self.tell_lock(instance);
        }
    }

    /// What a room wants to be done about the lock.
    pub(crate) fn lock_effect(&mut self, instance: usize, effect: &Effect, more: &mut Vec<Effect>) {
        match effect {
            // The room has forgotten it by itself.
            Effect::ReadLock => self.instances[instance].keeps_out_others_than = None,
            Effect::LeaveLock(holder) => {
                assert!(!self.is_at(*holder, |at| at == instance), "it is said that a holder left who is here");
                let is_theirs = self.lock.as_ref().is_some_and(|lock| lock.holder == *holder);
                if is_theirs && !self.is_at(*holder, |at| at != instance) {
                    self.lock = None;
                }
                self.instances[instance].keeps_out_others_than = self.sole_writer();
                let lock = self.lock.clone();
                if let Some(room) = &mut self.instances[instance].room {
                    room.handle(self.now, Input::Lock(lock), more);
                }
            }
            _ => {}
        }
    }

    /// Nothing of others gets into a document from which they are kept out.
    pub(crate) fn check_lock(&self, instance: usize, writer: PrincipalRef) {
        if let Some(holder) = self.instances[instance].keeps_out_others_than {
            assert!(writer == holder || writer.kind == PrincipalKind::System, "somebody got past a lock");
        }
    }
}
