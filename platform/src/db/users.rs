//! People. They belong to no organization, so every part of the server may look them up.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use schema::ids::UserId;
use serde_json::Value;
use uuid::Uuid;

use super::{Db, DbError};

/// A person.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// The server's id.
    pub id: UserId,
    /// The identity provider's subject.
    pub sub: String,
    /// The address, as the identity provider gave it.
    pub email: String,
    /// What to call the person.
    pub name: String,
    /// Where a picture is.
    pub avatar_url: Option<String>,
    /// Preferences.
    pub settings: Value,
    /// When the person was first seen.
    pub created_at: DateTime<Utc>,
}

/// What an identity provider says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The subject, unique among all providers that the server trusts.
    pub sub: String,
    /// The address.
    pub email: String,
    /// The name; the part of the address before the `@` when there is none.
    pub name: Option<String>,
    /// Where a picture is.
    pub avatar_url: Option<String>,
}

struct UserRow {
    id: Uuid,
    sub: String,
    email: String,
    name: String,
    avatar_url: Option<String>,
    settings: Value,
    created_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id.into(),
            sub: row.sub,
            email: row.email,
            name: row.name,
            avatar_url: row.avatar_url,
            settings: row.settings,
            created_at: row.created_at,
        }
    }
}

/// Finds the person of an identity, or creates one with `new_id`. What the provider says now replaces what it said
/// before; what it leaves out stays.
pub async fn sign_in(db: &Db, new_id: UserId, identity: &Identity) -> Result<User, DbError> {
    let fallback = identity.email.split('@').next().unwrap_or(&identity.email);
    let row = sqlx::query_as!(
        UserRow,
        "INSERT INTO users (id, sub, email, name, avatar_url) VALUES ($1, $2, $3, coalesce($4, $5), $6)
         ON CONFLICT (sub) DO UPDATE SET email = excluded.email, name = coalesce($4, users.name),
             avatar_url = coalesce($6, users.avatar_url)
         WHERE (users.email, users.name, users.avatar_url)
             IS DISTINCT FROM (excluded.email, coalesce($4, users.name), coalesce($6, users.avatar_url))
         RETURNING id, sub, email, name, avatar_url, settings, created_at",
        new_id.as_uuid(),
        identity.sub,
        identity.email,
        identity.name,
        fallback,
        identity.avatar_url
    )
    .fetch_optional(db.pool())
    .await?;
    if let Some(row) = row {
        return Ok(row.into());
    }
    // Known, and nothing changed.
    let row = sqlx::query_as!(
        UserRow,
        "SELECT id, sub, email, name, avatar_url, settings, created_at FROM users WHERE sub = $1",
        identity.sub
    )
    .fetch_one(db.pool())
    .await?;
    Ok(row.into())
}

/// Finds a person by id.
pub async fn find(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "SELECT id, sub, email, name, avatar_url, settings, created_at FROM users WHERE id = $1",
        id.as_uuid()
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(User::from))
}

/// The names of people, by id; those who are not found are left out.
pub async fn names(db: &Db, ids: &[Uuid]) -> Result<HashMap<Uuid, String>, DbError> {
    let rows = sqlx::query!("SELECT id, name FROM users WHERE id = ANY($1)", ids).fetch_all(db.pool()).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The constraint that [`find_by_email`] names when an address does not tell who is meant.
pub const EMAIL_AMBIGUOUS: &str = "users_email_ambiguous";

/// Finds a person by address, whatever its case.
///
/// An address of two people (of two identity providers, or claimed by somebody else) is a [`DbError::Conflict`], since
/// giving access to the wrong one would be worse than to none.
pub async fn find_by_email(db: &Db, email: &str) -> Result<Option<User>, DbError> {
    let mut rows = sqlx::query_as!(
        UserRow,
        "SELECT id, sub, email, name, avatar_url, settings, created_at FROM users
         WHERE lower(email) = lower($1) LIMIT 2",
        email
    )
    .fetch_all(db.pool())
    .await?;
    if rows.len() > 1 {
        return Err(DbError::Conflict { constraint: EMAIL_AMBIGUOUS.into() });
    }
    Ok(rows.pop().map(User::from))
}
