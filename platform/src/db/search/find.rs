//! Finding by words.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, ProjectId, UserId};
use uuid::Uuid;

use super::sight::{Sight, Viewer};
use super::{About, Hit};
use crate::db::nodes::AuthorType;
use crate::db::{Db, DbError, OrgTx, clean};
use crate::search::words;

/// Entries with all words of a query that are looked at, at most: of more, those with the best scores, and of equal
/// ones those with the greatest ids. They are the same for each page, so that the pages hold each of them once.
pub const FITTING_MAX: i64 = 10_000;
/// Scores are whole numbers up to this: parts of a million can be compared exactly, fractions cannot.
const SCORE_MAX: f64 = 1_000_000.0;
/// What a word counts that only begins with what was asked for.
const BEGINNING_FACTOR: f64 = 0.8;
/// Characters that are shown in front of the first word ...
const EXCERPT_BEFORE: i32 = 60;
/// ... and altogether.
const EXCERPT_LENGTH: i32 = 240;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nodes.
    Node,
    /// Files.
    File,
}

/// What is left out. Conditions of which nothing is said leave nothing out; those on what only nodes have leave all
/// files out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only these; empty: all.
    pub kinds: Vec<Kind>,
    /// Of this project only.
    pub project: Option<ProjectId>,
    /// Nodes in one of these states.
    pub statuses: Vec<String>,
    /// Nodes of one of these people, and files that one of them has uploaded.
    pub authors: Vec<UserId>,
    /// Nodes on which a person, or an agent, works.
    pub author_type: Option<AuthorType>,
    /// Nodes with one of these tags.
    pub tags: Vec<String>,
    /// Changed then or later.
    pub updated_since: Option<DateTime<Utc>>,
}

impl Filter {
    pub(super) fn author_ids(&self) -> Vec<Uuid> {
        self.authors.iter().map(UserId::as_uuid).collect()
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// A node or a file that has the words of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which one.
    pub hit: Hit,
    /// A piece of what it says, from a little before the first word that was looked for.
    pub excerpt: String,
    /// How well it fits, more than 0 and up to 1.
    pub score: f64,
}

/// A part of what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    /// What fits best first.
    pub items: Vec<Found>,
    /// Where to go on; `None` at the end.
    pub next: Option<SearchCursor>,
}

/// A place in what is found: after the entry with this score, time and id. What changes meanwhile may be found twice or
/// not at all, and everything else once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchCursor {
    score: i32,
    updated_at: DateTime<Utc>,
    entry: Uuid,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the nextCursor of the page before")]
pub struct ParseSearchCursorError;

impl fmt::Display for SearchCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}_{}_{}", self.score, self.updated_at.timestamp_micros(), self.entry.simple())
    }
}

impl FromStr for SearchCursor {
    type Err = ParseSearchCursorError;

    fn from_str(text: &str) -> Result<Self, ParseSearchCursorError> {
        let mut parts = text.split('_');
        let mut next = || parts.next().ok_or(ParseSearchCursorError);
        let score = next()?.parse().map_err(|_| ParseSearchCursorError)?;
        let micros = next()?.parse().map_err(|_| ParseSearchCursorError)?;
        let entry = Uuid::try_parse(next()?).map_err(|_| ParseSearchCursorError)?;
        let updated_at = DateTime::from_timestamp_micros(micros).ok_or(ParseSearchCursorError)?;
        let cursor = Self { score, updated_at: clean::time(updated_at), entry };
        // One cursor has one spelling, and nothing follows it.
        if cursor.to_string() == text { Ok(cursor) } else { Err(ParseSearchCursorError) }
    }
}

struct Row {
    entry: Uuid,
    node_id: Option<Uuid>,
    file_id: Option<Uuid>,
    project_id: Option<Uuid>,
    title: String,
    excerpt: String,
    score: i32,
    status: Option<String>,
    content_type: Option<String>,
    updated_at: DateTime<Utc>,
}

