//! The worker: takes up runs that have something to do, keeps their leases while they are driven, and passes on what is
//! asked of them.

mod driving;
mod here;
mod messages;

use std::sync::Arc;
use std::time::Duration;

use platform::config::{AgentsConfig, Mode};
use platform::db::runs::{self, ATTEMPTS_MAX, Capacity, Claim, Leased, Release, Wakes};
use schema::ids::RunId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::here::Here;
use crate::entry::Entry;
use crate::probe::Probe;
use crate::run::{Signals, Stop, note_without_documents};
use crate::services::{Services, World};
use crate::state::failed;

/// How often runs are looked for, and what is asked of those here, without a hint.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause of a run that could not go on, before somebody tries again.
const PAUSE: Duration = Duration::from_millis(500);

/// Drives runs of agents. Cheap to clone.
#[derive(Clone)]
pub struct AgentRunner(Arc<Inner>);

struct Inner {
    services: Arc<Services>,
    worker: Uuid,
    capacity: Capacity,
    slots: Arc<Semaphore>,
    /// There may be something to do.
    noted: Notify,
    here: Here,
}

/// How it stands with a run that is not driven here any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Driven {
    /// It is over, waits for somebody, or is somebody else's.
    Settled,
    /// It could not go on, for a while or for good.
    NoFurther,
}

impl AgentRunner {
    /// Gets ready. `server_url` is where runs join documents: `ws://` or `wss://` with host and port.
    ///
    /// # Errors
    /// When the machine's trusted roots cannot be read.
    pub fn new(
        world: World,
        config: &AgentsConfig,
        mode: Mode,
        server_url: String,
        probe: Probe,
    ) -> Result<Self, reqwest::Error> {
        let worker = world.random.uuid_v4();
        let services = Services::new(world, config, mode, server_url, probe)?;
        let capacity = Capacity { lease: services.lease, per_org: config.runs_per_organization.into() };
        Ok(Self(Arc::new(Inner {
            services: Arc::new(services),
            worker,
            capacity,
            slots: Arc::new(Semaphore::new(config.runs)),
            noted: Notify::new(),
            here: Here::default(),
        })))
    }

    /// Takes up runs until the process leaves.
    pub fn start(&self) {
        let lifecycle = &self.0.services.lifecycle;
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("agent worker", async move {
            let taking_up = async {
                match &inner.services.queue {
                    Some(queue) => inner.take_up_messages(queue).await,
                    None => inner.take_up_runs().await,
                }
            };
            tokio::select! {
                () = taking_up => {}
                () = leaving.cancelled() => {}
            }
        });
        let (inner, leaving) = (Arc::clone(&self.0), lifecycle.draining());
        lifecycle.spawn("agent wakes", async move {
            tokio::select! {
                () = inner.listen() => {}
                () = leaving.cancelled() => {}
            }
        });
    }
}

impl Inner {
    /// Takes up one run after the other, as long as there is a slot for it.
    async fn take_up_runs(self: &Arc<Self>) {
        loop {
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
            if let Some(leased) = self.claim(Claim::Any).await {
                self.spawn_drive(leased, slot);
            } else {
                drop(slot);
                // Whoever comes back from waiting in vain looks anyway.
                let _ = timeout(LOOK_EVERY, self.noted.notified()).await;
            }
        }
    }

    /// Takes a run up, if there is one.
    async fn claim(&self, wanted: Claim) -> Option<Leased> {
        match runs::claim(&self.services.db, self.worker, self.capacity, wanted).await {
            Ok(leased) => leased,
            Err(error) => {
                tracing::warn!(%error, "runs of agents cannot be looked up");
                None
            }
        }
    }

    fn spawn_drive(self: &Arc<Self>, leased: Leased, slot: OwnedSemaphorePermit) {
        let inner = Arc::clone(self);
        self.services.lifecycle.spawn("agent run", async move {
            inner.drive(leased).await;
            drop(slot);
            inner.noted.notify_one();
        });
    }

