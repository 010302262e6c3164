//! Runs of agents, as people see and steer them. Workers have a view of their own ([`super::runs`]).

mod list;
mod steer;
mod trace;

use chrono::{DateTime, Utc};
use schema::ids::{NodeId, OrgId, ProjectId, RunId, UserId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::events::{self, EventKind, NewEvent};
use super::{Db, DbError, OrgTx, runs};
use crate::auth::PrincipalRef;
use crate::executions::{Control, Cost, ExecuteOptions, IfBusy, Phase, Question, Status};

#[cfg(feature = "testing")]
pub(super) use list::of;
pub use list::{Whose, list};
pub(crate) use steer::cancel_subruns;
pub use steer::{Answered, Steered, Wish, answer, steer};
pub use trace::{TracePage, trace, trace_since};

/// Runs that wait for the same node, at most.
const WAITING_PER_NODE_MAX: i64 = 20;

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its id.
    pub id: RunId,
    /// Its organization.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
    /// The node on which it works.
    pub node: NodeId,
    /// The run that began it.
    pub parent: Option<RunId>,
    /// How many runs stand above it.
    pub depth: u32,
    /// For whom it acts.
    pub requested_by: UserId,
    /// What it calls itself.
    pub agent_name: String,
    /// What it was asked to do.
    pub options: ExecuteOptions,
    /// Where it stands.
    pub status: Status,
    /// What it is about.
    pub phase: Option<Phase>,
    /// What was asked of it, and has not taken effect.
    pub control: Option<Control>,
    /// What it waits to have answered. Nothing any more once somebody has answered.
    pub question: Option<Question>,
    /// The model that it uses.
    pub model: Option<String>,
    /// Tokens that it may use.
    pub token_budget: u64,
    /// Tokens that models have read for it.
    pub tokens_in: u64,
    /// Tokens that they wrote.
    pub tokens_out: u64,
    /// Of those that they read, how many they had kept from before.
    pub tokens_cached: u64,
    /// What it has cost; `None` if that is not known.
    pub cost: Option<Cost>,
    /// Events in its trace.
    pub steps: u32,
    /// Why it failed: a stable code, and words.
    pub error: Option<(String, String)>,
    /// The output that it writes.
    pub output_item: Option<Uuid>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When a worker began it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub completed_at: Option<DateTime<Utc>>,
}

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct NewExecution {
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// The node on which it is to work.
    pub node: NodeId,
    /// For whom it acts.
    pub user: UserId,
    /// What it calls itself.
    pub agent_name: String,
    /// What it is asked to do.
    pub options: ExecuteOptions,
    /// Tokens that it may use.
    pub token_budget: u64,
    /// What becomes of it if another one works on the node.
    pub if_busy: IfBusy,
}

/// What became of a wish to begin a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Begun {
    /// It was begun, now or by the same request before.
    Begun(Box<Execution>),
    /// This run works on the node, or is about to.
    Busy(RunId),
    /// So many wait for the node that no more may.
    TooMany,
}

/// Where a run belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its organization.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
    /// The node on which it works.
    pub node: NodeId,
}

/// Begins a run: workers take it up. One that was begun under this id before is left as it is.
pub async fn begin(db: &Db, org: OrgId, by: &Actor, new: &NewExecution) -> Result<Begun, DbError> {
    let mut tx = db.org(org).await?;
    // Of two who look whether the node is free at the same time, the second sees what the first began.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", format!("runs of {}", new.node))
        .fetch_one(&mut *tx.inner)
        .await?;
    if let Some(found) = read_one(&mut tx, new.id).await? {
        return Ok(Begun::Begun(Box::new(found)));
    }
    let open = sqlx::query!(
        "SELECT id, status FROM agent_executions
         WHERE node_id = $1 AND org_id = $2 AND status IN ('pending', 'running', 'paused', 'awaiting_input')
         ORDER BY (status = 'pending'), created_at, id",
        new.node.as_uuid(),
        org.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    if new.if_busy == IfBusy::Refuse
        && let Some(first) = open.first()
    {
        return Ok(Begun::Busy(first.id.into()));
    }
    if i64::try_from(open.len()).unwrap_or(i64::MAX) > WAITING_PER_NODE_MAX {
        return Ok(Begun::TooMany);
    }
    sqlx::query!(
        "INSERT INTO agent_executions (id, org_id, project_id, node_id, requested_by, agent_name, options, model,
             token_budget)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        new.id.as_uuid(),
        org.as_uuid(),
        new.project.as_uuid(),
        new.node.as_uuid(),
        new.user.as_uuid(),
        new.agent_name,
        json!(new.options),
        new.options.model,
        i64::try_from(new.token_budget).unwrap_or(i64::MAX)
    )
    .execute(&mut *tx.inner)
    .await?;
    let details = json!({"nodeId": new.node, "projectId": new.project, "agentName": new.agent_name});
    record(&mut tx, by, Action::ExecutionStarted, new.id, details).await?;
    let execution = changed(&mut tx, by, new.id).await?;
    tx.commit().await?;
    Ok(Begun::Begun(Box::new(execution)))
}

/// Notes who did something to a run.
async fn record(tx: &mut OrgTx, by: &Actor, action: Action, run: RunId, details: Value) -> Result<(), DbError> {
    let entry = by.did(action, ResourceKind::Execution, run).with(details);
    audit::record(tx, audit::Entry { run: Some(run.as_uuid()), ..entry }).await
}

/// Tells everybody of a run that was changed: those who watch, when the transaction commits, and workers.
async fn changed(tx: &mut OrgTx, by: &Actor, run: RunId) -> Result<Execution, DbError> {
    let execution = read_one(tx, run).await?.ok_or_else(|| DbError::Invalid(format!("the run {run} is not there")))?;
    tell(tx, &execution, by.principal);
    runs::wake(&mut tx.inner, run).await?;
    Ok(execution)
}

