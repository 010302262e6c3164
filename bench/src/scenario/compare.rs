//! Our server beside a bare relay and the peers that registries offer: the same sockets, the same updates, one table.

mod figures;
mod measure;
mod plot;
mod results;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use crate::peers::{self, Peers};
use crate::process::{self, MachineTime};
use crate::system::{Bench, Subject};
use figures::{Contender, Scenario};
use measure::{Measuring, Sizes};
use results::{Measurement, Results, Setting, Skipped};

/// How long it is watched before each measurement what others do on this machine.
const WATCH: Duration = Duration::from_millis(150);

/// Compare the server with a bare relay and with its peers: one table and one plot
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench compare --runs 5 --trace automerge-paper.json.gz\n  bench compare --scenarios fan-out,storm --quick\n  bench compare --resume            # go on after an interruption\n  bench compare --render            # table and plot of what compare.json holds\n\nPeers are installed into --peers-dir when they are first needed: with npm and with cargo, which takes a while."
)]
pub(crate) struct Compare {
    /// What to measure; everything by default
    #[arg(long, value_enum, value_delimiter = ',')]
    scenarios: Vec<Scenario>,

    /// Whom to measure; everybody by default
    #[arg(long, value_enum, value_delimiter = ',')]
    contenders: Vec<Contender>,

    /// How often; the table has the medians
    #[arg(long, default_value_t = 5)]
    runs: usize,

    /// Short and small, for rough figures
    #[arg(long)]
    quick: bool,

    /// Where the results are kept; the table and the plot are written beside it
    #[arg(long, default_value = "compare.json", value_name = "FILE")]
    results: PathBuf,

    /// Measure only what the results lack
    #[arg(long, conflicts_with = "render")]
    resume: bool,

    /// Measure nothing: make the table and the plot of the results
    #[arg(long)]
    render: bool,

    /// Also put the short table into this page, between its lines <!-- bench compare --> and <!-- end -->
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,

    /// A trace for the upload of a long document; without one, that scenario is left out
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// The size of the document that is opened cold
    #[arg(long, default_value_t = 1500)]
    kilobytes: usize,

    /// Where peers are installed [default: glassbox-bench/peers in the user's cache]
    #[arg(long, value_name = "FOLDER")]
    peers_dir: Option<PathBuf>,

    /// What runs the peers of Node.js
    #[arg(long, default_value = "node", value_name = "PROGRAM")]
    node: String,
}

/// What is to be measured, with those who are there.
pub(crate) struct Plan {
    compare: Compare,
    peers: Peers,
    results: Results,
}

impl Compare {
    /// Writes the table and the plot of earlier results, if nothing else is wanted.
    pub(crate) fn render_only(&self, as_json: bool) -> Result<bool> {
        if self.render {
            self.render(&Results::read(&self.results)?, as_json)?;
        }
        Ok(self.render)
    }

    /// Installs the peers. Not on the generator's core: compilers may use all of them.
    pub(crate) fn prepare(self) -> Result<Plan> {
        let folder = self.peers_dir.clone().unwrap_or_else(peers::default_folder);
        // Servers run elsewhere.
        let folder = std::path::absolute(folder)?;
        let peers = Peers { folder, node: self.node.clone() };
        let mut results = if self.resume { Results::read(&self.results)? } else { Results::new(self.setting(&peers)) };
        results.skipped.clear();
        for contender in self.contenders() {
            if let Err(error) = peers.install(contender.subject()) {
                let why = format!("{error:#}");
                eprintln!("{} is left out: {why}", contender.name());
                results.skipped.push(Skipped { contender, why });
            }
        }
        Ok(Plan { compare: self, peers, results })
    }

    fn contenders(&self) -> Vec<Contender> {
        if self.contenders.is_empty() { Contender::ALL.to_vec() } else { self.contenders.clone() }
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = if self.scenarios.is_empty() { Scenario::ALL.to_vec() } else { self.scenarios.clone() };
        if self.trace.is_none() {
            scenarios.retain(|scenario| *scenario != Scenario::Upload);
        }
        scenarios
    }

