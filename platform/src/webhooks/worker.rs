//! The tasks that deliver. Each takes a webhook for which something is due, tells it that, and lets go of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Networks;
use super::metrics::WebhookMetrics;
use super::sender::{Sender, Verdict};
use crate::clock::Clock;
use crate::config::Mode;
use crate::db::webhooks::{self, Ending, Leased, Outcome};
use crate::db::{Db, DbError};
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::random::Random;

/// Webhooks that are told something at the same time, by one instance.
const WORKERS: usize = 8;
/// Messages in one round, after which another webhook has its turn.
const MESSAGES_PER_ROUND: usize = 20;
/// How often what is due is looked for without a hint: what other instances commit, and what is to be tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What a round may take beyond the time for its messages.
const LEASE_RESERVE: Duration = Duration::from_secs(30);
/// How often it is counted how much waits.
const COUNT_EVERY: Duration = Duration::from_secs(30);
/// How often what is old is looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// The pause of a webhook after a failure: so long, doubled for each more ...
const PAUSE_FIRST: Duration = Duration::from_secs(2);
/// ... up to this.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// Delivers messages to webhooks.
#[derive(Clone)]
pub struct Deliverer(Arc<Inner>);

struct Inner {
    db: Db,
    sender: Sender,
    clock: Arc<dyn Clock>,
    random: Random,
    limits: Limits,
    metrics: WebhookMetrics,
    /// There may be something to do.
    noted: Notify,
}

impl Deliverer {
    /// Gets ready to deliver.
    ///
    /// # Errors
    /// When the machine's trusted roots cannot be read.
    pub fn new(
        db: &Db,
        clock: &Arc<dyn Clock>,
        random: &Random,
        limits: &Limits,
        mode: Mode,
        networks: Networks,
        metrics: &Metrics,
    ) -> Result<Self, reqwest::Error> {
        let sender = Sender::new(Duration::from_secs(limits.webhook_timeout_seconds), mode, networks)?;
        Ok(Self(Arc::new(Inner {
            db: db.clone(),
            sender,
            clock: Arc::clone(clock),
            random: random.clone(),
            limits: limits.clone(),
            metrics: WebhookMetrics::register(metrics),
            noted: Notify::new(),
        })))
    }

    /// Delivers until the process ends.
    pub fn start(&self, lifecycle: &Lifecycle) {
        for _ in 0..WORKERS {
            let (inner, shutdown) = (Arc::clone(&self.0), lifecycle.shutdown_token());
            lifecycle.spawn("webhook worker", async move { inner.work(shutdown).await });
        }
        let (inner, shutdown) = (Arc::clone(&self.0), lifecycle.shutdown_token());
        lifecycle.spawn("webhook hints", async move {
            tokio::select! {
                () = inner.pass_hints_on() => {}
                () = shutdown.cancelled() => {}
            }
        });
        let (inner, shutdown) = (Arc::clone(&self.0), lifecycle.shutdown_token());
        lifecycle.spawn("webhook keeper", async move { inner.keep(shutdown).await });
        let (inner, shutdown) = (Arc::clone(&self.0), lifecycle.shutdown_token());
        lifecycle.spawn("webhook backlog", async move {
            tokio::select! {
                () = inner.count_what_waits() => {}
                () = shutdown.cancelled() => {}
            }
        });
    }
}

impl Inner {
    /// Has one worker look whenever something was committed, and from time to time.
    async fn pass_hints_on(&self) {
        let mut hints = self.db.hints(LOOK_EVERY);
        while hints.next().await {
            self.noted.notify_one();
        }
    }

