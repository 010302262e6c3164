//! Whether three instances keep their word when the network between all parties breaks, and parties die.
//!
//! Instances, Redis, Postgres and the clients are in network namespaces of their own. A plan, drawn from a seed, cuts
//! and slows lines, kills, stops and pauses processes, while people write who connect again to any instance and bring
//! what is not confirmed, as users of the SDK do. Then all is healed, and everything must be equal, confirmed updates
//! must be in the log at the places that receipts named, and everybody must see exactly those who are here.

mod awareness;
mod instance;
mod judge;
mod log;
mod plan;
mod recording;
mod replica;
mod session;
mod world;
mod writer;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::{JoinSet, spawn_blocking};

use crate::client::Api;
use crate::report::{Report, Table};
use crate::system::Bench;
use judge::Judge;
use recording::{Slice, client_of};
use replica::Replica;
use world::World;
use writer::{Farewell, Phase, Shared, Source, Writer};

/// Documents with writers at random.
const DOCUMENTS: usize = 2;
/// Writers at random of each.
const WRITERS: usize = 4;
/// When those leave who leave before the others.
const LEAVE_MS: std::ops::Range<u64> = 500..6000;
/// How long everybody may take to leave in the end.
const LEAVING: Duration = Duration::from_secs(10);

/// Partition, kill, stop and pause three instances, Redis and Postgres under writers, and check everything (as root)
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  bench partitions --plans 100 --trace clownschool.json.gz
  bench partitions --plans 1 --seed 4711 --trace clownschool.json.gz   # the plan of this seed again
Needs GLASSBOX_POSTGRES_INSTALL_DIR, redis-server and the program ip.")]
pub(crate) struct Partitions {
    /// How many plans, of the seeds from --seed on
    #[arg(long, default_value_t = 10)]
    pub(crate) plans: u64,

    /// A recording of people who typed at the same time (josephg/editing-traces, concurrent); each plan types a part
    #[arg(long)]
    pub(crate) trace: Option<PathBuf>,

    /// Transactions of the recording in a plan
    #[arg(long, default_value_t = 2000)]
    pub(crate) transactions: usize,
}

#[derive(Debug, Default)]
struct Totals {
    edits: u64,
    confirmed: u64,
    logged: u64,
    connections: u64,
    faults: BTreeMap<&'static str, u64>,
    /// By what plans are made of.
    took: BTreeMap<&'static str, Duration>,
    failures: Vec<String>,
}

/// How long the parts of a plan took.
struct Stopwatch {
    since: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self { since: Instant::now(), laps: Vec::new() }
    }
}

impl Stopwatch {
    fn lap(&mut self, what: &'static str) {
        let now = Instant::now();
        self.laps.push((what, now - std::mem::replace(&mut self.since, now)));
    }
}

/// The people of a plan.
struct Cast {
    writers: Vec<Rc<Writer>>,
    /// What each recorded document must be in the end.
    ends: BTreeMap<String, Rc<str>>,
    token: String,
}

impl Partitions {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "instances are killed here: give --server-cmd, not --server");
        let slices = match &self.trace {
            Some(path) => recording::read(path, self.transactions)?,
            None => Vec::new(),
        };
        // Seven parties share the machine: none has a core of its own.
        bench.cores.release(Pid::from_raw(0))?;
        let command = bench.launch()?.command;
        let mut totals = Totals::default();
        let started = Instant::now();
        let mut world = None;
        for seed in (bench.seed..).take(usize::try_from(self.plans)?) {
            let current = match world.take() {
                Some(world) => world,
                None => Arc::new(Mutex::new(start_world(bench, seed, &command)?)),
            };
            let disturbances = plan::draw(seed);
            let faults: Vec<_> = disturbances.iter().map(ToString::to_string).collect();
            for disturbance in &disturbances {
                *totals.faults.entry(disturbance.fault.name()).or_default() += 1;
            }
            let began = Instant::now();
            let outcome = play(seed, disturbances, &slices, bench, &current, &mut totals).await;
            let took = began.elapsed().as_secs_f64();
            match outcome {
                Ok(what) => {
                    eprintln!("plan {seed}: {what}\n  {}", faults.join(", "));
                    world = Some(current);
                }
                Err(error) => {
                    eprintln!("plan {seed} FAILED after {took:.1} s: {error:#}\n  {}", faults.join(", "));
                    totals.failures.push(format!("plan {seed}: {error:#}"));
                }
            }
        }
        Ok(self.report(&totals, started.elapsed()))
    }

    fn report(&self, totals: &Totals, took: Duration) -> Report {
        let mut report = Report::new("partitions");
        let columns = ["plans", "edits", "confirmed", "updates in logs", "connections", "s/plan"];
        let mut table = Table::new("Three instances, their clients, Redis and Postgres, apart", columns);
        table.row([
            self.plans.into(),
            totals.edits.into(),
            totals.confirmed.into(),
            totals.logged.into(),
            totals.connections.into(),
            (took.as_secs_f64() / self.plans as f64).into(),
        ]);
        report.table(table);
        let mut faults = Table::new("Faults", ["kind", "times"]);
        for (kind, times) in &totals.faults {
            faults.row([(*kind).into(), (*times).into()]);
        }
        report.table(faults);
        let mut parts = Table::new("Parts of a plan that passed", ["part", "s"]);
        let passed = self.plans - totals.failures.len() as u64;
        for (part, took) in &totals.took {
            parts.row([(*part).into(), (took.as_secs_f64() / passed as f64).into()]);
        }
        report.table(parts);
        for failure in &totals.failures {
            report.note(failure.clone());
        }
        let measured = format!("{} of {} plans failed", totals.failures.len(), self.plans);
        report.must(
            "all that was confirmed is kept, and all are equal after every plan",
            measured,
            totals.failures.is_empty(),
        );
        report.must("something was confirmed", totals.confirmed.to_string(), totals.confirmed > 0);
        report
    }
}