/// Notes the event that tells where a run stands.
fn tell(tx: &mut OrgTx, execution: &Execution, by: PrincipalRef) {
    let Execution { id, status, phase, control, question, steps, tokens_out, .. } = execution;
    let payload = json!({
        "executionId": id, "status": status, "phase": phase, "control": control,
        "progress": {"steps": steps, "tokensOut": tokens_out}, "question": question,
    });
    let event = NewEvent::new(EventKind::ExecutionUpdate, payload);
    events::append(tx, event.project(execution.project).node(execution.node).by([by]));
}

/// Where a run belongs, whoever asks. `None` when there is no such one.
pub async fn place(db: &Db, run: RunId) -> Result<Option<Place>, DbError> {
    let mut tx = db.maintenance().await?;
    let row = sqlx::query!("SELECT org_id, project_id, node_id FROM agent_executions WHERE id = $1", run.as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
    Ok(row.map(|row| Place { org: row.org_id.into(), project: row.project_id.into(), node: row.node_id.into() }))
}

/// A run of an organization.
pub async fn find(db: &Db, org: OrgId, run: RunId) -> Result<Option<Execution>, DbError> {
    let mut tx = db.org(org).await?;
    read_one(&mut tx, run).await
}

/// The run that works on a node, or else is to work on it next, or else the last one that did.
pub async fn current(db: &Db, org: OrgId, node: NodeId) -> Result<Option<Execution>, DbError> {
    let mut tx = db.org(org).await?;
    let id = sqlx::query_scalar!(
        "(SELECT id FROM agent_executions
          WHERE node_id = $1 AND org_id = $2 AND status IN ('pending', 'running', 'paused', 'awaiting_input')
          ORDER BY (status = 'pending'), created_at, id LIMIT 1)
         UNION ALL
         (SELECT id FROM agent_executions WHERE node_id = $1 AND org_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1)
         LIMIT 1",
        node.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    match id.flatten() {
        Some(id) => read_one(&mut tx, id.into()).await,
        None => Ok(None),
    }
}

/// The nodes besides its own in whose documents a run may have written.
pub async fn nodes_of(db: &Db, org: OrgId, run: RunId) -> Result<Vec<NodeId>, DbError> {
    let mut tx = db.org(org).await?;
    let nodes = sqlx::query_scalar!(
        "SELECT node_id FROM agent_execution_nodes WHERE execution_id = $1 AND org_id = $2 ORDER BY node_id",
        run.as_uuid(),
        org.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(nodes.into_iter().map(NodeId::new).collect())
}

/// Notes that what a run wrote was taken back in these documents.
pub async fn record_undoing(db: &Db, org: OrgId, by: &Actor, run: RunId, documents: &[String]) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    record(&mut tx, by, Action::ExecutionUndone, run, json!({"documents": documents})).await?;
    tx.commit().await
}

async fn read_one(tx: &mut OrgTx, run: RunId) -> Result<Option<Execution>, DbError> {
    Ok(read(tx, &[run.as_uuid()]).await?.into_iter().next())
}

/// Reads a word that the server itself has stored.
fn word<T>(text: &str, from_name: impl FnOnce(&str) -> Option<T>) -> Result<T, DbError> {
    from_name(text).ok_or_else(|| DbError::Invalid(format!("{text} is stored of a run, and means nothing")))
}

/// Reads what the server itself has stored as JSON.
fn parse<T: DeserializeOwned>(value: Value) -> Result<T, DbError> {
    serde_json::from_value(value).map_err(|error| DbError::Invalid(format!("what is stored of a run: {error}")))
}

/// Runs by their ids, in the order of these.
async fn read(tx: &mut OrgTx, ids: &[Uuid]) -> Result<Vec<Execution>, DbError> {
    let rows = sqlx::query!(
        "SELECT id, org_id, project_id, node_id, parent_id, depth, requested_by, agent_name, options, status, phase,
             control, question, answer, model, token_budget, tokens_in, tokens_out, tokens_cached, cost, cost_unknown,
             steps, error_code, error_message, output_item_id, created_at, started_at, completed_at
         FROM agent_executions WHERE id = ANY($1) AND org_id = $2 ORDER BY array_position($1, id)",
        ids,
        tx.org().as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    rows.into_iter()
        .map(|row| {
            let question = row.question.filter(|_| row.answer.is_none());
            Ok(Execution {
                id: row.id.into(),
                org: row.org_id.into(),
                project: row.project_id.into(),
                node: row.node_id.into(),
                parent: row.parent_id.map(RunId::new),
                depth: row.depth.unsigned_abs(),
                requested_by: row.requested_by.into(),
                agent_name: row.agent_name,
                options: parse(row.options)?,
                status: word(&row.status, Status::from_name)?,
                phase: row.phase.map(|phase| word(&phase, Phase::from_name)).transpose()?,
                control: row.control.map(|control| word(&control, Control::from_name)).transpose()?,
                question: question.map(parse).transpose()?,
                model: row.model,
                token_budget: row.token_budget.unsigned_abs(),
                tokens_in: row.tokens_in.unsigned_abs(),
                tokens_out: row.tokens_out.unsigned_abs(),
                tokens_cached: row.tokens_cached.unsigned_abs(),
                cost: (!row.cost_unknown).then(|| Cost::from_pico_usd(row.cost)),
                steps: row.steps.unsigned_abs(),
                error: row.error_code.map(|code| (code, row.error_message.unwrap_or_default())),
                output_item: row.output_item_id,
                created_at: row.created_at,
                started_at: row.started_at,
                completed_at: row.completed_at,
            })
        })
        .collect()
}
