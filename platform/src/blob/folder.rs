//! Blobs in a folder: a file each, which appears whole or not at all.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::signature::{NotPermitted, Permit, SignedQuery, Signer};
use super::{BlobError, BlobKey, BlobMethod, Download, SignedUrl, Upload, end_of};
use crate::clock::Clock;
use crate::config::Secret;

/// Where this server serves the blobs of its folder.
const PATH: &str = "/api/v1/blobs";
/// The folder of what has not come whole. Its name is no part of a key.
const UNFINISHED: &str = ".unfinished";

/// Bytes of a blob that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Numbers what this process begins to write.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Blobs in a folder. Cheap to clone.
#[derive(Clone)]
pub struct FolderStore {
    dir: Arc<Path>,
    base_url: Arc<str>,
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for FolderStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FolderStore").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl FolderStore {
    pub(super) fn new(dir: &Path, public_url: &str, secret: &Secret, clock: &Arc<dyn Clock>) -> Self {
        Self {
            dir: dir.into(),
            base_url: format!("{public_url}{PATH}").into(),
            signer: Signer::new(secret),
            clock: Arc::clone(clock),
        }
    }

    /// Whether something can be written.
    pub(super) async fn look(&self) -> Result<(), BlobError> {
        let trial = self.arriving(self.dir.join(UNFINISHED), 0).await;
        trial.map(drop).map_err(|error| BlobError::Refused(format!("{}: {error}", self.dir.display())))
    }

    pub(super) fn upload_url(&self, key: &BlobKey, upload: &Upload, valid: Duration) -> SignedUrl {
        let content_type = upload.content_type.clone();
        let headers = vec![("content-type".to_owned(), content_type.clone())];
        let expires_at = end_of(self.clock.now(), valid);
        let (method, key, size) = (BlobMethod::Put, key.clone(), upload.size);
        self.signed(&Permit { method, key, expires_at, content_type, size, filename: None }, headers)
    }

    pub(super) fn download_url(&self, key: &BlobKey, download: &Download, valid: Duration) -> SignedUrl {
        let Download { filename, content_type } = download.clone();
        let expires_at = end_of(self.clock.now(), valid);
        let (method, key, filename) = (BlobMethod::Get, key.clone(), Some(filename));
        self.signed(&Permit { method, key, expires_at, content_type, size: None, filename }, Vec::new())
    }

    fn signed(&self, permit: &Permit, headers: Vec<(String, String)>) -> SignedUrl {
        let url = format!("{}/{}?{}", self.base_url, permit.key, self.signer.query(permit));
        SignedUrl { method: permit.method, url, headers, expires_at: permit.expires_at }
    }

    /// What an address that came in permits.
    ///
    /// # Errors
    /// When this server did not sign it for this, or it has expired.
    pub fn permit(&self, method: BlobMethod, key: BlobKey, query: SignedQuery) -> Result<Permit, NotPermitted> {
        self.signer.permit(method, key, query, self.clock.now())
    }

    pub(super) async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        match fs::metadata(self.path(key)).await {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a blob to be read bit by bit, and says how many bytes it has.
    ///
    /// # Errors
    /// [`BlobError::NotFound`], and when it cannot be read.
    pub async fn stream(
        &self,
        key: &BlobKey,
    ) -> Result<(impl Stream<Item = io::Result<Bytes>> + Send + use<>, u64), BlobError> {
        let (file, size) = self.open_blob(key).await?;
        let bytes = stream::try_unfold(file, async |mut file| {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES);
            let count = file.read_buf(&mut piece).await?;
            Ok::<_, io::Error>((count > 0).then(|| (piece.freeze(), file)))
        });
        Ok((bytes, size))
    }

    async fn open_blob(&self, key: &BlobKey) -> Result<(File, u64), BlobError> {
        let file = File::open(self.path(key)).await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    }

