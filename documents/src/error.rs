//! What callers of this crate are told.

use std::sync::Arc;

use platform::db::DbError;
use schema::ids::{Epoch, Seq};
use thiserror::Error;

use crate::replica::Broken;
use crate::room::EditRefused;

/// Why a client could not be attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AttachError {
    /// The document cannot be loaded, or the server shuts down. Trying again later may help.
    #[error("the document cannot be opened now; try again later")]
    Unavailable,
    /// The client's replica belongs to another lineage and must be set aside.
    #[error("the replica is of another epoch; the document's is {current}")]
    EpochMismatch {
        /// The document's epoch.
        current: Epoch,
    },
}

/// Why an edit of the server's own was not made. The document is unchanged, unless it says otherwise.
#[derive(Debug, Error)]
pub enum EditFailed {
    /// The document is not where the caller expected it.
    #[error("the document has changed; it is at {epoch}-{seq} now")]
    Moved {
        /// Its epoch.
        epoch: Epoch,
        /// Its head.
        seq: Seq,
    },
    /// The patch does not fit the document.
    #[error(transparent)]
    Patch(#[from] schema::PatchError),
    /// The document cannot be opened or saved now. The edit may have been made if the server stopped meanwhile.
    #[error("the document cannot be opened or saved now; try again later")]
    Unavailable,
    /// Somebody else holds the node's lock, and the project has others kept out.
    #[error("{holder} has locked this")]
    LockHeld {
        /// What to call them.
        holder: Arc<str>,
    },
    /// The document would become too large.
    #[error("a document may have at most {limit} bytes; delete something to make room")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The document engine failed.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl From<EditRefused> for EditFailed {
    fn from(refused: EditRefused) -> Self {
        match refused {
            EditRefused::Moved { epoch, seq } => Self::Moved { epoch, seq },
            EditRefused::Patch(error) => Self::Patch(error),
            EditRefused::LockHeld { holder } => Self::LockHeld { holder },
            EditRefused::SavingBehind => Self::Unavailable,
            EditRefused::TooLarge { limit } => Self::TooLarge { limit },
            EditRefused::Broken(broken) => Self::Broken(broken),
        }
    }
}

/// Why a document could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It cannot be loaded now.
    #[error("the document cannot be opened now; try again later")]
    Unavailable,
    /// The document engine failed.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Why a document could not be loaded from the log.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("the document is not in the database")]
    Gone,
    #[error("the log holds what cannot be applied: {0}")]
    Content(#[from] crate::replica::ApplyError),
    #[error("the log holds updates that wait for missing content")]
    HoldsBack,
    #[error("the work was aborted")]
    Aborted,
}
