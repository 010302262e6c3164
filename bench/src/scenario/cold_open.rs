//! Many clients that open a large document at the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use tokio::task::JoinSet;

use crate::client::{Attachment, Dialect, Event};
use crate::latency::Latency;
use crate::process::usage;
use crate::report::{Report, Table};
use crate::system::{Bench, IDLE_ROOM_SECONDS, System};
use crate::typing::{Replica, long_document};

/// How long the server may take to confirm the prepared document, or to close it.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);
/// A server bounds what waits for its log.
const UNCONFIRMED_BYTES: usize = 1 << 20;

/// Measure many clients that open a large document at once
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench cold-open\n  bench cold-open --clients 1000 --kilobytes 5000\n  bench cold-open --dialect ws-deflate"
)]
pub(crate) struct ColdOpen {
    /// How many open it
    #[arg(long, default_value_t = 200)]
    pub(crate) clients: usize,

    /// The document's size in Yjs's encoding
    #[arg(long, default_value_t = 1500)]
    pub(crate) kilobytes: usize,

    /// The protocol in which they open it
    #[arg(long, value_enum, default_value_t = Dialect::Yjs)]
    pub(crate) dialect: Dialect,
}

impl ColdOpen {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let system = bench.glassbox().await?;
        let document = bench.document("cold");
        prepare(&system, &document, self.kilobytes * 1000, bench.seed).await?;
        let mut report = Report::new("cold-open");
        let columns = [
            "state",
            "clients",
            "bytes of the document",
            "received by each (kB)",
            "all have it (ms)",
            "p50 (ms)",
            "server CPU (ms)",
            "memory before (MiB)",
            "peak (MiB)",
        ];
        let mut table = Table::new("From connecting to the whole document", columns);
        if system.process.is_some() {
            wait_until_closed(&system).await?;
            self.open(&system, &document, "not in memory", &mut table).await?;
        } else {
            report.note("a running server keeps the document in memory for a while: measured open only");
        }
        // Whoever holds it keeps it in memory.
        let holder = Attachment::open_synced(system.address, Dialect::Yjs, &document, None).await?;
        self.open(&system, &document, "in memory", &mut table).await?;
        drop(holder);
        report.table(table);
        Ok(report)
    }

    async fn open(&self, system: &System, document: &str, state: &str, table: &mut Table) -> Result<()> {
        if let Some(pid) = system.pid {
            usage::reset_peak(pid)?;
        }
        let token = system.token(self.dialect).await?;
        let (cpu, memory) = (system.cpu(), system.resident_bytes());
        let start = Instant::now();
        let mut openers = JoinSet::new();
        for _ in 0..self.clients {
            let (address, dialect, document, token) =
                (system.address, self.dialect, document.to_owned(), token.clone());
            openers.spawn_local(async move {
                let opening = Attachment::open_synced(address, dialect, &document, token.as_deref());
                let (attachment, content) = opening.await?;
                // All stay until the last has it.
                anyhow::Ok((start.elapsed(), content, attachment))
            });
        }
        let mut latency = Latency::new();
        let mut opened = Vec::new();
        // Of those who got the same bytes, one is looked at.
        let mut contents = BTreeMap::new();
        while let Some(ended) = openers.join_next().await {
            let (took, content, attachment) = ended??;
            latency.record(took);
            opened.push(attachment);
            contents.entry(content.bytes()).or_insert(content);
        }
        let wall = start.elapsed();
        let received: u64 = opened.iter().map(|attachment| attachment.socket.received_bytes()).sum();
        let texts = contents.values().map(|content| anyhow::Ok(Replica::reading(1, content)?.body()));
        let texts = texts.collect::<Result<BTreeSet<_>>>()?;
        ensure!(texts.len() == 1, "clients got different documents");
        let bytes = *contents.first_key_value().context("no clients")?.0;
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        let used = cpu.zip(system.cpu()).map(|(before, after)| after.saturating_sub(before).as_secs_f64() * 1000.0);
        let peak = system.pid.and_then(|pid| usage::peak_resident_bytes(pid).ok());
        table.row([
            state.into(),
            self.clients.into(),
            bytes.into(),
            (received as f64 / 1000.0 / self.clients as f64).into(),
            (wall.as_secs_f64() * 1000.0).into(),
            latency.quantile_ms(0.5).into(),
            used.into(),
            memory.map(mebibytes).into(),
            peak.map(mebibytes).into(),
        ]);
        Ok(())
    }
}

/// Writes the document through the server, and returns once the server says that it is kept.
pub(super) async fn prepare(system: &System, document: &str, bytes: usize, seed: u64) -> Result<()> {
    let token = system.api()?.token("author@bench.example").await?;
    let (mut author, _) = Attachment::open_synced(system.address, Dialect::Ws, document, Some(&token)).await?;
    let mut unconfirmed = 0;
    for update in long_document(bytes, seed) {
        unconfirmed += update.len();
        author.queue_update(&update);
        if unconfirmed >= UNCONFIRMED_BYTES {
            until_confirmed(&mut author).await?;
            unconfirmed = 0;
        }
    }
    until_confirmed(&mut author).await
}

/// Waits until the server has confirmed all that was queued.
async fn until_confirmed(author: &mut Attachment) -> Result<()> {
    author.socket.flush()?;
    let last = author.edits_sent();
    let confirmed = async {
        loop {
            while let Some(event) = author.event()? {
                match event {
                    Event::Receipt(through) if through >= last => return Ok(()),
                    Event::Refused(why) | Event::Ended(why) => anyhow::bail!("the server refused: {why}"),
                    _ => {}
                }
            }
            author.socket.ready().await?;
        }
    };
    tokio::time::timeout(PATIENCE, confirmed).await.context("the document was not confirmed in time")?
}

/// Waits until the server has no document open any more.
pub(super) async fn wait_until_closed(system: &System) -> Result<()> {
    let api = system.api()?;
    let deadline = Instant::now() + PATIENCE;
    tokio::time::sleep(Duration::from_secs(IDLE_ROOM_SECONDS)).await;
    loop {
        let open = api.metric("documents_open").await.context("/metrics does not tell which documents are open")?;
        if open == 0.0 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the server does not close documents that nobody uses");
        tokio::time::sleep(POLL).await;
    }
}
