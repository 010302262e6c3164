//! Comparing a room with its log, beside the room.

use platform::db::documents::DocumentRef;
use platform::db::log;

use crate::error::LoadError;
use crate::room::{Agreement, Comparison};
use crate::services::Services;

/// Compares what a room holds with its log. A failure is logged.
pub(crate) async fn compare(services: &Services, document: &DocumentRef, comparison: Comparison) -> Agreement {
    match try_compare(services, document, comparison).await {
        Ok(agreement) => agreement,
        Err(error) => {
            tracing::warn!(document = %document.id, %error, "a room could not be compared with its log");
            Agreement::Unknown
        }
    }
}

async fn try_compare(
    services: &Services,
    document: &DocumentRef,
    comparison: Comparison,
) -> Result<Agreement, LoadError> {
    // It builds whole documents, as compactions do. The semaphore is never closed.
    let _turn = services.compactions.acquire().await.map_err(|_| LoadError::Aborted)?;
    let stored = log::load(&services.db, document.org, document.id).await?.ok_or(LoadError::Gone)?;
    let compared = tokio::task::spawn_blocking(move || comparison.with(&stored.into()));
    Ok(compared.await.map_err(|_| LoadError::Aborted)??)
}
