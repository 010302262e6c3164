//! Invitations: a place in an organization for whoever signs in with an address.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId, UserId};
use serde_json::json;
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::members;
use super::page::{Key, Page, PageRequest, SortKey};
use super::users::User;
use super::{Db, DbError, OrgTx};
use crate::access::{OrgRole, ProjectRole};
use crate::auth::Principal;

/// How many invitations of an organization may be open.
pub const INVITATIONS_MAX: i64 = 1_000;

/// The constraint of a [`DbError::Conflict`] when an organization has [`INVITATIONS_MAX`] already.
pub const TOO_MANY: &str = "invitations_too_many";

/// What an address is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The role in the organization. [`OrgRole::Owner`] cannot be offered.
    pub role: OrgRole,
    /// A project, and the role in it.
    pub project: Option<(ProjectId, ProjectRole)>,
}

/// An invitation that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// The address, in small letters.
    pub email: String,
    /// What is offered.
    pub offer: Offer,
    /// Who invited.
    pub invited_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    email: String,
    role: String,
    project_id: Option<Uuid>,
    project_role: Option<String>,
    invited_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<Invitation, DbError> {
        let project_role = self.project_role.as_deref().map(ProjectRole::from_column).transpose()?;
        Ok(Invitation {
            id: self.id,
            email: self.email,
            offer: Offer {
                role: OrgRole::from_column(&self.role)?,
                project: self.project_id.map(ProjectId::new).zip(project_role),
            },
            invited_by: self.invited_by.map(UserId::new),
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

/// Invites an address. An invitation of the same address (to the same project) is replaced, and keeps its id.
pub async fn create(
    db: &Db,
    org: OrgId,
    by: &Actor,
    id: Uuid,
    email: &str,
    offer: Offer,
    expires_at: DateTime<Utc>,
) -> Result<Invitation, DbError> {
    let mut tx = db.org(org).await?;
    let open = sqlx::query_scalar!(r#"SELECT count(*) AS "open!" FROM invitations WHERE org_id = $1"#, org.as_uuid())
        .fetch_one(&mut *tx.inner)
        .await?;
    if open >= INVITATIONS_MAX {
        return Err(DbError::Conflict { constraint: TOO_MANY.into() });
    }
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO invitations (id, org_id, email, role, project_id, project_role, invited_by, expires_at)
         VALUES ($1, $2, lower($3), $4, $5, $6, $7, $8)
         ON CONFLICT (org_id, email, project_id) DO UPDATE SET role = excluded.role, project_role = excluded.project_role,
             invited_by = excluded.invited_by, expires_at = excluded.expires_at
         RETURNING id, email, role, project_id, project_role, invited_by, created_at, expires_at",
        id,
        org.as_uuid(),
        email,
        offer.role.as_str(),
        offer.project.map(|(project, _)| project.as_uuid()),
        offer.project.map(|(_, role)| role.as_str()),
        by.user.map(|user| user.as_uuid()),
        expires_at
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let invitation = row.read()?;
    let details = json!({ "email": invitation.email, "offer": details_of(offer), "expiresAt": expires_at });
    let entry = by.did(Action::InvitationCreated, ResourceKind::Invitation, invitation.id);
    audit::record(&mut tx, entry.with(details)).await?;
    tx.commit().await?;
    Ok(invitation)
}

fn details_of(offer: Offer) -> serde_json::Value {
    json!({
        "role": offer.role.as_str(),
        "projectId": offer.project.map(|(project, _)| project),
        "projectRole": offer.project.map(|(_, role)| role.as_str()),
    })
}

/// What lists of invitations can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationSort {
    /// When they were made.
    CreatedAt,
    /// The addresses.
    Email,
}

impl SortKey for InvitationSort {
    const LIST: &'static str = "invitations";
    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt), ("email", Self::Email)];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Email => "email",
        }
    }
}

/// Which invitations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All that nobody has accepted.
    All,
    /// Those that can be accepted then.
    Pending(DateTime<Utc>),
    /// Those that have run out by then.
    Expired(DateTime<Utc>),
}

