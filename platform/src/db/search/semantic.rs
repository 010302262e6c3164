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

/// So many passages the index is asked for for each that is shown: of an entry, the best one is.
const PASSAGES_PER_ITEM: usize = 10;
/// No more passages than these are all compared, which takes no longer than going along the index.
const FEW_PASSAGES: usize = 2_000;
/// No more than these are all compared when the index has led to too little.
const COMPARED_MAX: usize = 10_000;

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

struct Asked<'a> {
    embedder: &'a str,
    vector: String,
    /// Entries that are shown, at most.
    limit: usize,
}

struct Near {
    entry: Uuid,
    ordinal: i32,
    similarity: f64,
}

/// What a person may see of an organization and what is nearest to a vector of this embedder, the nearest first.
/// Passages that are not embedded yet are not found. Where many passages are looked for, those that the index leads to
/// are found, which may leave out some that are as near.
pub async fn nearest(
    db: &Db,
    org: OrgId,
    user: UserId,
    (embedder, asked): (&str, &Embedding),
    filter: &Filter,
    limit: usize,
) -> Result<Vec<FoundPassage>, DbError> {
    let mut tx = db.search(org).await?;
    let sight = sight::of_person(&mut tx, user).await?;
    let asked = Asked { embedder, vector: asked.to_text(), limit };
    let mut near = if let Some(few) = entries_of(&mut tx, &sight, filter, FEW_PASSAGES).await? {
        compare(&mut tx, &few, &asked).await?
    } else {
        let found = go_along_index(&mut tx, &sight, &asked, filter).await?;
        // The index is one for all organizations, and may have led to passages of others until it was left.
        if found.len() < limit
            && let Some(entries) = entries_of(&mut tx, &sight, filter, COMPARED_MAX).await?
        {
            compare(&mut tx, &entries, &asked).await?
        } else {
            found
        }
    };
    near.truncate(limit);
    Ok(read(&mut tx, &near).await?.into_iter().filter_map(found).collect())
}

