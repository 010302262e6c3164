//! Who is here: what clients say of themselves, and what instances tell each other.

use documents::delivery::AwarenessState;
use documents::room::{Input, PresenceNews};
use schema::ids::{Epoch, Seq};

use crate::{INSTANCES, World};

/// What instances say to each other of presence. Those of one sender arrive in order, or not at all.
pub(crate) enum Said {
    News(PresenceNews),
    Query,
}

impl World {
    /// Says something of presence to all others; a message that is lost is reported to its receiver later.
    pub(crate) fn say(&mut self, from: usize, said: &dyn Fn() -> Said) {
        let sender = self.instances[from].id;
        for to in (0..INSTANCES).filter(|to| *to != from) {
            let lost = !self.calm && self.one_in(4);
            self.instances[to].gap |= lost;
            if !lost && self.instances[to].room.is_some() {
                self.instances[to].presence.push_back((sender, said()));
            }
        }
    }

    pub(crate) fn point(&mut self, at: usize) {
        let cursor = self.below(1000);
        let states = self.clients[at].awareness.set(self.now, cursor);
        self.send_awareness(at, states);
    }

    pub(crate) fn send_awareness(&mut self, at: usize, states: Vec<AwarenessState>) {
        let client = &mut self.clients[at];
        if let Some((_, session)) = client.session
            && !states.is_empty()
        {
            client.up.push_back(Input::Awareness(session, states));
        }
    }

    pub(crate) fn presence_arrives(&mut self, instance: usize) {
        match self.instances[instance].presence.pop_front() {
            Some((from, Said::News(news))) => self.feed(instance, Input::RemotePresence(from, news)),
            Some((_, Said::Query)) => self.feed(instance, Input::PresenceQueried),
            None => {}
        }
    }

    /// The bus reports that messages are missing, if some are.
    pub(crate) fn report_gap(&mut self, instance: usize) {
        if std::mem::take(&mut self.instances[instance].gap) && self.instances[instance].room.is_some() {
            self.feed(instance, Input::Head(Epoch::FIRST, Seq::new(self.log.len() as u64)));
            self.say(instance, &|| Said::Query);
        }
    }

    pub(crate) fn pass(&mut self, at: usize) {
        let states = self.clients[at].awareness.pass(self.now);
        self.send_awareness(at, states);
    }
}
