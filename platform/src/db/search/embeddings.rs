//! Keeping the embeddings of passages: who computes them claims some for a while, computes without holding anything,
//! and writes what still fits.

use std::time::Duration;

use schema::ids::OrgId;
use uuid::Uuid;

use crate::db::{Db, DbError};
use crate::embedding::Embedding;

/// Rows that are counted, at most: beyond, it does not matter how many wait.
const COUNTED_MAX: i64 = 100_000;
/// Passages of other embedders that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// A passage without an embedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    entry: Uuid,
    ordinal: i32,
    org: OrgId,
    /// What its entry is called.
    pub title: String,
    /// What it says.
    pub text: String,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// How much waits, of all organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Nodes that have changed.
    pub nodes: i64,
    /// For how long the one of them waits that does so longest.
    pub nodes_overdue: Duration,
    /// Passages without an embedding, those that were given up not counted.
    pub passages: i64,
    /// For how long somebody could have embedded the one of them that has been due for longest.
    pub passages_overdue: Duration,
}

struct WaitingRow {
    entry_id: Uuid,
    ordinal: i32,
    org_id: Uuid,
    title: String,
    text: String,
    attempts: i32,
}

/// Takes passages that are due, as many of each organization as of any other while there are some, and of each those
/// first that have been due for longest; nobody else gets them for `time`. Of more organizations than `max`, it is any
/// of them's turn.
pub async fn claim(db: &Db, max: usize, time: Duration) -> Result<Vec<Waiting>, DbError> {
    let mut tx = db.workers().await?;
    // From one organization to the next along the index, without a look at all that waits in each.
    let rows = sqlx::query_as!(
        WaitingRow,
        r#"WITH RECURSIVE oldest AS (
               (SELECT org_id, due_at FROM search_passages WHERE embedding IS NULL ORDER BY org_id, due_at LIMIT 1)
               UNION ALL
               SELECT next.org_id, next.due_at FROM oldest CROSS JOIN LATERAL (
                   SELECT org_id, due_at FROM search_passages WHERE embedding IS NULL AND org_id > oldest.org_id
                   ORDER BY org_id, due_at LIMIT 1) next),
           waiting AS (SELECT org_id FROM oldest WHERE due_at <= now() ORDER BY random() LIMIT $1),
           turns AS (
               SELECT its.entry_id, its.ordinal
               FROM waiting CROSS JOIN LATERAL (
                   SELECT entry_id, ordinal, due_at, row_number() OVER (ORDER BY due_at) AS turn FROM search_passages
                   WHERE org_id = waiting.org_id AND embedding IS NULL AND due_at <= now()
                   ORDER BY due_at LIMIT $1) its
               ORDER BY its.turn, its.due_at LIMIT $1),
           due AS (
               SELECT its.entry_id, its.ordinal FROM turns CROSS JOIN LATERAL (
                   SELECT entry_id, ordinal FROM search_passages
                   WHERE entry_id = turns.entry_id AND ordinal = turns.ordinal AND embedder IS NULL AND due_at <= now()
                   FOR UPDATE SKIP LOCKED) its)
           UPDATE search_passages p SET attempts = p.attempts + 1, due_at = now() + make_interval(secs => $2)
           FROM due JOIN search_entries e ON e.id = due.entry_id
           WHERE p.entry_id = due.entry_id AND p.ordinal = due.ordinal
           RETURNING p.entry_id, p.ordinal, p.org_id, e.title, p.text, p.attempts"#,
        i64::try_from(max).unwrap_or(i64::MAX),
        time.as_secs_f64()
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let waiting = rows.into_iter().map(|row| Waiting {
        entry: row.entry_id,
        ordinal: row.ordinal,
        org: row.org_id.into(),
        title: row.title,
        text: row.text,
        attempts: row.attempts,
    });
    Ok(waiting.collect())
}

/// Writes what passages mean. Those that say something else by now, or whose entry is called something else, are left
/// alone. Returns how many were written.
pub async fn write(db: &Db, embedder: &str, passages: &[(Waiting, Embedding)]) -> Result<u64, DbError> {
    let entries: Vec<Uuid> = passages.iter().map(|(passage, _)| passage.entry).collect();
    let ordinals: Vec<i32> = passages.iter().map(|(passage, _)| passage.ordinal).collect();
    let titles: Vec<&str> = passages.iter().map(|(passage, _)| passage.title.as_str()).collect();
    let texts: Vec<&str> = passages.iter().map(|(passage, _)| passage.text.as_str()).collect();
    let vectors: Vec<String> = passages.iter().map(|(_, embedding)| embedding.to_text()).collect();
    let mut tx = db.workers().await?;
    // Locked in the order in which nodes are indexed, so that neither waits for the other in a circle.
    let written = sqlx::query!(
        "WITH new AS (
             SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[])
                 AS new (entry_id, ordinal, title, text, vector)),
         fitting AS (
             SELECT p.entry_id, p.ordinal, new.vector
             FROM new JOIN search_entries e ON e.id = new.entry_id
                 JOIN search_passages p ON p.entry_id = new.entry_id AND p.ordinal = new.ordinal
             WHERE p.text = new.text AND e.title = new.title
             ORDER BY e.node_id, e.file_id, p.ordinal FOR UPDATE OF e, p)
         UPDATE search_passages p SET embedding = fitting.vector::vector, embedder = $6
         FROM fitting WHERE p.entry_id = fitting.entry_id AND p.ordinal = fitting.ordinal",
        &entries,
        &ordinals,
        &titles as &[&str],
        &texts as &[&str],
        &vectors,
        embedder
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(written.rows_affected())
}

