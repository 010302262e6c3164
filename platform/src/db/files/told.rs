//! Files, as runs of agents are told of them.

use schema::ids::{FileId, OrgId, ProjectId, UserId};
use uuid::Uuid;

use crate::db::{Db, DbError};

/// How it stands with what a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Its beginning, and how many characters of it are kept.
    Text {
        /// The beginning.
        beginning: String,
        /// All characters that are kept.
        chars: usize,
        /// Whether the file says more than is kept.
        truncated: bool,
    },
    /// Files of its type say nothing.
    Nothing,
    /// It is being read.
    NotYet,
    /// It could not be read: why.
    Unreadable(String),
}

/// A file, as an agent is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldFile {
    /// The file.
    pub id: FileId,
    /// What it is called.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// Its size in bytes, if it is known.
    pub size_bytes: Option<u64>,
    /// What it says.
    pub says: Says,
}

/// What a run may see of files: it works in a project, for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunScope {
    /// The organization.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// For whom the run acts.
    pub user: UserId,
}

/// Those of these files that a run may read: in its project, or of the whole organization unless it acts for a guest. Of
/// what they say, the first `chars_max` characters.
pub async fn told(db: &Db, scope: RunScope, files: &[Uuid], chars_max: usize) -> Result<Vec<ToldFile>, DbError> {
    let mut tx = db.org(scope.org).await?;
    let rows = sqlx::query!(
        r#"SELECT id, filename, content_type, size_bytes, state, processing_error, text_truncated,
                  left(extracted_text, $5) AS beginning, length(extracted_text) AS chars
           FROM files
           WHERE org_id = $1 AND id = ANY($4) AND state <> 'uploading'
             AND (project_id = $2 OR project_id IS NULL AND EXISTS (
                 SELECT FROM org_members WHERE org_id = $1 AND user_id = $3 AND role <> 'guest'))"#,
        scope.org.as_uuid(),
        scope.project.as_uuid(),
        scope.user.as_uuid(),
        files,
        i32::try_from(chars_max).unwrap_or(i32::MAX)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let told = rows.into_iter().map(|row| ToldFile {
        id: row.id.into(),
        filename: row.filename,
        content_type: row.content_type,
        size_bytes: row.size_bytes.and_then(|size| u64::try_from(size).ok()),
        says: match (row.state.as_str(), row.beginning) {
            ("complete", Some(beginning)) => {
                let chars = row.chars.and_then(|chars| usize::try_from(chars).ok()).unwrap_or_default();
                Says::Text { beginning, chars, truncated: row.text_truncated }
            }
            ("complete", None) => Says::Nothing,
            ("failed", _) => Says::Unreadable(row.processing_error.unwrap_or_default()),
            _ => Says::NotYet,
        },
    });
    Ok(told.collect())
}
