//! Webhooks: which other servers are told what happens in an organization.

mod deliveries;
mod work;

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, WebhookId};
use serde_json::json;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::events::EventKind;
use super::page::{Key, Page, PageRequest, SortKey};
use super::{Db, DbError, OrgTx};
use crate::config::Secret;

#[cfg(feature = "testing")]
pub(super) use deliveries::to_webhook;
pub use deliveries::{Delivery, DeliveryState, deliveries, find_delivery, ping, redeliver};
pub(crate) use work::{
    Attempt, Backlog, Due, Ending, Leased, Outcome, backlog, due, give_up_old, lease, record, release, remove_old,
};

/// The constraint of a [`DbError::Conflict`] when an organization has as many webhooks as it may have.
pub const TOO_MANY_WEBHOOKS: &str = "webhooks_count";
/// For how long the secret before signs too, after a rotation.
pub const PREVIOUS_SECRET_HOURS: i32 = 24;

/// A webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Of which events it is told; empty: of all but moves of nodes.
    pub kinds: Vec<EventKind>,
    /// Whether it is told anything.
    pub active: bool,
    /// Why the server made it inactive.
    pub disabled_why: Option<String>,
    /// Since when nothing gets through.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// What a webhook begins with.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its id.
    pub id: WebhookId,
    /// Where it is.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// Of which events it is told.
    pub kinds: Vec<EventKind>,
    /// Whether it is told anything.
    pub active: bool,
    /// With what messages to it are signed.
    pub secret: Secret,
}

/// What of a webhook changes.
#[derive(Debug, Clone, Default)]
pub struct WebhookChanges {
    /// Where it is.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Of which events it is told.
    pub kinds: Option<Vec<EventKind>>,
    /// Whether it is told anything.
    pub active: Option<bool>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    url: String,
    description: String,
    kinds: Vec<String>,
    active: bool,
    disabled_why: Option<String>,
    failing_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for Webhook {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            url: row.url,
            description: row.description,
            // An instance of a later version may have written sorts that are not known here.
            kinds: row.kinds.iter().filter_map(|kind| kind.parse().ok()).collect(),
            active: row.active,
            disabled_why: row.disabled_why,
            failing_since: row.failing_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn names(kinds: &[EventKind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
}

/// So much of an address tells in which order it is listed: a cursor holds it.
const URL_KEY_CHARS: usize = 500;

/// What lists of webhooks can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookSort {
    /// When they were made.
    CreatedAt,
    /// Where they are.
    Url,
}

impl SortKey for WebhookSort {
    const LIST: &'static str = "webhooks";
    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt), ("url", Self::Url)];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Url => "left(url, 500)",
        }
    }
}

/// Webhooks of an organization: all, or only those that are active, or not.
pub async fn list(
    db: &Db,
    org: OrgId,
    active: Option<bool>,
    page: PageRequest<WebhookSort>,
) -> Result<Page<Webhook>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_org(org, active, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let webhooks = rows.into_iter().map(Webhook::from).collect();
    Ok(Page::of(page, webhooks, |webhook: &Webhook| {
        let key = match sort {
            WebhookSort::CreatedAt => Key::from(webhook.created_at),
            WebhookSort::Url => Key::from(webhook.url.chars().take(URL_KEY_CHARS).collect::<String>()),
        };
        (key, webhook.id.as_uuid())
    }))
}

pub(super) fn of_org(org: OrgId, active: Option<bool>, page: &PageRequest<WebhookSort>) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, url, description, kinds, active, disabled_why, failing_since, created_at, updated_at FROM webhooks
         WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid());
    if let Some(active) = active {
        statement.push(" AND active = ").push_bind(active);
    }
    page.complete(&mut statement);
    statement
}

/// A webhook of an organization.
pub async fn find(db: &Db, org: OrgId, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, url, description, kinds, active, disabled_why, failing_since, created_at, updated_at FROM webhooks
         WHERE id = $1 AND org_id = $2",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(Webhook::from))
}

