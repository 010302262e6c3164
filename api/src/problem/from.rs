//! What the layers below say, as problems.

use documents::{EditFailed, ReadError};
use platform::db::{DbError, api_keys, invitations, members, organizations};
use schema::PatchErrorCode;

use super::{Code, Problem};
use crate::etag::{DocumentTag, etag_header};

/// Names what is to be changed, rather than what that is to refer to.
const ADDRESSED: [&str; 4] = ["nodeId", "edgeId", "itemId", "proposalId"];

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let code = match &error {
            DbError::Unavailable(_) => Code::Unavailable,
            DbError::Conflict { constraint } => code_of(constraint),
            // The interface checks values before the database does, so the rest is ours to mend.
            DbError::Invalid(_)
            | DbError::Corrupt { .. }
            | DbError::Trimmed { .. }
            | DbError::Unsuitable(_)
            | DbError::Internal(_) => Code::Internal,
        };
        Self::new(code).caused_by(error)
    }
}

/// What a violated constraint means to callers.
fn code_of(constraint: &str) -> Code {
    match constraint {
        organizations::SLUG_TAKEN => Code::SlugTaken,
        members::LAST_OWNER => Code::LastOwner,
        invitations::TOO_MANY | api_keys::TOO_MANY => Code::LimitReached,
        _ => Code::Conflict,
    }
}

impl From<EditFailed> for Problem {
    fn from(error: EditFailed) -> Self {
        match error {
            EditFailed::Moved { epoch, seq } => Self::precondition_failed(&DocumentTag::new(epoch, seq)),
            EditFailed::Patch(error) => error.into(),
            EditFailed::Unavailable => Self::new(Code::Unavailable).detail(
                "The document cannot be saved now. The change may have been made; read it again before you repeat it.",
            ),
            EditFailed::LockHeld { holder } => Self::new(Code::Locked)
                .detail(format!("{holder} has locked this node. Send the change again once the lock is free.")),
            EditFailed::TooLarge { limit } => Self::new(Code::DocumentTooLarge)
                .detail(format!("A document may have {limit} bytes. Delete something in it to make room.")),
            EditFailed::Broken(broken) => Self::new(Code::Internal).caused_by(broken),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable => Self::new(Code::Unavailable),
            ReadError::Broken(broken) => Self::new(Code::Internal).caused_by(broken),
        }
    }
}

impl Problem {
    /// The caller expected another state than `present`.
    #[must_use]
    pub fn precondition_failed(present: &impl std::fmt::Display) -> Self {
        let (name, value) = etag_header(present);
        Self::new(Code::PreconditionFailed).header(name, value)
    }
}

impl From<schema::PatchError> for Problem {
    fn from(error: schema::PatchError) -> Self {
        let code = match error.code {
            PatchErrorCode::NotFound if ADDRESSED.contains(&error.field) => Code::NotFound,
            PatchErrorCode::Invalid | PatchErrorCode::NotFound => Code::ValidationFailed,
            PatchErrorCode::AlreadyExists | PatchErrorCode::Stale => Code::Conflict,
            PatchErrorCode::Cycle => Code::Cycle,
            PatchErrorCode::TooMany => Code::EditRefused,
        };
        Self::new(code).field_error(error.field, error.message)
    }
}
