//! The models of organizations.

use chrono::{DateTime, Utc};
use schema::ids::OrgId;
use serde_json::json;
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::{Db, DbError, OrgTx};

/// The constraint of a [`DbError::Conflict`] when an organization has a model of this name.
pub const NAME_TAKEN: &str = "agent_models_org_id_name_key";
/// The constraint of a [`DbError::Conflict`] when an organization has as many models as it may have.
pub const TOO_MANY_MODELS: &str = "agent_models_count";
/// Models of one organization, at most.
pub const MODELS_MAX: i64 = 100;

/// A model that an organization has set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgModel {
    /// Its id.
    pub id: Uuid,
    /// What it is called in the organization.
    pub name: String,
    /// Where its OpenAI-compatible API is.
    pub base_url: String,
    /// What its provider calls it.
    pub model: String,
    /// Names the key that is sent to it, of the organization's keys.
    pub key_name: Option<String>,
    /// What a million tokens in cost, in millionths of a US dollar; `None`: unknown.
    pub price_in: Option<u64>,
    /// The same of a million tokens out.
    pub price_out: Option<u64>,
    /// Tokens that it takes in.
    pub context_tokens: u64,
    /// Tokens of one answer.
    pub output_tokens: u64,
    /// The names of models that stand in for it, in order.
    pub fallbacks: Vec<String>,
    /// When it was set up.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// What a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFields {
    /// What it is called in the organization.
    pub name: String,
    /// Where its OpenAI-compatible API is.
    pub base_url: String,
    /// What its provider calls it.
    pub model: String,
    /// Names the key that is sent to it.
    pub key_name: Option<String>,
    /// What a million tokens in cost, in millionths of a US dollar.
    pub price_in: Option<u64>,
    /// The same of a million tokens out.
    pub price_out: Option<u64>,
    /// Tokens that it takes in.
    pub context_tokens: u32,
    /// Tokens of one answer.
    pub output_tokens: u32,
    /// The names of models that stand in for it, in order.
    pub fallbacks: Vec<String>,
}

struct Row {
    id: Uuid,
    name: String,
    base_url: String,
    model: String,
    key_name: Option<String>,
    price_in: Option<i64>,
    price_out: Option<i64>,
    context_tokens: i32,
    output_tokens: i32,
    fallbacks: Vec<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Row> for OrgModel {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            base_url: row.base_url,
            model: row.model,
            key_name: row.key_name,
            price_in: row.price_in.map(i64::unsigned_abs),
            price_out: row.price_out.map(i64::unsigned_abs),
            context_tokens: u64::from(row.context_tokens.unsigned_abs()),
            output_tokens: u64::from(row.output_tokens.unsigned_abs()),
            fallbacks: row.fallbacks,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn price(millionths: Option<u64>) -> Option<i64> {
    millionths.map(|millionths| i64::try_from(millionths).unwrap_or(i64::MAX))
}

fn tokens(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The models of an organization, by name.
pub async fn list(db: &Db, org: OrgId) -> Result<Vec<OrgModel>, DbError> {
    let mut tx = db.org(org).await?;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, name, base_url, model, key_name, price_in, price_out, context_tokens, output_tokens, fallbacks,
               created_at, updated_at
           FROM agent_models WHERE org_id = $1 ORDER BY name"#,
        org.as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(OrgModel::from).collect())
}

/// A model of an organization.
pub async fn find(db: &Db, org: OrgId, id: Uuid) -> Result<Option<OrgModel>, DbError> {
    let mut tx = db.org(org).await?;
    find_in(&mut tx, id).await
}

async fn find_in(tx: &mut OrgTx, id: Uuid) -> Result<Option<OrgModel>, DbError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, name, base_url, model, key_name, price_in, price_out, context_tokens, output_tokens, fallbacks,
               created_at, updated_at
           FROM agent_models WHERE id = $1 AND org_id = $2 FOR UPDATE"#,
        id,
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(OrgModel::from))
}

