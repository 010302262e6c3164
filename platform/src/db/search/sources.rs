//! What nodes and files say, for those who want to know more of them than their ids.

use std::collections::HashMap;

use schema::ids::{NodeId, OrgId, UserId};
use uuid::Uuid;

use super::sight;
use crate::db::{Db, DbError};

/// What a node says, as lists know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeText {
    /// Its id.
    pub id: NodeId,
    /// What it is called.
    pub title: String,
    /// Its state.
    pub status: String,
    /// The beginning of its body, as Markdown.
    pub text: String,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub filename: String,
    /// What it is.
    pub content_type: String,
    /// The beginning of its text; `None` when none was read out of it.
    pub text: Option<String>,
}

/// How many characters these nodes and files say, as far as the person may see them, by their ids.
pub async fn text_lengths(
    db: &Db,
    org: OrgId,
    user: UserId,
    nodes: &[NodeId],
    files: &[Uuid],
) -> Result<HashMap<Uuid, usize>, DbError> {
    let mut tx = db.org(org).await?;
    let sight = sight::of_person(&mut tx, user).await?;
    let nodes: Vec<Uuid> = nodes.iter().map(NodeId::as_uuid).collect();
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", length(description) AS "length!" FROM nodes
           WHERE id = ANY($1) AND org_id = $2 AND project_id = ANY($3) AND deleted_at IS NULL
           UNION ALL
           SELECT id, coalesce(length(extracted_text), 0) FROM files
           WHERE id = ANY($5) AND org_id = $2 AND state <> 'uploading'
             AND (project_id = ANY($3) OR $4 AND project_id IS NULL)"#,
        &nodes,
        org.as_uuid(),
        &sight.projects,
        sight.whole_organization,
        files
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, usize::try_from(row.length).unwrap_or_default())).collect())
}

/// What these nodes and files say, as far as the person may see them, each up to so many characters.
pub async fn texts(
    db: &Db,
    org: OrgId,
    user: UserId,
    nodes: &[NodeId],
    files: &[Uuid],
    chars_max: usize,
) -> Result<(Vec<NodeText>, Vec<FileText>), DbError> {
    let mut tx = db.org(org).await?;
    let sight = sight::of_person(&mut tx, user).await?;
    let nodes: Vec<Uuid> = nodes.iter().map(NodeId::as_uuid).collect();
    let chars_max = i32::try_from(chars_max).unwrap_or(i32::MAX);
    let nodes = sqlx::query_as!(
        NodeText,
        "SELECT id, title, status, left(description, $4) AS \"text!\" FROM nodes
         WHERE id = ANY($1) AND org_id = $2 AND project_id = ANY($3) AND deleted_at IS NULL",
        &nodes,
        org.as_uuid(),
        &sight.projects,
        chars_max
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let files = sqlx::query_as!(
        FileText,
        "SELECT id, filename, content_type, left(extracted_text, $5) AS text FROM files
         WHERE id = ANY($1) AND org_id = $2 AND state <> 'uploading'
           AND (project_id = ANY($3) OR $4 AND project_id IS NULL)",
        files,
        org.as_uuid(),
        &sight.projects,
        sight.whole_organization,
        chars_max
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok((nodes, files))
}