    /// Hears of runs that have something to do, and of what is asked of those here.
    async fn listen(&self) {
        loop {
            match Wakes::listen(&self.services.db).await {
                Ok(mut wakes) => loop {
                    match timeout(LOOK_EVERY, wakes.next()).await {
                        Ok(Ok(Some(run))) => self.wake(Some(run)).await,
                        // Nothing was heard for a while, or something may have been missed.
                        Ok(Ok(None)) | Err(_) => self.wake(None).await,
                        Ok(Err(error)) => {
                            tracing::warn!(%error, "nothing is heard of runs now; they are looked for");
                            break;
                        }
                    }
                },
                Err(error) => tracing::warn!(%error, "runs are looked for, as nothing can be heard of them"),
            }
            sleep(LOOK_EVERY).await;
            self.wake(None).await;
        }
    }

    async fn wake(&self, run: Option<RunId>) {
        self.noted.notify_one();
        let asked = match run {
            Some(run) if self.here.contains(run) => vec![run],
            Some(_) => return,
            None => self.here.runs(),
        };
        if asked.is_empty() {
            return;
        }
        match runs::controls(&self.services.db, &asked).await {
            Ok(controls) => controls.into_iter().for_each(|(run, control)| self.here.tell(run, control)),
            Err(error) => tracing::warn!(%error, "what is asked of runs cannot be looked up"),
        }
    }

    /// Drives a run until it is over, waits for somebody, or somebody else takes it up.
    async fn drive(self: &Arc<Self>, leased: Leased) -> Driven {
        if leased.attempts > ATTEMPTS_MAX {
            // Whoever drove it before was not heard of again, each time.
            return self.give_up(&leased, "its workers have ended while they drove it").await;
        }
        let metrics = &self.services.metrics;
        if leased.epoch == 1 {
            metrics.waited(leased.waited);
        }
        metrics.driven.inc();
        let heard = self.here.enter(&leased);
        let lost = CancellationToken::new();
        let signals = Signals { control: heard, lost: lost.clone(), leaving: self.services.lifecycle.draining() };
        if leased.epoch > 1 {
            // Whoever had the lease before loses the documents.
            self.services.access_news.announce(leased.user);
        }
        let stop = self.drive_leased(&leased, signals).await;
        self.here.leave(&leased);
        self.services.metrics.driven.dec();
        lost.cancel();
        self.let_go(&leased, stop).await
    }

    async fn let_go(&self, leased: &Leased, stop: Result<(), Stop>) -> Driven {
        let (driven, why) = match stop {
            Ok(()) => return Driven::Settled,
            Err(Stop::LeaseLost) => {
                tracing::info!(run = %leased.run, "a run is driven by another worker now");
                self.services.metrics.lost.inc();
                return Driven::Settled;
            }
            Err(Stop::HandOver) => (Driven::Settled, Release::HandOver),
            Err(stop) if self.is_last_attempt(leased).await => return self.give_up(leased, &stop.to_string()).await,
            Err(stop) => {
                tracing::warn!(run = %leased.run, error = %stop, "a run could not go on; it will be taken up again");
                self.services.metrics.given_back.inc();
                (Driven::NoFurther, Release::After(PAUSE))
            }
        };
        if let Err(error) = runs::release(&self.services.db, leased, why).await {
            tracing::warn!(run = %leased.run, %error, "a run could not be given back; its lease will run out");
        }
        driven
    }

    /// Whether it got nowhere for so many leases. If the database does not say, it is tried again.
    async fn is_last_attempt(&self, leased: &Leased) -> bool {
        runs::attempts(&self.services.db, leased).await.is_ok_and(|attempts| attempts >= ATTEMPTS_MAX)
    }

    async fn give_up(&self, leased: &Leased, why: &str) -> Driven {
        tracing::warn!(run = %leased.run, why, attempts = leased.attempts, "a run is given up");
        let entry = Entry::ended(failed("GIVEN_UP", why));
        if let Err(error) = note_without_documents(&self.services, leased, entry).await {
            tracing::warn!(run = %leased.run, %error, "that a run is given up could not be noted");
        }
        Driven::NoFurther
    }
}
