//! Why something of a history could not be told or done.

use platform::db::DbError;
use schema::ids::Seq;
use thiserror::Error;

use super::entries::Unreadable;
use crate::error::EditFailed;
use crate::replica::{ApplyError, Broken};

/// Why something of a history could not be told or done.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// There is no such document any more.
    #[error("there is no such document")]
    Gone,
    /// A place beyond the end of the log.
    #[error("the log ends at {head}")]
    Beyond {
        /// The last place.
        head: Seq,
    },
    /// The content of that time was let go of.
    #[error("what the document was then is not kept")]
    NotKept {
        /// The nearest place before of which the document is known.
        before: Option<Seq>,
        /// The nearest after.
        after: Option<Seq>,
    },
    /// More updates match than are taken back at once.
    #[error("this concerns {updates} updates, and at most {limit} are worked on at once")]
    TooMuch {
        /// Those that match, or lie between the first that does and the last of the log.
        updates: u64,
        /// The limit.
        limit: u64,
    },
    /// The document has no such part.
    #[error("the document has no part {0}")]
    NoSuchPart(String),
    /// The document could not be edited.
    #[error(transparent)]
    Edit(#[from] EditFailed),
    /// The database did not answer as it should.
    #[error(transparent)]
    Db(#[from] DbError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The log cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The work was stopped, as the server stops.
    #[error("the server stops")]
    Aborted,
}

impl From<Broken> for HistoryError {
    fn from(broken: Broken) -> Self {
        Self::Apply(broken.into())
    }
}
