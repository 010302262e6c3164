//! What runs show of themselves.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, RunId};
use serde_json::Value;
use uuid::Uuid;

use crate::db::{Db, DbError};
use crate::executions::{Cost, TraceEvent};

/// A part of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TracePage {
    /// Its events, in the order in which they began.
    pub events: Vec<TraceEvent>,
    /// Whether there are more.
    pub has_more: bool,
}

struct Row {
    id: Uuid,
    seq: i32,
    changed: i32,
    event_type: String,
    event_data: Value,
    at: DateTime<Utc>,
    duration_ms: Option<i64>,
    model: Option<String>,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    cost: Option<i64>,
}

impl Row {
    fn event(self, execution_id: RunId) -> TraceEvent {
        TraceEvent {
            id: self.id,
            execution_id,
            seq: self.seq,
            changed: self.changed,
            kind: self.event_type,
            at: self.at,
            duration_ms: self.duration_ms,
            model: self.model,
            tokens_in: self.tokens_in,
            tokens_out: self.tokens_out,
            cost: self.cost.map(Cost::from_pico_usd),
            data: self.event_data,
        }
    }
}

/// The events of a run's trace after this place, as they are now.
pub async fn trace(db: &Db, org: OrgId, run: RunId, after: i32, limit: u32) -> Result<TracePage, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, seq, changed, event_type, event_data, at, duration_ms, model, tokens_in, tokens_out, cost
         FROM agent_trace_events WHERE execution_id = $1 AND org_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
        run.as_uuid(),
        org.as_uuid(),
        after,
        i64::from(limit) + 1
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let has_more = rows.len() > limit as usize;
    let events = rows.into_iter().take(limit as usize).map(|row| row.event(run)).collect();
    Ok(TracePage { events, has_more })
}

/// Events of a run's trace that were changed after `changed`, as they are now, in the order of their changes: so many, and
/// all others that were changed together with the last.
pub async fn trace_since(
    db: &Db,
    org: OrgId,
    run: RunId,
    changed: i32,
    limit: u32,
) -> Result<Vec<TraceEvent>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, seq, changed, event_type, event_data, at, duration_ms, model, tokens_in, tokens_out, cost
         FROM agent_trace_events WHERE execution_id = $1 AND org_id = $2 AND changed > $3
         ORDER BY changed FETCH FIRST $4 ROWS WITH TIES",
        run.as_uuid(),
        org.as_uuid(),
        changed,
        i64::from(limit)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let mut events: Vec<TraceEvent> = rows.into_iter().map(|row| row.event(run)).collect();
    events.sort_by_key(|event| (event.changed, event.seq));
    Ok(events)
}
