//! Whether a server stays as it was on its first minute: documents are opened, written, left and looked at again, people
//! come and go, the database is restarted once, and in the end nothing is lost, memory is flat, and it returns to what
//! it was before anybody came.

mod population;
mod samples;
mod writer;

use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use nix::sys::signal::kill;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::client::Api;
use crate::process::postgres::{Postgres, Shutdown};
use crate::process::server::{ServerProcess, free_address};
use crate::process::usage;
use crate::report::{Report, Table};
use crate::system::{Bench, wait_until_serving};
use population::{Counts, DOCUMENTS, Shared, WRITERS, open_documents};
use samples::{Sample, mebibytes, slope};

/// The ramp starts with so many updates a second, and goes on by this factor.
const RAMP_FROM: f64 = 200.0;
const RAMP_FACTOR: f64 = 1.5;
/// How long each step lasts, the first of it not counted.
const RAMP_STEP: Duration = Duration::from_secs(4);
const RAMP_SETTLING: Duration = Duration::from_millis(1500);
/// A step that is missed is tried again so often: somebody else may have been busy.
const RAMP_MISSES: u32 = 2;
/// A rate is sustained when this p99 of delivery is not exceeded, and this share of it was typed.
const SUSTAINED_P99_MS: f64 = 100.0;
const SUSTAINED_SHARE: f64 = 0.9;
/// With --rate, people come for so long before memory is first looked at.
const WARM_UP: Duration = Duration::from_secs(20);
/// The share of the saturated rate at which a run goes.
const LOAD: f64 = 0.5;
/// How long the database is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long everything may take to be confirmed and looked at again in the end, or documents to leave memory.
const PATIENCE: Duration = Duration::from_mins(2);
/// Memory may grow so much over the later half, whichever is more: a share of what is held, or so many bytes.
const GROWTH_SHARE: f64 = 0.1;
const GROWTH_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
/// And in the end, when all have left, it may be so much above what it was before the run.
const REST_SHARE: f64 = 0.25;
const REST_BYTES: f64 = 24.0 * 1024.0 * 1024.0;

/// Let people come and go for a long time, and see whether memory and latency stay, and nothing is lost
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  bench soak --minutes 30 --plot soak.svg
  bench soak --minutes 5 --rate 500
Needs GLASSBOX_POSTGRES_INSTALL_DIR: the database is restarted in the middle.")]
pub(crate) struct Soak {
    /// How long
    #[arg(long, default_value_t = 30.0)]
    pub(crate) minutes: f64,

    /// Updates a second, of all writers; by default half of what a ramp finds to be sustained
    #[arg(long)]
    pub(crate) rate: Option<f64>,

    /// Where the picture of the run goes
    #[arg(long, value_name = "FILE", default_value = "soak.svg")]
    pub(crate) plot: PathBuf,
}

/// A server with its database, and how often somebody asked for documents of it.
struct Stage<'a> {
    bench: &'a Bench,
    server: ServerProcess,
    api: Api,
    token: String,
    address: std::net::SocketAddr,
    populations: u64,
}

/// What a run found.
struct Findings {
    samples: Vec<Sample>,
    counts: Counts,
    /// When the database was not there, in seconds from the beginning.
    away: RangeInclusive<f64>,
    /// Memory before anybody came, and after all had left.
    baseline: u64,
    rest: u64,
}

