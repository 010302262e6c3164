//! Finding nodes by what they say.

use schema::ids::{NodeId, OrgId, ProjectId};

use crate::db::{Db, DbError};

/// Words that are looked for, at most.
pub const SEARCH_WORDS_MAX: usize = 10;
/// Characters of what a node says that are shown around the first word.
const EXCERPT_BEFORE: i32 = 60;
const EXCERPT_LENGTH: i32 = 240;

/// A node that says what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub id: NodeId,
    /// What it is called.
    pub title: String,
    /// Its state.
    pub status: String,
    /// The node in which it is.
    pub parent_id: Option<NodeId>,
    /// A piece of what it says, with the first of the words in it if it is there.
    pub excerpt: String,
}

/// Nodes of a project, not those in the trash, in whose title, body, inputs or outputs all of the words are: those with the first of
/// them in their title first, then the newest. Upper and lower case are the same. Of more than [`SEARCH_WORDS_MAX`] words, the
/// first are taken.
pub async fn search(db: &Db, org: OrgId, project: ProjectId, words: &str, max: usize) -> Result<Vec<Found>, DbError> {
    let words: Vec<String> = words.split_whitespace().take(SEARCH_WORDS_MAX).map(str::to_lowercase).collect();
    let Some(first) = words.first() else { return Ok(Vec::new()) };
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        r#"SELECT n.id, n.title, n.status, n.parent_id,
               substr(said.text, greatest(1, strpos(lower(said.text), $4) - $5), $6) AS "excerpt!"
           FROM nodes n
           CROSS JOIN LATERAL (
               SELECT concat_ws(E'\n', n.description,
                   (SELECT string_agg(concat_ws(' ', i.label, i.text_content, i.structured_data::text), E'\n' ORDER BY i.sort_order)
                    FROM node_inputs i WHERE i.node_id = n.id),
                   (SELECT string_agg(concat_ws(' ', o.label, o.text_content, o.structured_data::text), E'\n' ORDER BY o.sort_order)
                    FROM node_outputs o WHERE o.node_id = n.id)) AS text) said
           WHERE n.project_id = $1 AND n.deleted_at IS NULL
             AND NOT EXISTS (
                 SELECT FROM unnest($2::text[]) word
                 WHERE strpos(lower(n.title), word) = 0 AND strpos(lower(said.text), word) = 0)
           ORDER BY strpos(lower(n.title), $4) = 0, n.created_at DESC, n.id LIMIT $3"#,
        project.as_uuid(),
        &words,
        i64::try_from(max).unwrap_or(i64::MAX),
        first,
        EXCERPT_BEFORE,
        EXCERPT_LENGTH
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let found = rows.into_iter().map(|row| Found {
        id: row.id.into(),
        title: row.title,
        status: row.status,
        parent_id: row.parent_id.map(NodeId::from),
        excerpt: row.excerpt,
    });
    Ok(found.collect())
}
