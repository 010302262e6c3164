//! Places for blobs, of their own for a test.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use crate::blob::{BlobStore, S3Store};
use crate::clock::Clock;
use crate::config::{BlobFolderConfig, BlobPlace, BucketConfig, Choice, Config, FilesConfig, Secret};

const URL_VARIABLE: &str = "GLASSBOX_TEST_AWS_URL";
/// In all others a bucket has to be told where it is.
const REGION: &str = "us-east-1";
/// What stands before the paths of addresses in a folder.
pub const PUBLIC_URL: &str = "http://glassbox.example";

/// A folder for blobs, removed at the end of the test.
#[derive(Debug)]
pub struct BlobFolder {
    /// How a server is told of it.
    pub config: FilesConfig,
    dir: PathBuf,
}

impl BlobFolder {
    /// Finds a place for a folder. It is made when something is put there.
    #[must_use]
    pub fn new() -> Self {
        let dir = env::temp_dir().join(format!("glassbox-test-blobs-{}", Uuid::new_v4().simple()));
        let place = BlobPlace::Folder(BlobFolderConfig { dir: dir.clone(), choice: Choice::Made });
        Self { config: FilesConfig { place, ..Config::default().files }, dir }
    }

    /// The blobs in it. Addresses of them begin with [`PUBLIC_URL`].
    pub async fn open(&self, clock: &Arc<dyn Clock>) -> BlobStore {
        open(&self.config, clock).await
    }
}

impl Default for BlobFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BlobFolder {
    fn drop(&mut self) {
        // It is not there if nothing was put there.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A bucket at the stand-in for AWS that `GLASSBOX_TEST_AWS_URL` names.
#[derive(Debug)]
pub struct TestBucket {
    /// How a server is told of it.
    pub config: FilesConfig,
}

impl TestBucket {
    /// Makes a bucket.
    pub async fn new() -> Self {
        let endpoint = env::var(URL_VARIABLE).unwrap_or_else(|_| {
            panic!("{URL_VARIABLE} names what answers as AWS does; ./dev test --only rust starts a moto for it")
        });
        let name = format!("glassbox-test-{}", Uuid::new_v4().simple());
        let bucket = BucketConfig { name, region: Some(REGION.to_owned()), endpoint: Some(endpoint) };
        let client = S3Store::client(&bucket).await.expect("the region is named");
        client.create_bucket().bucket(&bucket.name).send().await.expect("moto makes a bucket");
        Self { config: FilesConfig { place: BlobPlace::Bucket(bucket), ..Config::default().files } }
    }

    /// The blobs in it.
    pub async fn open(&self, clock: &Arc<dyn Clock>) -> BlobStore {
        open(&self.config, clock).await
    }
}

async fn open(config: &FilesConfig, clock: &Arc<dyn Clock>) -> BlobStore {
    let secret = Secret::new("a secret of tests that is long enough");
    BlobStore::open(config, PUBLIC_URL, &secret, clock).await.expect("a store needs nothing to be opened")
}
