//! The files of a run: what it reads of those it is given, and those that it makes.

use bytes::Bytes;
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::blob::{BlobError, BlobKey, BlobStore, Settled};
use platform::db::audit::Actor;
use platform::db::files::{self, File, FileState, NewFile, RunScope};
use schema::ids::FileId;
use schema::node::Item;
use serde_json::Map;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{DB_PAUSE, Run, Stop, with_patience};
use crate::prompt::{INPUT_BYTES_MAX, KnownFiles};

/// Files that a model is told of at once; of more, that they are not known.
const FILES_TOLD_MAX: usize = 50;
/// How often what the store did not take is tried again.
const STORE_TRIES: u32 = 3;
/// How often a file is confirmed that somebody changes all the time.
const CONFIRMATIONS_MAX: usize = 5;

/// A file of a text, which is to be made.
pub(super) struct TextFile {
    pub(super) id: FileId,
    pub(super) filename: String,
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

impl Run<'_> {
    fn scope(&self) -> RunScope {
        RunScope { org: self.leased.org, project: self.leased.project, user: self.leased.user }
    }

    /// The files among these items, as far as the run may read them.
    pub(super) async fn files_of(&self, items: impl Iterator<Item = &Item>) -> Result<KnownFiles, Stop> {
        let ids: Vec<Uuid> = items.filter_map(|item| item.file_id).take(FILES_TOLD_MAX).collect();
        if ids.is_empty() {
            return Ok(KnownFiles::default());
        }
        let (db, scope) = (&self.services.db, self.scope());
        let told = with_patience(|| files::told(db, scope, &ids, INPUT_BYTES_MAX)).await?;
        Ok(told.into_iter().collect())
    }

    /// Makes a file, as people upload theirs: it is announced, stored, confirmed. Once more, it is the same one. An `Err`
    /// inside: the store does not take it now.
    pub(super) async fn make_file(&mut self, file: TextFile) -> Result<Result<(), BlobError>, Stop> {
        let (db, leased, size) = (&self.services.db, &self.leased, file.bytes.len() as u64);
        let principal = PrincipalRef { kind: PrincipalKind::Agent, id: leased.run.as_uuid() };
        let by = Actor { principal, user: Some(leased.user), ip: None, user_agent: None };
        let new = NewFile {
            id: file.id,
            project: Some(leased.project),
            filename: file.filename,
            content_type: file.content_type,
            size: Some(size),
            metadata: Map::new(),
            execution: Some(leased.run),
        };
        let announced = with_patience(|| files::create(db, leased.org, &by, &new)).await?;
        if announced.state != FileState::Uploading {
            return Ok(Ok(()));
        }
        let (blobs, time) = (self.services.blobs.clone(), self.services.tool_time);
        let (key, content_type) = (announced.key.clone(), new.content_type);
        let storing = async move {
            let stored = timeout(time, store(&blobs, &key, &content_type, file.bytes)).await;
            stored.unwrap_or_else(|_| Err(BlobError::Unavailable("it took too long".to_owned())))
        };
        if let Err(error) = self.follow_until(storing).await? {
            return Ok(Err(error));
        }
        self.confirm_file(&by, announced, size).await
    }

    /// Confirms a file, also when somebody changes what is known of it meanwhile. It may be confirmed already, by a call whose
    /// answer was lost.
    async fn confirm_file(&self, by: &Actor, mut seen: File, size: u64) -> Result<Result<(), BlobError>, Stop> {
        let db = &self.services.db;
        for _ in 0..CONFIRMATIONS_MAX {
            let blob = Settled { key: seen.key.clone(), size };
            if with_patience(|| files::confirm(db, by, &seen, &blob)).await?.is_some() {
                return Ok(Ok(()));
            }
            match with_patience(|| files::find(db, seen.org, seen.id)).await? {
                Some(file) if file.state == FileState::Uploading => seen = file,
                Some(_) => return Ok(Ok(())),
                None => break,
            }
        }
        Ok(Err(BlobError::NotFound))
    }
}

async fn store(blobs: &BlobStore, key: &BlobKey, content_type: &str, bytes: Bytes) -> Result<(), BlobError> {
    let mut tries = 0;
    loop {
        match blobs.write(key, content_type, bytes.clone()).await {
            Err(BlobError::Unavailable(_)) if tries < STORE_TRIES => {
                tries += 1;
                sleep(DB_PAUSE).await;
            }
            done => return done,
        }
    }
}
