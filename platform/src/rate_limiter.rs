//! How often somebody may do something, over all instances.
//!
//! | variant | where it is counted |
//! |---|---|
//! | [`RateLimiter::InProcess`] | in memory: this instance serves alone |
//! | [`RateLimiter::Redis`] | in Redis, for all instances together; in memory while Redis does not answer |

mod in_process;
mod redis;

use std::fmt;
use std::time::Duration;

pub use in_process::InProcessLimiter;
pub use redis::RedisLimiter;

use crate::auth::PrincipalRef;
use crate::ingress::ClientAddress;
use crate::rate::Rate;

/// What is limited, and how much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Its name: a few lower-case letters and hyphens, the same on every instance.
    pub name: &'static str,
    /// How much there is for each.
    pub rate: Rate,
}

/// For whom it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whom {
    /// For all clients at an address.
    Address(ClientAddress),
    /// For a principal, wherever they are.
    Principal(PrincipalRef),
}

impl fmt::Display for Whom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(formatter, "address:{address}"),
            Self::Principal(principal) => write!(formatter, "{:?}:{}", principal.kind, principal.id),
        }
    }
}

/// Whether something may be done, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// How long to wait before it may be done; nothing when it may be done now.
    pub retry_after: Option<Duration>,
    /// How often it may be done now.
    pub remaining: u64,
    /// How long it takes until it may be done as often as ever.
    pub reset_after: Duration,
}

impl Verdict {
    /// Whether it may be done.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.retry_after.is_none()
    }
}

/// Counts how often somebody does something. Cheap to clone.
#[derive(Clone)]
pub enum RateLimiter {
    /// In memory.
    InProcess(InProcessLimiter),
    /// In Redis.
    Redis(RedisLimiter),
}

impl RateLimiter {
    /// Somebody is about to do something once: may they? If so, it is counted.
    pub async fn take(&self, quota: &Quota, whom: Whom) -> Verdict {
        match self {
            Self::InProcess(limiter) => limiter.take(quota, whom),
            Self::Redis(limiter) => limiter.take(quota, whom).await,
        }
    }
}
