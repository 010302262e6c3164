//! What all sockets of a principal use together: whoever has many sockets has no more of it by that. Who has no token
//! shares with their address.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use platform::limits::Limits;
use platform::rate_limiter::Whom;
use tokio::time::Instant;

use crate::byte_budget::ByteBudget;

const SECOND_NS: u64 = 1_000_000_000;
/// One principal may hold this part of all bytes of unfinished messages.
const UNFINISHED_PART: usize = 4;

/// The accounts of everybody who has a socket.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Inner>);

struct Inner {
    limits: Limits,
    /// Of everybody.
    unfinished: ByteBudget,
    open: Mutex<HashMap<Whom, Arc<Allowance>>>,
}

/// What one principal may use.
struct Allowance {
    /// Changed under the lock of the map only.
    sockets: AtomicUsize,
    unfinished: ByteBudget,
    talk: Talk,
}

/// One socket's hold on the account that it counts for.
pub(crate) struct Account {
    accounts: Accounts,
    whose: Whom,
    allowance: Arc<Allowance>,
}

impl Accounts {
    /// Accounts that share the bytes of unfinished messages.
    pub(crate) fn new(limits: &Limits) -> Self {
        let (unfinished, open) = (ByteBudget::new(limits.unfinished_bytes), Mutex::default());
        Self(Arc::new(Inner { limits: limits.clone(), unfinished, open }))
    }