    pub(super) async fn read(&self, key: &BlobKey, max_bytes: u64) -> Result<Bytes, BlobError> {
        let (file, size) = self.open_blob(key).await?;
        if size > max_bytes {
            return Err(BlobError::TooLarge { max_bytes });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 > max_bytes { Err(BlobError::TooLarge { max_bytes }) } else { Ok(bytes.into()) }
    }

    pub(super) async fn write(&self, key: &BlobKey, bytes: Bytes) -> Result<(), BlobError> {
        let mut arriving = self.receive(key, bytes.len() as u64).await?;
        arriving.take(&bytes).await?;
        arriving.finish().await
    }

    /// Begins to receive a blob of at most `max_bytes`. It is there once it has been finished.
    ///
    /// # Errors
    /// When nothing can be written.
    pub async fn receive(&self, key: &BlobKey, max_bytes: u64) -> Result<Arriving, BlobError> {
        self.arriving(self.path(key), max_bytes).await
    }

    async fn arriving(&self, target: PathBuf, max_bytes: u64) -> Result<Arriving, BlobError> {
        let number = WRITES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{}-{number}", self.clock.now().timestamp_micros(), std::process::id());
        let drafts = self.dir.join(UNFINISHED);
        fs::create_dir_all(&drafts).await?;
        let draft = drafts.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).await?;
        let root = Arc::clone(&self.dir);
        Ok(Arriving { file, draft: Draft(draft), target, root, left: max_bytes, max_bytes })
    }

    pub(super) async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match fs::remove_file(self.path(key)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes what began to come before `before` and never came whole, because the process ended meanwhile.
    pub(super) async fn clear(&self, before: DateTime<Utc>) -> Result<(), BlobError> {
        let before = SystemTime::from(before);
        let mut unfinished = match fs::read_dir(self.dir.join(UNFINISHED)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        while let Some(entry) = unfinished.next_entry().await? {
            let changed = entry.metadata().await.and_then(|found| found.modified());
            if changed.is_ok_and(|changed| changed < before) {
                // Somebody else may have been faster.
                let _ = fs::remove_file(entry.path()).await;
            }
        }
        Ok(())
    }

    fn path(&self, key: &BlobKey) -> PathBuf {
        self.dir.join(key.as_str())
    }
}

/// A blob that comes bit by bit. When it is dropped before its end, nothing of it stays.
#[derive(Debug)]
pub struct Arriving {
    file: File,
    draft: Draft,
    target: PathBuf,
    /// The folder of the store.
    root: Arc<Path>,
    left: u64,
    max_bytes: u64,
}

impl Arriving {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] when they are too many, and when they cannot be written.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(BlobError::TooLarge { max_bytes: self.max_bytes })?;
        Ok(self.file.write_all(bytes).await?)
    }

    /// How many bytes have come.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.max_bytes - self.left
    }

    /// Waits until what has come so far is durable.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn sync(&mut self) -> Result<(), BlobError> {
        self.file.flush().await?;
        Ok(self.file.sync_all().await?)
    }

    /// Makes it durable, and puts it in place of what was there before.
    ///
    /// # Errors
    /// When it cannot be written; then what was there before is still there, unless its folder cannot be made durable.
    pub async fn finish(mut self) -> Result<(), BlobError> {
        self.sync().await?;
        let folder = self.target.parent().unwrap_or(&self.target);
        if !fs::try_exists(folder).await? {
            fs::create_dir_all(folder).await?;
            // A new folder is durable once those that hold it are.
            for holder in folder.ancestors().skip(1).take_while(|holder| holder.starts_with(&self.root)) {
                File::open(holder).await?.sync_all().await?;
            }
        }
        fs::rename(&self.draft.0, &self.target).await?;
        Ok(File::open(folder).await?.sync_all().await?)
    }
}

/// The file of what has not come whole, which is removed with this.
#[derive(Debug)]
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there any more when it has become a blob.
        let _ = std::fs::remove_file(&self.0);
    }
}
