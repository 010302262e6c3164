//! Letting go of what organizations do not keep, also in documents in which nobody writes any more, be it that they are in
//! the trash. Those in which somebody writes are compacted as they grow.

use std::sync::Arc;
use std::time::Duration;

use platform::db::DbError;
use platform::db::documents::DocumentRef;
use platform::db::log::{EventSourcingLevel, retention};
use schema::ids::OrgId;
use uuid::Uuid;

use crate::compaction::{compact, note_and_trim};
use crate::services::Services;

/// Organizations, or documents of one, that are read at a time.
const PAGE: u32 = 1_000;

/// Looks for them until the process ends.
pub(crate) async fn run(services: Arc<Services>) {
    let shutdown = services.lifecycle.shutdown_token();
    let pause_ms = services.limits.retention_check_seconds * 1000;
    loop {
        // Instances that start together do not look together.
        let wait_ms = pause_ms / 2 + services.random.below(pause_ms + 1);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(wait_ms)) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            looked = round(&services) => {
                if let Err(error) = looked {
                    tracing::warn!(%error, "it could not be looked for what is kept too long");
                }
            }
        }
    }
}

async fn round(services: &Services) -> Result<(), DbError> {
    let mut after = OrgId::new(Uuid::nil());
    loop {
        let page = retention::organizations(&services.db, after, PAGE).await?;
        for org in &page {
            let_go(services, *org).await?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = *last,
            _ => return Ok(()),
        }
    }
}

/// Has an organization keep no more than it wants.
async fn let_go(services: &Services, org: OrgId) -> Result<(), DbError> {
    if matches!(retention::level(&services.db, org).await?, None | Some(EventSourcingLevel::Full)) {
        return Ok(());
    }
    let dense_days = services.limits.log_dense_days;
    while retention::let_go_of_versions(&services.db, org, dense_days, services.clock.now()).await? > 0 {}
    let mut after = Uuid::nil();
    loop {
        let page = retention::overdue(&services.db, org, after, PAGE, dense_days, services.clock.now()).await?;
        for document in &page {
            let_go_of_past(services, document).await;
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = last.id,
            _ => return Ok(()),
        }
    }
}

async fn let_go_of_past(services: &Services, document: &DocumentRef) {
    if compact(services, document).await.is_none() {
        return;
    }
    loop {
        match note_and_trim(services, document).await {
            Ok(trimmed) if trimmed.updates > 0 => {}
            Ok(_) => return,
            Err(error) => {
                return tracing::warn!(document = %document.id, %error, "more is kept than is wanted");
            }
        }
    }
}
