//! What can be found: entries of nodes and files, their words, and their passages with what they mean.
//!
//! Everything here is derived from nodes and files, and can be made anew.

mod embeddings;
mod find;
mod nodes;
mod semantic;
mod sight;
mod sources;

use chrono::{DateTime, Utc};
use schema::ids::{FileId, NodeId, ProjectId};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::clean::{self, TITLE_CHARS_MAX};
use super::{DbError, OrgTx};
use crate::search::{passages, words};

pub use embeddings::{
    Backlog, Waiting, claim, forget_other_embedders, postpone, try_again_what_was_given_up, waiting, write,
};
pub use find::{FITTING_MAX, Filter, Found, Kind, ParseSearchCursorError, SearchCursor, SearchPage, find};
pub use nodes::{index_nodes, set_back, with_nodes_waiting};
pub use semantic::{FoundPassage, nearest};
pub use sight::Viewer;
pub use sources::{FileText, NodeText, text_lengths, texts};

/// So long a passage that was embedded waits after it has changed: whoever writes on does not have each word embedded.
const EMBED_AFTER_SECONDS: f64 = 2.0;

/// What an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// A node.
    Node(NodeId),
    /// A file.
    File(FileId),
}

impl About {
    fn of_columns(node: Option<Uuid>, file: Option<Uuid>) -> Option<Self> {
        node.map(|node| Self::Node(node.into())).or_else(|| file.map(|file| Self::File(file.into())))
    }

    const fn node(self) -> Option<Uuid> {
        match self {
            Self::Node(node) => Some(node.as_uuid()),
            Self::File(_) => None,
        }
    }

    const fn file(self) -> Option<Uuid> {
        match self {
            Self::File(file) => Some(file.as_uuid()),
            Self::Node(_) => None,
        }
    }
}

/// A node or a file that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Which one.
    pub about: About,
    /// The project it belongs to.
    pub project: Option<ProjectId>,
    /// What it is called.
    pub title: String,
    /// The state of a node.
    pub status: Option<String>,
    /// The content type of a file.
    pub content_type: Option<String>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What can be found of a node or a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewEntry<'a> {
    /// What it is of.
    pub about: About,
    /// The project it belongs to; `None` for a file of the whole organization.
    pub project: Option<ProjectId>,
    /// What it is called.
    pub title: &'a str,
    /// What it says; of more than [`words::TEXT_CHARS_MAX`] characters the first.
    pub text: &'a str,
}

/// Makes a node or a file be found by what it says now, and no longer by what it said before. Does nothing when that is
/// the same.
pub async fn put(tx: &mut OrgTx, entry: &NewEntry<'_>) -> Result<(), DbError> {
    let title = clean::text(entry.title, TITLE_CHARS_MAX);
    let text = clean::text(entry.text, words::TEXT_CHARS_MAX);
    let digest = digest(entry.project, &title, &text);
    let before = lock(tx, entry).await?;
    if before.digest == digest {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE search_entries SET project_id = $3, title = $4, text = $5, digest = $6, updated_at = clock_timestamp()
         WHERE id = $1 AND org_id = $2",
        before.id,
        tx.org().as_uuid(),
        entry.project.map(Uuid::from),
        title,
        text,
        digest.as_slice()
    )
    .execute(&mut *tx.inner)
    .await?;
    replace_words(tx, before.id, &title, &text).await?;
    replace_passages(tx, &before, &title, &text).await
}