impl Soak {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "the database is restarted here: give --server-cmd, not --server");
        ensure!(self.minutes >= 1.0, "memory cannot be judged in less than a minute");
        let postgres = Postgres::create(&bench.folder().join("postgres"), free_address()?, None)?;
        let mut stage = Stage::start(bench, &postgres).await?;
        let (saturated, rate) = if let Some(rate) = self.rate {
            stage.warm_up(rate).await?;
            (None, rate)
        } else {
            let saturated = stage.ramp().await?;
            (Some(saturated), saturated * LOAD)
        };
        let findings = self.soak(&mut stage, postgres, rate).await?;
        let title = format!("GlassBox {}: {:.0} updates a second", env!("CARGO_PKG_VERSION"), rate);
        fs::write(&self.plot, samples::plot(&findings.samples, &findings.away, title).svg())
            .with_context(|| format!("writing {}", self.plot.display()))?;
        Ok(self.report(&findings, saturated, rate))
    }

    /// The run itself, between two moments at which nobody is there.
    async fn soak(&self, stage: &mut Stage<'_>, postgres: Postgres, rate: f64) -> Result<Findings> {
        let baseline = stage.resident_when_empty().await?;
        let (shared, mut people) = stage.populate(rate);
        let started = Instant::now();
        let length = Duration::from_secs_f64(self.minutes * 60.0);
        let restart = tokio::task::spawn_local(restart(postgres, length / 2));
        let mut samples: Vec<Sample> = Vec::new();
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        second.tick().await;
        while started.elapsed() < length {
            tokio::select! {
                _ = second.tick() => {
                    samples.push(stage.sample(&shared, started)?);
                    if samples.len().is_multiple_of(60) {
                        progress(&samples);
                    }
                }
                Some(ended) = people.join_next() => ended??,
            }
        }
        let (_postgres, away) = restart.await??;
        let away =
            (away.start().duration_since(started).as_secs_f64())..=(away.end().duration_since(started).as_secs_f64());
        stage.dismiss(&shared, people).await?;
        let rest = stage.resident_when_empty().await?;
        Ok(Findings { samples, counts: shared.counts(), away, baseline, rest })
    }

    fn report(&self, findings: &Findings, saturated: Option<f64>, rate: f64) -> Report {
        let Findings { samples, counts, baseline, rest, .. } = findings;
        let mut report = Report::new("soak");
        report.table(samples::table(samples));
        let columns = [
            "saturated (1/s)",
            "load (1/s)",
            "typed",
            "confirmed",
            "connections",
            "resets",
            "documents",
            "words looked for again",
        ];
        let title = format!("{} minutes, {DOCUMENTS} documents at a time, {WRITERS} writers each", self.minutes);
        let mut totals = Table::new(title, columns);
        totals.row([
            saturated.into(),
            rate.into(),
            counts.typed.into(),
            counts.confirmed.into(),
            counts.connections.into(),
            counts.resets.into(),
            counts.documents.into(),
            counts.verified.into(),
        ]);
        report.table(totals);
        report.must("nothing is lost", format!("{} words lost", counts.lost), counts.lost == 0);
        report.must("nothing is there twice", format!("{} words repeated", counts.repeated), counts.repeated == 0);
        let verified = format!("{} of {} words", counts.verified, counts.typed);
        report.must(
            "everything typed was looked for again",
            verified,
            counts.verified == counts.typed && counts.typed > 0,
        );

        let later = &samples[samples.len() / 2..];
        let held = later.iter().map(|sample| sample.resident as f64).sum::<f64>() / later.len().max(1) as f64;
        let seconds = later.last().map_or(0.0, |last| last.at) - later.first().map_or(0.0, |first| first.at);
        let growth = slope(later) * seconds;
        report.must(
            format!(
                "memory is flat: it grows by at most {:.0} MiB in the later half",
                mebibytes((held * GROWTH_SHARE).max(GROWTH_BYTES))
            ),
            format!("{:+.1} MiB of {:.1} MiB", mebibytes(growth), mebibytes(held)),
            growth <= (held * GROWTH_SHARE).max(GROWTH_BYTES),
        );
        let (before, after) = (*baseline as f64, *rest as f64);
        let allowed = before + (before * REST_SHARE).max(REST_BYTES);
        report.must(
            format!("memory returns: at most {:.0} MiB when all have left", mebibytes(allowed)),
            format!("{:.1} MiB after {:.1} MiB", mebibytes(after), mebibytes(before)),
            after <= allowed,
        );
        report.note(format!("the picture of the run is {}", self.plot.display()));
        report
    }
}

fn progress(samples: &[Sample]) {
    let Some(last) = samples.last() else { return };
    let window = samples::all(&samples[samples.len().saturating_sub(60)..]);
    eprintln!(
        "{:.0} min: {} typed, {} documents looked at again, {} lost; memory {:.1} MiB, delivery p99 {:.1} ms, receipt \
         p99 {:.1} ms",
        last.at / 60.0,
        last.counts.typed,
        last.counts.documents,
        last.counts.lost,
        mebibytes(last.resident as f64),
        window.delivery.quantile_ms(0.99),
        window.receipts.quantile_ms(0.99),
    );
}

/// Shuts the database down after a while, and starts it again. When it was away.
async fn restart(mut postgres: Postgres, after: Duration) -> Result<(Postgres, RangeInclusive<Instant>)> {
    sleep(after).await;
    let stopped = Instant::now();
    kill(postgres.postmaster().context("Postgres does not run")?, Shutdown::Fast.signal())?;
    while !postgres.has_ended()? {
        sleep(Duration::from_millis(10)).await;
    }
    sleep(AWAY).await;
    let postgres = spawn_blocking(move || postgres.start().map(|()| postgres)).await??;
    Ok((postgres, stopped..=Instant::now()))
}

