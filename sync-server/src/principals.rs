//! How much each principal has open on this instance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::auth::{Principal, PrincipalKind, PrincipalRef};
use platform::limits::{Limit, LimitCounters, Limits};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Sockets.
    Socket,
    /// Documents that are open, on all sockets.
    Document,
}

/// Counts what principals have open.
#[derive(Clone)]
pub(crate) struct Principals(Arc<Inner>);

struct Inner {
    sockets_max: usize,
    documents_max: usize,
    reached: LimitCounters,
    open: Mutex<HashMap<(PrincipalRef, What), usize>>,
}

/// One thing that a principal has open, until this is dropped.
pub(crate) struct Place {
    /// Nobody, if it does not count.
    of: Option<(Principals, PrincipalRef, What)>,
}

impl Principals {
    pub(crate) fn new(limits: &Limits, reached: LimitCounters) -> Self {
        Self(Arc::new(Inner {
            sockets_max: limits.sockets_per_principal,
            documents_max: limits.documents_per_principal,
            reached,
            open: Mutex::default(),
        }))
    }

    /// A place for one more; `None` when the principal has as many as they may have.
    pub(crate) fn place(&self, principal: &Principal, what: What) -> Option<Place> {
        // Everybody without a token is the same, and counts for their address.
        if principal.kind == PrincipalKind::Anonymous {
            return Some(Place { of: None });
        }
        let whose = principal.reference();
        let (max, limit) = match what {
            What::Socket => (self.0.sockets_max, Limit::SocketsOfPrincipal),
            What::Document => (self.0.documents_max, Limit::DocumentsOfPrincipal),
        };
        let mut open = self.open();
        let count = open.entry((whose, what)).or_default();
        if *count >= max {
            self.0.reached.count(limit);
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place { of: Some((self.clone(), whose, what)) })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<(PrincipalRef, What), usize>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((principals, whose, what)) = self.of.take() else { return };
        let mut open = principals.open();
        if let Some(count) = open.get_mut(&(whose, what)) {
            *count -= 1;
            if *count == 0 {
                open.remove(&(whose, what));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use schema::ids::UserId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn everybody_has_so_many_places_and_gets_them_back() {
        let limits = Limits { sockets_per_principal: 2, documents_per_principal: 1, ..Limits::default() };
        let principals = Principals::new(&limits, LimitCounters::default());
        let (ann, bob) = (principal(1), principal(2));
        let first = principals.place(&ann, What::Socket).unwrap();
        let _second = principals.place(&ann, What::Socket).unwrap();
        assert!(principals.place(&ann, What::Socket).is_none());
        let _document = principals.place(&ann, What::Document).unwrap();
        assert!(principals.place(&ann, What::Document).is_none(), "documents count by themselves");
        assert!(principals.place(&bob, What::Socket).is_some(), "and everybody does");
        drop(first);
        assert!(principals.place(&ann, What::Socket).is_some());
        assert_eq!(principals.open().len(), 2, "who has nothing open takes up nothing");
    }

    #[test]
    fn who_has_no_token_counts_for_no_principal() {
        let limits = Limits { sockets_per_principal: 1, ..Limits::default() };
        let principals = Principals::new(&limits, LimitCounters::default());
        let nobody = Principal::anonymous(Uuid::nil());
        let places: Vec<_> = (0..10).map(|_| principals.place(&nobody, What::Socket)).collect();
        assert!(places.iter().all(Option::is_some));
    }

    fn principal(id: u128) -> Principal {
        Principal::user(UserId::new(Uuid::from_u128(id)), format!("Person {id}"))
    }
}
