//! Files: what is known of what people and agents upload. The bytes are in the store of blobs ([`crate::blob`]).

mod list;
mod sweep;
mod told;
mod work;

use chrono::{DateTime, Utc};
use schema::ids::{FileId, OrgId, ProjectId, RunId, UserId};
use serde_json::{Map, Value, json};
use sqlx::{FromRow, Postgres, Transaction};
use uuid::Uuid;

use super::audit::{self, Action, Actor, ResourceKind};
use super::events::{self, EventKind, NewEvent};
use super::{Db, DbError, OrgTx};
use crate::blob::{BlobKey, Settled};

#[cfg(feature = "testing")]
pub(super) use list::of_org;
pub use list::{FileSort, Filter, Sees, list};
pub(crate) use sweep::{abandoned, forget_unconfirmed, next_abandoned};
pub use told::{RunScope, Says, ToldFile, told};
pub use work::{ATTEMPTS_MAX, FileBacklog, FileText, LeasedFile, finish, give_back, lease, try_again, waiting};

/// A file.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// The organization it belongs to.
    pub org: OrgId,
    /// The project it belongs to; `None`: it is for all members of the organization.
    pub project: Option<ProjectId>,
    /// Where its bytes are.
    pub key: BlobKey,
    /// What it is called.
    pub filename: String,
    /// Its media type, as whoever uploaded it said.
    pub content_type: String,
    /// How many bytes it has: as announced, if it was; once confirmed, as stored.
    pub size: Option<u64>,
    /// How far the server is with it.
    pub state: FileState,
    /// Why its text cannot be read.
    pub processing_error: Option<String>,
    /// Whether its text is known.
    pub has_text: bool,
    /// Whether there is more text than is kept.
    pub text_truncated: bool,
    /// What clients note of it.
    pub metadata: Map<String, Value>,
    /// Who uploaded it.
    pub uploaded_by: Option<UserId>,
    /// The run of an agent that made it.
    pub execution: Option<RunId>,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// How far the server is with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileState {
    /// Its bytes are not confirmed yet.
    Uploading,
    /// Its text is still to be read.
    Pending,
    /// Its text is being read.
    Processing,
    /// Its text was read, or it has none.
    Complete,
    /// Its text cannot be read.
    Failed,
}

impl FileState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Uploading, Self::Pending, Self::Processing, Self::Complete, Self::Failed];

    /// Its name, in the tables and in REST.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }

    fn from_column(text: &str) -> Result<Self, DbError> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| DbError::Invalid(format!("{text} is no state of a file")))
    }
}

/// What a file begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFile {
    /// Its id.
    pub id: FileId,
    /// The project it belongs to; `None`: it is for all members of the organization.
    pub project: Option<ProjectId>,
    /// What it is called.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// How many bytes it will have, if that is known.
    pub size: Option<u64>,
    /// What clients note of it.
    pub metadata: Map<String, Value>,
    /// The run of an agent that makes it.
    pub execution: Option<RunId>,
}

/// What of a file changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileChanges {
    /// What it is called.
    pub filename: Option<String>,
    /// What clients note of it, as a whole.
    pub metadata: Option<Map<String, Value>>,
}

