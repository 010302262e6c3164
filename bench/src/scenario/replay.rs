//! A recorded editing session, typed through the server.

mod look_back;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::client::{Attachment, Dialect, Event};
use crate::report::{Cell, Report, Table};
use crate::system::{Bench, System};
use crate::trace::Trace;
use crate::typing::{ROOT, Replica};

/// The longest pause between two receipts.
const PATIENCE: Duration = Duration::from_secs(30);
/// The client id under which the trace is typed.
const AUTHOR: u64 = 1;

/// Type a recorded editing session through the server, one update for each transaction
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench replay automerge-paper.json.gz\n  bench replay automerge-paper.json.gz --limit 50000 --in-flight 100\n\nThe traces are those of https://github.com/josephg/editing-traces (one author)."
)]
pub(crate) struct Replay {
    /// The trace, gzipped or not
    pub(crate) trace: PathBuf,

    /// Type only so many transactions
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    pub(crate) limit: usize,

    /// How many updates may wait for their receipts
    #[arg(long, default_value_t = 1000)]
    pub(crate) in_flight: usize,

    /// At how many places of the log it is asked afterwards what the document was
    #[arg(long, default_value_t = 100)]
    pub(crate) look_back: usize,
}

/// So many places of a log, spread over it unevenly, and its end.
fn places(updates: usize, count: usize) -> BTreeSet<usize> {
    /// A prime, so that places fall between snapshots rather than on them.
    const STRIDE: usize = 7_919;
    (1..count).map(|number| 1 + number * STRIDE * (1 + updates / STRIDE / count) % updates).chain([updates]).collect()
}

/// What typing took.
pub(super) struct Typed {
    wall: Duration,
    sent_bytes: u64,
    received_bytes: u64,
}

impl Replay {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let trace = Trace::read(&self.trace)?;
        let (updates, text) = trace.updates(AUTHOR, ROOT, self.limit)?;
        let mut report = Report::new("replay");
        if self.limit >= trace.len() {
            ensure!(text == trace.end_content, "the trace does not lead to its own end");
        }
        let update_bytes: usize = updates.iter().map(Vec::len).sum();

        let system = bench.glassbox().await?;
        let document = bench.document("replay");
        let (cpu, postgres) = (system.cpu(), system.postgres_cpu());
        let typed = type_all(&system, &document, &updates, self.in_flight).await?;
        let used = |before: Option<Duration>, after: Option<Duration>| {
            before
                .zip(after)
                .map(|(before, after)| (after.saturating_sub(before)).as_secs_f64() * 1e6 / updates.len() as f64)
        };
        let (cpu, postgres) = (used(cpu, system.cpu()), used(postgres, system.postgres_cpu()));

        let (_, content) = Attachment::open_synced(system.address, Dialect::Yjs, &document, None).await?;
        let reader = Replica::reading(AUTHOR + 1, &content)?;
        let equal = reader.text() == text;
        report.must("a new client reads the text that was typed", if equal { "equal" } else { "different" }, equal);

        let columns = ["figure", "value"];
        let mut table = Table::new(format!("{} typed over /ws", self.trace.display()), columns);
        let mut row = |name: &str, cell: Cell| table.row([name.into(), cell]);
        row("edits", updates.len().into());
        row("edits/s, each confirmed", (updates.len() as f64 / typed.wall.as_secs_f64()).into());
        row("seconds", typed.wall.as_secs_f64().into());
        row("server CPU (µs/edit)", cpu.into());
        row("Postgres CPU (µs/edit)", postgres.into());
        row("characters in the end", text.chars().count().into());
        row("bytes of all updates", update_bytes.into());
        row("bytes sent to the server", typed.sent_bytes.into());
        row("bytes received from the server", typed.received_bytes.into());
        row("bytes to open it in the end", content.bytes().into());
        report.table(table);
        if self.look_back > 0 {
            let texts = trace.texts(&places(updates.len(), self.look_back))?;
            let api = system.api()?;
            let token = api.token("reader@bench.example").await?;
            look_back::look_back(&api, &token, &document, &texts, &mut report).await?;
        }
        Ok(report)
    }
}

/// Types updates into a document over `/ws`, of which at most so many wait for their receipts, until all are confirmed.
pub(super) async fn type_all(system: &System, document: &str, updates: &[Vec<u8>], in_flight: usize) -> Result<Typed> {
    let token = system.api()?.token("author@bench.example").await?;
    let (mut author, _) = Attachment::open_synced(system.address, Dialect::Ws, document, Some(&token)).await?;
    let before = author.edits_sent();
    let start = Instant::now();
    let (mut next, mut confirmed) = (0, 0);
    while confirmed < updates.len() {
        while next < updates.len() && next - confirmed < in_flight {
            author.queue_update(&updates[next]);
            next += 1;
        }
        author.socket.flush()?;
        tokio::time::timeout(PATIENCE, author.socket.ready()).await.context("no receipt came in time")??;
        while let Some(event) = author.event()? {
            match event {
                Event::Receipt(through) => {
                    confirmed = usize::try_from(through.saturating_sub(before))?;
                }
                Event::Refused(why) | Event::Ended(why) => bail!("the server refused: {why}"),
                _ => {}
            }
        }
    }
    Ok(Typed {
        wall: start.elapsed(),
        sent_bytes: author.socket.sent_bytes(),
        received_bytes: author.socket.received_bytes(),
    })
}
