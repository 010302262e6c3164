//! Which documents there are, and whose. What they hold is in the [`log`](super::log).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schema::ids::{DocumentKind, DocumentName, FreeDocumentId, NodeId, OrgId, ProjectId, ScratchName, UserId};
use serde_json::json;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::page::{Key, Page, PageRequest, SortKey};
use super::projects::Which;
use super::{Db, DbError, OrgTx, SCRATCH_ORG};

/// A document, and whose it is. Made by what it is: its kind says how it is read, repaired and projected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DocumentRef {
    /// Its id in the tables.
    pub id: Uuid,
    /// What sort of document it is.
    pub kind: DocumentKind,
    /// The organization it belongs to.
    pub org: OrgId,
    /// The project it belongs to; scratch documents have none.
    pub project: Option<ProjectId>,
}

impl DocumentRef {
    /// The canvas of a project.
    #[must_use]
    pub const fn canvas(org: OrgId, project: ProjectId) -> Self {
        Self { id: project.as_uuid(), kind: DocumentKind::Project, org, project: Some(project) }
    }

    /// The document of a node.
    #[must_use]
    pub const fn node(org: OrgId, project: ProjectId, node: NodeId) -> Self {
        Self { id: node.as_uuid(), kind: DocumentKind::Node, org, project: Some(project) }
    }

    /// A free document.
    #[must_use]
    pub const fn free(org: OrgId, project: ProjectId, document: FreeDocumentId) -> Self {
        Self { id: document.as_uuid(), kind: DocumentKind::Free, org, project: Some(project) }
    }

    /// A scratch document of this name.
    #[must_use]
    pub fn scratch(name: ScratchName) -> Self {
        let id = DocumentName::Scratch(name).document_id();
        Self { id, kind: DocumentKind::Scratch, org: SCRATCH_ORG, project: None }
    }
}

/// A free document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeDocument {
    /// Its id.
    pub id: FreeDocumentId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// What to call it.
    pub title: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// Since when it is in the trash.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Makes sure that a node of a project has its document. `None` when a document of this id belongs to another project,
/// or is no node: it is left as it is.
pub async fn ensure_node(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    node: NodeId,
) -> Result<Option<DocumentRef>, DbError> {
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "INSERT INTO documents (id, org_id, project_id, kind) VALUES ($1, $2, $3, 'node') ON CONFLICT DO NOTHING",
        node.as_uuid(),
        org.as_uuid(),
        project.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let owned = sqlx::query_scalar!(
        "SELECT id FROM documents WHERE id = $1 AND org_id = $2 AND project_id = $3 AND kind = 'node'",
        node.as_uuid(),
        org.as_uuid(),
        project.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    tx.commit().await?;
    Ok(owned.map(|_| DocumentRef::node(org, project, node)))
}

/// Makes sure that nodes of a project have their documents. `None` when a document of one of these ids belongs to another
/// project, or is no node.
pub async fn ensure_nodes(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    nodes: &[NodeId],
) -> Result<Option<Vec<DocumentRef>>, DbError> {
    // In one order everywhere: an insert waits for another's of the same id.
    let sorted: BTreeSet<Uuid> = nodes.iter().map(NodeId::as_uuid).collect();
    let ids: Vec<Uuid> = sorted.into_iter().collect();
    let mut tx = db.org(org).await?;
    sqlx::query!(
        "INSERT INTO documents (id, org_id, project_id, kind)
         SELECT id, $2, $3, 'node' FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING",
        &ids,
        org.as_uuid(),
        project.as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    let owned = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM documents
           WHERE id = ANY($1) AND org_id = $2 AND project_id = $3 AND kind = 'node'"#,
        &ids,
        org.as_uuid(),
        project.as_uuid()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    tx.commit().await?;
    let document = |node: &NodeId| DocumentRef::node(org, project, *node);
    Ok((owned == i64::try_from(ids.len()).unwrap_or(i64::MAX)).then(|| nodes.iter().map(document).collect()))
}

/// Makes sure that scratch documents are there. Whether such documents are allowed at all is for
/// [`access`](crate::access) to say.
pub(crate) async fn ensure_scratch(db: &Db, names: &BTreeSet<ScratchName>) -> Result<(), DbError> {
    // In this order, so that those who do the same at the same time wait for each other in it.
    let ids: Vec<Uuid> = names.iter().map(|name| DocumentRef::scratch(name.clone()).id).collect();
    let titles: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
    let mut tx = db.org(SCRATCH_ORG).await?;
    sqlx::query!(
        "INSERT INTO documents (id, org_id, kind, title)
         SELECT id, $2, 'scratch', title FROM unnest($1::uuid[], $3::text[]) AS q (id, title) ON CONFLICT DO NOTHING",
        &ids,
        SCRATCH_ORG.as_uuid(),
        &titles
    )
    .execute(&mut *tx.inner)
    .await?;
    tx.commit().await
}

/// Creates an empty free document in a project.
pub async fn create_free(
    db: &Db,
    org: OrgId,
    by: &Actor,
    project: ProjectId,
    id: FreeDocumentId,
    title: Option<&str>,
) -> Result<FreeDocument, DbError> {
    let mut tx = db.org(org).await?;
    let created_at = sqlx::query_scalar!(
        "INSERT INTO documents (id, org_id, project_id, kind, title) VALUES ($1, $2, $3, 'doc', $4) RETURNING created_at",
        id.as_uuid(),
        org.as_uuid(),
        project.as_uuid(),
        title
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    let entry = by.did(Action::DocumentCreated, ResourceKind::Document, id);
    audit::record(&mut tx, entry.with(json!({ "projectId": project, "title": title }))).await?;
    tx.commit().await?;
    Ok(FreeDocument { id, project, title: title.map(str::to_owned), created_at, deleted_at: None })
}

/// What lists of free documents can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeDocumentSort {
    /// When they were created.
    CreatedAt,
    /// What they are called.
    Title,
}

impl SortKey for FreeDocumentSort {
    const LIST: &'static str = "documents";
    const ALL: &'static [(&'static str, Self)] = &[("createdAt", Self::CreatedAt), ("title", Self::Title)];

    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::Title => "coalesce(title, '')",
        }
    }
}

