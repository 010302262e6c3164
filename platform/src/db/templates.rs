//! Templates of organizations. Those that come with the server are not here.

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, TemplateId, UserId};
use schema::template::Template;
use serde_json::{Map, Value, json};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::page::{Key, Page, PageRequest, SortKey};
use super::{Db, DbError, OrgTx};
use crate::access::OrgRole;

/// A template of an organization.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgTemplate {
    /// Its id.
    pub id: TemplateId,
    /// Whose it is.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it makes.
    pub structure: Template,
    /// What agents are to know.
    pub agent_config: Map<String, Value>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a template is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateFields {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it makes; it was checked.
    pub structure: Template,
    /// What agents are to know.
    pub agent_config: Map<String, Value>,
}

/// What lists of templates can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateSort {
    /// When they were made.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// Their names.
    Name,
}

impl SortKey for TemplateSort {
    const LIST: &'static str = "templates";
    const ALL: &'static [(&'static str, Self)] =
        &[("createdAt", Self::CreatedAt), ("updatedAt", Self::UpdatedAt), ("name", Self::Name)];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Name => "name",
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    name: String,
    description: String,
    structure: Value,
    agent_config: Value,
    created_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<OrgTemplate, DbError> {
        let invalid = |what| DbError::Invalid(format!("template {}: {what}", self.id));
        let structure = serde_json::from_value(self.structure).map_err(|error| invalid(error.to_string()))?;
        let Value::Object(agent_config) = self.agent_config else { return Err(invalid("no object".to_owned())) };
        Ok(OrgTemplate {
            id: TemplateId::new(self.id),
            org: self.org_id.into(),
            name: self.name,
            description: self.description,
            structure,
            agent_config,
            created_by: self.created_by.map(UserId::new),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// A page of an organization's templates.
pub async fn list(
    db: &Db,
    org: OrgId,
    created_by: Option<UserId>,
    page: PageRequest<TemplateSort>,
) -> Result<Page<OrgTemplate>, DbError> {
    let mut tx = db.org(org).await?;
    let rows: Vec<Row> = of_org(org, created_by, &page).build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            TemplateSort::CreatedAt => Key::from(row.created_at),
            TemplateSort::UpdatedAt => Key::from(row.updated_at),
            TemplateSort::Name => Key::from(row.name.clone()),
        };
        (key, row.id)
    });
    page.try_map(Row::read)
}

pub(super) fn of_org(
    org: OrgId,
    created_by: Option<UserId>,
    page: &PageRequest<TemplateSort>,
) -> QueryBuilder<Postgres> {
    let mut statement = QueryBuilder::new(
        "SELECT id, org_id, name, description, structure, agent_config, created_by, created_at, updated_at
         FROM templates WHERE org_id = ",
    );
    statement.push_bind(org.as_uuid());
    if let Some(user) = created_by {
        statement.push(" AND created_by = ").push_bind(user.as_uuid());
    }
    page.complete(&mut statement);
    statement
}

/// A template of one of the organizations of a person, with the person's role there.
pub async fn find(db: &Db, user: UserId, id: TemplateId) -> Result<Option<(OrgTemplate, OrgRole)>, DbError> {
    let mut tx = db.user(user).await?;
    let row = sqlx::query!(
        "SELECT t.id, t.org_id, t.name, t.description, t.structure, t.agent_config, t.created_by, t.created_at,
                t.updated_at, m.role
         FROM templates t JOIN org_members m ON m.org_id = t.org_id AND m.user_id = $1
         WHERE t.id = $2",
        user.as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let role = OrgRole::from_column(&row.role)?;
    let template = Row {
        id: row.id,
        org_id: row.org_id,
        name: row.name,
        description: row.description,
        structure: row.structure,
        agent_config: row.agent_config,
        created_by: row.created_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(Some((template.read()?, role)))
}

/// Keeps a new template. One of this id that is there already is a [`DbError::Conflict`].
pub async fn create(
    db: &Db,
    org: OrgId,
    id: TemplateId,
    actor: &Actor,
    fields: &TemplateFields,
) -> Result<OrgTemplate, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO templates (id, org_id, name, description, structure, agent_config, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         RETURNING id, org_id, name, description, structure, agent_config, created_by, created_at, updated_at",
        id.as_uuid(),
        org.as_uuid(),
        fields.name,
        fields.description,
        json!(fields.structure),
        json!(fields.agent_config),
        actor.user.map(|user| user.as_uuid())
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let entry = actor.did(Action::TemplateCreated, ResourceKind::Template, id.as_uuid());
    audit::record(&mut tx, entry.with(json!({"name": fields.name}))).await?;
    tx.commit().await?;
    row.read()
}

/// Changes a template into what `change` makes of what it is; nobody else changes it meanwhile. `None` when there is no
/// such one.
pub async fn update<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    id: TemplateId,
    actor: &Actor,
    change: impl FnOnce(OrgTemplate) -> Result<TemplateFields, E>,
) -> Result<Option<OrgTemplate>, E> {
    let mut tx = db.org(org).await?;
    let Some(present) = lock(&mut tx, id).await? else { return Ok(None) };
    let fields = change(present)?;
    Ok(write(tx, id, actor, &fields).await?)
}

async fn lock(tx: &mut OrgTx, id: TemplateId) -> Result<Option<OrgTemplate>, DbError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, org_id, name, description, structure, agent_config, created_by, created_at, updated_at
         FROM templates WHERE id = $1 AND org_id = $2 FOR NO KEY UPDATE",
        id.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(Row::read).transpose()
}

async fn write(
    mut tx: OrgTx,
    id: TemplateId,
    actor: &Actor,
    fields: &TemplateFields,
) -> Result<Option<OrgTemplate>, DbError> {
    let row = sqlx::query_as!(
        Row,
        "UPDATE templates SET name = $3, description = $4, structure = $5, agent_config = $6
         WHERE id = $1 AND org_id = $2
         RETURNING id, org_id, name, description, structure, agent_config, created_by, created_at, updated_at",
        id.as_uuid(),
        tx.org().as_uuid(),
        fields.name,
        fields.description,
        json!(fields.structure),
        json!(fields.agent_config)
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let entry = actor.did(Action::TemplateUpdated, ResourceKind::Template, id.as_uuid());
    audit::record(&mut tx, entry.with(json!({"name": fields.name}))).await?;
    tx.commit().await?;
    row.read().map(Some)
}

/// Deletes a template. Says whether there was one.
pub async fn delete(db: &Db, org: OrgId, id: TemplateId, actor: &Actor) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let name = sqlx::query_scalar!(
        "DELETE FROM templates WHERE id = $1 AND org_id = $2 RETURNING name",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(name) = name else { return Ok(false) };
    let entry = actor.did(Action::TemplateDeleted, ResourceKind::Template, id.as_uuid());
    audit::record(&mut tx, entry.with(json!({"name": name}))).await?;
    tx.commit().await?;
    Ok(true)
}