/// Where a file belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The organization.
    pub org: OrgId,
    /// The project, if it is of one.
    pub project: Option<ProjectId>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    project_id: Option<Uuid>,
    storage_key: String,
    filename: String,
    content_type: String,
    size_bytes: Option<i64>,
    state: String,
    processing_error: Option<String>,
    has_text: bool,
    text_truncated: bool,
    metadata: Value,
    uploaded_by: Option<Uuid>,
    execution_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Row {
    fn read(self) -> Result<File, DbError> {
        let invalid = |what: &str| DbError::Invalid(format!("file {}: {what}", self.id));
        let Value::Object(metadata) = self.metadata else { return Err(invalid("the metadata is no object")) };
        Ok(File {
            id: self.id.into(),
            org: self.org_id.into(),
            project: self.project_id.map(ProjectId::new),
            key: BlobKey::stored(self.storage_key).map_err(|_| invalid("the key of its blob is none"))?,
            filename: self.filename,
            content_type: self.content_type,
            size: self.size_bytes.map(i64::unsigned_abs),
            state: FileState::from_column(&self.state)?,
            processing_error: self.processing_error,
            has_text: self.has_text,
            text_truncated: self.text_truncated,
            metadata,
            uploaded_by: self.uploaded_by.map(UserId::new),
            execution: self.execution_id.map(RunId::new),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// Where a file belongs, whoever asks. `None` when there is no such one.
pub async fn place(db: &Db, id: FileId) -> Result<Option<Place>, DbError> {
    let mut tx = db.workers().await?;
    let row = sqlx::query!("SELECT org_id, project_id FROM files WHERE id = $1", id.as_uuid())
        .fetch_optional(&mut *tx)
        .await?;
    Ok(row.map(|row| Place { org: row.org_id.into(), project: row.project_id.map(ProjectId::new) }))
}

/// A file of an organization.
pub async fn find(db: &Db, org: OrgId, id: FileId) -> Result<Option<File>, DbError> {
    read_one(&mut db.org(org).await?, id).await
}

async fn read_one(tx: &mut OrgTx, id: FileId) -> Result<Option<File>, DbError> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, org_id, project_id, storage_key, filename, content_type, size_bytes, state, processing_error,
                  extracted_text IS NOT NULL AS "has_text!", text_truncated, metadata, uploaded_by, execution_id,
                  created_at, updated_at
           FROM files WHERE id = $1 AND org_id = $2"#,
        id.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.map(Row::read).transpose()
}

/// What is known of a file's text. `None` when there is none, or no such file.
pub async fn text(db: &Db, org: OrgId, id: FileId) -> Result<Option<String>, DbError> {
    let mut tx = db.org(org).await?;
    let text = sqlx::query_scalar!(
        "SELECT extracted_text FROM files WHERE id = $1 AND org_id = $2",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    Ok(text.flatten())
}

/// Announces a file, whose bytes are still to come. One that was announced under this id before is left as it is.
pub async fn create(db: &Db, org: OrgId, by: &Actor, new: &NewFile) -> Result<File, DbError> {
    let mut tx = db.org(org).await?;
    let key = BlobKey::of_file(org, new.id);
    let made = sqlx::query!(
        "INSERT INTO files (id, org_id, project_id, storage_key, filename, content_type, size_bytes, metadata,
             uploaded_by, execution_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING",
        new.id.as_uuid(),
        org.as_uuid(),
        new.project.map(Uuid::from),
        key.as_str(),
        new.filename,
        new.content_type,
        new.size.map(to_column),
        Value::Object(new.metadata.clone()),
        by.user.map(Uuid::from),
        new.execution.map(Uuid::from)
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    if made > 0 {
        // Of an id that is derived from a client's key there may have been a file before. Whoever is about to delete its
        // blob keeps this waiting.
        let forgotten = sqlx::query!("DELETE FROM abandoned_blobs WHERE storage_key = $1", key.as_str());
        forgotten.execute(&mut *tx.inner).await?;
    }
    let file = read_one(&mut tx, new.id).await?;
    tx.commit().await?;
    // A file of another organization has this id: ids are drawn, so that is nobody's file.
    file.ok_or_else(|| DbError::Conflict { constraint: "files_pkey".into() })
}

/// Confirms that the bytes of a file are there, and where, if nothing of it has changed since it was `seen`, or else
/// answers with `None`: then they may be others. Where it was before, or what was settled in vain, is abandoned.
pub async fn confirm(db: &Db, by: &Actor, seen: &File, blob: &Settled) -> Result<Option<File>, DbError> {
    let size = blob.size;
    let mut tx = db.org(seen.org).await?;
    let confirmed = sqlx::query!(
        "UPDATE files SET state = 'pending', size_bytes = $4, storage_key = $5, confirmed_at = clock_timestamp(),
             updated_at = clock_timestamp(), due_at = clock_timestamp()
         WHERE id = $1 AND org_id = $2 AND state = 'uploading' AND updated_at = $3",
        seen.id.as_uuid(),
        seen.org.as_uuid(),
        seen.updated_at,
        to_column(size),
        blob.key.as_str()
    )
    .execute(&mut *tx.inner)
    .await?
    .rows_affected();
    if blob.key != seen.key {
        let needless = if confirmed == 0 { &blob.key } else { &seen.key };
        let abandoned = sqlx::query!(
            "INSERT INTO abandoned_blobs (storage_key) VALUES ($1) ON CONFLICT DO NOTHING",
            needless.as_str()
        );
        abandoned.execute(&mut *tx.inner).await?;
    }
    if confirmed == 0 {
        tx.commit().await?;
        return Ok(None);
    }
    let details = json!({"filename": seen.filename, "contentType": seen.content_type, "sizeBytes": size});
    audit::record(&mut tx, by.did(Action::FileUploaded, ResourceKind::File, seen.id).with(details.clone())).await?;
    tell(&mut tx, EventKind::FileUploaded, by, seen, details);
    let file = read_one(&mut tx, seen.id).await?;
    tx.commit().await?;
    Ok(file)
}

/// Makes the changes to a file that `change` asks for when it sees what it is; nobody else changes it meanwhile. `None`
/// when there is no such one.
pub async fn change<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    id: FileId,
    change: impl FnOnce(File) -> Result<FileChanges, E>,
) -> Result<Option<File>, E> {
    let mut tx = db.org(org).await?;
    lock(&mut tx, id).await?;
    let Some(present) = read_one(&mut tx, id).await? else { return Ok(None) };
    let changes = change(present)?;
    Ok(write(tx, by, id, &changes).await?)
}

async fn lock(tx: &mut OrgTx, id: FileId) -> Result<(), DbError> {
    let org = tx.org().as_uuid();
    sqlx::query!("SELECT FROM files WHERE id = $1 AND org_id = $2 FOR NO KEY UPDATE", id.as_uuid(), org)
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}

async fn write(mut tx: OrgTx, by: &Actor, id: FileId, changes: &FileChanges) -> Result<Option<File>, DbError> {
    sqlx::query!(
        "UPDATE files SET filename = coalesce($3, filename), metadata = coalesce($4, metadata),
             updated_at = clock_timestamp()
         WHERE id = $1 AND org_id = $2",
        id.as_uuid(),
        tx.org().as_uuid(),
        changes.filename,
        changes.metadata.clone().map(Value::Object)
    )
    .execute(&mut *tx.inner)
    .await?;
    if changes.filename.is_some() {
        work::call_otherwise(&mut tx, id).await?;
    }
    let details = json!({"filename": changes.filename, "metadata": changes.metadata.is_some()});
    audit::record(&mut tx, by.did(Action::FileUpdated, ResourceKind::File, id).with(details)).await?;
    let file = read_one(&mut tx, id).await?;
    tx.commit().await?;
    Ok(file)
}

/// Deletes a file; its blob follows. Returns whether there was one.
pub async fn delete(db: &Db, org: OrgId, by: &Actor, id: FileId) -> Result<bool, DbError> {
    let mut tx = db.org(org).await?;
    let Some(file) = read_one(&mut tx, id).await? else { return Ok(false) };
    let state = sqlx::query_scalar!(
        "DELETE FROM files WHERE id = $1 AND org_id = $2 RETURNING state",
        id.as_uuid(),
        org.as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(state) = state else { return Ok(false) };
    let details = json!({"filename": file.filename});
    audit::record(&mut tx, by.did(Action::FileDeleted, ResourceKind::File, id).with(details.clone())).await?;
    // Of a file whose bytes never came nobody has heard.
    if state != FileState::Uploading.as_str() {
        tell(&mut tx, EventKind::FileDeleted, by, &file, details);
    }
    tx.commit().await?;
    Ok(true)
}

fn tell(tx: &mut OrgTx, kind: EventKind, by: &Actor, file: &File, mut payload: Value) {
    payload["fileId"] = json!(file.id);
    let event = NewEvent::new(kind, payload).by([by.principal]);
    events::append(
        tx,
        match file.project {
            Some(project) => event.project(project),
            None => event,
        },
    );
}

/// How far the server is with the file of a blob. `None` when no file has it.
pub async fn state_of_blob(db: &Db, key: &BlobKey) -> Result<Option<FileState>, DbError> {
    let mut tx = db.workers().await?;
    let state = sqlx::query_scalar!("SELECT state FROM files WHERE storage_key = $1", key.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    state.as_deref().map(FileState::from_column).transpose()
}

/// Keeps a file from being confirmed while its blob is put in its place. Whoever was about to confirm it looks at it anew.
#[derive(Debug)]
pub struct Replacing {
    tx: Transaction<'static, Postgres>,
}

impl Replacing {
    /// Says that the blob is in its place.
    pub async fn done(self) -> Result<(), DbError> {
        Ok(self.tx.commit().await?)
    }
}

/// Begins to put a blob in its place. `None` when its file is confirmed already, or gone.
pub async fn replace_blob(db: &Db, key: &BlobKey) -> Result<Option<Replacing>, DbError> {
    let mut tx = db.workers().await?;
    let touched = sqlx::query!(
        "UPDATE files SET updated_at = clock_timestamp() WHERE storage_key = $1 AND state = 'uploading'",
        key.as_str()
    )
    .execute(&mut *tx)
    .await?
    .rows_affected();
    Ok((touched > 0).then_some(Replacing { tx }))
}

fn to_column(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
