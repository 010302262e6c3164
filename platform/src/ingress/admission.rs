//! How many connections somebody may open, and have, before it is known who they are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ClientAddress;
use crate::clock::Clock;
use crate::limits::{Limit, LimitCounters, Limits};
use crate::rate::{Rate, TokenBucket};

/// Addresses that are remembered before it is looked which need not be any more.
const ADDRESSES_BEFORE_SWEEP: usize = 1024;
/// Addresses that are remembered at most. Those that come on top are only counted together.
const ADDRESSES_MAX: usize = 1 << 17;

/// Admits connections, by their address. Cheap to clone.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    rate: Rate,
    per_address: usize,
    in_all: usize,
    clock: Arc<dyn Clock>,
    reached: LimitCounters,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    addresses: HashMap<ClientAddress, Entry>,
    /// Passes that are held.
    open: usize,
    sweep_at: usize,
}

struct Entry {
    open: usize,
    bucket: TokenBucket,
}

impl Admission {
    /// Nobody is here yet.
    #[must_use]
    pub fn new(limits: &Limits, clock: Arc<dyn Clock>, reached: LimitCounters) -> Self {
        let rate = Rate::per_second(limits.connections_per_address_per_second, limits.connections_per_address_burst);
        Self(Arc::new(Inner {
            rate,
            per_address: limits.unauthenticated_connections_per_address,
            in_all: limits.unauthenticated_connections,
            clock,
            reached,
            table: Mutex::new(Table { sweep_at: ADDRESSES_BEFORE_SWEEP, ..Table::default() }),
        }))
    }

    /// Admits a connection.
    ///
    /// # Errors
    /// The limit that is reached; it is counted.
    pub fn admit(&self, address: ClientAddress) -> Result<Pass, Limit> {
        self.try_to_admit(address).inspect_err(|limit| self.0.reached.count(*limit))?;
        Ok(Pass { admission: self.clone(), address, held: AtomicBool::new(true) })
    }

    fn try_to_admit(&self, address: ClientAddress) -> Result<(), Limit> {
        let now = self.0.clock.monotonic_ms();
        let mut table = self.table();
        if table.open >= self.0.in_all {
            return Err(Limit::UnauthenticatedConnections);
        }
        table.sweep(&self.0.rate, now);
        if table.addresses.len() < ADDRESSES_MAX || table.addresses.contains_key(&address) {
            let entry = table.addresses.entry(address);
            let entry = entry.or_insert_with(|| Entry { open: 0, bucket: TokenBucket::full(&self.0.rate, now) });
            if entry.open >= self.0.per_address {
                return Err(Limit::UnauthenticatedConnectionsOfAddress);
            }
            entry.bucket.take(&self.0.rate, now, 1).map_err(|_| Limit::ConnectionRateOfAddress)?;
            entry.open += 1;
        }
        table.open += 1;
        Ok(())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that runs under the lock can leave the table half changed.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Forgets who has no connection and a whole burst again, once there are many.
    fn sweep(&mut self, rate: &Rate, now_ms: u64) {
        if self.addresses.len() < self.sweep_at {
            return;
        }
        self.addresses.retain(|_, entry| entry.open > 0 || !entry.bucket.time_to_full(rate, now_ms).is_zero());
        // Twice what is left, so that it costs little for each connection.
        self.sweep_at = (2 * self.addresses.len()).clamp(ADDRESSES_BEFORE_SWEEP, ADDRESSES_MAX);
    }
}

/// A connection that was admitted. It counts until its client has proven who it is, or this is dropped.
pub struct Pass {
    admission: Admission,
    address: ClientAddress,
    held: AtomicBool,
}

impl Pass {
    /// Notes that it is known now who this is.
    pub fn authenticated(&self) {
        if !self.held.swap(false, Ordering::AcqRel) {
            return;
        }
        let mut table = self.admission.table();
        table.open -= 1;
        if let Some(entry) = table.addresses.get_mut(&self.address) {
            // Who came when the table was full was not counted here.
            entry.open = entry.open.saturating_sub(1);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.authenticated();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    fn address(number: u32) -> ClientAddress {
        IpAddr::V4(Ipv4Addr::from_bits(number)).into()
    }

    fn admission(per_address: usize, in_all: usize, per_second: u64, burst: u64) -> (Admission, Arc<ManualClock>) {
        let limits = Limits {
            unauthenticated_connections_per_address: per_address,
            unauthenticated_connections: in_all,
            connections_per_address_per_second: per_second,
            connections_per_address_burst: burst,
            ..Limits::default()
        };
        let clock = Arc::new(ManualClock::default());
        (Admission::new(&limits, Arc::clone(&clock) as Arc<dyn Clock>, LimitCounters::default()), clock)
    }

    #[test]
    fn an_address_has_so_many_connections_until_it_is_known_who_is_there() {
        let (admission, _clock) = admission(2, 3, 100, 100);
        let first = admission.admit(address(1)).unwrap();
        let second = admission.admit(address(1)).unwrap();
        assert_eq!(admission.admit(address(1)).err(), Some(Limit::UnauthenticatedConnectionsOfAddress));
        first.authenticated();
        first.authenticated();
        let third = admission.admit(address(1)).unwrap();
        drop((first, second, third));
        let held: Vec<Pass> = (0..3).map(|number| admission.admit(address(number)).unwrap()).collect();
        assert_eq!(admission.admit(address(9)).err(), Some(Limit::UnauthenticatedConnections));
        drop(held);
        assert!(admission.admit(address(9)).is_ok());
    }

    #[test]
    fn an_address_opens_so_many_in_a_second_and_others_do_not_suffer() {
        let (admission, clock) = admission(100, 100, 2, 5);
        let opened = |number| (0..50).filter(|_| admission.admit(address(number)).is_ok()).count();
        assert_eq!(opened(1), 5);
        assert_eq!(admission.admit(address(1)).err(), Some(Limit::ConnectionRateOfAddress));
        assert_eq!(opened(2), 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!(opened(1), 2);
    }

    #[test]
    fn who_left_long_ago_is_forgotten() {
        let (admission, clock) = admission(10, 10, 10, 10);
        let stays = admission.admit(address(0)).unwrap();
        for number in 0..5_000 {
            clock.advance(Duration::from_millis(1));
            drop(admission.admit(address(number)).unwrap());
        }
        assert!(admission.table().addresses.len() <= ADDRESSES_BEFORE_SWEEP, "a second is 1000 of them");
        assert!(admission.table().addresses.contains_key(&address(0)), "who has a connection is remembered");
        drop(stays);
    }
}
