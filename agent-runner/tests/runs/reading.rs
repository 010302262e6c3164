//! Reading the text of files that were uploaded.

use std::sync::Arc;
use std::time::Duration;

use agent_runner::files::{Extractor, FileReader};
use bytes::Bytes;
use platform::blob::{BlobKey, BlobStore};
use platform::clock::{Clock, SystemClock};
use platform::config::Config;
use platform::db::DbError;
use platform::db::audit::Actor;
use platform::db::files::{self, FileChanges, FileText, LeasedFile};
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::testing::{BlobFolder, TestDatabase};
use schema::ids::{FileId, OrgId, ProjectId};
use uuid::Uuid;

use crate::world::eventually;

/// How long a lease is that a test takes.
const LEASE: Duration = Duration::from_mins(5);

/// A database and a store, with a project to which files belong.
struct Place {
    database: TestDatabase,
    blobs: BlobStore,
    org: OrgId,
    project: ProjectId,
    lifecycle: Lifecycle,
    metrics: Metrics,
    _folder: BlobFolder,
}

impl Place {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let user = database.user("Ada").await;
        let org = database.org(user.id).await;
        let project = database.project(org).await;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let folder = BlobFolder::new();
        let blobs = folder.open(&clock).await;
        let (lifecycle, metrics) = (Lifecycle::new(), Metrics::new());
        Self { database, blobs, org, project, lifecycle, metrics, _folder: folder }
    }

    /// A file that waits to be read, of whose bytes the store knows nothing yet.
    async fn announced(&self, filename: &str, content_type: &str) -> FileId {
        let id = FileId::from(Uuid::new_v4());
        self.announce(id, filename, content_type).await;
        id
    }

    async fn announce(&self, id: FileId, filename: &str, content_type: &str) {
        let (org, key) = (self.org, BlobKey::of_file(self.org, id));
        let sql = format!(
            "INSERT INTO files (id, org_id, project_id, storage_key, filename, content_type, state, confirmed_at)
             VALUES ('{id}', '{org}', '{}', '{key}', '{filename}', '{content_type}', 'pending', now())",
            self.project
        );
        self.database.sabotage(&sql).await;
    }

    async fn stored(&self, id: FileId, bytes: &[u8]) {
        let key = BlobKey::of_file(self.org, id);
        self.blobs.write(&key, "application/octet-stream", Bytes::copy_from_slice(bytes)).await.unwrap();
    }

    /// A file that waits to be read.
    async fn uploaded(&self, filename: &str, content_type: &str, bytes: &[u8]) -> FileId {
        let id = FileId::from(Uuid::new_v4());
        self.stored(id, bytes).await;
        self.announce(id, filename, content_type).await;
        id
    }

    fn read_with(&self, extractor: Extractor) {
        let limits = Config::default().limits;
        let random = Random::from_os();
        FileReader::new(&self.database.db, &self.blobs, extractor, &random, &limits, &self.metrics)
            .start(&self.lifecycle);
    }

    /// Whether this holds of the file's row.
    async fn holds(&self, id: FileId, condition: &str) -> bool {
        self.database.is_so(&format!("SELECT EXISTS (SELECT FROM files WHERE id = '{id}' AND ({condition}))")).await
    }

    async fn until(&self, id: FileId, condition: &str) {
        let found = eventually(async || self.holds(id, condition).await.then_some(())).await;
        assert!(found.is_some(), "never came true: {condition}");
    }

    async fn is_found_by(&self, id: FileId, title: &str, text: &str) -> bool {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM search_entries WHERE file_id = '{id}' AND title = '{title}' AND text = '{text}'
                 AND project_id = '{}')",
            self.project
        );
        self.database.is_so(&sql).await
    }

    async fn was_told(&self, id: FileId, status: &str) -> bool {
        let sql = format!(
            "SELECT count(*) = 1 FROM events WHERE kind = 'file_processed' AND project_id = '{}'
                 AND payload->>'fileId' = '{id}' AND payload->>'processingStatus' = '{status}'",
            self.project
        );
        self.database.is_so(&sql).await
    }

    async fn set(&self, id: FileId, columns: &str) {
        self.database.sabotage(&format!("UPDATE files SET {columns} WHERE id = '{id}'")).await;
    }

    async fn lease(&self) -> LeasedFile {
        files::lease(&self.database.db, Uuid::new_v4(), LEASE).await.unwrap().expect("a file is due")
    }

    /// How often a file could not be read for this reason.
    fn assert_failures(&self, reason: &str, count: u64) {
        let told = format!("glassbox_file_processing_failures_total{{reason=\"{reason}\"}} {count}\n");
        let metrics = self.metrics.encode();
        assert!(metrics.contains(&told), "{told} is not in {metrics}");
    }

    async fn end(self) {
        assert!(self.lifecycle.shutdown(Duration::from_secs(10)).await.is_clean());
    }
}