/// Invitations to an organization that nobody has accepted.
pub async fn list(
    db: &Db,
    org: OrgId,
    which: Which,
    page: PageRequest<InvitationSort>,
) -> Result<Page<Invitation>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_org(org, which, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            InvitationSort::CreatedAt => Key::from(row.created_at),
            InvitationSort::Email => Key::from(row.email.clone()),
        };
        (key, row.id)
    });
    page.try_map(Row::read)
}

pub(super) fn of_org(org: OrgId, which: Which, page: &PageRequest<InvitationSort>) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, email, role, project_id, project_role, invited_by, created_at, expires_at FROM invitations
         WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid());
    match which {
        Which::All => &mut statement,
        Which::Pending(now) => statement.push(" AND expires_at > ").push_bind(now),
        Which::Expired(now) => statement.push(" AND expires_at <= ").push_bind(now),
    };
    page.complete(&mut statement);
    statement
}

/// Takes an invitation back. False when there is none.
pub async fn revoke(db: &Db, org: OrgId, by: &Actor, id: Uuid) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let email =
        sqlx::query_scalar!("DELETE FROM invitations WHERE id = $1 AND org_id = $2 RETURNING email", id, org.as_uuid())
            .fetch_optional(&mut *tx.inner)
            .await?;
    let Some(email) = email else { return Ok(false) };
    let entry = by.did(Action::InvitationRevoked, ResourceKind::Invitation, id);
    audit::record(&mut tx, entry.with(json!({ "email": email }))).await?;
    tx.commit().await?;
    Ok(true)
}

/// Accepts an invitation for a person who has signed in with its address. False when it is no more, or has run out.
///
/// Whoever belongs to the organization keeps the role that they have.
pub async fn accept(db: &Db, org: OrgId, id: Uuid, user: &User) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    members::lock_membership(&mut tx).await?;
    let row = sqlx::query_as!(
        Row,
        "DELETE FROM invitations WHERE id = $1 AND org_id = $2 AND email = lower($3) AND expires_at > now()
         RETURNING id, email, role, project_id, project_role, invited_by, created_at, expires_at",
        id,
        org.as_uuid(),
        user.email
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(invitation) = row.map(Row::read).transpose()? else { return Ok(false) };
    let by = Actor::new(&Principal::user(user.id, user.name.as_str()));
    let details = json!({ "invitedBy": invitation.invited_by, "offer": details_of(invitation.offer) });
    audit::record(&mut tx, by.did(Action::InvitationAccepted, ResourceKind::Invitation, id).with(details)).await?;
    join(&mut tx, &by, user.id, invitation.offer).await?;
    tx.commit().await?;
    Ok(true)
}

async fn join(tx: &mut OrgTx, by: &Actor, user: UserId, offer: Offer) -> Result<(), DbError> {
    if members::org_role(tx, user).await?.is_none() {
        members::write_org_role(tx, by, user, None, offer.role).await?;
    }
    if let Some((project, role)) = offer.project {
        let present = members::project_role(tx, project, user).await?;
        if present.is_none_or(|present| present < role) {
            members::write_project_role(tx, by, project, user, present, role).await?;
        }
    }
    Ok(())
}

/// Accepts all invitations of a person's address, and returns of which organizations.
pub(super) async fn accept_all(db: &Db, user: &User) -> Result<Vec<OrgId>, DbError> {
    let mut tx = db.invited().await?;
    sqlx::query!("SELECT set_config('app.invited_email', lower($1), true)", user.email).fetch_one(&mut *tx).await?;
    let open = sqlx::query!("SELECT id, org_id FROM invitations WHERE email = lower($1)", user.email)
        .fetch_all(&mut *tx)
        .await?;
    drop(tx);
    let mut joined = Vec::new();
    for invitation in open {
        let org = OrgId::new(invitation.org_id);
        if accept(db, org, invitation.id, user).await? {
            joined.push(org);
        }
    }
    Ok(joined)
}
