//! What belongs to the sessions of a document, in the order of their ids, so that a simulation with a seed always does
//! the same.

use crate::room::SessionId;

/// Sorted. Ids rise, so that who comes is put at the end; most documents have one session, for which a tree would keep
/// room for eleven, and a hash table for four.
#[derive(Debug)]
pub(crate) struct BySession<T>(Vec<(SessionId, T)>);

impl<T> Default for BySession<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> BySession<T> {
    fn place(&self, id: SessionId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id)
    }

    pub(crate) fn contains(&self, id: SessionId) -> bool {
        self.place(id).is_ok()
    }

    pub(crate) fn get(&self, id: SessionId) -> Option<&T> {
        self.place(id).ok().map(|place| &self.0[place].1)
    }

    pub(crate) fn get_mut(&mut self, id: SessionId) -> Option<&mut T> {
        self.place(id).ok().map(|place| &mut self.0[place].1)
    }

    /// What belongs to a session; made first if there is nothing yet.
    pub(crate) fn get_or_insert_with(&mut self, id: SessionId, make: impl FnOnce() -> T) -> &mut T {
        let place = match self.place(id) {
            Ok(place) => place,
            Err(place) => {
                self.put(place, id, make());
                place
            }
        };
        &mut self.0[place].1
    }

    /// In place of what belonged to the session before, which is returned.
    pub(crate) fn insert(&mut self, id: SessionId, value: T) -> Option<T> {
        match self.place(id) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value)),
            Err(place) => {
                self.put(place, id, value);
                None
            }
        }
    }

    fn put(&mut self, place: usize, id: SessionId, value: T) {
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        self.0.insert(place, (id, value));
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Option<T> {
        let place = self.place(id).ok()?;
        let (_, value) = self.0.remove(place);
        if self.0.is_empty() {
            // Whoever comes next is mostly alone.
            self.0 = Vec::new();
        }
        Some(value)
    }

    /// Takes all out.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = (SessionId, T)> + use<T> {
        std::mem::take(&mut self.0).into_iter()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&SessionId, &T)> {
        self.0.iter().map(|(id, value)| (id, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut T)> {
        self.0.iter_mut().map(|(id, value)| (*id, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &SessionId> {
        self.0.iter().map(|(id, _)| id)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use platform::random::Random;

    use super::*;

    #[test]
    fn it_holds_what_a_tree_would_in_the_same_order() {
        for seed in 0..50 {
            let random = Random::from_seed(seed);
            let (mut list, mut tree) = (BySession::default(), BTreeMap::new());
            for value in 0..200 {
                let id = SessionId(random.below(20));
                match random.below(4) {
                    0 => assert_eq!(list.remove(id), tree.remove(&id)),
                    1 => {
                        let expected = *tree.entry(id).or_insert(value);
                        assert_eq!(*list.get_or_insert_with(id, || value), expected);
                    }
                    _ => assert_eq!(list.insert(id, value), tree.insert(id, value)),
                }
                assert_eq!(list.get(id), tree.get(&id));
                assert!(list.iter().eq(tree.iter()), "seed {seed}");
                assert_eq!((list.len(), list.contains(id)), (tree.len(), tree.contains_key(&id)));
            }
        }
    }
}
