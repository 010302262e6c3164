//! Organizations: the tenants.

mod erasure;
mod settings;

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, UserId};
use serde_json::{Map, Value, json};
use sqlx::{FromRow, Postgres, QueryBuilder};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::events::{self, EventKind, NewEvent};
use super::log::EventSourcingLevel;
use super::page::{Key, Page, PageRequest, SortKey};
use super::{Db, DbError, OrgTx};
use crate::access::OrgRole;

pub use erasure::{Deleted, delete, erase_some, to_be_erased};
pub use settings::{AgentPolicies, Settings, ToolPolicy};

/// The constraint of a [`DbError::Conflict`] when a slug is taken.
pub const SLUG_TAKEN: &str = "organizations_slug_key";

/// The constraint of a [`DbError::Conflict`] when an id was that of an organization that was deleted.
pub const ID_ERASED: &str = "organizations_erased";

/// An organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its unique name in urls.
    pub slug: String,
    /// What agents may do.
    pub settings: Settings,
    /// What it keeps of its documents' history.
    pub level: EventSourcingLevel,
    /// When it was founded.
    pub created_at: DateTime<Utc>,
}

#[derive(FromRow)]
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
            settings: read_settings(self.settings)?,
            level: EventSourcingLevel::from_column(&self.event_sourcing_level)?,
            created_at: self.created_at,
        };
        Ok((organization, role))
    }
}

/// Founds an organization; `owner` becomes its first member. A taken slug is a [`DbError::Conflict`] of [`SLUG_TAKEN`], the
/// id of one that was deleted one of [`ID_ERASED`].
pub async fn create(
    db: &Db,
    id: OrgId,
    by: &Actor,
    name: &str,
    slug: &str,
    owner: UserId,
) -> Result<Organization, DbError> {
    let mut tx = db.org(id).await?;
    erasure::refuse_erased(&mut tx).await?;
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

/// What lists of organizations can be sorted by. Nobody belongs to many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrganizationSort {
    /// When they were founded.
    CreatedAt,
    /// Their names.
    Name,
}

impl SortKey for OrganizationSort {
    const LIST: &'static str = "organizations";
    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt), ("name", Self::Name)];
    const ID: &'static str = "o.id";

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "o.created_at",
            Self::Name => "o.name",
        }
    }
}

/// The organizations of which a person is a member, with the person's role; if one is given, those where it is that.
pub async fn list(
    db: &Db,
    user: UserId,
    role: Option<OrgRole>,
    page: PageRequest<OrganizationSort>,
) -> Result<Page<(Organization, OrgRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let rows: Vec<OrganizationRow> = of_member(user, role, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            OrganizationSort::CreatedAt => Key::from(row.created_at),
            OrganizationSort::Name => Key::from(row.name.clone()),
        };
        (key, row.id)
    });
    page.try_map(OrganizationRow::read)
}

pub(super) fn of_member(
    user: UserId,
    role: Option<OrgRole>,
    page: &PageRequest<OrganizationSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT o.id, o.name, o.slug, o.settings, o.event_sourcing_level, o.created_at, m.role
         FROM org_members m JOIN organizations o ON o.id = m.org_id WHERE m.user_id = ",
    );
    statement.push_bind(user.as_uuid());
    if let Some(role) = role {
        statement.push(" AND m.role = ").push_bind(role.as_str());
    }
    page.complete(&mut statement);
    statement
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

/// Changes an organization: its name, slug, settings and what it keeps of its documents' history (from the next
/// compaction on). A taken slug is a [`DbError::Conflict`] of [`SLUG_TAKEN`]. `None` when it is no more.
pub async fn update<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    change: impl FnOnce(&mut Organization) -> Result<(), E>,
) -> Result<Option<Organization>, E> {
    let mut tx = db.org(org).await?;
    let Some(before) = lock(&mut tx).await? else { return Ok(None) };
    let mut after = before.clone();
    change(&mut after)?;
    if after != before {
        write(&mut tx, &after).await?;
        let entry = by.did(Action::OrganizationUpdated, ResourceKind::Organization, org);
        let changes = changes(&before, &after);
        let now: Map<String, Value> = changes.iter().map(|(key, both)| (key.clone(), both["after"].clone())).collect();
        audit::record(&mut tx, entry.with(Value::Object(changes))).await?;
        let event = NewEvent::new(EventKind::OrganizationUpdated, json!({ "changes": now }));
        events::append(&mut tx, event.by([by.principal]));
        tx.commit().await?;
    }
    Ok(Some(after))
}

/// An organization, which nobody else changes until the transaction ends.
async fn lock(tx: &mut OrgTx) -> Result<Option<Organization>, DbError> {
    let row = sqlx::query_as!(
        OrganizationRow,
        r#"SELECT id, name, slug, settings, event_sourcing_level, created_at, 'guest' AS "role!" FROM organizations
           WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE"#,
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(OrganizationRow::read).transpose()?.map(|(organization, _)| organization))
}

async fn write(tx: &mut OrgTx, organization: &Organization) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE organizations SET name = $2, slug = $3, settings = $4, event_sourcing_level = $5 WHERE id = $1",
        tx.org().as_uuid(),
        organization.name,
        organization.slug,
        stored(&organization.settings)?,
        organization.level.as_str()
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// What changed, with what it was and what it is.
fn changes(before: &Organization, after: &Organization) -> Map<String, Value> {
    let of = |organization: &Organization| {
        json!({
            "name": organization.name,
            "slug": organization.slug,
            "settings": organization.settings,
            "eventSourcingLevel": organization.level.as_str(),
        })
    };
    let (before, after) = (of(before), of(after));
    let changed = |key: &&str| before[*key] != after[*key];
    let keys = ["name", "slug", "settings", "eventSourcingLevel"];
    let both = |key: &str| (key.to_owned(), json!({ "before": before[key], "after": after[key] }));
    keys.iter().filter(|key| changed(key)).map(|key| both(key)).collect()
}

fn stored(settings: &Settings) -> Result<Value, DbError> {
    serde_json::to_value(settings).map_err(|error| DbError::Invalid(format!("settings of an organization: {error}")))
}

fn read_settings(stored: Value) -> Result<Settings, DbError> {
    serde_json::from_value(stored).map_err(|error| DbError::Invalid(format!("settings of an organization: {error}")))
}

/// How an organization is set up: for what acts in it without a person.
pub async fn settings(db: &Db, org: OrgId) -> Result<Settings, DbError> {
    let mut tx = db.org(org).await?;
    let stored = sqlx::query_scalar!("SELECT settings FROM organizations WHERE id = $1", org.as_uuid())
        .fetch_optional(&mut *tx.inner)
        .await?;
    stored.map_or_else(|| Ok(Settings::default()), read_settings)
}

/// Changes what an organization keeps of its documents' history, from the next compaction on.
pub async fn set_level(db: &Db, org: OrgId, by: &Actor, level: EventSourcingLevel) -> Result<(), DbError> {
    let change = |organization: &mut Organization| {
        organization.level = level;
        Ok::<_, DbError>(())
    };
    update(db, org, by, change).await.map(drop)
}
