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
        let lock = self.lock.clone();
        let enforced = lock.as_ref().filter(|lock| lock.enforcement == Enforcement::Enforced);
        self.instances[instance].keeps_out_others_than = enforced.map(|lock| lock.holder);
        self.feed(instance, Input::Lock(lock));
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
            Effect::EndLock(holder) => {
                let is_here = |principal: PrincipalRef| {
                    self.clients.iter().any(|client| {
                        client.principal.reference() == principal
                            && client.session.is_some_and(|(at, _)| at == instance)
                    })
                };
                assert!(!is_here(*holder), "a lock ends though its holder is here");
                self.instances[instance].keeps_out_others_than = None;
                if let Some(room) = &mut self.instances[instance].room {
                    room.handle(self.now, Input::Lock(None), more);
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
