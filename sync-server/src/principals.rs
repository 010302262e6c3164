//! How much each principal has open on this instance; who has no token counts for their address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use platform::auth::{Principal, PrincipalKind};
use platform::ingress::ClientAddress;
use platform::limits::{Limit, LimitCounters, Limits};
use platform::rate_limiter::Whom;

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
    limits: Limits,
    reached: LimitCounters,
    open: Mutex<HashMap<(Whom, What), usize>>,
}

/// One thing that a principal has open, until this is dropped.
pub(crate) struct Place {
    principals: Principals,
    whose: Whom,
    what: What,
}

impl Principals {
    pub(crate) fn new(limits: &Limits, reached: LimitCounters) -> Self {
        Self(Arc::new(Inner { limits: limits.clone(), reached, open: Mutex::default() }))
    }

    /// A place for one more; `None` when the principal has as many as they may have.
    pub(crate) fn place(&self, principal: &Principal, address: ClientAddress, what: What) -> Option<Place> {
        let (whose, limits) = (whom(principal, address), &self.0.limits);
        let (max, limit) = match (whose, what) {
            (Whom::Principal(_), What::Socket) => (limits.sockets_per_principal, Limit::SocketsOfPrincipal),
            (Whom::Principal(_), What::Document) => (limits.documents_per_principal, Limit::DocumentsOfPrincipal),
            (Whom::Address(_), What::Socket) => {
                (limits.anonymous_sockets_per_address, Limit::AnonymousSocketsOfAddress)
            }
            (Whom::Address(_), What::Document) => {
                (limits.anonymous_documents_per_address, Limit::AnonymousDocumentsOfAddress)
            }
        };
        let mut open = self.open();
        let count = open.entry((whose, what)).or_default();
        if *count >= max {
            self.0.reached.count(limit);
            return None;
        }
        *count += 1;
        drop(open);
        Some(Place { principals: self.clone(), whose, what })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<(Whom, What), usize>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (key, mut open) = ((self.whose, self.what), self.principals.open());
        if let Some(count) = open.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&key);
            }
        }
    }
}

/// For whom it counts: everybody without a token is the same principal.
pub(crate) fn whom(principal: &Principal, address: ClientAddress) -> Whom {
    if principal.kind == PrincipalKind::Anonymous {
        Whom::Address(address)
    } else {
        Whom::Principal(principal.reference())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use schema::ids::UserId;
    use uuid::Uuid;

    use super::*;

    const HERE: ClientAddress = ClientAddress::UNKNOWN;

    #[test]
    fn everybody_has_so_many_places_and_gets_them_back() {
        let limits = Limits { sockets_per_principal: 2, documents_per_principal: 1, ..Limits::default() };
        let principals = Principals::new(&limits, LimitCounters::default());
        let (ann, bob) = (principal(1), principal(2));
        let first = principals.place(&ann, HERE, What::Socket).unwrap();
        let _second = principals.place(&ann, HERE, What::Socket).unwrap();
        assert!(principals.place(&ann, HERE, What::Socket).is_none());
        let _document = principals.place(&ann, HERE, What::Document).unwrap();
        assert!(principals.place(&ann, HERE, What::Document).is_none(), "documents count by themselves");
        assert!(principals.place(&bob, HERE, What::Socket).is_some(), "and everybody does");
        drop(first);
        assert!(principals.place(&ann, HERE, What::Socket).is_some());
        assert_eq!(principals.open().len(), 2, "who has nothing open takes up nothing");
    }

    #[test]
    fn who_has_no_token_counts_for_their_address() {
        let limits = Limits { sockets_per_principal: 1, anonymous_sockets_per_address: 2, ..Limits::default() };
        let (reached, elsewhere) = (LimitCounters::default(), IpAddr::V4(Ipv4Addr::LOCALHOST).into());
        let principals = Principals::new(&limits, reached.clone());
        let nobody = Principal::anonymous(Uuid::nil());
        let place = |address| principals.place(&nobody, address, What::Socket);
        let (first, _second) = (place(HERE).unwrap(), place(HERE).unwrap());
        assert!(place(HERE).is_none() && place(elsewhere).is_some());
        assert_eq!(reached.get(Limit::AnonymousSocketsOfAddress), 1);
        drop(first);
        assert!(place(HERE).is_some());
        assert!(principals.place(&principal(1), HERE, What::Socket).is_some(), "who has a token does not count for it");
    }

    fn principal(id: u128) -> Principal {
        Principal::user(UserId::new(Uuid::from_u128(id)), format!("Person {id}"))
    }
}
