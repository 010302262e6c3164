//! Which documents there are, and whose. What they hold is in the [`log`](super::log).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schema::ids::{DocumentKind, DocumentName, FreeDocumentId, NodeId, OrgId, ProjectId, ScratchName, UserId};
use uuid::Uuid;

use super::{Db, DbError, SCRATCH_ORG};

/// A document, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    Ok(owned.map(|id| DocumentRef { id, kind: DocumentKind::Node, org, project: Some(project) }))
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
    tx.commit().await?;
    Ok(FreeDocument { id, project, title: title.map(str::to_owned), created_at })
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
