//! API keys: by them programs act for the person who made the key, in one organization.
//!
//! Only a key's hash is stored. A key is 256 random bits, so that a plain hash of it tells nothing of it, and looking the
//! hash up in an index tells nothing of other keys.

use chrono::{DateTime, TimeDelta, Utc};
use schema::ids::{OrgId, UserId};
use serde_json::json;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::page::{Key, Page, PageRequest, SortKey};
use super::{Db, DbError, OrgTx};
use crate::access::Scope;

/// How many keys of an organization may be in force.
pub const API_KEYS_MAX: i64 = 200;

/// The constraint of a [`DbError::Conflict`] when an organization has [`API_KEYS_MAX`] already.
pub const TOO_MANY: &str = "api_keys_too_many";

/// How exactly it is known when a key was last used.
const LAST_USED_GRAIN: TimeDelta = TimeDelta::minutes(1);

/// A key, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, and that of the principal that acts by it.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// The characters that it begins with.
    pub hint: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Who made it, and for whom it acts.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// What it is, hashed.
    pub hash: [u8; 32],
    /// The characters that it begins with.
    pub hint: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Who makes it, and for whom it acts.
    pub created_by: UserId,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    hint: String,
    scopes: Vec<String>,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl Row {
    fn read(self) -> Result<ApiKey, DbError> {
        Ok(ApiKey {
            id: self.id,
            name: self.name,
            hint: self.hint,
            scopes: read_scopes(&self.scopes)?,
            created_by: self.created_by.into(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            last_used_at: self.last_used_at,
        })
    }
}

fn read_scopes(scopes: &[String]) -> Result<Vec<Scope>, DbError> {
    let read = |text: &String| Scope::from_name(text).ok_or_else(|| DbError::Invalid(format!("{text} is no scope")));
    scopes.iter().map(read).collect()
}

/// Makes a key.
pub async fn create(db: &Db, org: OrgId, by: &Actor, key: &NewApiKey) -> Result<ApiKey, DbError> {
    let mut tx = db.org(org).await?;
    let in_force = sqlx::query_scalar!(
        r#"SELECT count(*) AS "in_force!" FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL"#,
        org.as_uuid()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    if in_force >= API_KEYS_MAX {
        return Err(DbError::Conflict { constraint: TOO_MANY.into() });
    }
    let scopes: Vec<String> = key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO api_keys (id, org_id, created_by, name, hash, hint, scopes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         RETURNING id, name, hint, scopes, created_by, created_at, expires_at, revoked_at, last_used_at",
        key.id,
        org.as_uuid(),
        key.created_by.as_uuid(),
        key.name,
        &key.hash[..],
        key.hint,
        &scopes,
        key.expires_at
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let details = json!({ "name": key.name, "scopes": scopes, "expiresAt": key.expires_at });
    audit::record(&mut tx, by.did(Action::ApiKeyCreated, ResourceKind::ApiKey, key.id).with(details)).await?;
    tx.commit().await?;
    row.read()
}

/// What lists of keys can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeySort {
    /// When they were made.
    CreatedAt,
    /// What they are called.
    Name,
}

impl SortKey for ApiKeySort {
    const LIST: &'static str = "api-keys";
    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt), ("name", Self::Name)];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Name => "name",
        }
    }
}

/// Which keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All, those that are no longer in force, too.
    All,
    /// Those in force then.
    Active(DateTime<Utc>),
    /// Those that were revoked.
    Revoked,
    /// Those that have run out by then, and were not revoked.
    Expired(DateTime<Utc>),
}

/// Keys of an organization.
pub async fn list(db: &Db, org: OrgId, which: Which, page: PageRequest<ApiKeySort>) -> Result<Page<ApiKey>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_org(org, which, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            ApiKeySort::CreatedAt => Key::from(row.created_at),
            ApiKeySort::Name => Key::from(row.name.clone()),
        };
        (key, row.id)
    });
    page.try_map(Row::read)
}

