//! The log of what a webhook was told.

use chrono::{DateTime, Utc};
use schema::ids::{DeliveryId, OrgId, WebhookId};
use serde_json::{Value, json};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::db::{Db, DbError, Page, PageRequest};

/// The sort of message that only says that the webhook is reached.
const PING: &str = "ping";

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be tried, or tried again.
    Pending,
    /// The webhook has said that it got it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    fn from_column(text: &str) -> Result<Self, DbError> {
        let found = [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| DbError::Invalid(format!("{text} is no state of a delivery")))
    }
}

/// What became of a message to a webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The message's: that of the header `webhook-id`.
    pub message_id: Uuid,
    /// What sort of event, or `ping`.
    pub kind: String,
    /// What is told.
    pub payload: Value,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next, or was to be.
    pub due_at: DateTime<Utc>,
    /// When it was tried last.
    pub attempted_at: Option<DateTime<Utc>>,
    /// How long that took.
    pub duration_ms: Option<i32>,
    /// The status of the answer.
    pub status: Option<i32>,
    /// The first bytes of the answer.
    pub answer: Option<String>,
    /// Why there was no answer, or it is given up.
    pub error: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    message_id: Uuid,
    kind: String,
    payload: Value,
    state: String,
    attempts: i32,
    due_at: DateTime<Utc>,
    attempted_at: Option<DateTime<Utc>>,
    duration_ms: Option<i32>,
    status: Option<i32>,
    answer: Option<String>,
    error: Option<String>,
    created_at: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<Delivery, DbError> {
        Ok(Delivery {
            id: self.id.into(),
            message_id: self.message_id,
            kind: self.kind,
            payload: self.payload,
            state: DeliveryState::from_column(&self.state)?,
            attempts: self.attempts,
            due_at: self.due_at,
            attempted_at: self.attempted_at,
            duration_ms: self.duration_ms,
            status: self.status,
            answer: self.answer,
            error: self.error,
            created_at: self.created_at,
        })
    }
}

/// A page of what a webhook was told, or is to be told; of one state, if one is given.
pub async fn deliveries(
    db: &Db,
    org: OrgId,
    webhook: WebhookId,
    state: Option<DeliveryState>,
    page: PageRequest,
) -> Result<Page<Delivery>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = to_webhook(org, webhook, state, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    Page::of(page, rows, |row| (row.created_at, row.id)).try_map(Row::read)
}

pub(in crate::db) fn to_webhook(
    org: OrgId,
    webhook: WebhookId,
    state: Option<DeliveryState>,
    page: &PageRequest,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, message_id, kind, payload, state, attempts, due_at, attempted_at, duration_ms, status, answer, error,
             created_at
         FROM webhook_deliveries WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid()).push(" AND webhook_id = ").push_bind(webhook.as_uuid());
    if let Some(state) = state {
        statement.push(" AND state = ").push_bind(state.as_str());
    }
    page.complete(&mut statement);
    statement
}

/// One delivery to a webhook.
pub async fn find_delivery(
    db: &Db,
    org: OrgId,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<Delivery>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, message_id, kind, payload, state, attempts, due_at, attempted_at, duration_ms, status, answer, error,
             created_at
         FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2 AND org_id = $3",
        id.as_uuid(),
        webhook.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(Row::read).transpose()
}

/// Has a message delivered once more, as a delivery of its own (`again`) under the message's id. `None` when there is no such
/// delivery. What is asked again is done once.
pub async fn redeliver(
    db: &Db,
    org: OrgId,
    webhook: WebhookId,
    id: DeliveryId,
    again: DeliveryId,
) -> Result<Option<Delivery>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO webhook_deliveries AS made (id, org_id, webhook_id, message_id, kind, payload)
         SELECT $4, org_id, webhook_id, message_id, kind, payload FROM webhook_deliveries
         WHERE id = $1 AND webhook_id = $2 AND org_id = $3
         ON CONFLICT (id) DO UPDATE SET org_id = made.org_id
         RETURNING id, message_id, kind, payload, state, attempts, due_at, attempted_at, duration_ms, status, answer, error,
             created_at",
        id.as_uuid(),
        webhook.as_uuid(),
        org.as_uuid(),
        again.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    hurry(&mut tx, webhook).await?;
    tx.commit().await?;
    row.map(Row::read).transpose()
}

/// Has a webhook told that it is reached, if it is, by a delivery of this id. `None` when there is no such webhook. What is
/// asked again is done once.
pub async fn ping(
    db: &Db,
    org: OrgId,
    webhook: WebhookId,
    id: DeliveryId,
    at: DateTime<Utc>,
) -> Result<Option<Delivery>, DbError> {
    let mut tx = db.org(org).await?;
    let payload = json!({"type": PING, "organizationId": org, "webhookId": webhook, "at": at});
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO webhook_deliveries AS made (id, org_id, webhook_id, kind, payload)
         SELECT $5, org_id, id, $3, $4 FROM webhooks WHERE id = $1 AND org_id = $2
         ON CONFLICT (id) DO UPDATE SET org_id = made.org_id
         RETURNING id, message_id, kind, payload, state, attempts, due_at, attempted_at, duration_ms, status, answer, error,
             created_at",
        webhook.as_uuid(),
        org.as_uuid(),
        PING,
        payload,
        id.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    hurry(&mut tx, webhook).await?;
    tx.commit().await?;
    row.map(Row::read).transpose()
}

/// Somebody waits to see what becomes of a delivery: it is tried now, whatever failed before.
async fn hurry(tx: &mut crate::db::OrgTx, webhook: WebhookId) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!("UPDATE webhooks SET retry_at = now() WHERE id = $1 AND org_id = $2", webhook.as_uuid(), org)
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}
