//! Of which runs a queue is to be told.

use schema::ids::{OrgId, RunId};

use super::read;
use crate::agent_queue::{AgentJob, OrgConfig};
use crate::db::{Db, DbError};

/// The oldest runs that have something to do and of which the queue was not told yet, at most `max`. It counts as told
/// now; if it cannot be, [`super::Claim::Overlooked`] finds them.
pub async fn announce(db: &Db, per_org: i64, max: usize) -> Result<Vec<AgentJob>, DbError> {
    let mut tx = db.workers().await?;
    let rows = sqlx::query!(
        r#"UPDATE agent_executions e SET announced_at = clock_timestamp()
           WHERE e.id IN (
               SELECT c.id FROM agent_executions c
               WHERE c.status IN ('pending', 'running', 'paused', 'awaiting_input') AND c.announced_at IS NULL
                 AND is_due(c) AND runs_driven(c.org_id) < $1
               ORDER BY c.created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
           RETURNING id, node_id, org_id"#,
        per_org,
        i64::try_from(max).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        let org_id = row.org_id.into();
        let org_config = org_config(db, org_id).await?;
        jobs.push(AgentJob { execution_id: row.id.into(), node_id: row.node_id.into(), org_id, org_config });
    }
    Ok(jobs)
}

/// Whoever was told of a run could not take it up: the queue is to be told again once somebody can.
pub async fn announce_again(db: &Db, run: RunId) -> Result<(), DbError> {
    let mut tx = db.workers().await?;
    sqlx::query!(
        "UPDATE agent_executions SET announced_at = NULL
         WHERE id = $1 AND announced_at IS NOT NULL AND (leased_until IS NULL OR leased_until < clock_timestamp())",
        run.as_uuid()
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

async fn org_config(db: &Db, org: OrgId) -> Result<OrgConfig, DbError> {
    let mut tx = db.org(org).await?;
    let settings = sqlx::query_scalar!("SELECT settings FROM organizations WHERE id = $1", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    settings.map_or_else(|| Ok(OrgConfig::default()), read)
}
