//! What a very large document does to the others on the same server.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Attachment, Dialect, Event};
use crate::latency::{Latency, Pace};
use crate::report::{Report, Table};
use crate::scenario::cold_open::{prepare, wait_until_closed};
use crate::scenario::receipts::write;
use crate::system::{Bench, System};
use crate::typing::{Replica, Typist};

/// What the small document's writer may wait for a receipt at most while the large one is opened, in milliseconds.
const P99_MS: f64 = 100.0;
/// Edits per second in the small document.
const RATE: u32 = 100;
/// The small document is written to for so long before anything else happens.
const QUIET: Duration = Duration::from_secs(3);
/// How long anything with the large document may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measure what opening, reading and editing a very large document does to a small one beside it
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench large-document\n  bench large-document --megabytes 10 --dialect ws-deflate")]
pub(crate) struct LargeDocument {
    /// The large document's size in Yjs's encoding
    #[arg(long, default_value_t = 50)]
    pub(crate) megabytes: usize,

    /// The protocol in which it is opened
    #[arg(long, value_enum, default_value_t = Dialect::Yjs)]
    pub(crate) dialect: Dialect,
}

impl LargeDocument {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let system = bench.glassbox().await?;
        let document = bench.document("large");
        eprintln!("writing a document of {} MB", self.megabytes);
        prepare(&system, &document, self.megabytes * 1_000_000, bench.seed).await?;
        wait_until_closed(&system).await?;

        let mut report = Report::new("large-document");
        let columns = ["meanwhile", "took (ms)", "receipts elsewhere p50 (ms)", "p99 (ms)", "max (ms)"];
        let mut table = Table::new(format!("A document of {} MB beside a small one", self.megabytes), columns);
        let mut worst: f64 = 0.0;
        let mut beside = Beside { bench, system: &system, table: &mut table, worst: &mut worst };
        let quiet = async {
            tokio::time::sleep(QUIET).await;
            Ok(())
        };
        beside.measure("nothing", quiet).await?;
        let token = system.token(self.dialect).await?;
        let opened = Attachment::open_synced(system.address, self.dialect, &document, token.as_deref());
        let (mut first, content) = beside.measure("it is opened, from the log", opened).await?;
        let received = |attachment: &Attachment| attachment.socket.received_bytes() as f64 / 1e6;
        report.note(format!("opening it took {:.1} MB on the wire", received(&first)));
        let replica = Replica::reading(1, &content)?;
        let again = Attachment::open_synced(system.address, self.dialect, &document, token.as_deref());
        let (second, _) = beside.measure("it is opened again, from memory", again).await?;
        report.note(format!("opening it again took {:.1} MB on the wire", received(&second)));
        let typed = type_into(&mut first, second);
        beside.measure("somebody types in it, and another reads it", typed).await?;
        let behind = replica.state_vector();
        let returning = come_back(&system, &document, &behind);
        beside.measure("somebody comes back to it who has all but the last edit", returning).await?;

        report.table(table);
        let what = format!("receipts elsewhere, whatever happens in it: p99 at most {P99_MS} ms");
        report.target(what, format!("{worst:.1} ms"), worst <= P99_MS);
        Ok(report)
    }
}

/// Measures a small document while something happens elsewhere.
struct Beside<'a> {
    bench: &'a Bench,
    system: &'a System,
    table: &'a mut Table,
    worst: &'a mut f64,
}

impl Beside<'_> {
    async fn measure<T>(&mut self, what: &str, event: impl Future<Output = Result<T>>) -> Result<T> {
        let token = self.system.api()?.token("beside@bench.example").await?;
        let small = self.bench.document(&format!("small-{}", what.len()));
        let (attachment, _) = Attachment::open_synced(self.system.address, Dialect::Ws, &small, Some(&token)).await?;
        let mut typist = Typist::new(7, self.bench.seed);
        let updates = (0..u64::from(RATE) * PATIENCE.as_secs()).map(|_| typist.next_update()).collect();
        let latency = Rc::new(RefCell::new(Latency::new()));
        let start = Instant::now();
        let mut typing = JoinSet::new();
        let pace = Pace::new(start, Duration::from_secs(1) / RATE);
        typing.spawn_local(write(attachment, updates, pace, Rc::clone(&latency)));
        let outcome = timeout(PATIENCE, event).await.with_context(|| format!("{what}: took too long"))??;
        let took = start.elapsed();
        typing.abort_all();
        let latency = latency.borrow();
        self.table.row([
            what.into(),
            (took.as_secs_f64() * 1000.0).into(),
            latency.quantile_ms(0.5).into(),
            latency.quantile_ms(0.99).into(),
            latency.max_ms().into(),
        ]);
        *self.worst = self.worst.max(latency.quantile_ms(0.99));
        Ok(outcome)
    }
}

/// One edit, until somebody else has it.
async fn type_into(writer: &mut Attachment, mut reader: Attachment) -> Result<()> {
    let mut typist = Typist::new(8, 1);
    writer.queue_update(&typist.next_update());
    writer.socket.flush()?;
    loop {
        while let Some(event) = reader.event()? {
            if matches!(event, Event::Update(_)) {
                return Ok(());
            }
        }
        reader.socket.ready().await?;
    }
}

async fn come_back(system: &System, document: &str, state_vector: &[u8]) -> Result<()> {
    let mut attachment = Attachment::open(system.address, Dialect::Yjs, document, None).await?;
    attachment.send_step_1(state_vector)?;
    loop {
        while let Some(event) = attachment.event()? {
            if matches!(event, Event::Step2(_)) {
                return Ok(());
            }
        }
        attachment.socket.ready().await?;
    }
}
