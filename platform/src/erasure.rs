//! Erases what deleted organizations held, and what was deleted for good out of the trash, beside everything else
//! ([`crate::db::organizations::delete`] and [`crate::db::erasure`] are where they end).

use std::sync::Arc;
use std::time::Duration;

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
            Ok(()) => SWEEP_EVERY,
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

async fn erase_all(db: &Db) -> Result<(), DbError> {
    for org in organizations::to_be_erased(db).await? {
        while organizations::erase_some(db, org).await? {}
        tracing::info!(%org, "a deleted organization was erased");
    }
    for org in erasure::organizations(db).await? {
        while erasure::erase_some(db, org).await? {}
        tracing::info!(%org, "what was deleted for good out of the trash was erased");
    }
    Ok(())
}