/// What somebody may see of an organization and what has all words of a query, or words that begin so: those that have
/// them in their titles first. Nothing, when there is no word in the query. Of more than [`FITTING_MAX`] in the
/// projects and of the kinds that are looked for, those that fit best; what else the filter leaves out is left out of
/// these.
pub async fn find(
    db: &Db,
    org: OrgId,
    viewer: Viewer,
    query: &str,
    filter: &Filter,
    after: Option<SearchCursor>,
    limit: usize,
) -> Result<SearchPage, DbError> {
    let words = words::of_query(query);
    if words.is_empty() {
        return Ok(SearchPage { items: Vec::new(), next: None });
    }
    let mut tx = db.search(org).await?;
    let sight = viewer.sight(&mut tx).await?;
    let fitting = fitting(&mut tx, &sight, &words, filter).await?;
    let rows = page(&mut tx, &sight, &words, fitting, filter, after, limit).await?;
    Ok(page_of(rows, limit))
}

/// An entry that has all words, and how well they fit, in parts of [`SCORE_MAX`].
struct Fitting {
    entry: Uuid,
    score: i32,
}

/// What has all words, by the index of words alone.
async fn fitting(tx: &mut OrgTx, sight: &Sight, words: &[String], filter: &Filter) -> Result<Vec<Fitting>, DbError> {
    let ends = words::ends_of_ranges(words);
    let (nodes, files) = (filter.has(Kind::Node), filter.has(Kind::File));
    // Then it is enough to look at where entries belong when they are read: few nodes are in the trash.
    let is_all = sight.everything && filter.project.is_none() && nodes && files;
    // `OFFSET 0` has each word looked up in the index by itself, whatever the statistics say.
    let fitting = sqlx::query_as!(
        Fitting,
        r#"SELECT entry_id AS "entry!", score AS "score!" FROM (
               SELECT best.entry_id, (avg(best.weight) * $11::float8)::int AS score
               FROM (SELECT asked.nth, w.entry_id,
                         max(w.weight * CASE WHEN w.word = asked.word THEN 1::float8 ELSE $10::float8 END) AS weight
                     FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS asked (word, range_end, nth)
                     CROSS JOIN LATERAL (
                         SELECT entry_id, word, weight FROM search_words
                         WHERE org_id = $1 AND word >= asked.word COLLATE "C" AND word < asked.range_end COLLATE "C"
                         OFFSET 0) w
                     GROUP BY asked.nth, w.entry_id) best
               GROUP BY best.entry_id HAVING count(*) = cardinality($2::text[])) fitting
           WHERE $4 OR entry_id IN (
               SELECT e.id FROM search_entries e
               WHERE e.org_id = $1 AND (e.project_id = ANY($5) OR $6 AND e.project_id IS NULL)
                 AND ($7::uuid IS NULL OR e.project_id = $7)
                 AND (e.node_id IS NOT NULL AND $8 OR e.node_id IS NULL AND $9))
           ORDER BY score DESC, entry_id DESC LIMIT $12"#,
        tx.org().as_uuid(),
        words,
        &ends,
        is_all,
        &sight.projects,
        sight.whole_organization,
        filter.project.map(Uuid::from),
        nodes,
        files,
        BEGINNING_FACTOR,
        SCORE_MAX,
        FITTING_MAX
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(fitting)
}

