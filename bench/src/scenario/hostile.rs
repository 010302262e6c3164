//! Frames that no honest client sends, while an honest pair edits the document that is attacked.

mod attacker;
mod honest;
mod mutate;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use tokio::task::JoinSet;

use crate::client::{Attachment, Dialect};
use crate::process::server::ServerProcess;
use crate::report::{Report, Table};
use crate::system::{Bench, System};
use crate::typing::Replica;
use honest::{Honest, Pair};

/// How long the honest pair may take to converge after the attack.
const PATIENCE: Duration = Duration::from_secs(30);

/// Send broken frames over many sockets while an honest pair edits: nobody else may notice
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench hostile\n  bench hostile --frames 100000 --seed 42\n  bench hostile --server 127.0.0.1:8080 --server-pid $(pidof glassbox)"
)]
pub(crate) struct Hostile {
    /// How many frames
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) frames: u64,

    /// Over how many sockets at a time
    #[arg(long, default_value_t = 32)]
    pub(crate) sockets: usize,
}

/// What all attackers share. The generator has one thread.
#[derive(Debug, Default)]
struct Attack {
    frames_left: Cell<u64>,
    connections: Cell<u64>,
    /// Refusals that were read before a socket ended.
    refused: Cell<u64>,
    /// Close codes, and how often each came; 0 for a connection that broke.
    closes: RefCell<BTreeMap<u16, u64>>,
    /// Sockets that neither answered nor were closed.
    stuck: Cell<u64>,
}

impl Hostile {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        let mut system = bench.glassbox().await?;
        let document = bench.document("attacked");
        let api = system.api()?;
        let (ada, bob) = (api.token("ada@bench.example").await?, api.token("bob@bench.example").await?);
        let mallory = api.token("mallory@bench.example").await?;
        let memory_before = system.resident_bytes();

        let pair = Rc::new(Pair::default());
        let mut honest = JoinSet::new();
        for (index, (dialect, token)) in [(Dialect::Ws, &ada), (Dialect::Yjs, &bob)].into_iter().enumerate() {
            let honest_one = Honest::open(system.address, dialect, &document, token, index).await?;
            honest.spawn_local(honest_one.edit(Rc::clone(&pair)));
        }
        let attack = Rc::new(Attack { frames_left: Cell::new(self.frames), ..Attack::default() });
        let mut attackers = JoinSet::new();
        for index in 0..self.sockets {
            let plan = attacker::Plan::new(index, &system, &mallory, bench, &document);
            attackers.spawn_local(attacker::attack(plan, Rc::clone(&attack)));
        }
        let start = Instant::now();
        let mut honest_failure = None;
        while !attackers.is_empty() {
            tokio::select! {
                Some(ended) = attackers.join_next() => ended?.context("an attacker could not go on")?,
                Some(ended) = honest.join_next() => honest_failure = Some(failure_of(ended)),
            }
        }
        let took = start.elapsed();
        let alive = system.process.as_mut().map_or(Ok(()), ServerProcess::check_alive);

        let mut report = Report::new("hostile");
        self.describe(&mut report, &system, &attack, &pair, took, memory_before);
        report.must("the server stays up", outcome(&alive), alive.is_ok());
        report.must(
            "no socket is left without an answer",
            format!("{} were", attack.stuck.get()),
            attack.stuck.get() == 0,
        );
        let converged = match honest_failure {
            Some(failure) => Err(failure),
            None => converge(&system, &document, &pair, honest).await,
        };
        report.must(
            "the honest pair stays connected and converges with a new client",
            outcome(&converged),
            converged.is_ok(),
        );
        Ok(report)
    }

    fn describe(
        &self,
        report: &mut Report,
        system: &System,
        attack: &Attack,
        pair: &Pair,
        took: Duration,
        memory_before: Option<u64>,
    ) {
        let columns = [
            "frames",
            "frames/s",
            "connections",
            "refusals read",
            "honest edits",
            "p50 between the pair (ms)",
            "p99 (ms)",
            "max (ms)",
            "memory before (MiB)",
            "after (MiB)",
        ];
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        let latency = pair.latency();
        let mut table = Table::new(format!("{} sockets against one document and others", self.sockets), columns);
        table.row([
            self.frames.into(),
            (self.frames as f64 / took.as_secs_f64()).into(),
            attack.connections.get().into(),
            attack.refused.get().into(),
            latency.count().into(),
            latency.quantile_ms(0.5).into(),
            latency.quantile_ms(0.99).into(),
            latency.max_ms().into(),
            memory_before.map(mebibytes).into(),
            system.resident_bytes().map(mebibytes).into(),
        ]);
        report.table(table);
        let mut closes = Table::new("How attackers' sockets ended", ["close code", "times"]);
        for (code, times) in attack.closes.borrow().iter() {
            let code = if *code == 0 { "broken".to_owned() } else { code.to_string() };
            closes.row([code.into(), (*times).into()]);
        }
        report.table(closes);
    }
}

type Ended = Result<Result<Replica>, tokio::task::JoinError>;

fn failure_of(ended: Ended) -> anyhow::Error {
    match ended {
        Ok(Ok(_)) => anyhow!("it left too early"),
        Ok(Err(error)) => error,
        // It applies what the server relays: what makes it panic would have hurt every client.
        Err(panic) => anyhow!("what the server relayed broke a client: {panic}"),
    }
}

fn outcome(result: &Result<()>) -> String {
    result.as_ref().map_or_else(|error| format!("{error:#}"), |()| "yes".to_owned())
}

/// Lets the pair finish, and compares both and a new client.
async fn converge(system: &System, document: &str, pair: &Pair, mut honest: JoinSet<Result<Replica>>) -> Result<()> {
    pair.finish();
    let mut replicas = Vec::new();
    let finishing = async {
        while let Some(ended) = honest.join_next().await {
            replicas.push(match ended {
                Ok(Ok(replica)) => replica,
                failed => return Err(failure_of(failed)),
            });
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, finishing).await.context("it did not converge in time")??;
    let (_, content) = Attachment::open_synced(system.address, Dialect::Yjs, document, None).await?;
    replicas.push(Replica::reading(1, &content)?);
    let same = replicas.windows(2).all(|two| two[0].text() == two[1].text());
    same.then_some(()).context("the replicas differ")
}
