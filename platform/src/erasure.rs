//! Erases what deleted organizations held, and what was deleted for good out of the trash, beside everything else
//! ([`crate::db::organizations::delete`] and [`crate::db::erasure`] are where they end).

use std::sync::Arc;
use std::time::Duration;

use schema::ids::OrgId;
use tokio::sync::Notify;

use crate::db::{Db, DbError, erasure, organizations};
use crate::lifecycle::Lifecycle;

/// How often it is looked for what others left unfinished.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// The pause after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(5);

/// The task that erases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Erasure {
    wake: Arc<Notify>,
}

impl Erasure {
    /// Starts it. Several instances may each have one.
    #[must_use]
    pub fn start(db: &Db, lifecycle: &Lifecycle) -> Self {
        let wake = Arc::new(Notify::new());
        let (working, shutdown) = (work(db.clone(), Arc::clone(&wake)), lifecycle.shutdown_token());
        lifecycle.spawn("erasure", async move {
            tokio::select! {
                () = working => {}
                () = shutdown.cancelled() => {}
            }
        });
        Self { wake }
    }

    /// Says that there is something to erase.
    pub fn hurry(&self) {
        self.wake.notify_one();
    }
}

async fn work(db: Db, wake: Arc<Notify>) {
    loop {
        let pause = match erase_all(&db).await {
            Ok(Outcome::Erased) => SWEEP_EVERY,
            Ok(Outcome::PartlyErased) => RETRY_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "what was deleted for good is not erased yet");
                RETRY_PAUSE
            }
        };
        tokio::select! {
            () = wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing is left.
    Erased,
    /// Of some organizations something is.
    PartlyErased,
}

/// What cannot be erased of one organization keeps no other's.
async fn erase_all(db: &Db) -> Result<Outcome, DbError> {
    let mut outcome = Outcome::Erased;
    let mut note = |org: OrgId, erased: Result<(), DbError>| match erased {
        Ok(()) => tracing::info!(%org, "what was deleted for good was erased"),
        Err(error) => {
            tracing::warn!(%org, %error, "what was deleted for good is not erased yet");
            outcome = Outcome::PartlyErased;
        }
    };
    for org in organizations::to_be_erased(db).await? {
        note(org, erase_organization(db, org).await);
    }
    for org in erasure::organizations(db).await? {
        note(org, erase_out_of_trash(db, org).await);
    }
    Ok(outcome)
}

async fn erase_organization(db: &Db, org: OrgId) -> Result<(), DbError> {
    while organizations::erase_some(db, org).await? {}
    Ok(())
}

async fn erase_out_of_trash(db: &Db, org: OrgId) -> Result<(), DbError> {
    while erasure::erase_some(db, org).await? {}
    Ok(())
}