fn says(text: &str) -> FileText {
    FileText::Read { text: Some(text.to_owned()), truncated: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_and_found_by_what_it_says() {
    let place = Place::new().await;
    let notes = place.uploaded("notes.md", "text/markdown", b"# The sea\n\nWaves\x1b and fish.\n").await;
    // Nobody needs its bytes.
    let picture = place.announced("sea.png", "image/png").await;
    place.read_with(Extractor::InProcess);
    place
        .until(notes, "state = 'complete' AND NOT text_truncated AND processing_error IS NULL AND lease IS NULL")
        .await;
    assert!(place.is_found_by(notes, "notes.md", "# The sea\n\nWaves and fish.").await);
    place.until(picture, "state = 'complete' AND extracted_text IS NULL").await;
    assert!(place.is_found_by(picture, "sea.png", "").await);
    let plain = place.uploaded("plain.txt", "text/plain", b"Waves and fish.\r\n").await;
    place.until(plain, "state = 'complete' AND extracted_text = 'Waves and fish.'").await;
    assert!(place.is_found_by(plain, "plain.txt", "Waves and fish.").await);
    for file in [notes, picture, plain] {
        assert!(place.was_told(file, "complete").await);
    }
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_says_why_and_is_found_by_its_name() {
    let place = Place::new().await;
    let broken = place.uploaded("report.pdf", "application/pdf", b"%PDF-1.4\nnothing else").await;
    place.read_with(Extractor::InProcess);
    place.until(broken, "state = 'failed' AND processing_error <> '' AND extracted_text IS NULL").await;
    assert!(place.is_found_by(broken, "report.pdf", "").await);
    assert!(place.was_told(broken, "failed").await);
    place.assert_failures("Unreadable", 1);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_does_not_have_now_is_read_later() {
    let place = Place::new().await;
    let late = place.announced("late.txt", "text/plain").await;
    place.read_with(Extractor::InProcess);
    place.until(late, "state = 'pending' AND attempts = 1 AND due_at > now() + interval '5 seconds'").await;
    assert!(!place.was_told(late, "failed").await);
    place.stored(late, b"Here at last.").await;
    place.set(late, "due_at = now()").await;
    place.until(late, "state = 'complete' AND extracted_text = 'Here at last.' AND attempts = 2").await;
    place.assert_failures("Missing", 1);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_comes_is_given_up() {
    let place = Place::new().await;
    let missing = place.announced("missing.txt", "text/plain").await;
    place.set(missing, "attempts = 4").await;
    // Whoever reads this one is not heard of again, each time.
    let deadly = place.uploaded("deadly.txt", "text/plain", b"words").await;
    place.set(deadly, "attempts = 5, state = 'processing', leased_until = now() - interval '1 minute'").await;
    place.read_with(Extractor::InProcess);
    place.until(missing, "state = 'failed' AND attempts = 5").await;
    place.until(deadly, "state = 'failed' AND extracted_text IS NULL").await;
    place.assert_failures("Missing", 1);
    place.assert_failures("ReadersEnded", 1);
    place.assert_failures("Unreadable", 0);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_lost_its_lease_notes_nothing() {
    let place = Place::new().await;
    let file = place.uploaded("a.txt", "text/plain", b"words").await;
    let db = &place.database.db;
    let slow = place.lease().await;
    assert_eq!((slow.id, slow.attempts), (file, 1));
    assert_eq!(files::lease(db, Uuid::new_v4(), LEASE).await.unwrap(), None, "it is leased");
    place.set(file, "leased_until = now() - interval '1 second'").await;
    let quick = place.lease().await;
    assert_eq!((quick.id, quick.attempts), (file, 2));
    assert!(!files::finish(db, &slow, &says("late")).await.unwrap());
    assert!(!files::try_again(db, &slow, Duration::ZERO).await.unwrap());
    assert!(!files::give_back(db, &slow).await.unwrap());
    assert!(files::finish(db, &quick, &says("words")).await.unwrap());
    assert!(!files::finish(db, &quick, &says("again")).await.unwrap());
    assert!(place.holds(file, "state = 'complete' AND extracted_text = 'words'").await);
    assert!(place.was_told(file, "complete").await, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_given_back_was_never_tried() {
    let place = Place::new().await;
    let file = place.uploaded("a.txt", "text/plain", b"words").await;
    let leased = place.lease().await;
    assert!(files::give_back(&place.database.db, &leased).await.unwrap());
    assert!(place.holds(file, "state = 'pending' AND attempts = 0 AND due_at <= now() AND lease IS NULL").await);
    assert_eq!(files::waiting(&place.database.db).await.unwrap().files, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_overdue_from_when_somebody_could_have_read_it() {
    let place = Place::new().await;
    let db = &place.database.db;
    let overdue = async || files::waiting(db).await.unwrap().overdue;
    assert_eq!(overdue().await, Duration::ZERO, "there is none");
    let file = place.uploaded("a.txt", "text/plain", b"words").await;
    place.set(file, "due_at = now() - interval '10 minutes'").await;
    assert!((600..700).contains(&overdue().await.as_secs()));
    let leased = place.lease().await;
    assert_eq!(overdue().await, Duration::ZERO, "it is read");
    place.set(file, "leased_until = now() - interval '1 second'").await;
    assert!(overdue().await.as_secs() >= 600, "whoever read it has ended");
    assert!(files::try_again(db, &leased, Duration::from_mins(1)).await.unwrap());
    assert_eq!(overdue().await, Duration::ZERO, "nobody is to read it yet");
    assert_eq!(files::waiting(db).await.unwrap().files, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_found_by_what_it_is_called_now() {
    let place = Place::new().await;
    let db = &place.database.db;
    let file = place.uploaded("a.txt", "text/plain", b"words").await;
    let call = async |filename: &str| {
        let changes = FileChanges { filename: Some(filename.to_owned()), metadata: None };
        let change = |_| Ok::<_, DbError>(changes);
        files::change(db, place.org, &Actor::SYSTEM, file, change).await.unwrap().unwrap();
    };
    call("b.txt").await;
    let leased = place.lease().await;
    call("c.txt").await;
    assert!(!place.is_found_by(file, "c.txt", "words").await, "it is not read yet");
    assert!(files::finish(db, &leased, &says("words")).await.unwrap());
    assert!(place.is_found_by(file, "c.txt", "words").await);
    call("d.txt").await;
    assert!(place.is_found_by(file, "d.txt", "words").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_that_was_deleted_meanwhile_nothing_is_noted() {
    let place = Place::new().await;
    let file = place.uploaded("a.txt", "text/plain", b"words").await;
    let leased = place.lease().await;
    place.database.sabotage(&format!("DELETE FROM files WHERE id = '{file}'")).await;
    assert!(!files::finish(&place.database.db, &leased, &says("words")).await.unwrap());
    assert!(!place.is_found_by(file, "a.txt", "words").await);
    assert!(!place.was_told(file, "complete").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_hangs_fails_its_file_and_no_other() {
    let place = Place::new().await;
    let script =
        r#"case "$2" in *bad*) exec sleep 60;; *deadly*) kill -9 $$;; esac; printf '{"text":"read","truncated":true}'"#;
    let arguments = ["-c", script, "sh"].map(str::to_owned).to_vec();
    let time = Duration::from_secs(1);
    let bad = place.uploaded("bad.txt", "text/plain", b"words").await;
    let deadly = place.uploaded("deadly.txt", "text/plain", b"words").await;
    let good = place.uploaded("good.txt", "text/plain", b"words").await;
    place.read_with(Extractor::ChildProcess { program: "/bin/sh".into(), arguments, time });
    place.until(good, "state = 'complete' AND extracted_text = 'read' AND text_truncated").await;
    place.until(bad, "state = 'failed' AND processing_error LIKE '%took more than%'").await;
    place.until(deadly, "state = 'failed' AND processing_error LIKE '%broke off%'").await;
    place.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_leaves_gives_its_file_back_at_once() {
    let place = Place::new().await;
    let arguments = ["-c", "exec sleep 60", "sh"].map(str::to_owned).to_vec();
    let time = Duration::from_mins(1);
    let file = place.uploaded("a.txt", "text/plain", b"words").await;
    place.read_with(Extractor::ChildProcess { program: "/bin/sh".into(), arguments, time });
    place.until(file, "state = 'processing'").await;
    assert!(place.lifecycle.shutdown(Duration::from_secs(10)).await.is_clean());
    assert!(place.holds(file, "state = 'pending' AND attempts = 0").await);
}
