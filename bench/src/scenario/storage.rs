//! What the database keeps of a recorded editing session, at each level of event sourcing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::client::Api;
use crate::process::postgres::Postgres;
use crate::report::{Report, Table};
use crate::scenario::replay::type_all;
use crate::system::{Bench, Subject, System};
use crate::trace::Trace;
use crate::typing::ROOT;

/// The client id under which the trace is typed.
const AUTHOR: u64 = 1;
/// How many updates may wait for their receipts.
const IN_FLIGHT: usize = 1000;
/// What an organization may want to keep of the past.
const LEVELS: [&str; 3] = ["full", "snapshot", "audit"];
/// What begins when a document closes is over when nothing has changed for so long.
const QUIET: Duration = Duration::from_secs(5);
/// The longest that a document takes to close and to be compacted.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(200);

/// Type a recorded editing session, and see what the database keeps of it at each level of event sourcing
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  bench storage automerge-paper.json.gz   # bytes for each edit, in the log and in snapshots"
)]
pub(crate) struct Storage {
    /// The trace, gzipped or not
    pub(crate) trace: PathBuf,

    /// Type only so many transactions
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    pub(crate) limit: usize,
}

/// What the tables hold of a document, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    /// The contents of updates.
    log: u64,
    /// The states that were kept of the document.
    snapshots: u64,
    /// What the two tables take on the disk, all documents together.
    disk: u64,
}

/// Where it is measured.
struct Stage {
    postgres: Postgres,
    system: System,
    api: Api,
    token: String,
    organization: String,
    project: String,
}

impl Storage {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "the database is looked into here: give --server-cmd, not --server");
        let (updates, _) = Trace::read(&self.trace)?.updates(AUTHOR, ROOT, self.limit)?;
        let stage = Stage::new(bench).await?;
        let columns =
            ["level", "log (B/edit)", "snapshots (B/edit)", "on disk (B/edit)", "log (bytes)", "snapshots (bytes)"];
        let title = format!("{} edits, {} bytes as sent", updates.len(), updates.iter().map(Vec::len).sum::<usize>());
        let mut table = Table::new(title, columns);
        for level in LEVELS {
            let disk_before = stage.disk()?;
            let document = stage.document(level).await?;
            type_all(&stage.system, &format!("doc:{document}"), &updates, IN_FLIGHT).await?;
            let kept = stage.settled(&document).await?;
            let each = |bytes: u64| bytes as f64 / updates.len() as f64;
            table.row([
                level.into(),
                each(kept.log).into(),
                each(kept.snapshots).into(),
                each(kept.disk.saturating_sub(disk_before)).into(),
                kept.log.into(),
                kept.snapshots.into(),
            ]);
        }
        let mut report = Report::new("storage");
        report.table(table);
        report.note("On the disk: the tables of updates and snapshots with their indexes, after VACUUM FULL.");
        report.note("snapshot lets go of the contents of updates when they are older than the organization's time.");
        Ok(report)
    }
}

impl Stage {
    async fn new(bench: &Bench) -> Result<Self> {
        let postgres =
            Postgres::create(&bench.folder().join("postgres"), crate::process::server::free_address()?, None)?;
        let mut launch = bench.launch()?;
        launch.environment.push(("DATABASE_URL", postgres.url()));
        // Of a long log, what is let go of goes in parts.
        launch.environment.push(("GLASSBOX_LIMITS_RETENTION_CHECK_SECONDS", "1".to_owned()));
        let system = bench.start(Subject::GlassBox, launch).await?;
        let api = system.api()?;
        // The one who types them.
        let token = api.token("author@bench.example").await?;
        let organization = id(&api.post("/orgs", &token, &json!({"name": "Bench"})).await?)?;
        let project = format!("/orgs/{organization}/projects");
        let project = id(&api.post(&project, &token, &json!({"name": "Bench"})).await?)?;
        Ok(Self { postgres, system, api, token, organization, project })
    }

    /// A new document, of which so much is kept.
    async fn document(&self, level: &str) -> Result<String> {
        let organization = format!("/orgs/{}", self.organization);
        self.api.patch(&organization, &self.token, &json!({"eventSourcingLevel": level})).await?;
        let documents = format!("/projects/{}/documents", self.project);
        id(&self.api.post(&documents, &self.token, &json!({"title": level})).await?)
    }

    /// What is kept of a document after it was closed and compacted.
    async fn settled(&self, document: &str) -> Result<Kept> {
        let deadline = Instant::now() + PATIENCE;
        while self.api.metric("documents_open").await != Some(0.0) {
            ensure!(Instant::now() < deadline, "the document stays open");
            tokio::time::sleep(POLL).await;
        }
        let (mut kept, mut since) = (self.kept(document)?, Instant::now());
        while since.elapsed() < QUIET {
            ensure!(Instant::now() < deadline, "the document is compacted for too long");
            tokio::time::sleep(POLL).await;
            let now = self.kept(document)?;
            if now != kept {
                (kept, since) = (now, Instant::now());
            }
        }
        Ok(Kept { disk: self.disk()?, ..kept })
    }

    fn kept(&self, document: &str) -> Result<Kept> {
        let sum = |column: &str, table: &str| {
            let sql = format!(
                "SELECT coalesce(sum(octet_length({column})), 0) FROM {table} WHERE document_id = '{document}'"
            );
            self.number(&sql)
        };
        Ok(Kept { log: sum("update", "document_updates")?, snapshots: sum("state", "document_snapshots")?, disk: 0 })
    }

    fn disk(&self) -> Result<u64> {
        for table in ["document_updates", "document_snapshots"] {
            self.postgres.sql("glassbox", &format!("VACUUM FULL {table}"))?;
        }
        self.number("SELECT pg_total_relation_size('document_updates') + pg_total_relation_size('document_snapshots')")
    }

    fn number(&self, sql: &str) -> Result<u64> {
        let answer = self.postgres.sql("glassbox", sql)?;
        answer.trim().parse().with_context(|| format!("{sql} answers with {answer:?}"))
    }
}

fn id(created: &Value) -> Result<String> {
    created["id"].as_str().map(str::to_owned).context("an id")
}