impl<'a> Stage<'a> {
    async fn start(bench: &'a Bench, postgres: &Postgres) -> Result<Self> {
        let mut launch = bench.launch()?;
        launch.environment.push(("DATABASE_URL", postgres.url()));
        let mut server = ServerProcess::start(&launch, Some(bench.cores))?;
        wait_until_serving(launch.address, Some(&mut server)).await?;
        for pid in postgres.postmaster().map(usage::process_tree).unwrap_or_default() {
            // Children that come later inherit it.
            let _ = bench.cores.release(pid);
        }
        let api = Api::new(launch.address)?;
        let token = api.token("writer@bench.example").await?;
        Ok(Self { bench, server, api, token, address: launch.address, populations: 0 })
    }

    /// People at all places.
    fn populate(&mut self, rate: f64) -> (Rc<Shared>, JoinSet<Result<()>>) {
        self.populations += 1;
        let shared = Rc::new(Shared::new(self.address, self.token.clone(), rate));
        let name = self.bench.document(&format!("soak-{}", self.populations));
        let mut people = JoinSet::new();
        for place in 0..DOCUMENTS {
            let seed = self.bench.seed.wrapping_add(self.populations << 8);
            people.spawn_local(open_documents(Rc::clone(&shared), place, name.clone(), seed));
        }
        (shared, people)
    }

    /// Lets all finish what they are at.
    async fn dismiss(&mut self, shared: &Shared, mut people: JoinSet<Result<()>>) -> Result<()> {
        shared.end();
        let all = async {
            while let Some(ended) = people.join_next().await {
                ended??;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, all).await.context("not everything was confirmed in the end")?
    }

    async fn warm_up(&mut self, rate: f64) -> Result<()> {
        let (shared, people) = self.populate(rate);
        sleep(WARM_UP).await;
        self.dismiss(&shared, people).await
    }

    /// The highest rate that is sustained, as it was typed.
    async fn ramp(&mut self) -> Result<f64> {
        let (shared, people) = self.populate(RAMP_FROM);
        // Until all are there.
        sleep(RAMP_STEP).await;
        let mut sustained = None;
        let (mut step, mut misses) = (0, 0);
        while misses < RAMP_MISSES {
            let rate = RAMP_FROM * RAMP_FACTOR.powi(step);
            shared.set_rate(rate);
            sleep(RAMP_SETTLING).await;
            shared.take_window();
            let (started, before) = (Instant::now(), shared.counts());
            sleep(RAMP_STEP).await;
            let (window, after) = (shared.take_window(), shared.counts());
            let per_second = |count: u64| count as f64 / started.elapsed().as_secs_f64();
            let typed = per_second(after.typed - before.typed);
            let p99 = window.delivery.quantile_ms(0.99);
            eprintln!("ramp: {typed:.0} of {rate:.0} updates/s, delivery p99 {p99:.1} ms");
            if p99 > SUSTAINED_P99_MS || typed < rate * SUSTAINED_SHARE {
                misses += 1;
            } else {
                sustained = Some(typed);
                (step, misses) = (step + 1, 0);
            }
        }
        self.dismiss(&shared, people).await?;
        sustained.with_context(|| format!("not even {RAMP_FROM} updates a second are sustained: give --rate"))
    }

    fn sample(&mut self, shared: &Shared, started: Instant) -> Result<Sample> {
        self.server.check_alive()?;
        Ok(Sample {
            at: started.elapsed().as_secs_f64(),
            resident: usage::resident_bytes(self.server.pid())?,
            connections: shared.connections(),
            counts: shared.counts(),
            window: shared.take_window(),
        })
    }

    /// Memory once no document is open any more.
    async fn resident_when_empty(&mut self) -> Result<u64> {
        let deadline = Instant::now() + PATIENCE;
        while self.api.metric("documents_open").await != Some(0.0) {
            ensure!(Instant::now() < deadline, "documents that nobody uses stay in memory");
            sleep(Duration::from_millis(100)).await;
        }
        // What is let go of in the background has time to go.
        sleep(Duration::from_secs(2)).await;
        usage::resident_bytes(self.server.pid())
    }
}
