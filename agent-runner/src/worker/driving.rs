//! Driving a run that is leased: over a connection to its documents, and over another one when that is gone.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use platform::config::Secret;
use platform::db::runs::{self, LeaseLost, Leased};
use platform::executions::Control;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use web_protocol::client::Client;

use super::{Inner, PAUSE};
use crate::entry::{Ended, Entry};
use crate::model::Usage;
use crate::run::{Interruption, Run, Signals, Stop, note_without_documents};
use crate::state::failed;
use crate::workspace::{Workspace, WorkspaceError};

/// How often at least a run tries to reach its documents in the time that it has for that.
const TRIES_MIN: u32 = 60;
/// So many times in a lease it is renewed.
const RENEWALS_PER_LEASE: u32 = 3;
/// For how long a token outlives the lease for which it was made, in seconds: clocks differ, the lease itself decides.
const TOKEN_SLACK_SECONDS: i64 = 5;
/// Yjs draws client ids of so many bits, and others expect no more.
const CLIENT_ID_BITS: u32 = 32;

/// For how long a run has got no further because it could not reach its documents.
struct Away {
    time_max: Duration,
    since: Instant,
    tries: u32,
    /// Entries of its journal.
    noted: i32,
}

impl Away {
    fn new(time_max: Duration) -> Self {
        Self { time_max, since: Instant::now(), tries: 0, noted: 0 }
    }

    /// It has reached them, and has got so far.
    fn reached(&mut self, noted: i32) {
        if noted > self.noted {
            (self.noted, self.tries) = (noted, 0);
        }
    }

    /// The pause before another try; `None` when there were enough.
    fn pause(&mut self) -> Option<Duration> {
        if self.tries == 0 {
            self.since = Instant::now();
        }
        let pause = PAUSE.saturating_mul(2_u32.saturating_pow(self.tries)).min(self.time_max / TRIES_MIN);
        self.tries += 1;
        (self.since.elapsed() + pause <= self.time_max).then_some(pause)
    }
}

impl Inner {
    /// Keeps the lease, connects as often as it takes within reason, and drives the run.
    pub(super) async fn drive_leased(self: &Arc<Self>, leased: &Leased, signals: Signals) -> Result<(), Stop> {
        let (connected, client) = watch::channel(None);
        let ended = CancellationToken::new();
        let _end = ended.clone().drop_guard();
        let (inner, kept, lost) = (Arc::clone(self), leased.clone(), signals.lost.clone());
        self.services.lifecycle.spawn("agent lease", async move {
            tokio::select! {
                () = inner.keep(&kept, &client, &lost) => {}
                () = ended.cancelled() => {}
            }
        });
        let mut away = Away::new(self.services.unreachable_time);
        loop {
            let stop = self.drive_once(leased, &signals, &connected, &mut away).await;
            let Err(Stop::Workspace(WorkspaceError::Disconnected(why))) = stop else { return stop };
            let Some(pause) = away.pause() else {
                let ended = failed("DOCUMENTS_UNREACHABLE", format!("the documents could not be reached: {why}"));
                return note_without_documents(&self.services, leased, Entry::ended(ended)).await;
            };
            tracing::info!(run = %leased.run, why, tries = away.tries, "a run has lost its documents, and connects again");
            tokio::select! {
                () = sleep(pause) => {}
                interruption = signals.any() => return self.obey_away(leased, interruption).await,
            }
        }
    }

    /// Does what somebody asks of a run that cannot reach its documents. Nobody sees it there, and they do not wait for that.
    async fn obey_away(&self, leased: &Leased, interruption: Interruption) -> Result<(), Stop> {
        let entry = match interruption {
            Interruption::LeaseLost => return Err(Stop::LeaseLost),
            Interruption::Leaving => return Err(Stop::HandOver),
            Interruption::Control(Control::Pause) => Entry::Paused { usage: Usage::default() },
            Interruption::Control(Control::Cancel) => Entry::ended(Ended::Cancelled),
        };
        note_without_documents(&self.services, leased, entry).await
    }

    async fn drive_once(
        &self,
        leased: &Leased,
        signals: &Signals,
        connected: &watch::Sender<Option<Client>>,
        away: &mut Away,
    ) -> Result<(), Stop> {
        let services = &self.services;
        let client_id = 1 + services.random.below((1 << CLIENT_ID_BITS) - 1);
        let token = self.token(leased);
        let connecting = Workspace::connect(&services.server_url, token.expose(), client_id);
        let (mut workspace, driver) = connecting.await.map_err(Stop::from)?;
        services.lifecycle.spawn("agent socket", driver.run());
        connected.send_replace(Some(workspace.client()));
        let resume_and_drive = async {
            let mut run = Run::resume(services, leased.clone(), &mut workspace, signals.clone()).await?;
            let stop = run.drive().await;
            away.reached(run.noted());
            stop
        };
        let stop = resume_and_drive.await;
        connected.send_replace(None);
        workspace.client().close();
        // A workspace error may be the first sign of a lost lease.
        match stop {
            Err(Stop::Workspace(WorkspaceError::NoAccess { code, message })) => {
                Err(self.why_no_access(leased, code, message).await)
            }
            stop => stop,
        }
    }

    async fn why_no_access(&self, leased: &Leased, code: String, message: String) -> Stop {
        match runs::renew(&self.services.db, leased, self.services.lease).await {
            Ok(Err(LeaseLost)) => Stop::LeaseLost,
            _ => Stop::Workspace(WorkspaceError::NoAccess { code, message }),
        }
    }

    /// Renews the lease, and with it what the socket may do, until the lease is lost.
    async fn keep(&self, leased: &Leased, client: &watch::Receiver<Option<Client>>, lost: &CancellationToken) {
        let lease = self.services.lease;
        let every = lease / RENEWALS_PER_LEASE;
        let mut renewal = interval(every);
        // The first tick is at once.
        renewal.tick().await;
        let mut renewed = Instant::now();
        loop {
            renewal.tick().await;
            match runs::renew(&self.services.db, leased, lease).await {
                Ok(Ok(control)) => {
                    renewed = Instant::now();
                    self.here.tell(leased.run, control);
                    let client = client.borrow().clone();
                    if let Some(client) = client {
                        self.renew_token(leased, &client, every).await;
                    }
                }
                Ok(Err(LeaseLost)) => return lost.cancel(),
                Err(error) => {
                    tracing::warn!(run = %leased.run, %error, "a run's lease cannot be renewed");
                    if renewed.elapsed() >= lease {
                        return lost.cancel();
                    }
                }
            }
        }
    }

    async fn renew_token(&self, leased: &Leased, client: &Client, patience: Duration) {
        match timeout(patience, client.renew(self.token(leased).expose())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(run = %leased.run, %error, "a run's token was not renewed"),
            Err(_) => tracing::debug!(run = %leased.run, "a run's token was not renewed in time"),
        }
    }

    /// Opens the run's documents while the lease lasts.
    fn token(&self, leased: &Leased) -> Secret {
        let lease = TimeDelta::from_std(self.services.lease).unwrap_or(TimeDelta::MAX);
        let until = self.services.clock.now() + lease + TimeDelta::seconds(TOKEN_SLACK_SECONDS);
        let Leased { run, epoch, user, agent_name, .. } = leased;
        self.services.authenticator.issue_run_token(*run, *epoch, *user, agent_name, until).token
    }
}
