//! Reading what files say: who reads which, and what came of it.
//!
//! A file is leased by one worker at a time. A worker whose lease was taken by another one, or whose file is gone, notes
//! nothing any more.

use std::time::Duration;

use schema::ids::{FileId, OrgId, ProjectId};
use serde_json::json;
use uuid::Uuid;

use crate::db::clean::{self, TEXT_CHARS_MAX};
use crate::db::events::{self, EventKind, NewEvent};
use crate::db::search::{self, About, NewEntry};
use crate::db::{Db, DbError, OrgTx};

/// Leases after which a file is given up whose text cannot be read.
pub const ATTEMPTS_MAX: i32 = 5;
/// Files that are counted, at most: beyond, it does not matter how many wait.
const WAITING_COUNTED_MAX: i64 = 100_000;
/// The longest description of what is wrong with a file, in characters.
const PROBLEM_CHARS_MAX: usize = 1_000;

/// A file that is this worker's for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedFile {
    /// The lease.
    pub lease: Uuid,
    /// The file.
    pub id: FileId,
    /// Its organization.
    pub org: OrgId,
    /// Its project; `None` for one of the whole organization.
    pub project: Option<ProjectId>,
    /// Names its bytes in the store.
    pub storage_key: String,
    /// What it is called.
    pub filename: String,
    /// Its media type, as whoever uploaded it says.
    pub content_type: String,
    /// How often it was leased, this time included.
    pub attempts: i32,
}

/// What came of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileText {
    /// It has been read.
    Read {
        /// What it says; `None` if files of its type say nothing.
        text: Option<String>,
        /// Whether it says more.
        truncated: bool,
    },
    /// It cannot be read.
    Failed {
        /// Why, in words for people.
        problem: String,
    },
}

/// Leases the file that has been due for longest, for `time`, if there is one that nobody reads.
pub async fn lease(db: &Db, lease: Uuid, time: Duration) -> Result<Option<LeasedFile>, DbError> {
    let mut tx = db.workers().await?;
    let row = sqlx::query!(
        "UPDATE files SET state = 'processing', lease = $1, attempts = attempts + 1,
             leased_until = clock_timestamp() + make_interval(secs => $2)
         WHERE id = (
             SELECT id FROM files
             WHERE state IN ('pending', 'processing') AND due_at <= clock_timestamp()
               AND (leased_until IS NULL OR leased_until < clock_timestamp())
             ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, org_id, project_id, storage_key, filename, content_type, attempts",
        lease,
        time.as_secs_f64()
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row.map(|row| LeasedFile {
        lease,
        id: row.id.into(),
        org: row.org_id.into(),
        project: row.project_id.map(Into::into),
        storage_key: row.storage_key,
        filename: row.filename,
        content_type: row.content_type,
        attempts: row.attempts,
    }))
}

/// Notes what came of reading a file, and makes it be found by it. Returns whether the file is still there and this
/// worker's; if not, nothing is noted.
pub async fn finish(db: &Db, file: &LeasedFile, read: &FileText) -> Result<bool, DbError> {
    let (state, text, truncated, problem) = match read {
        FileText::Read { text, truncated } => {
            ("complete", text.as_deref().map(|text| clean::text(text, TEXT_CHARS_MAX)), *truncated, None)
        }
        FileText::Failed { problem } => ("failed", None, false, Some(clean::text(problem, PROBLEM_CHARS_MAX))),
    };
    let mut tx = db.org(file.org).await?;
    let noted = sqlx::query!(
        "UPDATE files SET state = $4, extracted_text = $5, text_truncated = $6, processing_error = $7,
             lease = NULL, leased_until = NULL, updated_at = clock_timestamp()
         WHERE id = $1 AND org_id = $2 AND lease = $3 AND state = 'processing'
         RETURNING filename, project_id",
        file.id.as_uuid(),
        file.org.as_uuid(),
        file.lease,
        state,
        text,
        truncated,
        problem
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(noted) = noted else { return Ok(false) };
    let project: Option<ProjectId> = noted.project_id.map(Into::into);
    // What says nothing is found by its name.
    let text = text.unwrap_or_default();
    let entry = NewEntry { about: About::File(file.id), project, title: &noted.filename, text: &text };
    search::put(&mut tx, &entry).await?;
    tell(&mut tx, file.id, project, &noted.filename, read);
    tx.commit().await?;
    Ok(true)
}

/// Makes a file that was read be found by what it is called now. Others will be when they are read.
pub(super) async fn call_otherwise(tx: &mut OrgTx, id: FileId) -> Result<(), DbError> {
    let file = sqlx::query!(
        r#"SELECT project_id, filename, coalesce(extracted_text, '') AS "text!" FROM files
           WHERE id = $1 AND org_id = $2 AND state IN ('complete', 'failed')"#,
        id.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(file) = file else { return Ok(()) };
    let project = file.project_id.map(Into::into);
    let entry = NewEntry { about: About::File(id), project, title: &file.filename, text: &file.text };
    search::put(tx, &entry).await
}

fn tell(tx: &mut OrgTx, file: FileId, project: Option<ProjectId>, filename: &str, read: &FileText) {
    let status = match read {
        FileText::Read { .. } => "complete",
        FileText::Failed { .. } => "failed",
    };
    let payload = json!({"fileId": file, "filename": filename, "processingStatus": status});
    let event = NewEvent::new(EventKind::FileProcessed, payload);
    let event = match project {
        Some(project) => event.project(project),
        None => event,
    };
    events::append(tx, event);
}

/// What waits to be read, of all organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileBacklog {
    /// Files that wait, or are read; of more than a hundred thousand, that.
    pub files: i64,
    /// For how long somebody could have taken up the one that has been due for longest.
    pub overdue: Duration,
}

/// Lets go of a file that could not be read now: somebody tries again after `wait`. Returns whether it was this worker's.
pub async fn try_again(db: &Db, file: &LeasedFile, wait: Duration) -> Result<bool, DbError> {
    let_go(db, file, wait, file.attempts).await
}

/// Lets go of a file that was not looked at, as if it had never been leased.
pub async fn give_back(db: &Db, file: &LeasedFile) -> Result<bool, DbError> {
    let_go(db, file, Duration::ZERO, file.attempts.saturating_sub(1)).await
}

async fn let_go(db: &Db, file: &LeasedFile, wait: Duration, attempts: i32) -> Result<bool, DbError> {
    let mut tx = db.workers().await?;
    let let_go = sqlx::query!(
        "UPDATE files SET state = 'pending', lease = NULL, leased_until = NULL, attempts = $3,
             due_at = clock_timestamp() + make_interval(secs => $4)
         WHERE id = $1 AND lease = $2 AND state = 'processing'",
        file.id.as_uuid(),
        file.lease,
        attempts,
        wait.as_secs_f64()
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    tx.commit().await?;
    Ok(let_go > 0)
}

/// How much waits to be read.
pub async fn waiting(db: &Db) -> Result<FileBacklog, DbError> {
    let mut tx = db.workers().await?;
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM (
                       SELECT FROM files WHERE state IN ('pending', 'processing') LIMIT $1) waiting) AS "files!",
                  coalesce((SELECT extract(epoch FROM clock_timestamp() - due_at)::float8 FROM files
                       WHERE state IN ('pending', 'processing') AND due_at <= clock_timestamp()
                         AND (leased_until IS NULL OR leased_until < clock_timestamp())
                       ORDER BY due_at LIMIT 1), 0) AS "overdue!""#,
        WAITING_COUNTED_MAX
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(FileBacklog { files: row.files, overdue: Duration::try_from_secs_f64(row.overdue).unwrap_or_default() })
}
