//! Commits in doubt: the connection broke after COMMIT was sent and before the answer came.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, Seq};
use uuid::Uuid;

use super::{AppendOutcome, seq_to_column};
use crate::auth::PrincipalRef;
use crate::db::{Db, DbError, principal};

/// A commit of which it is not known whether it took place.
#[derive(Debug, Clone)]
pub struct InDoubt {
    /// The transaction's id.
    pub xid: u64,
    /// What became of the batch if it did take place.
    pub outcomes: Vec<AppendOutcome>,
    pub(super) witness: Witness,
}

/// One of the rows that a transaction in doubt wrote. The transaction's id alone is no proof: after a failover to a
/// standby that lagged, another transaction may have got it.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    pub(super) org: OrgId,
    pub(super) document: Uuid,
    pub(super) seq: Seq,
    pub(super) sender: PrincipalRef,
    pub(super) size_bytes: i32,
    pub(super) received_at: DateTime<Utc>,
}

/// How a commit in doubt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The batch is in the log.
    Committed,
    /// Nothing of it is, nor will be.
    Aborted,
    /// Not known yet.
    InProgress,
}

/// Finds out how a commit in doubt ended.
pub async fn resolve(db: &Db, in_doubt: &InDoubt) -> Result<Resolution, DbError> {
    const TRANSACTION_ID_IN_THE_FUTURE: &str = "22023";
    let status = sqlx::query_scalar!("SELECT pg_xact_status($1::text::xid8)", in_doubt.xid.to_string())
        .fetch_one(db.pool())
        .await;
    match status {
        Ok(Some(status)) if status == "in progress" => return Ok(Resolution::InProgress),
        Ok(Some(status)) if status == "aborted" => return Ok(Resolution::Aborted),
        // Committed, or unknown because it is long ago or a failover lost it: the witness decides.
        Ok(_) => {}
        Err(sqlx::Error::Database(refusal)) if refusal.code().as_deref() == Some(TRANSACTION_ID_IN_THE_FUTURE) => {}
        Err(error) => return Err(error.into()),
    }
    let witness = &in_doubt.witness;
    let mut tx = db.org(witness.org).await?;
    let is_there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM document_updates
           WHERE document_id = $1 AND seq = $2 AND org_id = $3 AND principal_kind = $4 AND principal_id = $5
             AND size_bytes = $6 AND received_at = $7) AS "is_there!""#,
        witness.document,
        seq_to_column(witness.seq),
        witness.org.as_uuid(),
        principal::kind_to_number(witness.sender.kind),
        witness.sender.id,
        witness.size_bytes,
        witness.received_at
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(if is_there { Resolution::Committed } else { Resolution::Aborted })
}