/// Makes a node or a file be found no longer.
pub async fn remove(tx: &mut OrgTx, about: About) -> Result<(), DbError> {
    sqlx::query!(
        "DELETE FROM search_entries WHERE (node_id = $1 OR file_id = $2) AND org_id = $3",
        about.node(),
        about.file(),
        tx.org().as_uuid()
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

struct Before {
    id: Uuid,
    title: String,
    digest: Vec<u8>,
}

/// The entry that is there, or an empty one; nobody else writes it until this transaction ends.
async fn lock(tx: &mut OrgTx, entry: &NewEntry<'_>) -> Result<Before, DbError> {
    let org = tx.org().as_uuid();
    let (node, file) = (entry.about.node(), entry.about.file());
    sqlx::query!(
        "INSERT INTO search_entries (org_id, project_id, node_id, file_id, title, text, digest)
         VALUES ($1, $2, $3, $4, '', '', '') ON CONFLICT DO NOTHING",
        org,
        entry.project.map(Uuid::from),
        node,
        file
    )
    .execute(&mut *tx.inner)
    .await?;
    let before = sqlx::query_as!(
        Before,
        "SELECT id, title, digest FROM search_entries WHERE (node_id = $1 OR file_id = $2) AND org_id = $3 FOR UPDATE",
        node,
        file,
        org
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(before)
}

fn digest(project: Option<ProjectId>, title: &str, text: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(project.map_or(Uuid::nil(), Uuid::from));
    digest.update(title.len().to_le_bytes());
    digest.update(title);
    digest.update(text);
    digest.finalize().to_vec()
}

/// Words that weigh the same are not touched: a lock on each of them would be written, too.
async fn replace_words(tx: &mut OrgTx, entry: Uuid, title: &str, text: &str) -> Result<(), DbError> {
    let (words, weights): (Vec<String>, Vec<f32>) = words::of_entry(title, text).into_iter().unzip();
    let org = tx.org().as_uuid();
    sqlx::query!(
        r#"DELETE FROM search_words w WHERE entry_id = $1 AND org_id = $2
             AND NOT EXISTS (SELECT FROM unnest($3::text[]) AS kept (word) WHERE kept.word COLLATE "C" = w.word)"#,
        entry,
        org,
        &words
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        r#"INSERT INTO search_words (org_id, word, entry_id, weight)
           SELECT $2, new.word, $1, new.weight FROM unnest($3::text[], $4::real[]) AS new (word, weight)
           WHERE NOT EXISTS (
               SELECT FROM search_words w
               WHERE w.entry_id = $1 AND w.org_id = $2 AND w.word = new.word COLLATE "C" AND w.weight = new.weight)
           ON CONFLICT (org_id, word, entry_id) DO UPDATE SET weight = excluded.weight"#,
        entry,
        org,
        &words,
        &weights
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// Passages whose text is the same keep what they mean, unless another title stands in front of them.
async fn replace_passages(tx: &mut OrgTx, before: &Before, title: &str, text: &str) -> Result<(), DbError> {
    let mut passages: Vec<String> = passages::cut(text).into_iter().map(String::from).collect();
    if passages.is_empty() && !title.trim().is_empty() {
        // It is found by its title alone.
        passages.push(String::new());
    }
    let org = tx.org().as_uuid();
    let count = i32::try_from(passages.len()).unwrap_or(i32::MAX);
    sqlx::query!(
        "DELETE FROM search_passages WHERE entry_id = $1 AND org_id = $2 AND ordinal >= $3",
        before.id,
        org,
        count
    )
    .execute(&mut *tx.inner)
    .await?;
    sqlx::query!(
        "INSERT INTO search_passages (entry_id, org_id, ordinal, text)
         SELECT $1, $2, new.ordinal::int - 1, new.text FROM unnest($3::text[]) WITH ORDINALITY AS new (text, ordinal)
         ON CONFLICT (entry_id, ordinal) DO UPDATE
         SET text = excluded.text, embedding = NULL, embedder = NULL, attempts = 0,
             due_at = CASE WHEN search_passages.embedding IS NULL AND search_passages.attempts = 0
                      THEN search_passages.due_at ELSE clock_timestamp() + make_interval(secs => $5) END
         WHERE $4 OR search_passages.text <> excluded.text",
        before.id,
        org,
        &passages,
        before.title != title,
        EMBED_AFTER_SECONDS
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}
