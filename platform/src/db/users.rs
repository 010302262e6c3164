//! People. They belong to no organization, so every part of the server may look them up.

use chrono::{DateTime, Utc};
use schema::ids::UserId;
use serde_json::Value;
use uuid::Uuid;

use super::{Db, DbError, invitations};

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
    invitations_due: bool,
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
/// before, but for what the person chose; what it leaves out stays. Who comes for the first time, or with another address,
/// accepts the invitations of that address.
pub async fn sign_in(db: &Db, new_id: UserId, identity: &Identity) -> Result<User, DbError> {
    let row = match write_identity(db, new_id, identity).await? {
        Some(row) => row,
        // Known, and nothing changed.
        None => sqlx::query_as!(
            UserRow,
            "SELECT id, sub, email, name, avatar_url, settings, created_at, invitations_due FROM users WHERE sub = $1",
            identity.sub
        )
        .fetch_one(db.pool())
        .await?,
    };
    let is_due = row.invitations_due;
    let user = User::from(row);
    if is_due {
        invitations::accept_all(db, &user).await?;
        sqlx::query!(
            "UPDATE users SET invitations_due = false WHERE id = $1 AND email = $2",
            user.id.as_uuid(),
            user.email
        )
        .execute(db.pool())
        .await?;
    }
    Ok(user)
}

/// Writes what a provider says. `None` when it is what is there.
async fn write_identity(db: &Db, new_id: UserId, identity: &Identity) -> Result<Option<UserRow>, DbError> {
    let fallback = identity.email.split('@').next().unwrap_or(&identity.email);
    let row = sqlx::query_as!(
        UserRow,
        "INSERT INTO users (id, sub, email, name, avatar_url, invitations_due)
         VALUES ($1, $2, $3, coalesce($4, $5), $6, true)
         ON CONFLICT (sub) DO UPDATE SET email = excluded.email,
             name = CASE WHEN users.name_is_chosen THEN users.name ELSE coalesce($4, users.name) END,
             avatar_url = CASE WHEN users.avatar_is_chosen THEN users.avatar_url ELSE coalesce($6, users.avatar_url) END,
             invitations_due = users.invitations_due OR users.email <> excluded.email
         WHERE users.email <> excluded.email
             OR (NOT users.name_is_chosen AND users.name <> coalesce($4, users.name))
             OR (NOT users.avatar_is_chosen AND users.avatar_url IS DISTINCT FROM coalesce($6, users.avatar_url))
         RETURNING id, sub, email, name, avatar_url, settings, created_at, invitations_due",
        new_id.as_uuid(),
        identity.sub,
        identity.email,
        identity.name,
        fallback,
        identity.avatar_url
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row)
}

/// What people say of themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The name.
    pub name: String,
    /// Whether it is the person's choice, which the identity provider does not overwrite.
    pub name_is_chosen: bool,
    /// Where a picture is.
    pub avatar_url: Option<String>,
    /// The same of the picture.
    pub avatar_is_chosen: bool,
    /// Preferences, as an object.
    pub settings: Value,
}

/// Changes what a person says of themselves. `None` when there is no such person.
pub async fn update<E: From<DbError>>(
    db: &Db,
    id: UserId,
    change: impl FnOnce(&mut Profile) -> Result<(), E>,
) -> Result<Option<User>, E> {
    let mut tx = db.pool().begin().await.map_err(DbError::from)?;
    let present = sqlx::query_as!(
        Profile,
        "SELECT name, name_is_chosen, avatar_url, avatar_is_chosen, settings FROM users WHERE id = $1 FOR NO KEY UPDATE",
        id.as_uuid()
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(DbError::from)?;
    let Some(mut profile) = present else { return Ok(None) };
    change(&mut profile)?;
    let row = sqlx::query_as!(
        UserRow,
        "UPDATE users SET name = $2, name_is_chosen = $3, avatar_url = $4, avatar_is_chosen = $5, settings = $6
         WHERE id = $1
         RETURNING id, sub, email, name, avatar_url, settings, created_at, invitations_due",
        id.as_uuid(),
        profile.name,
        profile.name_is_chosen,
        profile.avatar_url,
        profile.avatar_is_chosen,
        profile.settings
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(DbError::from)?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(Some(row.into()))
}

/// Finds a person by id.
pub async fn find(db: &Db, id: UserId) -> Result<Option<User>, DbError> {
    let row = sqlx::query_as!(
        UserRow,
        "SELECT id, sub, email, name, avatar_url, settings, created_at, invitations_due FROM users WHERE id = $1",
        id.as_uuid()
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(User::from))
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
        "SELECT id, sub, email, name, avatar_url, settings, created_at, invitations_due FROM users
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