/// Has a passage wait for `time` before it is tried again; `None`: for good, or until it says something else.
pub async fn postpone(db: &Db, passages: &[(Waiting, Option<Duration>)]) -> Result<(), DbError> {
    let entries: Vec<Uuid> = passages.iter().map(|(passage, _)| passage.entry).collect();
    let ordinals: Vec<i32> = passages.iter().map(|(passage, _)| passage.ordinal).collect();
    let attempts: Vec<i32> = passages.iter().map(|(passage, _)| passage.attempts).collect();
    let seconds: Vec<f64> =
        passages.iter().map(|(_, wait)| wait.map_or(f64::INFINITY, |wait| wait.as_secs_f64())).collect();
    let mut tx = db.workers().await?;
    sqlx::query!(
        "UPDATE search_passages p
         SET due_at = CASE WHEN failed.seconds = 'infinity' THEN 'infinity'
                      ELSE clock_timestamp() + make_interval(secs => failed.seconds) END
         FROM unnest($1::uuid[], $2::int[], $3::int[], $4::float8[]) AS failed (entry_id, ordinal, attempts, seconds)
         WHERE p.entry_id = failed.entry_id AND p.ordinal = failed.ordinal AND p.attempts = failed.attempts
           AND p.embedding IS NULL",
        &entries,
        &ordinals,
        &attempts,
        &seconds
    )
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// Forgets embeddings of another embedder than this one, so that they are computed anew. Returns how many, and does not
/// go on beyond a thousand.
pub async fn forget_other_embedders(db: &Db, embedder: &str) -> Result<u64, DbError> {
    let mut tx = db.workers().await?;
    let forgotten = sqlx::query!(
        "WITH others AS (
             SELECT entry_id, ordinal FROM search_passages
             WHERE embedder IS NOT NULL AND (embedder < $1 OR embedder > $1) LIMIT $2 FOR UPDATE SKIP LOCKED)
         UPDATE search_passages p SET embedding = NULL, embedder = NULL, attempts = 0, due_at = clock_timestamp()
         FROM others WHERE p.entry_id = others.entry_id AND p.ordinal = others.ordinal",
        embedder,
        FORGOTTEN_AT_ONCE
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(forgotten.rows_affected())
}

/// Has passages that were given up tried again.
pub async fn try_again_what_was_given_up(db: &Db) -> Result<(), DbError> {
    let mut tx = db.workers().await?;
    sqlx::query!(
        "UPDATE search_passages SET attempts = 0, due_at = clock_timestamp()
         WHERE embedding IS NULL AND due_at = 'infinity'"
    )
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// How much waits; of more than a hundred thousand, that.
pub async fn waiting(db: &Db) -> Result<Backlog, DbError> {
    let mut tx = db.workers().await?;
    // The one that has waited longest is one of those that have done so in their organizations.
    let row = sqlx::query!(
        r#"WITH RECURSIVE nodes AS (
               (SELECT org_id, since FROM search_queue ORDER BY org_id, since LIMIT 1)
               UNION ALL
               SELECT next.org_id, next.since FROM nodes CROSS JOIN LATERAL (
                   SELECT org_id, since FROM search_queue WHERE org_id > nodes.org_id
                   ORDER BY org_id, since LIMIT 1) next),
           passages AS (
               (SELECT org_id, due_at FROM search_passages WHERE embedding IS NULL ORDER BY org_id, due_at LIMIT 1)
               UNION ALL
               SELECT next.org_id, next.due_at FROM passages CROSS JOIN LATERAL (
                   SELECT org_id, due_at FROM search_passages WHERE embedding IS NULL AND org_id > passages.org_id
                   ORDER BY org_id, due_at LIMIT 1) next)
           SELECT (SELECT count(*) FROM (SELECT FROM search_queue ORDER BY org_id, since LIMIT $1) it) AS "nodes!",
                  (SELECT count(*) FROM (SELECT FROM search_passages WHERE embedding IS NULL AND due_at < 'infinity'
                       ORDER BY org_id, due_at LIMIT $1) it) AS "passages!",
                  coalesce((SELECT extract(epoch FROM clock_timestamp() - min(since))::float8 FROM nodes), 0)
                      AS "nodes_overdue!",
                  coalesce((SELECT extract(epoch FROM clock_timestamp() - min(due_at))::float8 FROM passages
                       WHERE due_at <= clock_timestamp()), 0) AS "passages_overdue!""#,
        COUNTED_MAX
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Backlog {
        nodes: row.nodes,
        nodes_overdue: Duration::try_from_secs_f64(row.nodes_overdue).unwrap_or_default(),
        passages: row.passages,
        passages_overdue: Duration::try_from_secs_f64(row.passages_overdue).unwrap_or_default(),
    })
}
