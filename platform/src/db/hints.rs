//! Hints that there may be something to do, for those who work on rows of their own.

use std::time::Duration;

use schema::ids::OrgId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, sleep_until, timeout};

use super::events::EventId;

/// What is committed within this time is one hint.
const TOGETHER: Duration = Duration::from_millis(50);

/// Tells when it is time to look: when something was committed on this instance, and from time to time, for what others
/// commit or what becomes due by itself.
#[derive(Debug)]
pub struct Hints {
    commits: Receiver<(OrgId, EventId)>,
    every: Duration,
    not_before: Instant,
}

impl Hints {
    pub(super) fn new(commits: Receiver<(OrgId, EventId)>, every: Duration) -> Self {
        Self { commits, every, not_before: Instant::now() }
    }

    /// Waits for the next hint. Returns `false` when nothing can be committed any more.
    pub async fn next(&mut self) -> bool {
        sleep_until(self.not_before).await;
        if let Ok(Err(RecvError::Closed)) = timeout(self.every, self.commits.recv()).await {
            return false;
        }
        while matches!(self.commits.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
        self.not_before = Instant::now() + TOGETHER;
        true
    }
}