    /// The account of somebody; all their sockets have the same.
    pub(crate) fn of(&self, whose: Whom) -> Account {
        let mut open = self.open();
        let allowance = open.entry(whose).or_insert_with(|| Arc::new(self.0.allowance(whose)));
        allowance.sockets.fetch_add(1, Ordering::Relaxed);
        Account { accounts: self.clone(), whose, allowance: Arc::clone(allowance) }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Whom, Arc<Allowance>>> {
        // Nothing that runs under the lock can leave the map half changed.
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn allowance(&self, whose: Whom) -> Allowance {
        let limits = &self.limits;
        let (sockets, unfinished) = match whose {
            Whom::Principal(_) => {
                let part = limits.unfinished_bytes / UNFINISHED_PART;
                // The largest message must fit.
                (limits.busy_sockets_per_principal, part.max(limits.frame_bytes))
            }
            Whom::Address(_) => (limits.anonymous_sockets_per_address, limits.unfinished_bytes),
        };
        Allowance {
            sockets: AtomicUsize::new(0),
            unfinished: self.unfinished.part(unfinished),
            talk: Talk::new(limits, sockets as u64),
        }
    }
}

impl Account {
    /// For its messages of which not all has come.
    pub(crate) fn unfinished(&self) -> &ByteBudget {
        &self.allowance.unfinished
    }

    /// A message of so many bytes has come. Returns for how long no more should be read.
    pub(crate) fn spend(&self, now: Instant, bytes: usize) -> Duration {
        self.allowance.talk.spend(now, bytes as u64)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let mut open = self.accounts.open();
        if self.allowance.sockets.fetch_sub(1, Ordering::Relaxed) == 1 {
            open.remove(&self.whose);
        }
    }
}

/// How fast a principal may talk, on all sockets. A message takes the time in which it may come, by its bytes or just by
/// being one, whichever is longer; it is enough to know until when all time is taken.
struct Talk {
    opened: Instant,
    message_ns: u64,
    bytes_per_second: u64,
    /// How much time may be taken ahead.
    ahead_ns: u64,
    /// Since `opened`.
    taken_until_ns: AtomicU64,
}

impl Talk {
    /// As fast as so many sockets may.
    fn new(limits: &Limits, sockets: u64) -> Self {
        let burst = |amount: u64, per_second: u64| amount.saturating_mul(SECOND_NS) / per_second.max(1);
        let of_messages = burst(limits.messages_burst, limits.messages_per_second);
        let of_bytes = burst(limits.message_bytes_burst, limits.message_bytes_per_second);
        Self {
            opened: Instant::now(),
            message_ns: SECOND_NS / limits.messages_per_second.saturating_mul(sockets).max(1),
            bytes_per_second: limits.message_bytes_per_second.saturating_mul(sockets).max(1),
            ahead_ns: of_messages.min(of_bytes),
            taken_until_ns: AtomicU64::new(0),
        }
    }

    fn spend(&self, now: Instant, bytes: u64) -> Duration {
        let now = u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX);
        let taken = self.message_ns.max(bytes.saturating_mul(SECOND_NS) / self.bytes_per_second);
        let after = |until: u64| until.max(now).saturating_add(taken);
        // Nothing else is read or written together with it.
        let (Ok(before) | Err(before)) =
            self.taken_until_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| Some(after(until)));
        Duration::from_nanos(after(before).saturating_sub(now.saturating_add(self.ahead_ns)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use platform::auth::Principal;
    use platform::ingress::ClientAddress;
    use schema::ids::UserId;
    use uuid::Uuid;

    use super::*;
    use crate::byte_budget::Share;
    use crate::principals::whom;

    const MIB: usize = 1 << 20;

    fn limits() -> Limits {
        Limits {
            messages_per_second: 100,
            messages_burst: 200,
            message_bytes_per_second: 10_000,
            message_bytes_burst: 40_000,
            busy_sockets_per_principal: 2,
            frame_bytes: MIB,
            unfinished_bytes: 8 * MIB,
            ..Limits::default()
        }
    }

    fn principal(id: u128) -> Whom {
        whom(&Principal::user(UserId::new(Uuid::from_u128(id)), format!("Person {id}")), ClientAddress::UNKNOWN)
    }

    #[test]
    fn all_sockets_of_a_principal_talk_as_fast_as_some_may() {
        let accounts = Accounts::new(&limits());
        let (one, other, of_somebody_else) =
            (accounts.of(principal(1)), accounts.of(principal(1)), accounts.of(principal(2)));
        let now = Instant::now() + Duration::from_mins(1);
        // Two sockets' worth: 200 messages in a second, and 400 ahead.
        let at_once = (0..1000).take_while(|_| (one.spend(now, 1) + other.spend(now, 1)).is_zero()).count();
        assert_eq!(at_once, 200);
        assert_eq!(of_somebody_else.spend(now, 1), Duration::ZERO);
        let pause = one.spend(now, 1);
        assert!(pause > Duration::ZERO && pause < Duration::from_millis(50), "{pause:?}");
        assert_eq!(other.spend(now + Duration::from_secs(1), 1), Duration::ZERO, "time passes");
    }

    #[test]
    fn bytes_take_time_as_well() {
        let accounts = Accounts::new(&limits());
        let (account, now) = (accounts.of(principal(1)), Instant::now() + Duration::from_mins(1));
        assert_eq!(account.spend(now, 40_000), Duration::ZERO);
        assert_eq!(account.spend(now, 20_000), Duration::from_secs(1));
        assert_eq!(account.spend(now + Duration::from_secs(1), 0), Duration::from_millis(5));
        account.spend(now, usize::MAX);
        assert!(account.spend(now, usize::MAX) > Duration::from_hours(1), "no overflow");
    }

    #[test]
    fn nobody_takes_all_room_for_unfinished_messages() {
        let accounts = Accounts::new(&limits());
        let (one, other) = (accounts.of(principal(1)), accounts.of(principal(1)));
        let (mut of_one, mut of_other) = (Share::of(one.unfinished()), Share::of(other.unfinished()));
        assert!(of_one.resize(MIB) && of_other.resize(MIB) && !of_other.resize(MIB + 1));
        let somebody_else = accounts.of(principal(2));
        assert!(Share::of(somebody_else.unfinished()).resize(2 * MIB));
        let nobody = Whom::Address(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
        let anonymous = accounts.of(nobody);
        assert!(Share::of(anonymous.unfinished()).resize(6 * MIB));
    }

    #[test]
    fn who_has_no_socket_takes_up_nothing() {
        let accounts = Accounts::new(&limits());
        let (one, other) = (accounts.of(principal(1)), accounts.of(principal(1)));
        one.spend(Instant::now(), 1_000_000);
        drop(one);
        assert!(other.spend(Instant::now(), 1) > Duration::ZERO, "the account stays with the last socket");
        drop(other);
        assert!(accounts.open().is_empty());
    }
}
