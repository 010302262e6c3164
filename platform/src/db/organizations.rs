//! Organizations: the tenants.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::log::EventSourcingLevel;
use super::{Db, DbError, Page, PageRequest};
use crate::access::OrgRole;

/// The constraint of a [`DbError::Conflict`] when a slug is taken.
pub const SLUG_TAKEN: &str = "organizations_slug_key";

/// An organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its unique name in urls.
    pub slug: String,
    /// Models, policies and the like.
    pub settings: Value,
    /// What it keeps of its documents' history.
    pub level: EventSourcingLevel,
    /// When it was founded.
    pub created_at: DateTime<Utc>,
}

struct OrganizationRow {
    id: Uuid,
    name: String,
    slug: String,
    settings: Value,
    event_sourcing_level: String,
    created_at: DateTime<Utc>,
    role: String,
}

impl OrganizationRow {
    fn read(self) -> Result<(Organization, OrgRole), DbError> {
        let role = OrgRole::from_column(&self.role)?;
        let organization = Organization {
            id: self.id.into(),
            name: self.name,
            slug: self.slug,
            settings: self.settings,
            level: EventSourcingLevel::from_column(&self.event_sourcing_level)?,
            created_at: self.created_at,
        };
        Ok((organization, role))
    }
}

/// Founds an organization; `owner` becomes its first member. A taken slug is a [`DbError::Conflict`] of [`SLUG_TAKEN`].
pub async fn create(
    db: &Db,
    id: OrgId,
    by: &Actor,
    name: &str,
    slug: &str,
    owner: UserId,
) -> Result<Organization, DbError> {
    let mut tx = db.org(id).await?;
    let row = sqlx::query_as!(
        OrganizationRow,
        r#"INSERT INTO organizations (id, name, slug) VALUES ($1, $2, $3)
           RETURNING id, name, slug, settings, event_sourcing_level, created_at, 'owner' AS "role!""#,
        id.as_uuid(),
        name,
        slug
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "INSERT INTO org_members (org_id, user_id, role) VALUES ($1, $2, 'owner')",
        id.as_uuid(),
        owner.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let entry = by.did(Action::OrganizationCreated, ResourceKind::Organization, id);
    audit::record(&mut tx, entry.with(json!({ "name": name, "slug": slug }))).await?;
    tx.commit().await?;
    Ok(row.read()?.0)
}

/// The organizations of which a person is a member, with the person's role, oldest first.
pub async fn list(db: &Db, user: UserId, page: PageRequest) -> Result<Page<(Organization, OrgRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let (after, after_id) = page.after();
    let rows = sqlx::query_as!(
        OrganizationRow,
        "SELECT o.id, o.name, o.slug, o.settings, o.event_sourcing_level, o.created_at, m.role
         FROM org_members m JOIN organizations o ON o.id = m.org_id
         WHERE m.user_id = $1 AND ($2::timestamptz IS NULL OR (o.created_at, o.id) > ($2, $3::uuid))
         ORDER BY o.created_at, o.id LIMIT $4",
        user.as_uuid(),
        after,
        after_id,
        page.rows()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let items = rows.into_iter().map(OrganizationRow::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(page, items, |(organization, _)| (organization.created_at, organization.id.as_uuid())))
}

/// The organizations of which a person is a member, in no order.
pub async fn ids_of(db: &Db, user: UserId) -> Result<Vec<OrgId>, DbError> {
    let mut tx = db.user(user).await?;
    let ids = sqlx::query_scalar!("SELECT org_id FROM org_members WHERE user_id = $1", user.as_uuid())
        .fetch_all(&mut *tx.inner)
        .await?;
    Ok(ids.into_iter().map(OrgId::new).collect())
}

/// An organization of which a person is a member, with the person's role.
pub async fn find(db: &Db, user: UserId, org: OrgId) -> Result<Option<(Organization, OrgRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let row = sqlx::query_as!(
        OrganizationRow,
        "SELECT o.id, o.name, o.slug, o.settings, o.event_sourcing_level, o.created_at, m.role
         FROM org_members m JOIN organizations o ON o.id = m.org_id
         WHERE m.user_id = $1 AND o.id = $2",
        user.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(OrganizationRow::read).transpose()
}

/// Changes what an organization keeps of its documents' history, from the next compaction on.
pub async fn set_level(db: &Db, org: OrgId, level: EventSourcingLevel) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!("UPDATE organizations SET event_sourcing_level = $2 WHERE id = $1", org.as_uuid(), level.as_str())
        .execute(&mut *tx.inner)
        .await?;
    tx.commit().await
}
