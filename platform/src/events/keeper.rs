//! Lets go of what is old.

use std::sync::Arc;
use std::time::Duration;

use chrono::Days;

use crate::clock::Clock;
use crate::db::Db;
use crate::db::events;
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::random::Random;

/// How often what is old is looked for.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// Removes events after [`Limits::event_days`].
#[derive(Clone)]
pub struct Keeper {
    db: Db,
    clock: Arc<dyn Clock>,
    days: Days,
}

impl Keeper {
    /// A keeper of these limits.
    #[must_use]
    pub fn new(db: &Db, clock: &Arc<dyn Clock>, limits: &Limits) -> Self {
        Self { db: db.clone(), clock: Arc::clone(clock), days: Days::new(limits.event_days.into()) }
    }

    /// Removes what is old once an hour, until the process ends. Instances that start together do not sweep together.
    pub fn start(self, random: &Random, lifecycle: &Lifecycle) {
        let first = Duration::from_secs(random.below(SWEEP_EVERY.as_secs()));
        let shutdown = lifecycle.shutdown_token();
        lifecycle.spawn("event keeper", async move {
            let mut pause = first;
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(pause) => self.sweep().await,
                }
                pause = SWEEP_EVERY;
            }
        });
    }

    /// Removes what is old now.
    pub async fn sweep(&self) {
        let Some(before) = self.clock.now().checked_sub_days(self.days) else { return };
        match events::remove_before(&self.db, before).await {
            Ok(removed) if removed.events > 0 => tracing::info!(events = removed.events, "old events were let go of"),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the events could not be looked through for what is old"),
        }
    }
}
