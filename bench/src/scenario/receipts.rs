//! How long it takes until an edit is confirmed to be in the log.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::client::{Attachment, Dialect, Event};
use crate::latency::{Latency, Pace};
use crate::report::{Report, Table};
use crate::system::{Bench, System};
use crate::typing::Typist;

/// The longest that 99 of 100 receipts may take at the highest rate, in milliseconds.
const P99_MS: f64 = 25.0;
/// How long the last receipts may take.
const PATIENCE: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_millis(300);
/// Who writes when all write into one document; each update then goes to all the others, too.
const WRITERS_OF_ONE_DOCUMENT: usize = 10;

/// Measure receipts over /ws: how long until an edit is confirmed to be in the log
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench receipts\n  bench receipts --rates 1000,5000,10000 --documents 200 --seconds 20"
)]
pub(crate) struct Receipts {
    /// Updates per second, all documents together
    #[arg(long, value_delimiter = ',', default_value = "1000,5000")]
    pub(crate) rates: Vec<u32>,

    /// Documents, with one writer each; the same rates are measured with one document and ten writers as well
    #[arg(long, default_value_t = 50)]
    pub(crate) documents: usize,

    /// How long each rate lasts
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
}

/// What came of one rate.
pub(crate) struct Outcome {
    sent: u64,
    pub(crate) latency: Latency,
    server_cpu: Option<Duration>,
    postgres_cpu: Option<Duration>,
}

impl Receipts {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let system = bench.glassbox().await?;
        let mut report = Report::new("receipts");
        let columns = [
            "documents",
            "updates/s",
            "updates",
            "p50 (ms)",
            "p99 (ms)",
            "max (ms)",
            "server CPU (µs/update)",
            "Postgres CPU (µs/update)",
        ];
        let mut table = Table::new("From sending an update to its receipt", columns);
        let most = self.rates.iter().copied().max().unwrap_or_default();
        for (documents, writers) in [(self.documents, 1), (1, WRITERS_OF_ONE_DOCUMENT)] {
            for rate in self.rates.iter().copied() {
                let outcome = self.measure(bench, &system, "receipts", documents, writers, rate).await?;
                let Outcome { sent, latency, .. } = &outcome;
                let per_update = |cpu: Option<Duration>| cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / *sent as f64);
                table.row([
                    documents.into(),
                    u64::from(rate).into(),
                    (*sent).into(),
                    latency.quantile_ms(0.5).into(),
                    latency.quantile_ms(0.99).into(),
                    latency.max_ms().into(),
                    per_update(outcome.server_cpu).into(),
                    per_update(outcome.postgres_cpu).into(),
                ]);
                if rate == most {
                    let p99 = latency.quantile_ms(0.99);
                    let what = format!("{rate} updates/s into {documents} documents: p99 at most {P99_MS} ms");
                    report.target(what, format!("{p99:.1} ms"), p99 <= P99_MS);
                }
            }
        }
        report.table(table);
        Ok(report)
    }

    pub(crate) async fn measure(
        &self,
        bench: &Bench,
        system: &System,
        name: &str,
        documents: usize,
        writers: usize,
        rate: u32,
    ) -> Result<Outcome> {
        let token = system.api()?.token("receipts@bench.example").await?;
        let count = documents * writers;
        let period = Duration::from_secs_f64(count as f64 / f64::from(rate));
        let duration = Duration::from_secs_f64(self.seconds);
        let edits = usize::try_from(duration.as_nanos().div_ceil(period.as_nanos().max(1)))?;
        let mut scripts = Vec::new();
        for writer in 0..count {
            let document = bench.document(&format!("{name}-{documents}-{rate}-{}", writer % documents));
            let (attachment, _) = Attachment::open_synced(system.address, Dialect::Ws, &document, Some(&token)).await?;
            let mut typist = Typist::new(1 + writer as u64, bench.seed);
            let updates: Vec<_> = (0..edits).map(|_| typist.next_update()).collect();
            scripts.push((attachment, updates));
        }
        tokio::time::sleep(SETTLE).await;

        let (cpu, postgres) = (system.cpu(), system.postgres_cpu());
        let latency = Rc::new(RefCell::new(Latency::new()));
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for (writer, (attachment, updates)) in scripts.into_iter().enumerate() {
            let pace = Pace::new(start + period.mul_f64(writer as f64 / count as f64), period);
            tasks.spawn_local(write(attachment, updates, pace, Rc::clone(&latency)));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let latency = latency.borrow().clone();
        let since = |before: Option<Duration>, after: Option<Duration>| Some(after?.saturating_sub(before?));
        Ok(Outcome {
            sent: latency.count(),
            latency,
            server_cpu: since(cpu, system.cpu()),
            postgres_cpu: since(postgres, system.postgres_cpu()),
        })
    }
}

/// Sends all updates when they are due and waits for all receipts.
pub(super) async fn write(
    mut attachment: Attachment,
    updates: Vec<Vec<u8>>,
    pace: Pace,
    latency: Rc<RefCell<Latency>>,
) -> Result<()> {
    let mut waiting: VecDeque<(u64, Instant)> = VecDeque::new();
    let mut next = 0;
    let timer = sleep_until(pace.due(0).into());
    tokio::pin!(timer);
    while next < updates.len() || !waiting.is_empty() {
        tokio::select! {
            heard = attachment.socket.ready() => {
                heard?;
                let now = Instant::now();
                while let Some(event) = attachment.event()? {
                    match event {
                        Event::Receipt(through) => take_confirmed(&mut waiting, through, now, &latency),
                        Event::Refused(why) | Event::Ended(why) => bail!("the server refused an edit: {why}"),
                        _ => {}
                    }
                }
            }
            () = &mut timer => {
                if next == updates.len() {
                    return Err(anyhow!("{} receipts are missing after {PATIENCE:?}", waiting.len()));
                }
                let now = Instant::now();
                while next < updates.len() && pace.due(next) <= now {
                    let number = attachment.queue_update(&updates[next]);
                    waiting.push_back((number, pace.sent_at(next, now)));
                    next += 1;
                }
                attachment.socket.flush()?;
                let wake = if next < updates.len() { pace.due(next) } else { now + PATIENCE };
                timer.as_mut().reset(wake.into());
            }
        }
    }
    Ok(())
}

fn take_confirmed(waiting: &mut VecDeque<(u64, Instant)>, through: u64, now: Instant, latency: &RefCell<Latency>) {
    while let Some((_, sent_at)) = waiting.pop_front_if(|(number, _)| *number <= through) {
        latency.borrow_mut().record(now.saturating_duration_since(sent_at));
    }
}
