//! Delivering: who tells which webhook, and what came of it.
//!
//! A webhook is leased by one worker at a time, which tells it what is due in the order in which it happened. A worker
//! whose lease has run out records nothing any more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use schema::ids::{DeliveryId, OrgId, WebhookId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::DeliveryState;
use crate::config::Secret;
use crate::db::audit::{self, Action, Actor, ResourceKind};
use crate::db::{Db, DbError};

/// Deliveries that are counted, at most: beyond, it does not matter how many wait.
const PENDING_COUNTED_MAX: i64 = 100_000;

/// A webhook that is this worker's for a while.
#[derive(Debug, Clone)]
pub(crate) struct Leased {
    pub(crate) lease: Uuid,
    pub(crate) id: WebhookId,
    pub(crate) org: OrgId,
    pub(crate) url: String,
    /// With what messages are signed, the newest first.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) failures: i32,
}

/// A delivery that is due.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) id: DeliveryId,
    pub(crate) message_id: Uuid,
    pub(crate) kind: String,
    pub(crate) payload: Value,
    pub(crate) attempts: i32,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) duration: Duration,
    pub(crate) status: Option<u16>,
    pub(crate) answer: Option<String>,
    pub(crate) error: Option<String>,
}

/// Where that leaves the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Delivered,
    /// To be tried again after this time.
    Again(Duration),
}

/// Leases a webhook for which something is due, for `time`, if there is one that nobody has.
pub(crate) async fn lease(db: &Db, lease: Uuid, time: Duration) -> Result<Option<Leased>, DbError> {
    let mut tx = db.deliveries().await?;
    let row = sqlx::query!(
        "UPDATE webhooks SET lease = $1, leased_until = now() + make_interval(secs => $2)
         WHERE id = (
             SELECT w.id FROM webhooks w
             WHERE (w.leased_until IS NULL OR w.leased_until < now())
               AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending'
                   AND d.due_at <= now() AND (w.active OR d.kind = 'ping'))
               AND w.retry_at <= now()
             ORDER BY w.retry_at LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
         RETURNING id, org_id, url, secret, failures,
             CASE WHEN previous_until > now() THEN previous_secret END AS previous",
        lease,
        time.as_secs_f64()
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row.map(|row| Leased {
        lease,
        id: row.id.into(),
        org: row.org_id.into(),
        url: row.url,
        secrets: [Some(row.secret), row.previous].into_iter().flatten().map(Secret::new).collect(),
        failures: row.failures,
    }))
}

/// What is due for a leased webhook, in the order in which it was made.
pub(crate) async fn due(db: &Db, webhook: &Leased, limit: usize) -> Result<Vec<Due>, DbError> {
    let mut tx = db.deliveries().await?;
    let rows = sqlx::query!(
        "SELECT d.id, d.message_id, d.kind, d.payload, d.attempts
         FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
         WHERE d.webhook_id = $1 AND w.lease = $2 AND d.state = 'pending' AND d.due_at <= now()
           AND (w.active OR d.kind = 'ping')
         ORDER BY d.due_at, d.created_at LIMIT $3",
        webhook.id.as_uuid(),
        webhook.lease,
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            id: row.id.into(),
            message_id: row.message_id,
            kind: row.kind,
            payload: row.payload,
            attempts: row.attempts,
        })
        .collect())
}

/// Notes what came of an attempt. Returns whether the webhook is still this worker's; if not, nothing is noted.
pub(crate) async fn record(
    db: &Db,
    webhook: &Leased,
    delivery: DeliveryId,
    attempt: &Attempt,
    outcome: Outcome,
) -> Result<bool, DbError> {
    let (state, wait) = match outcome {
        Outcome::Delivered => (DeliveryState::Delivered, Duration::ZERO),
        Outcome::Again(wait) => (DeliveryState::Pending, wait),
    };
    let mut tx = db.deliveries().await?;
    let recorded = sqlx::query!(
        "UPDATE webhook_deliveries d SET state = $4, attempts = d.attempts + 1, attempted_at = clock_timestamp(),
             due_at = CASE WHEN $4 = 'pending' THEN clock_timestamp() + make_interval(secs => $5) ELSE d.due_at END,
             duration_ms = $6, status = $7, answer = $8, error = $9
         FROM webhooks w WHERE d.id = $1 AND d.webhook_id = $2 AND w.id = $2 AND w.lease = $3",
        delivery.as_uuid(),
        webhook.id.as_uuid(),
        webhook.lease,
        state.as_str(),
        wait.as_secs_f64(),
        i32::try_from(attempt.duration.as_millis()).unwrap_or(i32::MAX),
        attempt.status.map(i32::from),
        attempt.answer,
        attempt.error
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(recorded > 0)
}

/// How a round of deliveries to a webhook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing was tried.
    Untried,
    /// All got through.
    Well,
    /// The last attempt failed: nothing is tried before this time has passed.
    Failed(Duration),
    /// The webhook said that it is gone for good.
    Gone,
}

