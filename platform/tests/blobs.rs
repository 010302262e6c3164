//! The store of blobs: what holds for every variant, and what holds of S3, against what answers as it does.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use platform::blob::{
    BlobError, BlobKey, BlobMethod, BlobStore, Download, NotPermitted, SignedQuery, SignedUrl, Upload,
};
use platform::clock::{Clock, ManualClock, SystemClock};
use platform::config::{BlobPlace, BucketConfig, FilesConfig};
use platform::http_client;
use platform::testing::{BlobFolder, PUBLIC_URL, TestBucket};
use reqwest::{Client, StatusCode};
use uuid::Uuid;

const VALID: Duration = Duration::from_mins(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// A store, and what it stands on.
struct Bench {
    blobs: BlobStore,
    _folder: Option<BlobFolder>,
}

impl Bench {
    async fn folder() -> Self {
        let folder = BlobFolder::new();
        Self { blobs: folder.open(&system_clock()).await, _folder: Some(folder) }
    }

    async fn s3() -> Self {
        Self { blobs: TestBucket::new().await.open(&system_clock()).await, _folder: None }
    }
}

fn system_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

fn new_key() -> BlobKey {
    BlobKey::of_file(Uuid::new_v4().into(), Uuid::new_v4().into())
}

/// Runs a test on both variants.
macro_rules! on_both {
    ($($name:ident)+) => {$(
        mod $name {
            #[tokio::test]
            async fn in_a_folder() {
                super::contract::$name(super::Bench::folder().await).await;
            }

            #[tokio::test]
            async fn in_s3() {
                super::contract::$name(super::Bench::s3().await).await;
            }
        }
    )+};
}

on_both! {
    a_blob_is_there_as_it_was_written_until_it_is_deleted
    a_blob_is_written_over_and_never_mixed_with_another
    more_than_was_asked_for_is_not_read
    what_was_settled_cannot_be_replaced
    the_store_can_be_looked_at
    addresses_say_how_and_until_when
}

mod contract {
    use super::*;

    pub(super) async fn a_blob_is_there_as_it_was_written_until_it_is_deleted(Bench { blobs, _folder }: Bench) {
        let key = new_key();
        assert_eq!(blobs.size(&key).await.unwrap(), None);
        assert!(matches!(blobs.read(&key, 100).await, Err(BlobError::NotFound)));
        blobs.write(&key, "text/plain", "some bytes".into()).await.unwrap();
        assert_eq!(blobs.size(&key).await.unwrap(), Some(10));
        assert_eq!(blobs.read(&key, 100).await.unwrap(), "some bytes");
        for _ in 0..2 {
            blobs.delete(&key).await.unwrap();
            assert_eq!(blobs.size(&key).await.unwrap(), None, "and to delete what is not there is fine");
        }
    }

    pub(super) async fn a_blob_is_written_over_and_never_mixed_with_another(Bench { blobs, _folder }: Bench) {
        let (one, other) = (new_key(), new_key());
        blobs.write(&one, "text/plain", "a long text at first".into()).await.unwrap();
        blobs.write(&other, "text/plain", "another".into()).await.unwrap();
        blobs.write(&one, "text/plain", "short".into()).await.unwrap();
        assert_eq!(blobs.read(&one, 100).await.unwrap(), "short");
        assert_eq!(blobs.read(&other, 100).await.unwrap(), "another");
        blobs.write(&other, "text/plain", "".into()).await.unwrap();
        assert_eq!(blobs.size(&other).await.unwrap(), Some(0));
        assert_eq!(blobs.read(&other, 0).await.unwrap(), "");
    }

    pub(super) async fn more_than_was_asked_for_is_not_read(Bench { blobs, _folder }: Bench) {
        let key = new_key();
        blobs.write(&key, "text/plain", "12345".into()).await.unwrap();
        assert_eq!(blobs.read(&key, 5).await.unwrap(), "12345");
        assert!(matches!(blobs.read(&key, 4).await, Err(BlobError::TooLarge { max_bytes: 4 })));
    }

    pub(super) async fn what_was_settled_cannot_be_replaced(Bench { blobs, _folder }: Bench) {
        let key = new_key();
        let elsewhere = || BlobKey::of_confirmed(Uuid::new_v4().into(), Uuid::new_v4());
        assert!(matches!(blobs.settle(&key, elsewhere(), 5).await, Err(BlobError::NotFound)));
        blobs.write(&key, "text/plain", "12345".into()).await.unwrap();
        assert!(matches!(blobs.settle(&key, elsewhere(), 4).await, Err(BlobError::TooLarge { max_bytes: 4 })));
        let settled = blobs.settle(&key, elsewhere(), 5).await.unwrap();
        assert_eq!(settled.size, 5);
        if settled.key != key {
            // The address at which it was uploaded still holds.
            blobs.write(&key, "text/plain", "forged".into()).await.unwrap();
        }
        assert_eq!(blobs.read(&settled.key, 5).await.unwrap(), "12345");
    }

    pub(super) async fn the_store_can_be_looked_at(Bench { blobs, _folder }: Bench) {
        blobs.look().await.unwrap();
    }

    pub(super) async fn addresses_say_how_and_until_when(Bench { blobs, _folder }: Bench) {
        let key = new_key();
        let before = SystemClock::new().now();
        let upload = Upload { content_type: "text/plain".to_owned(), size: Some(3) };
        let put = blobs.upload_url(&key, &upload, VALID).await.unwrap();
        assert_eq!((put.method, put.method.as_str()), (BlobMethod::Put, "PUT"));
        assert_eq!(put.headers, [("content-type".to_owned(), "text/plain".to_owned())]);
        let download = Download { filename: "a b.txt".to_owned(), content_type: "text/plain".to_owned() };
        let get = blobs.download_url(&key, &download, VALID).await.unwrap();
        assert_eq!((get.method, get.headers), (BlobMethod::Get, Vec::new()));
        for (url, expires_at) in [(put.url, put.expires_at), (get.url, get.expires_at)] {
            assert!(url.contains(key.as_str()), "{url}");
            let valid = (expires_at - before).to_std().unwrap();
            assert!(valid >= VALID && valid < VALID + PATIENCE, "{valid:?}");
        }
    }
}

fn http() -> Client {
    http_client::client(PATIENCE).unwrap()
}

async fn put(signed: &SignedUrl, body: &'static str) -> StatusCode {
    let mut request = http().put(&signed.url).body(body);
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn s3_takes_and_gives_bytes_at_signed_addresses() {
    let Bench { blobs, .. } = Bench::s3().await;
    let key = new_key();
    for size in [Some(5), None] {
        let upload = Upload { content_type: "text/html".to_owned(), size };
        let signed = blobs.upload_url(&key, &upload, VALID).await.unwrap();
        assert!(!signed.url.contains("checksum"), "a browser has to compute none: {}", signed.url);
        assert_eq!(put(&signed, "<b>a>").await, StatusCode::OK);
        assert_eq!(blobs.read(&key, 100).await.unwrap(), "<b>a>");
    }
    let download = Download { filename: "Größe.html".to_owned(), content_type: "text/html".to_owned() };
    let signed = blobs.download_url(&key, &download, VALID).await.unwrap();
    let answer = http().get(&signed.url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fe.html");
    assert_eq!(answer.headers()["content-type"], "application/octet-stream", "no page of somebody else's");
    assert_eq!(answer.text().await.unwrap(), "<b>a>");
}

#[tokio::test]
async fn it_is_known_to_which_other_origin_pages_bring_files() {
    let (folder, s3) = (Bench::folder().await, Bench::s3().await);
    assert_eq!(folder.blobs.foreign_origin().await, None);
    let download = Download { filename: "a".to_owned(), content_type: "text/plain".to_owned() };
    let signed = s3.blobs.download_url(&new_key(), &download, VALID).await.unwrap();
    let origin = s3.blobs.foreign_origin().await.unwrap();
    assert!(signed.url.starts_with(&format!("{origin}/")), "{origin}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_refused_when_it_is_looked_at() {
    let FilesConfig { place, .. } = TestBucket::new().await.config;
    let BlobPlace::Bucket(bucket) = place else { panic!("it is a bucket") };
    let missing = BucketConfig { name: format!("missing-{}", Uuid::new_v4().simple()), ..bucket };
    let config = FilesConfig { place: BlobPlace::Bucket(missing), ..platform::config::Config::default().files };
    let secret = platform::config::Secret::new("a secret of tests that is long enough");
    let blobs = BlobStore::open(&config, PUBLIC_URL, &secret, &system_clock()).await.unwrap();
    let error = blobs.look().await.unwrap_err();
    assert!(matches!(error, BlobError::Refused(_)), "{error}");
}

/// The key and the query of an address in a folder.
fn read_address(url: &str) -> (BlobKey, SignedQuery) {
    let path = url.strip_prefix(&format!("{PUBLIC_URL}/api/v1/blobs/")).unwrap();
    let (key, query) = path.split_once('?').unwrap();
    let parsed = reqwest::Url::parse(url).unwrap();
    let pairs: HashMap<String, String> = parsed.query_pairs().into_owned().collect();
    let mut json = serde_json::json!(pairs);
    for number in ["expires", "size"] {
        if let Some(text) = pairs.get(number) {
            json[number] = serde_json::json!(text.parse::<i64>().unwrap());
        }
    }
    assert!(!query.contains(' '), "{query}");
    (key.parse().unwrap(), serde_json::from_value(json).unwrap())
}

#[tokio::test]
async fn an_address_in_a_folder_permits_one_thing_until_it_expires() {
    let folder = BlobFolder::new();
    let manual = Arc::new(ManualClock::default());
    let clock: Arc<dyn Clock> = manual.clone();
    let blobs = folder.open(&clock).await;
    let BlobStore::Folder(store) = &blobs else { panic!("it is a folder") };
    let download = Download { filename: "a & b.txt".to_owned(), content_type: "text/plain".to_owned() };
    let signed = blobs.download_url(&new_key(), &download, VALID).await.unwrap();
    let (key, query) = read_address(&signed.url);
    let permit = store.permit(BlobMethod::Get, key.clone(), query.clone()).unwrap();
    assert_eq!((permit.filename.as_deref(), permit.content_type.as_str()), (Some("a & b.txt"), "text/plain"));
    assert_eq!(store.permit(BlobMethod::Put, key.clone(), query.clone()), Err(NotPermitted::Forged));
    assert_eq!(store.permit(BlobMethod::Get, new_key(), query.clone()), Err(NotPermitted::Forged));
    manual.advance(VALID);
    assert_eq!(store.permit(BlobMethod::Get, key, query), Err(NotPermitted::Expired));
}

#[tokio::test]
async fn what_does_not_come_whole_is_never_there() {
    let folder = BlobFolder::new();
    let blobs = folder.open(&system_clock()).await;
    let BlobStore::Folder(store) = &blobs else { panic!("it is a folder") };
    let BlobPlace::Folder(place) = &folder.config.place else { panic!("it is a folder") };
    let key = new_key();
    let mut arriving = store.receive(&key, 10).await.unwrap();
    arriving.take(b"12345").await.unwrap();
    assert_eq!(arriving.size(), 5);
    assert!(matches!(arriving.take(b"678901").await, Err(BlobError::TooLarge { max_bytes: 10 })));
    arriving.take(b"67890").await.unwrap();
    arriving.sync().await.unwrap();
    assert_eq!(blobs.size(&key).await.unwrap(), None);
    let drafts = || std::fs::read_dir(place.dir.join(".unfinished")).unwrap().count();
    assert_eq!(drafts(), 1);
    drop(arriving);
    assert_eq!(drafts(), 0);
    let mut arriving = store.receive(&key, 10).await.unwrap();
    arriving.take(b"12345").await.unwrap();
    arriving.finish().await.unwrap();
    assert_eq!(blobs.read(&key, 10).await.unwrap(), "12345");
    assert_eq!(drafts(), 0);
}
