//! What a connection costs that is open and does nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::client::Dialect;
use crate::report::{Report, Table};
use crate::system::{Bench, System};

/// The most that an idle connection may cost the server, in KiB.
const KIB_PER_CONNECTION: f64 = 12.0;
/// Memory is read when what opening needed is done with.
const SETTLE: Duration = Duration::from_secs(2);

/// Measure the memory that an idle connection costs
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench idle-memory\n  bench idle-memory --connections 10000 --per-document 1000")]
pub(crate) struct IdleMemory {
    /// How many connections
    #[arg(long, default_value_t = 2000)]
    pub(crate) connections: usize,

    /// How many of them are in the same document
    #[arg(long, default_value_t = 100)]
    pub(crate) per_document: usize,
}

impl IdleMemory {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let mut report = Report::new("idle-memory");
        let columns =
            ["system", "protocol", "connections", "documents", "before (MiB)", "after (MiB)", "KiB/connection"];
        let mut table = Table::new("Memory of the server with idle connections", columns);
        // A new server each time: what one measurement has freed would hide what the next one needs.
        self.measure(bench, &bench.relay().await?, Dialect::Yjs, &mut table).await?;
        for dialect in [Dialect::Yjs, Dialect::Ws] {
            let system = bench.glassbox().await?;
            let cost = self.measure(bench, &system, dialect, &mut table).await?;
            let what = format!("at most {KIB_PER_CONNECTION} KiB for a connection over {}", dialect.name());
            report.target(what, format!("{cost:.1} KiB"), cost <= KIB_PER_CONNECTION);
        }
        report.table(table);
        Ok(report)
    }

    /// KiB for each connection.
    async fn measure(&self, bench: &Bench, system: &System, dialect: Dialect, table: &mut Table) -> Result<f64> {
        let count = self.connections.div_ceil(self.per_document);
        let documents: Vec<_> =
            (0..count).map(|index| bench.document(&format!("idle-{}-{index}", dialect.name()))).collect();
        // The first client of each document pays for the document itself.
        let mut attachments = system.attach_all(dialect, documents.iter()).await?;
        let before = settled_bytes(system).await?;
        let others = (count..self.connections).map(|index| &documents[index % count]);
        attachments.extend(system.attach_all(dialect, others).await?);
        let after = settled_bytes(system).await?;
        let added = attachments.len() - count;
        let cost = (after as f64 - before as f64) / 1024.0 / added as f64;
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        table.row([
            system.name().into(),
            dialect.name().into(),
            added.into(),
            count.into(),
            mebibytes(before).into(),
            mebibytes(after).into(),
            cost.into(),
        ]);
        Ok(cost)
    }
}

async fn settled_bytes(system: &System) -> Result<u64> {
    tokio::time::sleep(SETTLE).await;
    system.resident_bytes().context("the server's process is not known (--server-pid)")
}
