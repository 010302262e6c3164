//! A document at two places of its log, side by side.

use platform::db::documents::DocumentRef;
use schema::ids::Seq;
use yrs::{Doc, ReadTxn, Snapshot, Transact};

use super::HistoryError;
use super::state::PastDocument;
use crate::replica::{READER, Replica};
use crate::services::Services;

/// A document at two places of its log.
pub(super) struct Comparison {
    /// As it was at the first.
    pub(super) before: PastDocument,
    /// As it was at the second.
    pub(super) after: PastDocument,
    /// What both hold, with nothing forgotten that was deleted between.
    both: Replica,
    older: Snapshot,
    newer: Snapshot,
}

impl Comparison {
    /// Builds a document at two places. The first is not after the second.
    pub(super) async fn load(
        services: &Services,
        document: &DocumentRef,
        from: Seq,
        to: Seq,
    ) -> Result<Self, HistoryError> {
        let before = PastDocument::load(services, document, from).await?;
        let after = PastDocument::load(services, document, to).await?;
        tokio::task::spawn_blocking(|| Self::build(before, after)).await.map_err(|_| HistoryError::Aborted)?
    }

    fn build(mut before: PastDocument, mut after: PastDocument) -> Result<Self, HistoryError> {
        let (old, new) = (before.state()?, after.state()?);
        let mut both = Replica::keeping_deleted(std::iter::once(&old), READER)?;
        let older = both.read(|txn| txn.snapshot())?;
        both.apply_logged(&new)?;
        let newer = both.read(|txn| txn.snapshot())?;
        Ok(Self { before, after, both, older, newer })
    }

    /// Works with the document that has all of both, and says what is seen of it at either place.
    pub(super) fn work<T>(&mut self, work: impl FnOnce(&Doc, &Snapshot, &Snapshot) -> T) -> Result<T, HistoryError> {
        let (older, newer) = (&self.older, &self.newer);
        Ok(self.both.work(|doc| work(doc, older, newer))?)
    }
}

/// What is seen of a document that is looked at alone: all of it is new.
pub(super) fn now_and_never(doc: &Doc) -> (Snapshot, Snapshot) {
    (doc.transact().snapshot(), Snapshot::default())
}
