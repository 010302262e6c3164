//! The journal of a run: what it did, before it is done; and in the same transaction what the run shows of itself.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schema::ids::{NodeId, RunId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::forget::{forget_ended, forget_journal};
use super::tokens::{self, Reservation, Usage};
use super::{LeaseLost, Leased, wake};
use crate::auth::{PrincipalKind, PrincipalRef};
use crate::db::audit::Actor;
use crate::db::events::{self, EventKind, NewEvent};
use crate::db::notifications::{AboutNode, NotificationKind, notify};
use crate::db::{Db, DbError, OrgTx, clean, executions};
use crate::executions::{Control, Cost, ExecuteOptions, Phase, Question, Status, TraceEvent, trace_event_id};

/// An entry of a journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place, from 1.
    pub seq: i32,
    /// What it says.
    pub entry: Value,
    /// The document for which its update is.
    pub document: Option<Uuid>,
    /// An update of that document.
    pub update: Option<Bytes>,
    /// When it was written.
    pub at: DateTime<Utc>,
}

/// What is added to a journal.
#[derive(Debug, Clone)]
pub struct Append {
    /// Its place: the one after the last.
    pub seq: i32,
    /// What it says.
    pub entry: Value,
    /// An update, and the document for which it is. It may be sent once this is committed.
    pub update: Option<(Uuid, Bytes)>,
    /// What it changes for those who watch the run; nothing for what only goes into the document.
    pub changes: Option<Changes>,
}

/// What an entry changes of what a run shows.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Where the run stands now.
    pub shown: Shown,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Events of the trace that begin, or go on.
    pub trace: Vec<TraceChange>,
    /// What was used.
    pub tally: Tally,
    /// Tokens to reserve for the organization, and how many it may use in a month.
    pub reserve: Option<(Reservation, Option<u64>)>,
    /// What came of an earlier reservation.
    pub settle: Option<Usage>,
    /// Nodes that it makes, and in whose documents it will write.
    pub made: Vec<NodeId>,
    /// A run that it begins.
    pub subrun: Option<Subrun>,
    /// How it ended.
    pub finished: Option<Finished>,
    /// What people are to be told: the node's title, and more words.
    pub notice: Option<(NotificationKind, String, Option<String>)>,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its state. One that is not driven any more gives up the lease.
    pub status: Status,
    /// What it is about.
    pub phase: Option<Phase>,
    /// What it waits to have answered.
    pub question: Option<Question>,
    /// The model that it uses.
    pub model: Option<String>,
    /// The output that it writes.
    pub output_item: Option<Uuid>,
    /// Events in its trace.
    pub steps: i32,
}

/// What a call to a model used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Tokens that the model read.
    pub tokens_in: u64,
    /// Tokens that it wrote.
    pub tokens_out: u64,
    /// Of those that it read, how many it had kept from before.
    pub tokens_cached: u64,
    /// What that cost; `None` when the price is not known, which it is for nothing at all.
    pub cost: Option<Cost>,
}

/// An event of a trace, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceChange {
    /// Its place in the trace.
    pub seq: i32,
    /// What sort of thing.
    pub kind: &'static str,
    /// What there is to say of it.
    pub data: Value,
    /// How long it took, once it is over.
    pub duration_ms: Option<i64>,
    /// Which model.
    pub model: Option<String>,
    /// Tokens that the model read.
    pub tokens_in: Option<i64>,
    /// Tokens that it wrote.
    pub tokens_out: Option<i64>,
    /// What it cost.
    pub cost: Option<Cost>,
}

/// A run that is begun by a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Subrun {
    /// Its id.
    pub id: RunId,
    /// Its node.
    pub node: NodeId,
    /// What it is asked to do.
    pub options: ExecuteOptions,
    /// Tokens that it may use.
    pub token_budget: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Why it failed: a stable code, and words.
    pub error: Option<(String, String)>,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else drives the run, or it is over.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// The organization has no tokens left for what was to be reserved.
    #[error("the organization's tokens of this month are used up")]
    NoTokensLeft,
    /// The database did not do it.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The whole journal of a run.
