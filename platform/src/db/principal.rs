//! How principals are stored.

use uuid::Uuid;

use super::DbError;
use crate::auth::{PrincipalKind, PrincipalRef};

/// The number that stands for a kind of principal in the tables.
pub(super) fn kind_to_number(kind: PrincipalKind) -> i16 {
    kind.number().into()
}

/// Reads what [`kind_to_number`] wrote.
pub(super) fn kind_from_number(kind: i16) -> Option<PrincipalKind> {
    u8::try_from(kind).ok().and_then(PrincipalKind::of_number)
}

/// Reads what was stored of a principal with a document.
pub(super) fn from_row(document: Uuid, kind: i16, id: Uuid) -> Result<PrincipalRef, DbError> {
    let reason = || format!("principal kind {kind} does not exist");
    let kind = kind_from_number(kind).ok_or_else(|| DbError::Corrupt { document, reason: reason() })?;
    Ok(PrincipalRef { kind, id })
}