/// Lets go of a webhook. One to which nothing got through for `days`, or that is gone, is made inactive. Returns why, if so.
pub(crate) async fn release(
    db: &Db,
    webhook: &Leased,
    ending: Ending,
    days: u32,
) -> Result<Option<&'static str>, DbError> {
    let mut tx = db.org(webhook.org).await?;
    let (failed, wait) = match ending {
        Ending::Untried => (None, Duration::ZERO),
        Ending::Well => (Some(false), Duration::ZERO),
        Ending::Failed(wait) => (Some(true), wait),
        Ending::Gone => (Some(true), Duration::ZERO),
    };
    let row = sqlx::query!(
        r#"UPDATE webhooks SET lease = NULL, leased_until = NULL, 
               failures = CASE WHEN $3 THEN failures + 1 WHEN NOT $3 THEN 0 ELSE failures END,
               failing_since = CASE WHEN $3 THEN coalesce(failing_since, now()) WHEN NOT $3 THEN NULL
                   ELSE failing_since END,
               retry_at = now() + make_interval(secs => $4)
           WHERE id = $1 AND lease = $2
           RETURNING active, failing_since < now() - make_interval(days => $5) AS "is_over""#,
        webhook.id.as_uuid(),
        webhook.lease,
        failed as Option<bool>,
        wait.as_secs_f64(),
        i32::try_from(days).unwrap_or(i32::MAX)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let why = match (ending, row) {
        (Ending::Gone, Some(row)) if row.active => Some("it answered 410: it is gone"),
        (Ending::Failed(_), Some(row)) if row.active && row.is_over == Some(true) => {
            Some("nothing got through for days")
        }
        _ => None,
    };
    if let Some(why) = why {
        sqlx::query!("UPDATE webhooks SET active = false, disabled_why = $2 WHERE id = $1", webhook.id.as_uuid(), why)
            .execute(&mut *tx.inner)
            .await?;
        let entry = Actor::SYSTEM.did(Action::WebhookDisabled, ResourceKind::Webhook, webhook.id);
        audit::record(&mut tx, entry.with(json!({"url": webhook.url, "why": why}))).await?;
    }
    tx.commit().await?;
    Ok(why)
}

/// How much waits to be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Deliveries that are pending, up to [`PENDING_COUNTED_MAX`].
    pub(crate) pending: i64,
    /// Active webhooks whose last delivery failed.
    pub(crate) failing: i64,
}

/// Counts what waits to be delivered, of all organizations.
pub(crate) async fn backlog(db: &Db) -> Result<Backlog, DbError> {
    let mut tx = db.deliveries().await?;
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM (SELECT FROM webhook_deliveries WHERE state = 'pending' LIMIT $1) AS waiting)
                      AS "pending!",
                  (SELECT count(*) FROM webhooks WHERE active AND failures > 0) AS "failing!""#,
        PENDING_COUNTED_MAX
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Backlog { pending: row.pending, failing: row.failing })
}

/// Gives up what was made before a time and did not get through.
pub(crate) async fn give_up_old(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let mut tx = db.deliveries().await?;
    let given_up = sqlx::query!(
        "UPDATE webhook_deliveries SET state = 'failed', error = coalesce(error, 'given up')
         WHERE id IN (SELECT id FROM webhook_deliveries WHERE created_at < $1 AND state = 'pending' LIMIT 5000)",
        before
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(given_up)
}

/// Removes what was made before a time, and is over.
pub(crate) async fn remove_old(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let mut tx = db.deliveries().await?;
    let removed = sqlx::query!(
        "DELETE FROM webhook_deliveries
         WHERE id IN (SELECT id FROM webhook_deliveries WHERE created_at < $1 AND state <> 'pending' LIMIT 5000)",
        before
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(removed)
}
