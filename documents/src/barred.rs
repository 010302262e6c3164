//! Content that the database refused to keep.
//!
//! It was relayed before that was known, so replicas have it, and would bring it again to every new room of its
//! document. Rooms of this process refuse it; others find out by themselves.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schema::update::ClientRange;
use uuid::Uuid;

use crate::replica::inspect;

/// Documents for which this is remembered. It happens when there is a mistake in the server, so these are plenty.
const DOCUMENTS_MAX: usize = 256;
/// Ranges of content of one document.
const RANGES_MAX: usize = 256;

/// What rooms refuse, per document.
#[derive(Default)]
pub(crate) struct Barred {
    documents: Mutex<HashMap<Uuid, Vec<ClientRange>>>,
}

impl Barred {
    /// Bars what an update inserts.
    pub(crate) fn add(&self, document: Uuid, update: &[u8]) {
        let Ok(summary) = inspect(update) else { return };
        let mut documents = self.documents();
        if documents.len() >= DOCUMENTS_MAX && !documents.contains_key(&document) {
            return;
        }
        let ranges = documents.entry(document).or_default();
        let room = RANGES_MAX.saturating_sub(ranges.len());
        ranges.extend(summary.insertions().iter().take(room));
    }

    /// What is barred from a document.
    pub(crate) fn of(&self, document: Uuid) -> Vec<ClientRange> {
        self.documents().get(&document).cloned().unwrap_or_default()
    }

    fn documents(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<ClientRange>>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
