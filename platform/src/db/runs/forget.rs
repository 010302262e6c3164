//! Forgetting what runs said.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::db::events::EventKind;
use crate::db::{DbError, OrgTx, notifications};

/// Lets go of the words in which runs of a project have told, since then, what they read and wrote: in their traces, in
/// events, in what is on its way to other servers and in notifications.
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
    // As they are written in JSON.
    let runs: Vec<String> = runs.iter().map(Uuid::to_string).collect();
    empty_events(tx, project, &runs, since).await?;
    empty_deliveries(tx, project, &runs, since).await?;
    notifications::forget_words_of(tx, project, &runs, since).await
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
