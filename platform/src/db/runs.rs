//! Runs of agents, for the workers that drive them: leases, journals, and what runs show of themselves.
//!
//! Whoever holds the lease of a run drives it. Each lease has a number, and whatever is written for a run is written only
//! while that number is the run's: who has lost the lease writes nothing any more.

mod announce;
mod forget;
mod journal;
mod tokens;

use std::time::Duration;

use schema::ids::{NodeId, OrgId, ProjectId, RunId, UserId};
use serde_json::Value;
use sqlx::postgres::PgListener;
use uuid::Uuid;

use super::{Db, DbError};
use crate::executions::{Answer, Control, ExecuteOptions, WAKE_CHANNEL};

pub use announce::{announce, announce_again};
pub(super) use forget::{forget_ended, forget_words};
pub use journal::{
    Append, AppendError, Changes, Entry, Finished, Shown, Subrun, Tally, TraceChange, append, has, journal,
};
pub use tokens::{Reservation, Usage};

/// Leases after which a run that gets nowhere is given up.
pub const ATTEMPTS_MAX: i32 = 3;
/// How often a run is looked for when others were faster.
const CLAIM_TRIES: usize = 3;

/// A run that is this worker's for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    /// The run.
    pub run: RunId,
    /// Its organization.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
    /// The node on which it works.
    pub node: NodeId,
    /// For whom it acts.
    pub user: UserId,
    /// What it calls itself.
    pub agent_name: String,
    /// What it was asked to do.
    pub options: ExecuteOptions,
    /// How deep it stands below the run that a person began.
    pub depth: u32,
    /// What has been asked of it.
    pub control: Option<Control>,
    /// What was answered to its question.
    pub answer: Option<Answer>,
    /// Tokens that it may use.
    pub token_budget: u64,
    /// The lease's number.
    pub epoch: i64,
    /// How often it was leased since its journal last grew.
    pub attempts: i32,
    /// How long it waited for its first lease.
    pub waited: Duration,
}

/// The lease is somebody else's now, or the run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run's lease is lost")]
pub struct LeaseLost;

/// What a worker may take on.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// How long a lease lasts.
    pub lease: Duration,
    /// Runs of one organization that are driven at the same time, over all workers.
    pub per_org: i64,
}

/// Which run is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The oldest one.
    Any,
    /// The oldest one of those of which a queue was told so long ago, and which nobody has taken up since.
    Overlooked(Duration),
    /// This one.
    Of(RunId),
}

/// Leases a run that nobody drives and that has something to do, if there is one. Of an organization only so many are driven
/// at a time, beside those that are only to be cancelled.
pub async fn claim(db: &Db, worker: Uuid, capacity: Capacity, wanted: Claim) -> Result<Option<Leased>, DbError> {
    for _ in 0..CLAIM_TRIES {
        match try_claim(db, worker, capacity, wanted).await? {
            Claimed::Nothing => return Ok(None),
            Claimed::Leased(leased) => return Ok(Some(*leased)),
            Claimed::TooLate => {}
        }
    }
    Ok(None)
}

/// What came of looking for a run.
enum Claimed {
    /// There is none.
    Nothing,
    Leased(Box<Leased>),
    /// Others have taken on as many of this organization as there may be, meanwhile.
    TooLate,
}

