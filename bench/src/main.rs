//! The load generator of `GlassBox`: what it costs, how fast it is, and whether it keeps its promises under load, crashes
//! and hostile clients.
//!
//! | module | subject |
//! |---|---|
//! | `system` | the systems under measurement: starting, pinning, measuring |
//! | `process` | processes: cores, CPU, memory, killing |
//! | `client` | sockets, attachments to documents, REST |
//! | `typing`, `trace`, `runs` | edits: made up, recorded, and found again in what arrives |
//! | `project`, `corpus` | projects with many nodes, and texts for them that are distributed as people's words are |
//! | `latency`, `requests`, `report`, `plot` | figures |
//! | `peers` | other servers, installed from their registries |
//! | `relay` | the bare broadcast relay, the yardstick of fan-out |
//! | `bare` | a bare handler with one query, the yardstick of reading over REST |
//! | `scenario` | what is measured, a module each |

#![expect(clippy::cast_precision_loss, reason = "figures for people; none needs more than 53 bits")]

mod bare;
mod client;
mod corpus;
mod latency;
mod peers;
mod plot;
mod process;
mod project;
mod relay;
mod report;
mod requests;
mod runs;
mod scenario;
mod system;
mod trace;
mod typing;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use bare::Bare;
use process::Cores;
use report::Report;
use scenario::agents::Agents;
use scenario::cold_open::ColdOpen;
use scenario::compare::Compare;
use scenario::crowd::Crowd;
use scenario::durability::Durability;
use scenario::events::Events;
use scenario::fan_out::FanOut;
use scenario::hostile::Hostile;
use scenario::idle_memory::IdleMemory;
use scenario::large_document::LargeDocument;
use scenario::partitions::Partitions;
use scenario::receipts::Receipts;
use scenario::replay::Replay;
use scenario::rest::Rest;
use scenario::search::Search;
use scenario::soak::Soak;
use scenario::storage::Storage;
use system::{Bench, ServerOptions};

/// More than this before the start means that somebody else uses the machine.
const BUSY_LOAD_AVERAGE: f64 = 0.7;

/// Measure a GlassBox server, and try to break its promises.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  bench all\n  bench fan-out --json\n  bench durability --rounds 100 --server-cmd 'target/release/glassbox serve'\n\nWithout --server, a server is started for the run on a core of its own, with `glassbox serve` from the folder of\nthis program. See bench/README.md for how to read the figures."
)]
struct Cli {
    #[command(flatten)]
    server: ServerOptions,

    /// Print JSON instead of tables
    #[arg(long, global = true)]
    json: bool,

    /// The same seed makes the same edits, kills after the same times and sends the same hostile frames
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compare(Compare),
    FanOut(FanOut),
    Crowd(Crowd),
    ColdOpen(ColdOpen),
    LargeDocument(LargeDocument),
    IdleMemory(IdleMemory),
    Receipts(Receipts),
    Replay(Replay),
    Rest(Rest),
    Search(Search),
    Agents(Agents),
    Events(Events),
    Durability(Durability),
    Hostile(Hostile),
    Partitions(Partitions),
    Soak(Soak),
    Storage(Storage),
    All(All),
    Relay(Relay),
    Bare(Bare),
}

/// Run every scenario, each briefly: in all less than five minutes
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  bench all\n  bench all --trace automerge-paper.json.gz --json > figures.json")]
struct All {
    /// A trace to replay; without one, replay is left out
    #[arg(long)]
    trace: Option<PathBuf>,
}

/// Run the bare broadcast relay that fan-out is compared with
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  bench relay --listen 127.0.0.1:9000   # then connect to ws://127.0.0.1:9000/yjs/<room>"
)]
struct Relay {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    let Cli { server, json, seed, command } = Cli::parse();
    let result = match command {
        Command::Relay(Relay { listen }) => relay(listen).map(|()| ExitCode::SUCCESS),
        Command::Bare(bare) => self::bare(bare).map(|()| ExitCode::SUCCESS),
        Command::Compare(compare) => self::compare(server, seed, compare, json).map(|()| ExitCode::SUCCESS),
        scenario => measure(server, seed, scenario, json),
    };
    result.unwrap_or_else(|error| {
        eprintln!("bench: {error:#}");
        ExitCode::FAILURE
    })
}

fn relay(listen: SocketAddr) -> Result<()> {
    process::raise_open_files()?;
    Builder::new_current_thread().enable_all().build()?.block_on(async { relay::serve(relay::bind(listen)?).await })
}

