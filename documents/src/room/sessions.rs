//! The sessions of a room, in the order of their ids, so that a simulation with a seed always does the same.

use super::{Session, SessionId};

/// Sorted. Ids rise, so that who comes is put at the end; most documents have one session, for which a tree would keep
/// room for eleven.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<(SessionId, Session)>);

impl Sessions {
    fn place(&self, id: SessionId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id)
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.place(id).ok().map(|place| &self.0[place].1)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.place(id).ok().map(|place| &mut self.0[place].1)
    }

    /// In place of one with the same id, if there is one.
    pub(super) fn insert(&mut self, id: SessionId, session: Session) {
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        match self.place(id) {
            Ok(place) => self.0[place].1 = session,
            Err(place) => self.0.insert(place, (id, session)),
        }
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let place = self.place(id).ok()?;
        Some(self.0.remove(place).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SessionId, &Session)> {
        self.0.iter().map(|(id, session)| (id, session))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &SessionId> {
        self.0.iter().map(|(id, _)| id)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Session> {
        self.0.iter().map(|(_, session)| session)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