pub async fn journal(db: &Db, leased: &Leased) -> Result<Vec<Entry>, DbError> {
    let mut tx = db.org(leased.org).await?;
    let rows = sqlx::query!(
        "SELECT seq, entry, document_id, update, at FROM agent_journal WHERE execution_id = $1 ORDER BY seq",
        leased.run.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let entries = rows.into_iter().map(|row| Entry {
        seq: row.seq,
        entry: row.entry,
        document: row.document_id,
        update: row.update.map(Bytes::from),
        at: row.at,
    });
    Ok(entries.collect())
}

/// Appends an entry, if the lease is still held, with what it changes for others.
pub async fn append(db: &Db, leased: &Leased, append: &Append) -> Result<(), AppendError> {
    let mut tx = db.org(leased.org).await?;
    let standing = match &append.changes {
        Some(changes) => Some((changes, show(&mut tx, leased, changes).await?)),
        None => None,
    };
    insert(&mut tx, leased, append).await?;
    if let Some((changes, standing)) = standing {
        tell(&mut tx, leased, append.seq, changes, &standing).await?;
        if changes.shown.status == Status::Cancelled {
            let by = Actor { principal: principal_of(leased), user: Some(leased.user), ..Actor::SYSTEM };
            executions::cancel_subruns(&mut tx, &by, leased.run).await?;
        }
        if let Some(finished) = &changes.finished {
            if finished.error.is_none() {
                // Nobody resumes a run that is over, unless it has failed: what it did is in its trace and in the documents.
                forget_journal(&mut tx, leased.run).await?;
            }
            forget_ended(&mut tx, leased.run).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

fn principal_of(leased: &Leased) -> PrincipalRef {
    PrincipalRef { kind: PrincipalKind::Agent, id: leased.run.as_uuid() }
}

/// The row of a run that has been leased anew waits for this transaction, and this one sees that it was.
async fn insert(tx: &mut OrgTx, leased: &Leased, append: &Append) -> Result<(), AppendError> {
    let (document, update) = append.update.as_ref().map(|(document, update)| (*document, &update[..])).unzip();
    let inserted = sqlx::query!(
        "WITH held AS (
             SELECT id, org_id FROM agent_executions WHERE id = $1 AND lease_epoch = $2 FOR SHARE),
         progress AS (
             UPDATE agent_executions SET attempts = 0 WHERE id = $1 AND lease_epoch = $2 AND attempts > 0)
         INSERT INTO agent_journal (execution_id, seq, org_id, entry, document_id, update)
         SELECT id, $3, org_id, $4, $5, $6 FROM held
         ON CONFLICT DO NOTHING",
        leased.run.as_uuid(),
        leased.epoch,
        append.seq,
        clean::json(&append.entry),
        document,
        update
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    if inserted == 0 { Err(LeaseLost.into()) } else { Ok(()) }
}

/// Whether this very entry is in the journal already: it was appended, and the answer was lost.
pub async fn has(db: &Db, leased: &Leased, append: &Append) -> Result<bool, DbError> {
    let mut tx = db.org(leased.org).await?;
    let found = sqlx::query_scalar!(
        r#"SELECT entry = $3 AS "same!" FROM agent_journal WHERE execution_id = $1 AND seq = $2"#,
        leased.run.as_uuid(),
        append.seq,
        clean::json(&append.entry)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(found == Some(true))
}

/// How the run's row stands now, with what was asked for meanwhile.
struct Standing {
    status: String,
    control: Option<String>,
    /// Something was forgotten of which it may speak: what it says is kept without words.
    forget_at_end: bool,
}

/// Brings the run's own row up to date, and so makes sure that the lease is held.
async fn show(tx: &mut OrgTx, leased: &Leased, changes: &Changes) -> Result<Standing, AppendError> {
    let Changes { shown, tally, .. } = changes;
    let keeps = shown.status == Status::Running;
    // What was asked for while this was being noted is still to be done, unless this is it.
    let obeyed = (shown.status == Status::Paused).then_some(Control::Pause);
    let error = changes.finished.as_ref().and_then(|finished| finished.error.clone());
    let (code, message) = error.unzip();
    let expires_at = shown.question.as_ref().and_then(|question| question.expires_at);
    let counts = [tally.tokens_in, tally.tokens_out, tally.tokens_cached].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    let is_priced = tally.tokens_in + tally.tokens_out == 0 || tally.cost.is_some();
    let reserved = match (changes.reserve, changes.settle) {
        (Some((reservation, _)), _) => Some(i64::try_from(reservation.tokens).unwrap_or(i64::MAX)),
        (None, Some(_)) => Some(0),
        (None, None) => None,
    };
    let standing = sqlx::query_as!(
        Standing,
        "UPDATE agent_executions SET
             status = CASE WHEN $3 = 'paused' AND control IS NULL THEN 'running' ELSE $3 END, phase = $4, question = $5, model = coalesce($6, model),
             output_item_id = coalesce($7, output_item_id), steps = $8,
             control = CASE WHEN $19 THEN NULL ELSE nullif(control, $20) END, answer = CASE WHEN $5::jsonb IS NOT NULL THEN answer END,
             leased_by = CASE WHEN $9 THEN leased_by END, leased_until = CASE WHEN $9 THEN leased_until END,
             due_at = $10, attempts = 0,
             tokens_in = tokens_in + $11, tokens_out = tokens_out + $12, tokens_cached = tokens_cached + $13,
             cost = cost + $14, cost_unknown = cost_unknown OR NOT $15,
             reserved = coalesce($16, reserved), error_code = $17, error_message = $18,
             completed_at = CASE WHEN $19 THEN clock_timestamp() END
         WHERE id = $1 AND lease_epoch = $2 AND status = 'running'
         RETURNING status, control, forget_at_end",
        leased.run.as_uuid(),
        leased.epoch,
        shown.status.as_str(),
        shown.phase.map(Phase::as_str),
        shown.question.as_ref().map(|question| json!(question)),
        shown.model,
        shown.output_item,
        shown.steps,
        keeps,
        expires_at,
        counts[0],
        counts[1],
        counts[2],
        tally.cost.map_or(0, Cost::pico_usd),
        is_priced,
        reserved,
        code,
        message,
        shown.status.is_over(),
        obeyed.map(Control::as_str)
    )
    .fetch_optional(&mut *tx.inner)
    .await?
    .ok_or(LeaseLost)?;
    if let Some((reservation, limit)) = changes.reserve
        && !tokens::reserve(tx, reservation, limit).await?
    {
        return Err(AppendError::NoTokensLeft);
    }
    if let Some(usage) = changes.settle {
        tokens::settle(tx, usage).await?;
    }
    Ok(standing)
}

/// Writes the trace, and tells whoever is to hear of it.
async fn tell(
    tx: &mut OrgTx,
    leased: &Leased,
    seq: i32,
    changes: &Changes,
    standing: &Standing,
) -> Result<(), AppendError> {
    for node in &changes.made {
        // Its document can be opened as soon as the run says so, not only when the canvas has been projected.
        sqlx::query!(
            "INSERT INTO documents (id, org_id, project_id, kind) VALUES ($1, $2, $3, 'node') ON CONFLICT DO NOTHING",
            node.as_uuid(),
            leased.org.as_uuid(),
            leased.project.as_uuid()
        )
        .execute(&mut *tx.inner)
        .await?;
        sqlx::query!(
            "INSERT INTO agent_execution_nodes (execution_id, node_id, org_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            leased.run.as_uuid(),
            node.as_uuid(),
            leased.org.as_uuid()
        )
        .execute(&mut *tx.inner)
        .await?;
    }
    if let Some(subrun) = &changes.subrun {
        begin_subrun(tx, leased, subrun, standing).await?;
    }
    let agent = principal_of(leased);
    let about = |kind, payload| NewEvent::new(kind, payload).project(leased.project).node(leased.node).by([agent]);
    for change in &changes.trace {
        let event = trace(tx, leased, seq, changes.at, change, standing).await?;
        events::append(tx, about(EventKind::Trace, json!({"executionId": leased.run, "event": event})));
    }
    let Shown { phase, question, steps, .. } = &changes.shown;
    let Standing { status, control, .. } = standing;
    let update = json!({
        "executionId": leased.run, "status": status, "phase": phase, "control": control,
        "progress": {"steps": steps}, "question": question,
    });
    events::append(tx, about(EventKind::ExecutionUpdate, update));
    if let Some((kind, title, body)) = &changes.notice {
        // Whoever is asked something needs to know what, until the run is over.
        let is_silent = standing.forget_at_end && changes.finished.is_some();
        let about = AboutNode {
            kind: *kind,
            project: leased.project,
            node: leased.node,
            node_title: if is_silent { "" } else { title },
            body: body.as_deref().filter(|_| !is_silent),
            actors: &[agent],
        };
        notify(tx, &[leased.user], &about).await?;
    }
    if changes.shown.status != Status::Running {
        // Another one may wait for the node, and something else may have been asked of this one.
        wake(&mut tx.inner, leased.run).await?;
    }
    Ok(())
}

async fn trace(
    tx: &mut OrgTx,
    leased: &Leased,
    changed: i32,
    at: DateTime<Utc>,
    change: &TraceChange,
    standing: &Standing,
) -> Result<TraceEvent, DbError> {
    let TraceChange { seq, kind, data, duration_ms, model, tokens_in, tokens_out, cost } = change.clone();
    let (id, data) = (trace_event_id(leased.run, seq), clean::json(&data));
    let noted = sqlx::query!(
        "INSERT INTO agent_trace_events (id, execution_id, org_id, seq, changed, event_type, event_data, at,
             duration_ms, model, tokens_in, tokens_out, cost)
         VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $14 THEN without_words($7) ELSE $7 END, $8, $9, $10, $11, $12, $13)
         ON CONFLICT (id) DO UPDATE SET changed = excluded.changed, event_data = excluded.event_data,
             duration_ms = excluded.duration_ms, model = excluded.model, tokens_in = excluded.tokens_in,
             tokens_out = excluded.tokens_out, cost = excluded.cost
         RETURNING at, event_data",
        id,
        leased.run.as_uuid(),
        leased.org.as_uuid(),
        seq,
        changed,
        kind,
        data,
        at,
        duration_ms,
        model,
        tokens_in,
        tokens_out,
        cost.map(Cost::pico_usd),
        standing.forget_at_end
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let (execution_id, at, data) = (leased.run, noted.at, noted.event_data);
    let kind = kind.to_owned();
    Ok(TraceEvent { id, execution_id, seq, changed, kind, at, duration_ms, model, tokens_in, tokens_out, cost, data })
}

/// What a run asks of another may tell what it knows.
async fn begin_subrun(tx: &mut OrgTx, leased: &Leased, subrun: &Subrun, standing: &Standing) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO agent_executions (id, org_id, project_id, node_id, parent_id, depth, requested_by, agent_name,
             options, token_budget, forget_at_end)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
        subrun.id.as_uuid(),
        leased.org.as_uuid(),
        leased.project.as_uuid(),
        subrun.node.as_uuid(),
        leased.run.as_uuid(),
        i32::try_from(leased.depth + 1).unwrap_or(i32::MAX),
        leased.user.as_uuid(),
        leased.agent_name,
        json!(subrun.options),
        i64::try_from(subrun.token_budget).unwrap_or(i64::MAX),
        standing.forget_at_end
    )
    .execute(&mut *tx.inner)
    .await?;
    wake(&mut tx.inner, subrun.id).await
}