/// Makes a webhook, of at most `most` in the organization; more is a [`DbError::Conflict`] of [`TOO_MANY_WEBHOOKS`]. One
/// that was made under this id before is left as it is. Returns it with its secret.
pub async fn create(
    db: &Db,
    org: OrgId,
    by: &Actor,
    new: &NewWebhook,
    most: usize,
) -> Result<(Webhook, Secret), DbError> {
    if let Some(found) = find(db, org, new.id).await? {
        return Ok((found, secret_of(db, org, new.id).await?.unwrap_or_else(|| new.secret.clone())));
    }
    let mut tx = db.org(org).await?;
    // Of two who count at the same time, the second sees what the first made.
    sqlx::query!("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM webhooks WHERE org_id = $1"#, org.as_uuid())
        .fetch_one(&mut *tx.inner)
        .await?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= most {
        return Err(DbError::Conflict { constraint: TOO_MANY_WEBHOOKS.into() });
    }
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO webhooks (id, org_id, url, description, kinds, active, secret) VALUES ($1, $2, $3, $4, $5, $6, $7)
         RETURNING id, url, description, kinds, active, disabled_why, failing_since, created_at, updated_at",
        new.id.as_uuid(),
        org.as_uuid(),
        new.url,
        new.description,
        &names(&new.kinds),
        new.active,
        new.secret.expose()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let details = json!({"url": new.url, "events": names(&new.kinds)});
    audit::record(&mut tx, by.did(Action::WebhookCreated, ResourceKind::Webhook, new.id).with(details)).await?;
    tx.commit().await?;
    Ok((row.into(), new.secret.clone()))
}

async fn secret_of(db: &Db, org: OrgId, id: WebhookId) -> Result<Option<Secret>, DbError> {
    let mut tx = db.org(org).await?;
    let secret =
        sqlx::query_scalar!("SELECT secret FROM webhooks WHERE id = $1 AND org_id = $2", id.as_uuid(), org.as_uuid())
            .fetch_optional(&mut *tx.inner)
            .await?;
    Ok(secret.map(Secret::new))
}

/// Makes the changes to a webhook that `change` asks for when it sees what it is; nobody else changes it meanwhile. One
/// that is made active again, or is somewhere else, starts without failures. `None` when there is no such one.
pub async fn update<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    id: WebhookId,
    change: impl FnOnce(Webhook) -> Result<WebhookChanges, E>,
) -> Result<Option<Webhook>, E> {
    let mut tx = db.org(org).await?;
    let Some(present) = lock(&mut tx, id).await? else { return Ok(None) };
    let changes = change(present)?;
    Ok(write(tx, by, id, &changes).await?)
}

async fn lock(tx: &mut OrgTx, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, url, description, kinds, active, disabled_why, failing_since, created_at, updated_at FROM webhooks
         WHERE id = $1 AND org_id = $2 FOR NO KEY UPDATE",
        id.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(Webhook::from))
}

async fn write(mut tx: OrgTx, by: &Actor, id: WebhookId, changes: &WebhookChanges) -> Result<Option<Webhook>, DbError> {
    let kinds = changes.kinds.as_deref().map(names);
    let starts_anew = changes.active == Some(true) || changes.url.is_some();
    let row = sqlx::query_as!(
        Row,
        "UPDATE webhooks SET url = coalesce($3, url), description = coalesce($4, description),
             kinds = coalesce($5, kinds), active = coalesce($6, active), updated_at = clock_timestamp(),
             disabled_why = CASE WHEN $6 THEN NULL ELSE disabled_why END,
             failing_since = CASE WHEN $7 THEN NULL ELSE failing_since END,
             failures = CASE WHEN $7 THEN 0 ELSE failures END, retry_at = CASE WHEN $7 THEN now() ELSE retry_at END
         WHERE id = $1 AND org_id = $2
         RETURNING id, url, description, kinds, active, disabled_why, failing_since, created_at, updated_at",
        id.as_uuid(),
        tx.org().as_uuid(),
        changes.url,
        changes.description,
        kinds.as_deref(),
        changes.active,
        starts_anew
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let details = json!({
        "url": changes.url,
        "events": kinds,
        "active": changes.active,
    });
    audit::record(&mut tx, by.did(Action::WebhookUpdated, ResourceKind::Webhook, id).with(details)).await?;
    tx.commit().await?;
    Ok(Some(row.into()))
}

/// Deletes a webhook with its log. Returns whether there was one.
pub async fn delete(db: &Db, org: OrgId, by: &Actor, id: WebhookId) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let url = sqlx::query_scalar!(
        "DELETE FROM webhooks WHERE id = $1 AND org_id = $2 RETURNING url",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(url) = url else { return Ok(false) };
    let entry = by.did(Action::WebhookDeleted, ResourceKind::Webhook, id).with(json!({"url": url}));
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(true)
}

/// Gives a webhook another secret; the one before signs too for [`PREVIOUS_SECRET_HOURS`]. Returns whether there is such
/// a webhook.
pub async fn rotate(db: &Db, org: OrgId, by: &Actor, id: WebhookId, secret: &Secret) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let rotated = sqlx::query!(
        "UPDATE webhooks SET previous_secret = secret, previous_until = now() + make_interval(hours => $4), secret = $3,
             updated_at = clock_timestamp()
         WHERE id = $1 AND org_id = $2",
        id.as_uuid(),
        org.as_uuid(),
        secret.expose(),
        PREVIOUS_SECRET_HOURS
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    if rotated == 0 {
        return Ok(false);
    }
    audit::record(&mut tx, by.did(Action::WebhookSecretRotated, ResourceKind::Webhook, id)).await?;
    tx.commit().await?;
    Ok(true)
}