    async fn work(&self, shutdown: CancellationToken) {
        loop {
            // A round under way ends with its message: it is noted what came of it.
            let worked = self.work_once(&shutdown).await;
            match worked {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "webhooks could not be looked up");
                    sleep(LOOK_EVERY).await;
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.noted.notified() => {}
            }
        }
    }

    /// Tells one webhook what is due. Returns whether there was one.
    async fn work_once(&self, shutdown: &CancellationToken) -> Result<bool, DbError> {
        if shutdown.is_cancelled() {
            return Ok(false);
        }
        let time = self.timeout() * 2 + LEASE_RESERVE;
        let lease = self.random.uuid_v4();
        let Some(webhook) = webhooks::lease(&self.db, lease, time).await? else { return Ok(false) };
        // There may be another one.
        self.noted.notify_one();
        let until = Instant::now() + time - self.timeout() - LEASE_RESERVE / 2;
        let ending = self.tell(&webhook, until, shutdown).await?;
        let days = self.limits.webhook_failing_days;
        if let Some(why) = webhooks::release(&self.db, &webhook, ending, days).await? {
            self.metrics.disabled.inc();
            tracing::warn!(webhook = %webhook.id, org = %webhook.org, why, "a webhook was made inactive");
        }
        Ok(true)
    }

    /// Tells a webhook what is due, in order, until something fails or its time is over.
    async fn tell(&self, webhook: &Leased, until: Instant, shutdown: &CancellationToken) -> Result<Ending, DbError> {
        let mut ending = Ending::Untried;
        for due in webhooks::due(&self.db, webhook, MESSAGES_PER_ROUND).await? {
            if Instant::now() >= until || shutdown.is_cancelled() {
                break;
            }
            let sent = timeout(self.timeout() * 2, self.sender.send(webhook, &due, self.clock.now())).await;
            // The client has a time limit of its own, which comes first.
            let Ok(sent) = sent else { return Ok(Ending::Failed(self.pause(webhook.failures))) };
            self.metrics.tried(&sent);
            let outcome = match sent.verdict {
                Verdict::Taken => Outcome::Delivered,
                Verdict::Refused(_) | Verdict::Gone => Outcome::Again(self.wait_after(due.attempts)),
            };
            if !webhooks::record(&self.db, webhook, due.id, &sent.attempt, outcome).await? {
                // Somebody else tells it now.
                break;
            }
            match sent.verdict {
                Verdict::Taken => ending = Ending::Well,
                Verdict::Gone => return Ok(Ending::Gone),
                Verdict::Refused(asked) => {
                    return Ok(Ending::Failed(asked.unwrap_or_else(|| self.pause(webhook.failures))));
                }
            }
        }
        Ok(ending)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.limits.webhook_timeout_seconds)
    }

    /// How long a delivery waits that has failed so often before, and has again: longer each time, and never quite the same.
    fn wait_after(&self, attempts: i32) -> Duration {
        let first = Duration::from_secs(self.limits.webhook_retry_first_seconds);
        let longest = Duration::from_secs(self.limits.webhook_retry_longest_seconds);
        self.jittered(backoff(first, 4, attempts, longest))
    }

    /// How long a webhook is left in peace after it has failed so often before, and has again.
    fn pause(&self, failures: i32) -> Duration {
        self.jittered(backoff(PAUSE_FIRST, 2, failures, PAUSE_MAX))
    }

    /// From three quarters of it to all of it.
    fn jittered(&self, time: Duration) -> Duration {
        let quarter = u64::try_from(time.as_millis() / 4).unwrap_or(u64::MAX);
        time.saturating_sub(Duration::from_millis(self.random.below(quarter.max(1))))
    }

    async fn count_what_waits(&self) {
        loop {
            match webhooks::backlog(&self.db).await {
                Ok(backlog) => self.metrics.waits(backlog),
                Err(error) => tracing::debug!(%error, "the deliveries that wait could not be counted"),
            }
            sleep(COUNT_EVERY).await;
        }
    }

    /// Gives up and removes what is old, until the process ends.
    async fn keep(&self, shutdown: CancellationToken) {
        let mut pause = Duration::from_secs(self.random.below(SWEEP_EVERY.as_secs()));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(pause) => {}
            }
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "the deliveries to webhooks could not be looked through for what is old");
            }
            pause = SWEEP_EVERY;
        }
    }

    async fn sweep(&self) -> Result<(), DbError> {
        let ago = |time: TimeDelta| self.clock.now() - time;
        let given_up_before = ago(TimeDelta::hours(self.limits.webhook_give_up_hours.into()));
        let given_up = webhooks::give_up_old(&self.db, given_up_before).await?;
        self.metrics.given_up.inc_by(given_up);
        if given_up > 0 {
            tracing::info!(deliveries = given_up, "deliveries to webhooks were given up");
        }
        webhooks::remove_old(&self.db, ago(TimeDelta::days(self.limits.webhook_log_days.into()))).await.map(drop)
    }
}

fn backoff(first: Duration, factor: u32, failures: i32, longest: Duration) -> Duration {
    let doublings = failures.clamp(0, 30).unsigned_abs();
    let times = factor.checked_pow(doublings).unwrap_or(u32::MAX);
    first.checked_mul(times).unwrap_or(longest).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the defaults: tries after 10 s, 40 s, 3 min, 11 min, 43 min, 3 h, 4 h, 4 h, …, so some ten within a day.
    #[test]
    fn waits_grow_up_to_the_longest() {
        let wait = |attempts| backoff(Duration::from_secs(10), 4, attempts, Duration::from_hours(4)).as_secs();
        let waits: Vec<u64> = (0..8).map(wait).collect();
        assert_eq!(waits, [10, 40, 160, 640, 2_560, 10_240, 14_400, 14_400]);
        assert_eq!(wait(i32::MAX), 14_400);
    }
}
