//! The store of blobs: the bytes of files, in a folder or in a bucket of S3.
//!
//! Clients bring and fetch the bytes themselves, at addresses that are signed and hold for a while; what is known of a file
//! is in the database. Nothing here is made of what a client sends: a blob's key consists of ids.

mod error;
mod folder;
mod headers;
mod key;
mod s3;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

pub use self::error::BlobError;
pub use self::folder::{Arriving, FolderStore};
pub use self::headers::{content_disposition, harmless_type, is_media_type};
pub use self::key::BlobKey;
pub use self::s3::S3Store;
pub use self::signature::{NotPermitted, Permit, SignedQuery};
use crate::clock::Clock;
use crate::config::{BlobPlace, FilesConfig, Secret};

/// Where blobs are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub enum BlobStore {
    /// In a folder, which this server serves itself.
    Folder(FolderStore),
    /// In a bucket of S3.
    S3(S3Store),
}

/// What is going to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its media type, which whoever uploads it has to name.
    pub content_type: String,
    /// How many bytes it has, if that is known: then no others are taken.
    pub size: Option<u64>,
}

/// How something is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// What a browser calls it.
    pub filename: String,
    /// Its media type. What a browser would run is served as bytes that nobody runs.
    pub content_type: String,
}

/// A blob that nobody can replace any more, by an address that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Where it is from now on.
    pub key: BlobKey,
    /// How many bytes it has.
    pub size: u64,
}

/// What may be done at a signed address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobMethod {
    /// Download.
    Get,
    /// Upload.
    Put,
}

impl BlobMethod {
    /// As HTTP calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
        }
    }
}

/// An address at which a blob may be uploaded or downloaded, by whoever knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedUrl {
    /// With which method.
    pub method: BlobMethod,
    /// The address. It is a secret until it expires.
    pub url: String,
    /// The headers that the request must have: names in lower case.
    pub headers: Vec<(String, String)>,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
}

// What asks S3 is boxed: the futures of AWS's SDK are large, and would be part of all that may wait for a file.
impl BlobStore {
    /// Gets ready; nothing is asked of the store yet. `public_url` is where clients reach this server, without a slash at
    /// the end, and `secret` is what addresses of blobs in a folder are signed with, in the end.
    ///
    /// # Errors
    /// When the region of the bucket is not known.
    pub async fn open(
        config: &FilesConfig,
        public_url: &str,
        secret: &Secret,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, BlobError> {
        Ok(match &config.place {
            BlobPlace::Folder(folder) => Self::Folder(FolderStore::new(&folder.dir, public_url, secret, clock)),
            BlobPlace::Bucket(bucket) => Self::S3(Box::pin(S3Store::new(bucket, clock)).await?),
        })
    }

    /// Whether the store is there and may be used.
    ///
    /// # Errors
    /// [`BlobError::Refused`] when it never will be, as it is configured; [`BlobError::Unavailable`] when it may come back.
    pub async fn look(&self) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.look().await,
            Self::S3(bucket) => Box::pin(bucket.look()).await,
        }
    }

    /// Where clients bring and fetch blobs: scheme, host and port. `None` when that is this server, or is not known yet.
    pub async fn foreign_origin(&self) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::S3(bucket) => Box::pin(bucket.origin()).await,
        }
    }

    /// An address at which a blob may be uploaded for a while, again and again.
    ///
    /// # Errors
    /// When there are no credentials to sign it with.
    pub async fn upload_url(&self, key: &BlobKey, upload: &Upload, valid: Duration) -> Result<SignedUrl, BlobError> {
        match self {
            Self::Folder(folder) => Ok(folder.upload_url(key, upload, valid)),
            Self::S3(bucket) => Box::pin(bucket.upload_url(key, upload, valid)).await,
        }
    }

    /// An address at which a blob may be downloaded for a while. Browsers save it, and never show it.
    ///
    /// # Errors
    /// When there are no credentials to sign it with.
    pub async fn download_url(
        &self,
        key: &BlobKey,
        download: &Download,
        valid: Duration,
    ) -> Result<SignedUrl, BlobError> {
        match self {
            Self::Folder(folder) => Ok(folder.download_url(key, download, valid)),
            Self::S3(bucket) => Box::pin(bucket.download_url(key, download, valid)).await,
        }
    }

    /// How many bytes a blob has; `None`: there is no such blob.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        match self {
            Self::Folder(folder) => folder.size(key).await,
            Self::S3(bucket) => Box::pin(bucket.size(key)).await,
        }
    }

    /// Puts a blob of at most `max_bytes` that was uploaded where it cannot be replaced: a bucket honours the addresses that
    /// were given out until they expire, so there it is copied to `settled`, and what is at `key` may be deleted. In a
    /// folder it stays where it is, since this server looks at the file's row before it takes others.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] and [`BlobError::TooLarge`], and when the store cannot be asked.
    pub async fn settle(&self, key: &BlobKey, settled: BlobKey, max_bytes: u64) -> Result<Settled, BlobError> {
        match self {
            Self::Folder(folder) => {
                let size = folder.size(key).await?.ok_or(BlobError::NotFound)?;
                let fits = size <= max_bytes;
                fits.then(|| Settled { key: key.clone(), size }).ok_or(BlobError::TooLarge { max_bytes })
            }
            Self::S3(bucket) => Box::pin(bucket.settle(key, settled, max_bytes)).await,
        }
    }

    /// The bytes of a blob of at most `max_bytes`.
    ///
    /// # Errors
    /// [`BlobError::NotFound`] and [`BlobError::TooLarge`], and when the store cannot be asked.
    pub async fn read(&self, key: &BlobKey, max_bytes: u64) -> Result<Bytes, BlobError> {
        match self {
            Self::Folder(folder) => folder.read(key, max_bytes).await,
            Self::S3(bucket) => Box::pin(bucket.read(key, max_bytes)).await,
        }
    }

    /// Stores a blob, in place of what was there before.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn write(&self, key: &BlobKey, content_type: &str, bytes: Bytes) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.write(key, bytes).await,
            Self::S3(bucket) => Box::pin(bucket.write(key, content_type, bytes)).await,
        }
    }

    /// Removes a blob, if it is there.
    ///
    /// # Errors
    /// When the store cannot be asked, or refuses.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.delete(key).await,
            Self::S3(bucket) => Box::pin(bucket.delete(key)).await,
        }
    }
}

impl BlobStore {
    /// Removes what began to come before `before` and never came whole. S3 sees to that by itself.
    pub(crate) async fn clear(&self, before: DateTime<Utc>) -> Result<(), BlobError> {
        match self {
            Self::Folder(folder) => folder.clear(before).await,
            Self::S3(_) => Ok(()),
        }
    }
}

/// When something that holds for `valid` from now on ends.
fn end_of(now: DateTime<Utc>, valid: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(valid).ok().and_then(|valid| now.checked_add_signed(valid)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
