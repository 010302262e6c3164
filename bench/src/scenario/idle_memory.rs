//! What a connection costs that is open and does nothing.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::client::Dialect;
use crate::report::{Report, Table};
use crate::system::{Bench, Subject, System};

/// The most that an idle connection may cost the server, in KiB.
const KIB_PER_CONNECTION: f64 = 12.0;
/// The most that an open document may cost it with the connection that keeps it open, in KiB.
const KIB_PER_DOCUMENT: f64 = 16.0;
/// Connections that come before, each with a document of its own, so that what a server needs once is not counted.
const FIRST: usize = 50;
/// Memory is read when what opening needed is done with.
const SETTLE: Duration = Duration::from_secs(2);

/// Measure the memory that an idle connection costs
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench idle-memory\n  bench idle-memory --connections 10000 --per-document 1000\n  bench idle-memory --connections 10000 --per-document 1   # 10,000 open documents and as many idle connections"
)]
pub(crate) struct IdleMemory {
    /// How many connections
    #[arg(long, default_value_t = 2000, value_parser = at_least_one)]
    pub(crate) connections: usize,

    /// How many of them are in the same document; with 1, each has a document of its own
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    pub(crate) per_document: usize,
}

/// What the server was found to hold, in bytes.
#[derive(Debug, Clone, Copy)]
struct Held {
    documents: usize,
    connections: usize,
    /// Before any of them.
    empty: u64,
    /// When every document has one connection.
    opened: u64,
    /// With all connections.
    full: u64,
}

impl IdleMemory {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let mut report = Report::new("idle-memory");
        let columns = [
            "system",
            "protocol",
            "documents",
            "connections",
            "empty (MiB)",
            "opened (MiB)",
            "all (MiB)",
            "KiB/document",
            "KiB/connection",
        ];
        let mut table = Table::new("Memory of the server with idle connections", columns);
        // A new server each time: what one measurement has freed would hide what the next one needs.
        self.measure(bench, &bench.relay().await?, Dialect::Yjs).await?.show(&mut table, "relay", Dialect::Yjs);
        for dialect in [Dialect::Yjs, Dialect::Ws] {
            let system = bench.glassbox().await?;
            let held = self.measure(bench, &system, dialect).await?;
            held.show(&mut table, system.name(), dialect);
            held.judge(&mut report, dialect);
        }
        report.table(table);
        report.note("KiB/document is the growth until every document has one connection, which is in it.");
        report.note("KiB/connection is the growth from there on, for each connection that came to the others.");
        Ok(report)
    }

    async fn measure(&self, bench: &Bench, system: &System, dialect: Dialect) -> Result<Held> {
        let connections = self.connections;
        let documents = connections.div_ceil(self.per_document);
        let numbered = |what: &str, count: usize| -> Vec<String> {
            (0..count).map(|index| bench.document(&format!("{what}-{}-{index}", dialect.name()))).collect()
        };
        let first = system.attach_all(dialect, numbered("first", FIRST).iter()).await?;
        let empty = settled_bytes(system).await?;
        let names = numbered("idle", documents);
        // The first connection of each document pays for the document itself.
        let mut attached = system.attach_all(dialect, names.iter()).await?;
        let opened = settled_bytes(system).await?;
        let others = (documents..connections).map(|index| &names[index % documents]);
        attached.extend(system.attach_all(dialect, others).await?);
        let full = settled_bytes(system).await?;
        ensure_open(system, FIRST + documents, FIRST + connections).await?;
        // Ports that wait for the other side would soon be too few.
        for attachment in first.iter().chain(&attached) {
            attachment.socket.reset_on_drop()?;
        }
        Ok(Held { documents, connections, empty, opened, full })
    }
}

impl Held {
    /// KiB for each document, with its first connection.
    fn per_document(&self) -> f64 {
        kibibytes_each(self.empty, self.opened, self.documents).unwrap_or(0.0)
    }

    /// KiB for each connection that came to others; `None` if every connection has a document of its own.
    fn per_connection(&self) -> Option<f64> {
        kibibytes_each(self.opened, self.full, self.connections - self.documents)
    }

    fn show(&self, table: &mut Table, system: &str, dialect: Dialect) {
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        table.row([
            system.into(),
            dialect.name().into(),
            self.documents.into(),
            self.connections.into(),
            mebibytes(self.empty).into(),
            mebibytes(self.opened).into(),
            mebibytes(self.full).into(),
            self.per_document().into(),
            self.per_connection().into(),
        ]);
    }

    /// Judges what there was enough of.
    fn judge(&self, report: &mut Report, dialect: Dialect) {
        let mut target = |what: &str, most: f64, cost: f64| {
            let what = format!("at most {most} KiB for {what} over {}", dialect.name());
            report.target(what, format!("{cost:.1} KiB"), cost <= most);
        };
        match self.per_connection() {
            Some(cost) => target("a connection", KIB_PER_CONNECTION, cost),
            None => target("a document and its connection", KIB_PER_DOCUMENT, self.per_document()),
        }
    }
}

/// By how much memory has grown for each of so many, if there are any.
fn kibibytes_each(before: u64, after: u64, count: usize) -> Option<f64> {
    (count > 0).then(|| (after as f64 - before as f64) / 1024.0 / count as f64)
}

/// Nothing was measured if the server has let go of what it is to hold.
async fn ensure_open(system: &System, documents: usize, connections: usize) -> Result<()> {
    if system.subject != Subject::GlassBox {
        return Ok(());
    }
    let api = system.api()?;
    for (metric, held) in [("documents_open", documents), ("sockets_open", connections)] {
        let open = api.metric(metric).await.with_context(|| format!("/metrics does not tell {metric}"))?;
        ensure!(open >= held as f64, "{metric} is {open}, not {held}");
    }
    Ok(())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("there must be one at least".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("{error}")),
    }
}

async fn settled_bytes(system: &System) -> Result<u64> {
    tokio::time::sleep(SETTLE).await;
    system.resident_bytes().context("the server's process is not known (--server-pid)")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    #[test]
    fn what_documents_cost_is_apart_from_what_connections_cost() {
        let held = Held { documents: 10, connections: 110, empty: 5 * KIB, opened: 105 * KIB, full: 605 * KIB };
        assert_eq!((held.per_document(), held.per_connection()), (10.0, Some(5.0)));
    }

    #[test]
    fn connections_with_documents_of_their_own_are_compared_with_the_empty_server() {
        let held = Held { documents: 100, connections: 100, empty: 5 * KIB, opened: 905 * KIB, full: 905 * KIB };
        assert_eq!((held.per_document(), held.per_connection()), (9.0, None));
    }
}