/// Of what fits, what is to be seen and the filter leaves in, and one more than the page has. That it is given as
/// lists tells the database how much it is, and so whether to look each up or to read them together.
async fn page(
    tx: &mut OrgTx,
    sight: &Sight,
    words: &[String],
    fitting: Vec<Fitting>,
    filter: &Filter,
    after: Option<SearchCursor>,
    limit: usize,
) -> Result<Vec<Row>, DbError> {
    let (entries, scores): (Vec<Uuid>, Vec<i32>) = fitting.into_iter().map(|it| (it.entry, it.score)).unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"WITH page AS (
               SELECT e.id, fitting.score, n.status, f.content_type, coalesce(n.updated_at, f.updated_at) AS updated_at
               FROM unnest($2::uuid[], $3::int[]) AS fitting (entry_id, score)
                   JOIN search_entries e ON e.id = fitting.entry_id AND e.org_id = $1
                   LEFT JOIN nodes n ON n.id = e.node_id AND n.org_id = $1
                   LEFT JOIN files f ON f.id = e.file_id AND f.org_id = $1
               WHERE (e.project_id = ANY($4) OR $5 AND e.project_id IS NULL)
                 AND (n.id IS NOT NULL AND $6 AND n.deleted_at IS NULL OR f.id IS NOT NULL AND $7)
                 AND ($8::uuid IS NULL OR e.project_id = $8)
                 AND (cardinality($9::text[]) = 0 OR n.status = ANY($9))
                 AND ($10::text IS NULL OR n.author_type = $10)
                 AND (cardinality($11::text[]) = 0 OR EXISTS (
                     SELECT FROM node_keywords k WHERE k.node_id = n.id AND k.kind = 'tag' AND k.word = ANY($11)))
                 AND ($12::timestamptz IS NULL OR coalesce(n.updated_at, f.updated_at) >= $12)
                 AND (cardinality($20::uuid[]) = 0 OR coalesce(n.author_user_id, f.uploaded_by) = ANY($20))
                 AND ($13::int IS NULL OR (fitting.score, coalesce(n.updated_at, f.updated_at), e.id) < ($13, $14, $15))
               ORDER BY fitting.score DESC, updated_at DESC, e.id DESC LIMIT $16)
           SELECT e.id AS entry, e.node_id, e.file_id, e.project_id, e.title, page.score AS "score!", page.status AS "status?",
               page.content_type AS "content_type?", page.updated_at AS "updated_at!",
               substr(e.text, greatest(1, coalesce((SELECT min(nullif(strpos(low.text, word), 0))
                   FROM (SELECT lower(e.text) AS text OFFSET 0) low, unnest($17::text[]) word), 1) - $18), $19)
                   AS "excerpt!"
           FROM page JOIN search_entries e ON e.id = page.id AND e.org_id = $1
           ORDER BY page.score DESC, page.updated_at DESC, e.id DESC"#,
        tx.org().as_uuid(),
        &entries,
        &scores,
        &sight.projects,
        sight.whole_organization,
        filter.has(Kind::Node),
        filter.has(Kind::File),
        filter.project.map(Uuid::from),
        &filter.statuses,
        filter.author_type.map(AuthorType::as_str),
        &filter.tags,
        filter.updated_since.map(clean::time),
        after.map(|after| after.score),
        after.map(|after| after.updated_at),
        after.map(|after| after.entry),
        i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
        words,
        EXCERPT_BEFORE,
        EXCERPT_LENGTH,
        &filter.author_ids()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    Ok(rows)
}

/// One row more than the page has tells that there is another page.
fn page_of(mut rows: Vec<Row>, limit: usize) -> SearchPage {
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let cursor = |row: &Row| SearchCursor { score: row.score, updated_at: row.updated_at, entry: row.entry };
    let next = rows.last().filter(|_| is_more).map(cursor);
    SearchPage { items: rows.into_iter().filter_map(found).collect(), next }
}

fn found(row: Row) -> Option<Found> {
    let hit = Hit {
        about: About::of_columns(row.node_id, row.file_id)?,
        project: row.project_id.map(ProjectId::from),
        title: row.title,
        status: row.status,
        content_type: row.content_type,
        updated_at: row.updated_at,
    };
    Some(Found { hit, excerpt: row.excerpt, score: f64::from(row.score) / SCORE_MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_have_one_spelling() {
        let updated_at = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
        let cursor = SearchCursor { score: 666_667, updated_at, entry: Uuid::from_u128(7) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "1", "1_2", "1_2_3", "+1_2_00000000000000000000000000000007", "1_2_3_4", "\u{1f600}"] {
            assert_eq!(text.parse::<SearchCursor>(), Err(ParseSearchCursorError), "{text}");
        }
        let last = format!("1_{}_00000000000000000000000000000007", i64::MAX);
        assert_eq!(last.parse::<SearchCursor>(), Err(ParseSearchCursorError));
    }
}