/// The entries that the person may see and the filter leaves in; `None` when they have more than so many passages.
async fn entries_of(
    tx: &mut OrgTx,
    sight: &Sight,
    filter: &Filter,
    passages_max: usize,
) -> Result<Option<Vec<Uuid>>, DbError> {
    let mut entries = sqlx::query_scalar!(
        r#"SELECT e.id
           FROM search_entries e JOIN search_passages p ON p.entry_id = e.id AND p.org_id = $1
               LEFT JOIN nodes n ON n.id = e.node_id AND n.org_id = $1
               LEFT JOIN files f ON f.id = e.file_id AND f.org_id = $1
           WHERE e.org_id = $1 AND (e.project_id = ANY($2) OR $3 AND e.project_id IS NULL)
             AND (n.id IS NOT NULL AND $4 AND n.deleted_at IS NULL OR f.id IS NOT NULL AND $5)
             AND ($6::uuid IS NULL OR e.project_id = $6)
             AND (cardinality($7::text[]) = 0 OR n.status = ANY($7))
             AND ($8::text IS NULL OR n.author_type = $8)
             AND (cardinality($9::text[]) = 0 OR EXISTS (
                 SELECT FROM node_keywords k WHERE k.node_id = n.id AND k.kind = 'tag' AND k.word = ANY($9)))
             AND ($10::timestamptz IS NULL OR coalesce(n.updated_at, f.updated_at) >= $10)
             AND (cardinality($12::uuid[]) = 0 OR coalesce(n.author_user_id, f.uploaded_by) = ANY($12))
           LIMIT $11"#,
        tx.org().as_uuid(),
        &sight.projects,
        sight.whole_organization,
        filter.has(Kind::Node),
        filter.has(Kind::File),
        filter.project.map(Uuid::from),
        &filter.statuses,
        filter.author_type.map(AuthorType::as_str),
        &filter.tags,
        filter.updated_since.map(clean::time),
        i64::try_from(passages_max).unwrap_or(i64::MAX).saturating_add(1),
        &filter.author_ids()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    if entries.len() > passages_max {
        return Ok(None);
    }
    // One for each passage until now.
    entries.sort_unstable();
    entries.dedup();
    Ok(Some(entries))
}

/// The nearest passage of each of these entries, all compared, the nearest first.
async fn compare(tx: &mut OrgTx, entries: &[Uuid], asked: &Asked<'_>) -> Result<Vec<Near>, DbError> {
    // First compared and then ordered, so that the index, which would leave some out, has no part in it.
    let near = sqlx::query_as!(
        Near,
        r#"WITH compared AS MATERIALIZED (
               SELECT entry_id, ordinal, embedding <=> $3::text::vector AS distance FROM search_passages
               WHERE org_id = $1 AND embedder = $2 AND entry_id = ANY($4))
           SELECT entry_id AS "entry!", ordinal AS "ordinal!", 1 - distance AS "similarity!"
           FROM (SELECT DISTINCT ON (entry_id) * FROM compared ORDER BY entry_id, distance, ordinal) nearest
           ORDER BY distance, entry_id LIMIT $5"#,
        tx.org().as_uuid(),
        asked.embedder,
        asked.vector,
        entries,
        i64::try_from(asked.limit).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(near)
}

/// Of the passages to which the index leads, the nearest of each entry, the nearest first.
async fn go_along_index(
    tx: &mut OrgTx,
    sight: &Sight,
    asked: &Asked<'_>,
    filter: &Filter,
) -> Result<Vec<Near>, DbError> {
    // Goes on along the index while passages are left out, but not without end; and never sorts all of them instead.
    sqlx::raw_sql("SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL enable_sort = off")
        .execute(&mut *tx.inner)
        .await?;
    let max = asked.limit.saturating_mul(PASSAGES_PER_ITEM);
    let mut near = sqlx::query_as!(
        Near,
        r#"SELECT p.entry_id AS entry, p.ordinal, 1 - (p.embedding <=> $3::text::vector) AS "similarity!"
           FROM search_passages p JOIN search_entries e ON e.id = p.entry_id AND e.org_id = $1
               LEFT JOIN nodes n ON n.id = e.node_id AND n.org_id = $1
               LEFT JOIN files f ON f.id = e.file_id AND f.org_id = $1
           WHERE p.org_id = $1 AND p.embedder = $2 AND (e.project_id = ANY($4) OR $5 AND e.project_id IS NULL)
             AND (n.id IS NOT NULL AND $6 AND n.deleted_at IS NULL OR f.id IS NOT NULL AND $7)
             AND ($8::uuid IS NULL OR e.project_id = $8)
             AND (cardinality($9::text[]) = 0 OR n.status = ANY($9))
             AND ($10::text IS NULL OR n.author_type = $10)
             AND (cardinality($11::text[]) = 0 OR EXISTS (
                 SELECT FROM node_keywords k WHERE k.node_id = n.id AND k.kind = 'tag' AND k.word = ANY($11)))
             AND ($12::timestamptz IS NULL OR coalesce(n.updated_at, f.updated_at) >= $12)
             AND (cardinality($14::uuid[]) = 0 OR coalesce(n.author_user_id, f.uploaded_by) = ANY($14))
           ORDER BY p.embedding <=> $3::text::vector LIMIT $13"#,
        tx.org().as_uuid(),
        asked.embedder,
        asked.vector,
        &sight.projects,
        sight.whole_organization,
        filter.has(Kind::Node),
        filter.has(Kind::File),
        filter.project.map(Uuid::from),
        &filter.statuses,
        filter.author_type.map(AuthorType::as_str),
        &filter.tags,
        filter.updated_since.map(clean::time),
        i64::try_from(max).unwrap_or(i64::MAX),
        &filter.author_ids()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    sqlx::raw_sql("SET LOCAL enable_sort = on").execute(&mut *tx.inner).await?;
    // The index gives them nearly in order.
    near.sort_by(|one, another| another.similarity.total_cmp(&one.similarity));
    let mut seen = HashSet::new();
    near.retain(|it| seen.insert(it.entry));
    Ok(near)
}

/// What is shown of passages, in their order.
async fn read(tx: &mut OrgTx, near: &[Near]) -> Result<Vec<Row>, DbError> {
    let entries: Vec<Uuid> = near.iter().map(|it| it.entry).collect();
    let ordinals: Vec<i32> = near.iter().map(|it| it.ordinal).collect();
    let similarities: Vec<f64> = near.iter().map(|it| it.similarity).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.node_id, e.file_id, e.project_id, e.title, p.text AS passage, near.similarity AS "similarity!",
               n.status AS "status?", f.content_type AS "content_type?",
               coalesce(n.updated_at, f.updated_at) AS "updated_at!"
           FROM unnest($2::uuid[], $3::int[], $4::float8[]) WITH ORDINALITY AS near (entry_id, ordinal, similarity, nth)
               JOIN search_entries e ON e.id = near.entry_id AND e.org_id = $1
               JOIN search_passages p ON p.entry_id = e.id AND p.ordinal = near.ordinal AND p.org_id = $1
               LEFT JOIN nodes n ON n.id = e.node_id AND n.org_id = $1
               LEFT JOIN files f ON f.id = e.file_id AND f.org_id = $1
           ORDER BY near.nth"#,
        tx.org().as_uuid(),
        &entries,
        &ordinals,
        &similarities
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