    fn setting(&self, peers: &Peers) -> Setting {
        let subjects = self.contenders().into_iter().map(Contender::subject);
        let version = |subject: Subject| Some((subject.name().to_owned(), Peers::version(subject)?.to_owned()));
        let mut versions: BTreeMap<_, _> = subjects.filter_map(version).collect();
        if let Some(node) = peers.node_version() {
            versions.insert("Node.js".to_owned(), node);
        }
        Setting {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            versions,
            date: chrono::Utc::now().date_naive().to_string(),
            machine: process::machine(),
            quick: self.quick,
            document_kilobytes: self.kilobytes,
        }
    }

    fn render(&self, results: &Results, as_json: bool) -> Result<()> {
        let page = table::markdown(results);
        write(&self.results.with_extension("md"), &page)?;
        write(&self.results.with_extension("svg"), &plot::svg(results))?;
        if let Some(into) = &self.into {
            let text = std::fs::read_to_string(into).with_context(|| format!("reading {}", into.display()))?;
            let text = table::put_into(&text, &table::short(results));
            write(into, &text.with_context(|| format!("{} has no place for a table", into.display()))?)?;
        }
        if as_json {
            println!("{}", serde_json::to_string_pretty(results)?);
        } else {
            println!("{page}");
        }
        Ok(())
    }
}

impl Plan {
    /// Measures everything. Who interrupts it finds no server left, and all measurements that were done.
    pub(crate) async fn run_until_interrupted(self, bench: &Bench, as_json: bool) -> Result<()> {
        let results = self.compare.results.clone();
        let mut terminated = signal(SignalKind::terminate())?;
        let why = tokio::select! {
            done = self.run(bench, as_json) => return done,
            _ = tokio::signal::ctrl_c() => "interrupted",
            _ = terminated.recv() => "terminated",
        };
        bail!("{why}; what was measured is in {}, and --resume goes on", results.display());
    }

    /// Measures, and writes the results after each measurement.
    async fn run(mut self, bench: &Bench, as_json: bool) -> Result<()> {
        let Compare { runs, quick, kilobytes, .. } = self.compare;
        if bench.server.server.is_some() {
            bail!("servers are started again and again here: give --server-cmd, not --server");
        }
        let sizes = if quick { Sizes::quick(kilobytes) } else { Sizes::full(kilobytes) };
        let measuring = Measuring::new(bench, &self.peers, sizes, self.compare.trace.as_deref());
        for run in 1..=runs {
            for scenario in self.compare.scenarios() {
                for contender in self.fitting(scenario) {
                    if self.results.has(scenario, contender, run) {
                        continue;
                    }
                    let others = others().await;
                    let noise = if others > table::NOISE { " (others are busy on this machine)" } else { "" };
                    eprintln!("run {run} of {runs}: {}, {}{noise}", scenario.name(), contender.name());
                    let start = Instant::now();
                    let (figures, failed) = measuring.measure(scenario, contender, run, &self.results).await;
                    let ended = failed.as_deref().unwrap_or("done");
                    eprintln!("  {ended} ({:.0} s)", start.elapsed().as_secs_f64());
                    self.results.measurements.push(Measurement { scenario, contender, run, others, figures, failed });
                    self.results.write(&self.compare.results)?;
                }
            }
        }
        self.compare.render(&self.results, as_json)
    }

    fn fitting(&self, scenario: Scenario) -> Vec<Contender> {
        let is_there = |contender: &Contender| self.results.skipped.iter().all(|other| other.contender != *contender);
        let contenders = self.compare.contenders().into_iter();
        contenders.filter(is_there).filter(|contender| scenario.fits(*contender)).collect()
    }
}

/// The share of the machine that others use while nothing is measured.
async fn others() -> f64 {
    let before = MachineTime::now();
    tokio::time::sleep(WATCH).await;
    before.zip(MachineTime::now()).map_or(0.0, |(before, after)| after.share_since(before))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
