//! Finding by what texts are near to.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId, UserId};
use uuid::Uuid;

use super::find::{Filter, Kind};
use super::sight::{self, Sight};
use super::{About, Hit};
use crate::db::nodes::AuthorType;
use crate::db::{Db, DbError, OrgTx, clean};
use crate::embedding::Embedding;

/// So many passages are looked at for each that is shown: of an entry, the best one is.
const PASSAGES_PER_ITEM: usize = 10;
/// Of an organization with no more passages than these, all are compared.
const FEW_PASSAGES: i64 = 5_000;

/// A passage that is near to what was asked, the nearest of its entry.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPassage {
    /// What it is in.
    pub hit: Hit,
    /// What it says; empty for a node of which there is nothing but the title.
    pub passage: String,
    /// How near, from 0 to 1.
    pub similarity: f64,
}

struct Row {
    entry: Uuid,
    node_id: Option<Uuid>,
    file_id: Option<Uuid>,
    project_id: Option<Uuid>,
    title: String,
    passage: String,
    similarity: f64,
    status: Option<String>,
    content_type: Option<String>,
    updated_at: DateTime<Utc>,
}

/// What a person may see of an organization and what is nearest to a vector of this embedder, the nearest first.
/// Passages that are not embedded yet are not found.
pub async fn nearest(
    db: &Db,
    org: OrgId,
    user: UserId,
    (embedder, asked): (&str, &Embedding),
    filter: &Filter,
    limit: usize,
) -> Result<Vec<FoundPassage>, DbError> {
    let mut tx = db.org(org).await?;
    let sight = sight::of_person(&mut tx, user).await?;
    let max = limit.saturating_mul(PASSAGES_PER_ITEM);
    let mut rows = Vec::new();
    if !has_few_passages(&mut tx).await? {
        // Goes on along the index while passages are left out, but not without end.
        sqlx::query("SET LOCAL hnsw.iterative_scan = relaxed_order").execute(&mut *tx.inner).await?;
        rows = passages(&mut tx, &sight, (embedder, asked), filter, max).await?;
    }
    if rows.len() < max {
        // Those of the organization, all compared: the index is one for all organizations.
        sqlx::query("SET LOCAL enable_indexscan = off").execute(&mut *tx.inner).await?;
        rows = passages(&mut tx, &sight, (embedder, asked), filter, max).await?;
    }
    // The index gives them nearly in order.
    rows.sort_by(|one, another| another.similarity.total_cmp(&one.similarity));
    let mut seen = HashSet::new();
    Ok(rows.into_iter().filter(|row| seen.insert(row.entry)).take(limit).filter_map(found).collect())
}

/// Whether comparing all passages of the organization takes no longer than going along the index.
async fn has_few_passages(tx: &mut OrgTx) -> Result<bool, DbError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM search_passages WHERE org_id = $1 LIMIT $2) of_it"#,
        tx.org().as_uuid(),
        FEW_PASSAGES + 1
    );
    Ok(count.fetch_one(&mut *tx.inner).await? <= FEW_PASSAGES)
}

async fn passages(
    tx: &mut OrgTx,
    sight: &Sight,
    (embedder, asked): (&str, &Embedding),
    filter: &Filter,
    max: usize,
) -> Result<Vec<Row>, DbError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.id AS entry, e.node_id, e.file_id, e.project_id, e.title, p.text AS passage,
               1 - (p.embedding <=> $3::text::vector) AS "similarity!", n.status AS "status?",
               f.content_type AS "content_type?", coalesce(n.updated_at, f.updated_at) AS "updated_at!"
           FROM search_passages p JOIN search_entries e ON e.id = p.entry_id
               LEFT JOIN nodes n ON n.id = e.node_id LEFT JOIN files f ON f.id = e.file_id
           WHERE p.org_id = $1 AND p.embedder = $2 AND (e.project_id = ANY($4) OR $5 AND e.project_id IS NULL)
             AND (n.id IS NOT NULL AND $6 AND n.deleted_at IS NULL OR f.id IS NOT NULL AND $7)
             AND ($8::uuid IS NULL OR e.project_id = $8)
             AND (cardinality($9::text[]) = 0 OR n.status = ANY($9))
             AND ($10::text IS NULL OR n.author_type = $10)
             AND (cardinality($11::text[]) = 0 OR EXISTS (
                 SELECT FROM node_keywords k WHERE k.node_id = n.id AND k.kind = 'tag' AND k.word = ANY($11)))
             AND ($12::timestamptz IS NULL OR coalesce(n.updated_at, f.updated_at) >= $12)
           ORDER BY p.embedding <=> $3::text::vector LIMIT $13"#,
        tx.org().as_uuid(),
        embedder,
        asked.to_text(),
        &sight.projects,
        sight.whole_organization,
        filter.has(Kind::Node),
        filter.has(Kind::File),
        filter.project.map(Uuid::from),
        &filter.statuses,
        filter.author_type.map(AuthorType::as_str),
        &filter.tags,
        filter.updated_since.map(clean::time),
        i64::try_from(max).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows)
}

fn found(row: Row) -> Option<FoundPassage> {
    let hit = Hit {
        about: About::of_columns(row.node_id, row.file_id)?,
        project: row.project_id.map(ProjectId::from),
        title: row.title,
        status: row.status,
        content_type: row.content_type,
        updated_at: row.updated_at,
    };
    Some(FoundPassage { hit, passage: row.passage, similarity: row.similarity.clamp(0.0, 1.0) })
}