#[derive(sqlx::FromRow)]
struct FreeDocumentRow {
    id: Uuid,
    project_id: Option<Uuid>,
    title: Option<String>,
    created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

impl FreeDocumentRow {
    fn read(self) -> Result<FreeDocument, DbError> {
        let Self { id, project_id, title, created_at, deleted_at } = self;
        let project = project_id.ok_or_else(|| DbError::Invalid(format!("document {id} belongs to no project")))?;
        Ok(FreeDocument { id: id.into(), project: project.into(), title, created_at, deleted_at })
    }
}

/// A page of a project's free documents, or of those of them that are in the trash.
pub async fn list_free(
    db: &Db,
    org: OrgId,
    project: ProjectId,
    which: Which,
    page: PageRequest<FreeDocumentSort>,
) -> Result<Page<FreeDocument>, DbError> {
    let mut tx = db.org(org).await?;
    let mut statement = free_of_project(org, project, which, &page);
    let rows: Vec<FreeDocumentRow> = statement.build_query_as().fetch_all(&mut *tx.inner).await?;
    let sort = page.key();
    let page = Page::of(page, rows, |row| {
        let key = match sort {
            FreeDocumentSort::CreatedAt => Key::from(row.created_at),
            FreeDocumentSort::Title => Key::from(row.title.clone().unwrap_or_default()),
        };
        (key, row.id)
    });
    page.try_map(FreeDocumentRow::read)
}

pub(super) fn free_of_project(
    org: OrgId,
    project: ProjectId,
    which: Which,
    page: &PageRequest<FreeDocumentSort>,
) -> QueryBuilder<Postgres> {
    let mut statement =
        QueryBuilder::new("SELECT id, project_id, title, created_at, deleted_at FROM documents WHERE kind = 'doc'");
    statement.push(match which {
        Which::Present => " AND deleted_at IS NULL",
        Which::InTrash => " AND deleted_at IS NOT NULL AND erasing_since IS NULL",
    });
    statement.push(" AND org_id = ").push_bind(org.as_uuid()).push(" AND project_id = ").push_bind(project.as_uuid());
    page.complete(&mut statement);
    statement
}

/// A free document that was not deleted.
pub async fn find_free(db: &Db, org: OrgId, id: FreeDocumentId) -> Result<Option<FreeDocument>, DbError> {
    let mut tx = db.org(org).await?;
    let row = sqlx::query_as!(
        FreeDocumentRow,
        "SELECT id, project_id, title, created_at, deleted_at FROM documents
         WHERE id = $1 AND org_id = $2 AND kind = 'doc' AND deleted_at IS NULL",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(FreeDocumentRow::read).transpose()
}

/// Calls a free document what `change` says when it sees what it is; nobody else does meanwhile. `None` when it was deleted.
pub async fn rename_free<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    id: FreeDocumentId,
    change: impl FnOnce(FreeDocument) -> Result<Option<String>, E>,
) -> Result<Option<FreeDocument>, E> {
    let mut tx = db.org(org).await?;
    let Some(present) = lock_free(&mut tx, id).await? else { return Ok(None) };
    let title = change(present)?;
    Ok(write_title(tx, by, id, title.as_deref()).await?)
}

async fn lock_free(tx: &mut OrgTx, id: FreeDocumentId) -> Result<Option<FreeDocument>, DbError> {
    let row = sqlx::query_as!(
        FreeDocumentRow,
        "SELECT id, project_id, title, created_at, deleted_at FROM documents
         WHERE id = $1 AND org_id = $2 AND kind = 'doc' AND deleted_at IS NULL FOR NO KEY UPDATE",
        id.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(FreeDocumentRow::read).transpose()
}

async fn write_title(
    mut tx: OrgTx,
    by: &Actor,
    id: FreeDocumentId,
    title: Option<&str>,
) -> Result<Option<FreeDocument>, DbError> {
    let row = sqlx::query_as!(
        FreeDocumentRow,
        "UPDATE documents SET title = $3 WHERE id = $1 AND org_id = $2 AND kind = 'doc' AND deleted_at IS NULL
         RETURNING id, project_id, title, created_at, deleted_at",
        id.as_uuid(),
        tx.org().as_uuid(),
        title
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let entry = by.did(Action::DocumentRenamed, ResourceKind::Document, id);
    audit::record(&mut tx, entry.with(json!({ "title": title }))).await?;
    tx.commit().await?;
    row.read().map(Some)
}

/// Puts a free document into the trash: nobody opens it any more, and nothing of it is lost. Says whether there was one.
pub async fn delete_free(db: &Db, org: OrgId, by: &Actor, id: FreeDocumentId) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let deleted = sqlx::query_scalar!(
        "UPDATE documents SET deleted_at = now() WHERE id = $1 AND org_id = $2 AND kind = 'doc' AND deleted_at IS NULL
         RETURNING title",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(title) = deleted else { return Ok(false) };
    let entry = by.did(Action::DocumentDeleted, ResourceKind::Document, id);
    audit::record(&mut tx, entry.with(json!({ "title": title }))).await?;
    tx.commit().await?;
    Ok(true)
}

/// A free document in the trash, of a project that a person may see. What the person may do with it, the role in the
/// project says.
pub async fn find_free_in_trash(db: &Db, user: UserId, id: FreeDocumentId) -> Result<Option<FreeDocument>, DbError> {
    let mut tx = db.user(user).await?;
    let row = sqlx::query_as!(
        FreeDocumentRow,
        "SELECT id, project_id, title, created_at, deleted_at FROM documents
         WHERE id = $1 AND kind = 'doc' AND deleted_at IS NOT NULL AND erasing_since IS NULL",
        id.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(FreeDocumentRow::read).transpose()
}

/// Takes a free document out of the trash. `None` when it is not there, or its project is in the trash itself.
pub async fn restore_free(
    db: &Db,
    org: OrgId,
    by: &Actor,
    id: FreeDocumentId,
) -> Result<Option<FreeDocument>, DbError> {
    let mut tx = db.org(org).await?;
    // Locked, so that the project does not go into the trash meanwhile.
    let row = sqlx::query_as!(
        FreeDocumentRow,
        "WITH project AS (
             SELECT p.id FROM projects p JOIN documents d ON d.project_id = p.id
             WHERE d.id = $1 AND d.org_id = $2 AND p.deleted_at IS NULL FOR SHARE OF p)
         UPDATE documents d SET deleted_at = NULL FROM project
         WHERE d.id = $1 AND d.org_id = $2 AND d.project_id = project.id AND d.kind = 'doc'
           AND d.deleted_at IS NOT NULL AND d.erasing_since IS NULL
         RETURNING d.id, d.project_id, d.title, d.created_at, d.deleted_at",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let entry = by.did(Action::DocumentRecovered, ResourceKind::Document, id);
    audit::record(&mut tx, entry.with(json!({ "title": row.title }))).await?;
    tx.commit().await?;
    row.read().map(Some)
}

/// Finds a document that a person may see. Scratch documents are nobody's, so they are not found here.
pub async fn find(db: &Db, user: UserId, name: &DocumentName) -> Result<Option<DocumentRef>, DbError> {
    if name.kind() == DocumentKind::Scratch {
        return Ok(None);
    }
    let mut tx = db.user(user).await?;
    let row = sqlx::query!(
        "SELECT id, org_id, project_id FROM documents WHERE id = $1 AND kind = $2 AND deleted_at IS NULL",
        name.document_id(),
        name.kind().as_str()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(row.map(|row| DocumentRef {
        id: row.id,
        kind: name.kind(),
        org: row.org_id.into(),
        project: row.project_id.map(ProjectId::new),
    }))
}
