//! What the database keeps of a recorded editing session, at each level of event sourcing.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::client::Api;
use crate::process::postgres::Postgres;
use crate::report::{Cell, Report, Table};
use crate::scenario::replay::type_all;
use crate::system::{Bench, Subject, System};
use crate::trace::Trace;
use crate::typing::ROOT;

/// The client id under which the trace is typed.
const AUTHOR: u64 = 1;
/// How many updates may wait for their receipts.
const IN_FLIGHT: usize = 1000;
/// What an organization may want to keep of the past, on a server that thins out what is old after so long.
const LEVELS: [(&str, Age); 4] =
    [("full", Age::Young), ("snapshot", Age::Young), ("audit", Age::Young), ("snapshot", Age::Old)];
/// What the database keeps of documents and nodes.
const TABLES: [&str; 6] = [
    "document_updates",
    "document_snapshots",
    "document_history",
    "document_clients",
    "document_versions",
    "node_versions",
];
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

/// Whether what was typed just now is as old as what is thinned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Young,
    Old,
}

/// What the tables hold of a document, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    /// The contents of updates.
    log: u64,
    /// Who did what, and when.
    history: u64,
    /// The states that were kept of the document.
    snapshots: u64,
    /// What the tables take on the disk, all documents together.
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
        let columns = [
            "level",
            "log (B/edit)",
            "history (B/edit)",
            "snapshots (B/edit)",
            "on disk (B/edit)",
            "log (bytes)",
            "history (bytes)",
            "snapshots (bytes)",
        ];
        let title = format!("{} edits, {} bytes as sent", updates.len(), updates.iter().map(Vec::len).sum::<usize>());
        let mut table = Table::new(title, columns);
        for age in [Age::Young, Age::Old] {
            let stage = Stage::new(bench, age).await?;
            for (level, _) in LEVELS.into_iter().filter(|(_, of)| *of == age) {
                let disk_before = stage.disk()?;
                let document = stage.document(level).await?;
                type_all(&stage.system, &format!("doc:{document}"), &updates, IN_FLIGHT).await?;
                let kept = stage.settled(&document).await?;
                let kept = Kept { disk: kept.disk.saturating_sub(disk_before), ..kept };
                table.row(kept.row(level, age, updates.len()));
            }
        }
        let mut report = Report::new("storage");
        report.table(table);
        report.note(format!("On the disk: {}, with their indexes, after VACUUM FULL.", TABLES.join(", ")));
        report.note("snapshot lets go of the contents of updates when they are older than the organization's time.");
        report.note("thinned: the server takes everything to be so old (log_dense_days = 0).");
        report.note("Typed is a free document: what versions of nodes take comes on top in documents of nodes.");
        Ok(report)
    }
}

impl Kept {
    fn row(self, level: &str, age: Age, edits: usize) -> [Cell; 8] {
        let each = |bytes: u64| Cell::from(bytes as f64 / edits as f64);
        let name = match age {
            Age::Young => level.to_owned(),
            Age::Old => format!("{level}, thinned"),
        };
        [
            name.into(),
            each(self.log),
            each(self.history),
            each(self.snapshots),
            each(self.disk),
            self.log.into(),
            self.history.into(),
            self.snapshots.into(),
        ]
    }
}

impl Stage {
    async fn new(bench: &Bench, age: Age) -> Result<Self> {
        let folder = bench.folder().join(format!("postgres-{age:?}").to_lowercase());
        let postgres = Postgres::create(&folder, crate::process::server::free_address()?, None)?;
        let mut launch = bench.launch()?;
        launch.environment.push(("DATABASE_URL", postgres.url()));
        // Of a long log, what is let go of goes in parts.
        launch.environment.push(("GLASSBOX_LIMITS_RETENTION_CHECK_SECONDS", "1".to_owned()));
        if age == Age::Old {
            launch.environment.push(("GLASSBOX_LIMITS_LOG_DENSE_DAYS", "0".to_owned()));
        }
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
        Ok(Kept {
            log: sum("update", "document_updates")?,
            history: sum("entries", "document_history")?,
            snapshots: sum("state", "document_snapshots")?,
            disk: 0,
        })
    }

    fn disk(&self) -> Result<u64> {
        for table in TABLES {
            self.postgres.sql("glassbox", &format!("VACUUM FULL {table}"))?;
        }
        let sizes = TABLES.map(|table| format!("pg_total_relation_size('{table}')"));
        self.number(&format!("SELECT {}", sizes.join(" + ")))
    }

    fn number(&self, sql: &str) -> Result<u64> {
        let answer = self.postgres.sql("glassbox", sql)?;
        answer.trim().parse().with_context(|| format!("{sql} answers with {answer:?}"))
    }
}

fn id(created: &Value) -> Result<String> {
    created["id"].as_str().map(str::to_owned).context("an id")
}
