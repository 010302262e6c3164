//! Forgetting what runs said and noted.

use chrono::{DateTime, Utc};
use schema::ids::RunId;
use uuid::Uuid;

use crate::db::events::EventKind;
use crate::db::{DbError, OrgTx, notifications};

/// Lets go of the words in which runs of a project have told, since then, what they read and wrote: in their traces, in what
/// they failed of, in events, in what is on its way to other servers and in notifications.
pub(in crate::db) async fn forget_words(
    tx: &mut OrgTx,
    project: Uuid,
    runs: &[Uuid],
    since: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE agent_trace_events SET event_data = without_words(event_data) WHERE execution_id = ANY($1)",
        runs
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "UPDATE agent_executions SET error_message = NULL WHERE id = ANY($1) AND error_message IS NOT NULL",
        runs
    )
    .execute(&mut *tx.inner)
    .await?;
    // As they are written in JSON.
    let runs: Vec<String> = runs.iter().map(Uuid::to_string).collect();
    empty_events(tx, project, &runs, since).await?;
    empty_deliveries(tx, project, &runs, since).await?;
    notifications::forget_words_of(tx, project, &runs, since).await
}

/// Forgets what a run that is over has noted, and what it has said meanwhile, if it was at work while something was written
/// that has been forgotten since.
pub(in crate::db) async fn forget_ended(tx: &mut OrgTx, run: RunId) -> Result<(), DbError> {
    let ended = sqlx::query!(
        r#"UPDATE agent_executions SET forget_at_end = false, question = NULL, answer = NULL
           WHERE id = $1 AND org_id = $2 AND forget_at_end
           RETURNING project_id, coalesce(started_at, created_at) AS "since!""#,
        run.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(ended) = ended else { return Ok(()) };
    forget_journal(tx, run).await?;
    forget_words(tx, ended.project_id, &[run.as_uuid()], ended.since).await
}

/// Nobody goes on from what a run has noted any more.
pub(super) async fn forget_journal(tx: &mut OrgTx, run: RunId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM agent_journal WHERE execution_id = $1", run.as_uuid()).execute(&mut *tx.inner).await?;
    Ok(())
}

async fn empty_events(tx: &mut OrgTx, project: Uuid, runs: &[String], since: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE events SET payload = without_values(payload)
         WHERE project_id = $1 AND org_id = $2 AND at >= $3
           AND ((kind = ANY($4) AND payload ->> 'executionId' = ANY($6))
             OR (kind = $5 AND EXISTS (
                    SELECT FROM jsonb_array_elements(actors) AS actor WHERE actor ->> 'id' = ANY($6))))",
        project,
        tx.org().as_uuid(),
        since,
        &by_agents(),
        EventKind::Notification.as_str(),
        runs
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

async fn empty_deliveries(tx: &mut OrgTx, project: Uuid, runs: &[String], since: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE webhook_deliveries
         SET payload = jsonb_set(payload, '{payload}', without_values(payload -> 'payload'))
         WHERE org_id = $2 AND payload ->> 'projectId' = $1::uuid::text AND created_at >= $3 AND kind = ANY($4)
           AND payload -> 'payload' ->> 'executionId' = ANY($5)",
        project,
        tx.org().as_uuid(),
        since,
        &by_agents(),
        runs
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// The sorts of events in which agents tell what they read and wrote.
fn by_agents() -> Vec<String> {
    [EventKind::Trace, EventKind::ExecutionUpdate].map(|kind| kind.as_str().to_owned()).to_vec()
}