pub(super) fn of_org(org: OrgId, which: Which, page: &PageRequest<ApiKeySort>) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, name, hint, scopes, created_by, created_at, expires_at, revoked_at, last_used_at FROM api_keys
         WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid());
    match which {
        Which::All => &mut statement,
        Which::Active(now) => {
            statement.push(" AND revoked_at IS NULL AND coalesce(expires_at, 'infinity') > ").push_bind(now)
        }
        Which::Revoked => statement.push(" AND revoked_at IS NOT NULL"),
        Which::Expired(now) => statement.push(" AND revoked_at IS NULL AND expires_at <= ").push_bind(now),
    };
    page.complete(&mut statement);
    statement
}

/// A key of an organization.
pub async fn find(db: &Db, org: OrgId, id: Uuid) -> Result<Option<ApiKey>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        Row,
        "SELECT id, name, hint, scopes, created_by, created_at, expires_at, revoked_at, last_used_at FROM api_keys
         WHERE id = $1 AND org_id = $2",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(Row::read).transpose()
}

/// Ends a key for good, and returns for whom it acted. `None` when there is no such key, or it was revoked before.
pub async fn revoke(db: &Db, org: OrgId, by: &Actor, id: Uuid) -> Result<Option<UserId>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query!(
        "UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND org_id = $2 AND revoked_at IS NULL
         RETURNING name, created_by",
        id,
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let entry = by.did(Action::ApiKeyRevoked, ResourceKind::ApiKey, id);
    audit::record(&mut tx, entry.with(json!({ "name": row.name }))).await?;
    tx.commit().await?;
    Ok(Some(row.created_by.into()))
}

/// Ends the keys of a person who leaves.
pub(super) async fn revoke_of(tx: &mut OrgTx, by: &Actor, user: UserId) -> Result<(), DbError> {
    let ended = sqlx::query!(
        "UPDATE api_keys SET revoked_at = now() WHERE org_id = $1 AND created_by = $2 AND revoked_at IS NULL
         RETURNING id, name",
        tx.org().as_uuid(),
        user.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    for key in ended {
        let entry = by.did(Action::ApiKeyRevoked, ResourceKind::ApiKey, key.id);
        audit::record(tx, entry.with(json!({ "name": key.name, "left": user }))).await?;
    }
    Ok(())
}

/// Whose a key is, and what it may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInForce {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// The organization that it opens, and no other.
    pub org: OrgId,
    /// What it may be used for.
    pub scope: Scope,
    /// For whom it acts: who made it, and belongs to the organization still.
    pub user: UserId,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Finds the key with this hash, if it was not revoked and its maker is of the organization. Whether it has run out is
/// for the caller to see. Notes that it was used.
pub async fn use_key(db: &Db, hash: &[u8; 32], now: DateTime<Utc>) -> Result<Option<KeyInForce>, DbError> {
    let mut tx = db.holder_of(hash).await?;
    let found = sqlx::query!(
        r#"SELECT id, name, org_id, scopes, created_by, expires_at, last_used_at,
                  set_config('app.current_user_ids', created_by::text, true) AS "_set"
           FROM api_keys WHERE hash = $1 AND revoked_at IS NULL"#,
        &hash[..]
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(key) = found else { return Ok(None) };
    let is_member = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM org_members WHERE org_id = $1 AND user_id = $2) AS "is_member!""#,
        key.org_id,
        key.created_by
    )
    .fetch_one(&mut *tx)
    .await?;
    drop(tx);
    let scope = read_scopes(&key.scopes)?.into_iter().max();
    let Some(scope) = scope.filter(|_| is_member) else { return Ok(None) };
    let org = OrgId::new(key.org_id);
    if key.last_used_at.is_none_or(|last| last + LAST_USED_GRAIN <= now) {
        note_use(db, org, key.id, now).await?;
    }
    Ok(Some(KeyInForce {
        id: key.id,
        name: key.name,
        org,
        scope,
        user: key.created_by.into(),
        expires_at: key.expires_at,
    }))
}

async fn note_use(db: &Db, org: OrgId, id: Uuid, now: DateTime<Utc>) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    // Others may have noted it meanwhile: one write will do.
    sqlx::query!(
        "UPDATE api_keys SET last_used_at = $3::timestamptz WHERE id = $1 AND org_id = $2
         AND (last_used_at IS NULL OR last_used_at <= $3::timestamptz - interval '1 minute')",
        id,
        org.as_uuid(),
        now
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}
