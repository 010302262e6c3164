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
pub(super) fn from_row(document: Uuid, kind: i16, id: Uuid) -> Result<PrincipalRef, DbError> {
    let kind = match kind {
        1 => PrincipalKind::User,
        2 => PrincipalKind::Agent,
        3 => PrincipalKind::ApiKey,
        4 => PrincipalKind::Anonymous,
        5 => PrincipalKind::System,
        other => {
            return Err(DbError::Corrupt { document, reason: format!("principal kind {other} does not exist") });
        }
    };
    Ok(PrincipalRef { kind, id })
}