fn bare(bare: Bare) -> Result<()> {
    process::raise_open_files()?;
    Builder::new_current_thread().enable_all().build()?.block_on(bare.serve())
}

fn compare(server: ServerOptions, seed: u64, compare: Compare, as_json: bool) -> Result<()> {
    if compare.render_only(as_json)? {
        return Ok(());
    }
    let plan = compare.prepare()?;
    let bench = Bench::new(server, seed)?;
    Cores::pin_this_thread(bench.cores.generator)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let done = LocalSet::new().block_on(&runtime, plan.run_until_interrupted(&bench, as_json));
    bench.remove_folder();
    done
}

fn measure(server: ServerOptions, seed: u64, scenario: Command, as_json: bool) -> Result<ExitCode> {
    let bench = Bench::new(server, seed)?;
    Cores::pin_this_thread(bench.cores.generator)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = LocalSet::new().block_on(&runtime, run(&bench, scenario, as_json));
    if matches!(result, Ok(true)) {
        bench.remove_folder();
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("The server's log and data are kept in {}", bench.folder().display());
    result.map(|_| ExitCode::FAILURE)
}

/// Returns whether the server was found to be correct.
async fn run(bench: &Bench, command: Command, as_json: bool) -> Result<bool> {
    let load_average = process::load_average().filter(|load| *load > BUSY_LOAD_AVERAGE);
    if let Some(load) = load_average {
        eprintln!(
            "Other programs are busy on this machine (load average {load}): figures will look worse than they are."
        );
    }
    let mut reports = Vec::new();
    for scenario in command.steps() {
        let report = scenario.measure(bench).await?;
        if !as_json {
            println!("{report}");
        }
        reports.push(report);
    }
    if as_json {
        let all = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "seed": bench.seed,
            "cores": { "server": bench.cores.server, "generator": bench.cores.generator },
            "busyLoadAverage": load_average,
            "reports": reports.iter().map(Report::json).collect::<Vec<_>>(),
        });
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(reports.iter().all(Report::is_correct))
}

/// What `bench all` runs, as one would type it.
const ALL: [&[&str]; 7] = [
    &["fan-out", "--seconds", "4"],
    &["cold-open"],
    &["large-document", "--megabytes", "10"],
    &["idle-memory"],
    &["receipts", "--seconds", "4"],
    &["durability", "--rounds", "10"],
    &["hostile", "--frames", "100000"],
];

impl Command {
    /// The scenarios to run.
    fn steps(self) -> Vec<Self> {
        let Self::All(All { trace }) = self else { return vec![self] };
        let step = |words: &[&str]| Cli::parse_from([&["bench"], words].concat()).command;
        let mut steps: Vec<_> = ALL.into_iter().map(step).collect();
        if let Some(trace) = trace {
            steps.push(step(&["replay", &trace.to_string_lossy()]));
        }
        steps
    }

    async fn measure(&self, bench: &Bench) -> Result<Report> {
        match self {
            Self::FanOut(scenario) => scenario.run(bench).await,
            Self::Crowd(scenario) => scenario.run(bench).await,
            Self::ColdOpen(scenario) => scenario.run(bench).await,
            Self::LargeDocument(scenario) => scenario.run(bench).await,
            Self::IdleMemory(scenario) => scenario.run(bench).await,
            Self::Receipts(scenario) => scenario.run(bench).await,
            Self::Replay(scenario) => scenario.run(bench).await,
            Self::Rest(scenario) => scenario.run(bench).await,
            Self::Search(scenario) => scenario.run(bench).await,
            Self::Agents(scenario) => scenario.run(bench).await,
            Self::Events(scenario) => scenario.run(bench).await,
            Self::Durability(scenario) => scenario.run(bench).await,
            Self::Hostile(scenario) => scenario.run(bench).await,
            Self::Partitions(scenario) => scenario.run(bench).await,
            Self::Soak(scenario) => scenario.run(bench).await,
            Self::Storage(scenario) => scenario.run(bench).await,
            Self::All(_) | Self::Relay(_) | Self::Bare(_) | Self::Compare(_) => bail!("this is not a scenario"),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn all_runs_every_scenario_that_needs_no_file() {
        assert_eq!(Command::All(All { trace: None }).steps().len(), ALL.len());
        assert_eq!(Command::All(All { trace: Some("a.json".into()) }).steps().len(), ALL.len() + 1);
    }
}
