//! What a document was at a place of its log.

use std::collections::BTreeSet;

use bytes::Bytes;
use platform::db::documents::DocumentRef;
use platform::db::history::{self, Past, PastState};
use schema::ids::{Epoch, Seq};
use schema::repair::{Shape, Spot};

use super::HistoryError;
use crate::replica::{ApplyError, Broken, READER, Replica};
use crate::services::Services;

/// A document as it was.
pub(super) struct PastDocument {
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
    replica: Replica,
}

impl PastDocument {
    /// Builds a document as it was at a place.
    pub(super) async fn load(services: &Services, document: &DocumentRef, seq: Seq) -> Result<Self, HistoryError> {
        let past = load(services, document, seq).await?;
        let build = move || {
            let epoch = past.epoch;
            Ok(Self { epoch, seq, replica: Replica::from_log(parts(&past), READER)? })
        };
        tokio::task::spawn_blocking(build).await.map_err(|_| HistoryError::Aborted)?
    }

    /// The state as one update.
    pub(super) fn state(&mut self) -> Result<Bytes, Broken> {
        self.replica.state()
    }

    /// Reads the document.
    pub(super) fn read<T>(&mut self, read: impl FnOnce(&yrs::Transaction<'_>) -> T) -> Result<T, Broken> {
        self.replica.read(read)
    }

    /// Notes from now on what updates touch.
    pub(super) fn watch(&mut self, shape: Shape) {
        self.replica.watch(shape);
    }

    /// Goes on by an update, and says what it touched.
    pub(super) fn apply(&mut self, update: &Bytes) -> Result<BTreeSet<Spot>, ApplyError> {
        self.replica.apply_logged(update)?;
        Ok(self.replica.take_touched())
    }

    /// Works with the document itself.
    pub(super) fn work<T>(&mut self, work: impl FnOnce(&yrs::Doc) -> T) -> Result<T, Broken> {
        self.replica.work(work)
    }
}

/// Reads what a document was at a place. Fails if it was let go of.
pub(super) async fn load(services: &Services, document: &DocumentRef, seq: Seq) -> Result<PastState, HistoryError> {
    match history::past(&services.db, document.org, document.id, seq).await? {
        Some(Past::Kept(past)) => Ok(past),
        Some(Past::NotKept { before, after }) => Err(HistoryError::NotKept { before, after }),
        None => {
            let extent = history::extent(&services.db, document.org, document.id).await?;
            Err(extent.map_or(HistoryError::Gone, |extent| HistoryError::Beyond { head: extent.head }))
        }
    }
}

/// What the document is built from, in its order.
pub(super) fn parts(past: &PastState) -> impl Iterator<Item = &Bytes> {
    past.snapshot.iter().map(|snapshot| &snapshot.state).chain(&past.updates)
}