async fn try_claim(db: &Db, worker: Uuid, capacity: Capacity, wanted: Claim) -> Result<Claimed, DbError> {
    let (only, told_before) = match wanted {
        Claim::Any => (None, None),
        Claim::Overlooked(time) => (None, Some(time.as_secs_f64())),
        Claim::Of(run) => (Some(run.as_uuid()), None),
    };
    let mut tx = db.workers().await?;
    let found = sqlx::query!(
        "SELECT c.id, c.org_id FROM agent_executions c
         WHERE c.status IN ('pending', 'running', 'paused', 'awaiting_input')
           AND ($2::uuid IS NULL OR c.id = $2)
           AND ($3::float8 IS NULL OR c.announced_at < clock_timestamp() - make_interval(secs => $3))
           AND is_due(c) AND (runs_driven(c.org_id) < $1 OR c.control = 'cancel')
         ORDER BY c.created_at LIMIT 1 FOR UPDATE SKIP LOCKED",
        capacity.per_org,
        only,
        told_before
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(found) = found else { return Ok(Claimed::Nothing) };
    // Those of one organization are counted one after another.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", format!("runs of {}", found.org_id))
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query!(
        r#"UPDATE agent_executions e
           SET status = 'running', lease_epoch = e.lease_epoch + 1, leased_by = $1, due_at = NULL, announced_at = NULL,
               leased_until = clock_timestamp() + make_interval(secs => $2),
               started_at = coalesce(e.started_at, clock_timestamp()),
               attempts = CASE WHEN e.status = 'running' THEN e.attempts + 1 ELSE 1 END
           WHERE e.id = $4 AND (runs_driven(e.org_id) < $3 OR e.control = 'cancel')
           RETURNING id, org_id, project_id, node_id, requested_by, agent_name, options, depth, control, answer,
               token_budget, lease_epoch, attempts,
               extract(epoch FROM started_at - created_at)::float8 AS "waited_seconds!""#,
        worker,
        capacity.lease.as_secs_f64(),
        capacity.per_org,
        found.id
    )
    .fetch_optional(&mut *tx)
    .await;
    // Two that wait for the same node were taken at the same moment: one of them goes first.
    let row = match row {
        Err(sqlx::Error::Database(error)) if error.constraint() == Some("agent_executions_active") => {
            return Ok(Claimed::Nothing);
        }
        row => row?,
    };
    let Some(row) = row else {
        // At once: others wait for their turn.
        tx.rollback().await?;
        return Ok(Claimed::TooLate);
    };
    tx.commit().await?;
    Ok(Claimed::Leased(Box::new(Leased {
        run: row.id.into(),
        org: row.org_id.into(),
        project: row.project_id.into(),
        node: row.node_id.into(),
        user: row.requested_by.into(),
        agent_name: row.agent_name,
        options: read(row.options)?,
        depth: u32::try_from(row.depth).unwrap_or(0),
        control: row.control.as_deref().map(control).transpose()?,
        answer: row.answer.map(read).transpose()?,
        token_budget: u64::try_from(row.token_budget).unwrap_or(0),
        epoch: row.lease_epoch,
        attempts: row.attempts,
        waited: Duration::try_from_secs_f64(row.waited_seconds).unwrap_or_default(),
    })))
}

/// Makes a lease last from now, and says what has been asked of the run.
pub async fn renew(db: &Db, leased: &Leased, lease: Duration) -> Result<Result<Option<Control>, LeaseLost>, DbError> {
    let mut tx = db.workers().await?;
    let row = sqlx::query!(
        "UPDATE agent_executions SET leased_until = clock_timestamp() + make_interval(secs => $3)
         WHERE id = $1 AND lease_epoch = $2 AND status = 'running' AND leased_by IS NOT NULL
         RETURNING control",
        leased.run.as_uuid(),
        leased.epoch,
        lease.as_secs_f64()
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    let Some(row) = row else { return Ok(Err(LeaseLost)) };
    Ok(Ok(row.control.as_deref().map(control).transpose()?))
}

/// What is asked of these runs now.
pub async fn controls(db: &Db, runs: &[RunId]) -> Result<Vec<(RunId, Option<Control>)>, DbError> {
    let ids: Vec<Uuid> = runs.iter().map(RunId::as_uuid).collect();
    let mut tx = db.workers().await?;
    let rows =
        sqlx::query!("SELECT id, control FROM agent_executions WHERE id = ANY($1)", &ids).fetch_all(&mut *tx).await?;
    rows.into_iter().map(|row| Ok((row.id.into(), row.control.as_deref().map(control).transpose()?))).collect()
}

/// How often a run was leased since its journal last grew.
pub async fn attempts(db: &Db, leased: &Leased) -> Result<i32, DbError> {
    let mut tx = db.workers().await?;
    let attempts = sqlx::query_scalar!("SELECT attempts FROM agent_executions WHERE id = $1", leased.run.as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
    Ok(attempts.unwrap_or(0))
}

/// Why a run is given back that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// The worker ends: that counts as no attempt, and another worker goes on at once.
    HandOver,
    /// It could not go on: another worker tries after this time. If a queue told of it, its message comes back for that.
    After(Duration),
}

/// Gives a run back that is not over.
pub async fn release(db: &Db, leased: &Leased, why: Release) -> Result<(), DbError> {
    let (pause, counts) = match why {
        Release::HandOver => (Duration::ZERO, false),
        Release::After(pause) => (pause, true),
    };
    let mut tx = db.workers().await?;
    sqlx::query!(
        "UPDATE agent_executions SET leased_by = NULL, leased_until = NULL,
             due_at = clock_timestamp() + make_interval(secs => $3),
             attempts = CASE WHEN $4 THEN attempts ELSE greatest(attempts - 1, 0) END,
             announced_at = CASE WHEN $4 THEN clock_timestamp() END
         WHERE id = $1 AND lease_epoch = $2 AND status = 'running'",
        leased.run.as_uuid(),
        leased.epoch,
        pause.as_secs_f64(),
        counts
    )
    .execute(&mut *tx)
    .await?;
    wake(&mut tx, leased.run).await?;
    tx.commit().await?;
    Ok(())
}

/// Has workers look at a run once the transaction commits.
pub(crate) async fn wake(connection: &mut sqlx::PgConnection, run: RunId) -> Result<(), DbError> {
    sqlx::query!("SELECT pg_notify($1, $2)", WAKE_CHANNEL, run.to_string()).fetch_one(connection).await?;
    Ok(())
}

/// Hears which runs there may be something to do about.
pub struct Wakes(PgListener);

impl Wakes {
    /// Listens, on a connection of its own.
    pub async fn listen(db: &Db) -> Result<Self, DbError> {
        let mut listener = PgListener::connect_with(db.pool()).await?;
        listener.listen(WAKE_CHANNEL).await?;
        Ok(Self(listener))
    }

    /// The next one; `None` when some may have been missed.
    pub async fn next(&mut self) -> Result<Option<RunId>, DbError> {
        let heard = self.0.try_recv().await?;
        Ok(heard.and_then(|notification| notification.payload().parse().ok()))
    }
}

/// Reads what the server itself has stored as JSON.
fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, DbError> {
    serde_json::from_value(value).map_err(|error| DbError::Invalid(format!("what is stored of a run: {error}")))
}

fn control(text: &str) -> Result<Control, DbError> {
    Control::from_name(text).ok_or_else(|| DbError::Invalid(format!("{text} cannot be asked of a run")))
}
