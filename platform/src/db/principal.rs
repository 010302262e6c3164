//! How principals are stored.

use uuid::Uuid;

use super::DbError;
use crate::auth::{PrincipalKind, PrincipalRef};

/// The number that stands for a kind of principal in the tables. Part of the stored format: never change one.
pub(super) const fn kind_to_number(kind: PrincipalKind) -> i16 {
    match kind {
        PrincipalKind::User => 1,
        PrincipalKind::Agent => 2,
        PrincipalKind::ApiKey => 3,
        PrincipalKind::Anonymous => 4,
        PrincipalKind::System => 5,
    }
}

/// Reads what [`kind_to_number`] wrote.
pub(super) const fn kind_from_number(kind: i16) -> Option<PrincipalKind> {
    match kind {
        1 => Some(PrincipalKind::User),
        2 => Some(PrincipalKind::Agent),
        3 => Some(PrincipalKind::ApiKey),
        4 => Some(PrincipalKind::Anonymous),
        5 => Some(PrincipalKind::System),
        _ => None,
    }
}

/// Reads what was stored of a principal with a document.
pub(super) fn from_row(document: Uuid, kind: i16, id: Uuid) -> Result<PrincipalRef, DbError> {
    let reason = || format!("principal kind {kind} does not exist");
    let kind = kind_from_number(kind).ok_or_else(|| DbError::Corrupt { document, reason: reason() })?;
    Ok(PrincipalRef { kind, id })
}
