//! Forgetting what was written and deleted again.

use bytes::Bytes;
use platform::db::audit::Actor;
use platform::db::documents::DocumentRef;
use platform::db::history;
use schema::ids::Seq;

use super::{HistoryError, index, state};
use crate::compaction;
use crate::replica::{READER, Replica};
use crate::services::Services;

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Bytes of the updates before.
    pub bytes_before: u64,
    /// And after.
    pub bytes_after: u64,
}

/// Replaces the updates of a part of the log by one that brings what is left of them.
pub(super) async fn prune(
    services: &Services,
    document: &DocumentRef,
    first: Seq,
    last: Seq,
    by: &Actor,
) -> Result<Pruned, HistoryError> {
    let extent = index::extend(services, document).await?;
    if last > extent.head {
        return Err(HistoryError::Beyond { head: extent.head });
    }
    // Who opens the document must never read what is being replaced.
    compaction::snapshot_through(services, document, last).await?;
    let past = state::load(services, document, Seq::new(first.get().saturating_sub(1))).await?;
    let epoch = past.epoch;
    let logged = history::updates(&services.db, document.org, document.id, first..=last).await?;
    let updates: Option<Vec<Bytes>> = logged.into_iter().map(|logged| logged.update).collect();
    let updates = updates.ok_or(HistoryError::NotKept { before: None, after: Some(extent.trimmed.next()) })?;
    let bytes_before = updates.iter().map(|update| update.len() as u64).sum();
    let merge = move || {
        let mut replica = Replica::from_log(state::parts(&past), READER)?;
        let known = replica.state_vector()?;
        updates.iter().try_for_each(|update| replica.apply_logged(update).map(drop))?;
        Ok::<_, HistoryError>(replica.missing(&known)?)
    };
    let merged = tokio::task::spawn_blocking(merge).await.map_err(|_| HistoryError::Aborted)??;
    let bytes_after = merged.len() as u64;
    history::forget(&services.db, document.org, document.id, epoch, first..=last, &merged, by).await?;
    Ok(Pruned { bytes_before, bytes_after })
}
