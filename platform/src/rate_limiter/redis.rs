//! Counting in Redis, in one round trip.
//!
//! A request never waits for a connection, and for Redis no longer than [`ANSWER_TIMEOUT`]: without an answer it is
//! counted in memory, and a task brings the connection back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{InProcessLimiter, Quota, Verdict, Whom};
use crate::bus::{Address, AddressError, Backoff, World};
use crate::clock::Clock;
use crate::config::RedisConfig;
use crate::metrics::Metrics;

/// How long Redis may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(250);

/// A bucket as the time at which it is full again, in microseconds of Redis's clock (the generic cell rate algorithm).
/// KEYS: the bucket. ARGV: microseconds in which one is earned, how many there are at once. Returns how long to wait in
/// microseconds, how many are left, and microseconds until all are back.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole = interval * burst
-- A clock that was set back must not leave anybody waiting for longer than a whole bucket takes.
local full_at = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), now + whole)
local owed = full_at + interval - now
if owed > whole then
    return {owed - whole, math.floor((whole - full_at + now) / interval), full_at - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', full_at + interval), 'PX', math.ceil(owed / 1000))
return {0, math.floor((whole - owed) / interval), owed}
";

/// Counts in Redis. Cheap to clone.
#[derive(Clone)]
pub struct RedisLimiter(Arc<Shared>);

struct Shared {
    address: Address,
    prefix: String,
    connection: Mutex<Option<MultiplexedConnection>>,
    broken: Notify,
    in_process: InProcessLimiter,
    together: Gauge,
    alone: Counter,
}

impl RedisLimiter {
    /// Starts the task that connects, and connects again: whether Redis is there does not matter here.
    ///
    /// # Errors
    /// When the address is none, or the authority's certificate cannot be read.
    pub fn start(config: &RedisConfig, clock: Arc<dyn Clock>, world: &World<'_>) -> Result<Self, AddressError> {
        let shared = Arc::new(Shared {
            address: Address::read(config)?,
            prefix: config.prefix.clone(),
            connection: Mutex::default(),
            broken: Notify::new(),
            in_process: InProcessLimiter::new(clock),
            together: Gauge::default(),
            alone: Counter::default(),
        });
        shared.register(world.metrics);
        let backoff = Backoff::new(world.random.clone());
        let shutdown = world.lifecycle.shutdown_token();
        world.lifecycle.spawn("rate limiter", Arc::clone(&shared).stay_connected(backoff, shutdown));
        Ok(Self(shared))
    }

    /// Whether this instance counts together with others, as far as it can tell.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.connection().is_some()
    }

    pub(super) async fn take(&self, quota: &Quota, whom: Whom) -> Verdict {
        let connection = self.0.connection().clone();
        if let Some(connection) = connection {
            match self.0.ask(connection, quota, whom).await {
                Ok(verdict) => return verdict,
                Err(error) => self.0.lose_connection(&error),
            }
        }
        self.0.alone.inc();
        self.0.in_process.take(quota, whom)
    }
}

impl Shared {
    fn register(&self, metrics: &Metrics) {
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("rate_limiter");
        registry.register("together", "1 while rates are counted with other instances, else 0", self.together.clone());
        registry.register("alone", "Requests that were counted by this instance alone", self.alone.clone());
    }

    fn connection(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        mut connection: MultiplexedConnection,
        quota: &Quota,
        whom: Whom,
    ) -> ::redis::RedisResult<Verdict> {
        let period_us = u64::try_from(quota.rate.period().as_micros()).unwrap_or(u64::MAX);
        let mut command = ::redis::cmd("EVAL");
        command.arg(TAKE).arg(1).arg(format!("{}rate:{}:{whom}", self.prefix, quota.name));
        command.arg((period_us / quota.rate.amount().max(1)).max(1)).arg(quota.rate.burst());
        let (wait_us, remaining, reset_us): (u64, u64, u64) = command.query_async(&mut connection).await?;
        Ok(Verdict {
            retry_after: (wait_us > 0).then(|| Duration::from_micros(wait_us)),
            remaining,
            reset_after: Duration::from_micros(reset_us),
        })
    }

    /// Only who finds the connection says that it is gone.
    fn lose_connection(&self, error: &::redis::RedisError) {
        if self.connection().take().is_some() {
            self.together.set(0);
            tracing::warn!(address = %self.address, %error, "Redis does not count rates; this instance counts alone");
            self.broken.notify_one();
        }
    }

    async fn stay_connected(self: Arc<Self>, mut backoff: Backoff, shutdown: CancellationToken) {
        let connecting = async {
            loop {
                match self.address.connect_within(ANSWER_TIMEOUT).await {
                    Ok(connection) => {
                        backoff.reset();
                        *self.connection() = Some(connection);
                        self.together.set(1);
                        tracing::info!(address = %self.address, "rates are counted together with other instances");
                        self.broken.notified().await;
                    }
                    Err(error) => tracing::debug!(address = %self.address, %error, "Redis cannot be reached"),
                }
                tokio::time::sleep(backoff.next()).await;
            }
        };
        tokio::select! {
            () = connecting => {}
            () = shutdown.cancelled() => {}
        }
    }
}