fn start_world(bench: &Bench, seed: u64, command: &str) -> Result<World> {
    let folder = bench.folder().join(format!("from-{seed}"));
    std::fs::create_dir_all(&folder)?;
    // Threads start where this one is: it goes first.
    World::start(&folder, command).context("starting three instances, Redis and Postgres")
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A plan from its beginning to the verdict. What there is to say of it.
async fn play(
    seed: u64,
    disturbances: Vec<plan::Disturbance>,
    slices: &[Slice],
    bench: &Bench,
    world: &Arc<Mutex<World>>,
    totals: &mut Totals,
) -> Result<String> {
    let shared = Rc::new(Shared {
        addresses: World::addresses().to_vec(),
        phase: Cell::new(Phase::Writing),
        wrongs: RefCell::default(),
        silent: RefCell::default(),
    });
    let cast = Cast::gather(seed, slices, bench).await?;
    let mut people = JoinSet::new();
    for writer in &cast.writers {
        people.spawn_local(Rc::clone(writer).run(Rc::clone(&shared)));
    }
    let mut watch = Stopwatch::default();
    let theirs = Arc::clone(world);
    let played = spawn_blocking(move || {
        // The thread may be one that another world's plans were played on.
        plan::Party::Clients.place().enter()?;
        lock(&theirs).play(&disturbances)
    })
    .await?;
    let judge = Judge { writers: &cast.writers, shared: &shared, ends: &cast.ends, token: &cast.token };
    let verdict = async {
        played?;
        watch.lap("faults");
        shared.phase.set(Phase::Settling);
        judge.settle().await?;
        watch.lap("settling");
        judge.read().await?;
        watch.lap("reading");
        judge.check_presence().await?;
        watch.lap("presence");
        judge.check_vanished().await?;
        watch.lap("vanishing");
        let logged = judge.check_logs(&lock(world))?;
        shared.phase.set(Phase::Leaving);
        tokio::time::timeout(LEAVING, async { while people.join_next().await.is_some() {} })
            .await
            .context("not everybody leaves")?;
        shared.silent.borrow_mut().clear();
        judge.check_absence().await?;
        watch.lap("leaving");
        judge.read_cold().await?;
        watch.lap("reading anew");
        lock(world).check()?;
        Ok(logged)
    };
    let logged: Result<u64> = verdict.await;
    let (edits, confirmed, connections) = cast.tally();
    totals.edits += edits;
    totals.confirmed += confirmed;
    totals.connections += connections;
    totals.logged += logged?;
    for (what, took) in &watch.laps {
        *totals.took.entry(what).or_default() += *took;
    }
    let laps: Vec<_> = watch.laps.iter().map(|(what, took)| format!("{what} {:.1} s", took.as_secs_f64())).collect();
    Ok(format!("{confirmed} of {edits} confirmed over {connections} connections, {}", laps.join(", ")))
}

impl Cast {
    async fn gather(seed: u64, slices: &[Slice], bench: &Bench) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(!seed);
        let api = Api::new(World::addresses()[0])?;
        let mut writers = Vec::new();
        for document in 0..DOCUMENTS {
            let name = bench.document(&format!("{seed}-random-{document}"));
            for index in 0..WRITERS {
                let who = format!("random-{document}-{index}");
                let token = api.token(&format!("{who}@bench.example")).await?;
                let replica = Replica::new(rng.random_range(1 << 20..1 << 50));
                let mut writer = Writer::new(who, name.clone(), token, replica, Source::Random);
                // One stays in any case, so that there is something to compare with.
                if index > 1 && rng.random_ratio(1, 3) {
                    let how = [Farewell::Polite, Farewell::Reset, Farewell::Silence][rng.random_range(0..3)];
                    let after = Duration::from_millis(rng.random_range(LEAVE_MS));
                    writer.leaves_at = Some((tokio::time::Instant::now() + after, how));
                }
                writers.push(Rc::new(writer));
            }
        }
        let mut ends = BTreeMap::new();
        if !slices.is_empty() {
            let slice = &slices[rng.random_range(0..slices.len())];
            let name = bench.document(&format!("{seed}-recorded"));
            for (agent, edits) in slice.edits.iter().enumerate() {
                let who = format!("agent-{agent}");
                let token = api.token(&format!("{who}@bench.example")).await?;
                let replica = Replica::new(client_of(agent));
                replica.apply(&slice.base)?;
                let source = Source::Recorded(Rc::clone(edits), 0);
                writers.push(Rc::new(Writer::new(who, name.clone(), token, replica, source)));
            }
            ends.insert(name, Rc::clone(&slice.end));
        }
        let token = api.token("reader@bench.example").await?;
        Ok(Self { writers, ends, token })
    }

    /// Edits, those of them that were confirmed, and connections.
    fn tally(&self) -> (u64, u64, u64) {
        let states = self.writers.iter().map(|writer| writer.state.borrow());
        states.fold((0, 0, 0), |(edits, confirmed, connections), state| {
            (edits + state.edits, confirmed + state.confirmed, connections + state.connections)
        })
    }
}