/// Sets up a model, of at most [`MODELS_MAX`]; more is a [`DbError::Conflict`] of [`TOO_MANY_MODELS`], another one of the
/// same name one of [`NAME_TAKEN`]. One that was set up under this id before is left as it is.
pub async fn create(db: &Db, org: OrgId, by: &Actor, id: Uuid, fields: &ModelFields) -> Result<OrgModel, DbError> {
    let mut tx = db.org(org).await?;
    // Of two who count at the same time, the second sees what the first made.
    sqlx::query!("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    if let Some(found) = find_in(&mut tx, id).await? {
        return Ok(found);
    }
    let count =
        sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM agent_models WHERE org_id = $1"#, org.as_uuid())
            .fetch_one(&mut *tx.inner)
            .await?;
    if count >= MODELS_MAX {
        return Err(DbError::Conflict { constraint: TOO_MANY_MODELS.into() });
    }
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO agent_models (id, org_id, name, base_url, model, key_name, price_in, price_out, context_tokens, output_tokens, fallbacks)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           RETURNING id, name, base_url, model, key_name, price_in, price_out, context_tokens, output_tokens, fallbacks,
               created_at, updated_at"#,
        id,
        org.as_uuid(),
        fields.name,
        fields.base_url,
        fields.model,
        fields.key_name,
        price(fields.price_in),
        price(fields.price_out),
        tokens(fields.context_tokens),
        tokens(fields.output_tokens),
        &fields.fallbacks
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    audit::record(&mut tx, by.did(Action::ModelCreated, ResourceKind::Model, id).with(told(fields))).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// What the audit log tells of a model.
fn told(fields: &ModelFields) -> serde_json::Value {
    json!({"name": fields.name, "baseUrl": fields.base_url, "model": fields.model, "keyName": fields.key_name})
}

/// Changes a model into what `change` makes of what it is; nobody else changes it meanwhile. Another one of the same name
/// is a [`DbError::Conflict`] of [`NAME_TAKEN`]. `None` when there is no such one.
pub async fn update<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    id: Uuid,
    change: impl FnOnce(OrgModel) -> Result<ModelFields, E>,
) -> Result<Option<OrgModel>, E> {
    let mut tx = db.org(org).await?;
    let Some(present) = find_in(&mut tx, id).await? else { return Ok(None) };
    let fields = change(present)?;
    Ok(write(tx, by, id, &fields).await?)
}

async fn write(mut tx: OrgTx, by: &Actor, id: Uuid, fields: &ModelFields) -> Result<Option<OrgModel>, DbError> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE agent_models SET name = $3, base_url = $4, model = $5, key_name = $6,
               price_in = $7, price_out = $8, context_tokens = $9, output_tokens = $10, fallbacks = $11
           WHERE id = $1 AND org_id = $2
           RETURNING id, name, base_url, model, key_name, price_in, price_out, context_tokens, output_tokens, fallbacks,
               created_at, updated_at"#,
        id,
        tx.org().as_uuid(),
        fields.name,
        fields.base_url,
        fields.model,
        fields.key_name,
        price(fields.price_in),
        price(fields.price_out),
        tokens(fields.context_tokens),
        tokens(fields.output_tokens),
        &fields.fallbacks
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    audit::record(&mut tx, by.did(Action::ModelUpdated, ResourceKind::Model, id).with(told(fields))).await?;
    tx.commit().await?;
    Ok(Some(row.into()))
}

/// Removes a model. Runs that have begun with it go on with it. Returns whether there was one.
pub async fn delete(db: &Db, org: OrgId, by: &Actor, id: Uuid) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let name =
        sqlx::query_scalar!("DELETE FROM agent_models WHERE id = $1 AND org_id = $2 RETURNING name", id, org.as_uuid())
            .fetch_optional(&mut *tx.inner)
            .await?;
    let Some(name) = name else { return Ok(false) };
    audit::record(&mut tx, by.did(Action::ModelDeleted, ResourceKind::Model, id).with(json!({"name": name}))).await?;
    tx.commit().await?;
    Ok(true)
}
