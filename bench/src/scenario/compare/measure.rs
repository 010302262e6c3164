//! Measuring one contender in one scenario.

mod cold_open;
mod durability;
mod fan_out;
mod idle;
mod receipts;
mod saturation;
mod storm;
mod upload;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::figures::{Contender, Scenario};
use super::results::{Figures, Results};
use crate::client::attachment::EMPTY_STATE_VECTOR;
use crate::peers::{Peers, Storage};
use crate::system::{Bench, Subject, System};
use crate::trace::Trace;
use crate::typing::{ROOT, Replica, long_document};

/// The client id under which the trace was typed.
const AUTHOR: u64 = 1;
/// The longest that one scenario may take with one contender.
const PATIENCE: Duration = Duration::from_mins(4);

/// How much is done.
#[derive(Debug, Clone)]
pub(super) struct Sizes {
    pub(super) fan_out: Duration,
    pub(super) ramp_step: Duration,
    pub(super) overload: Duration,
    pub(super) storm_clients: usize,
    pub(super) idle_connections: usize,
    /// Writers of the durability scenario type so long before the crash, from and to.
    pub(super) until_crash: (Duration, Duration),
    pub(super) receipts: f64,
    pub(super) document_kilobytes: usize,
}

impl Sizes {
    pub(super) fn full(document_kilobytes: usize) -> Self {
        Self {
            fan_out: Duration::from_secs(3),
            ramp_step: Duration::from_secs(1),
            overload: Duration::from_millis(2500),
            storm_clients: 1000,
            idle_connections: 5000,
            // The peers store within ten seconds: a crash meets any moment between two such times.
            until_crash: (Duration::from_secs(10), Duration::from_secs(20)),
            receipts: 4.0,
            document_kilobytes,
        }
    }

    /// For trying things out.
    pub(super) fn quick(document_kilobytes: usize) -> Self {
        Self {
            fan_out: Duration::from_millis(1500),
            ramp_step: Duration::from_millis(800),
            overload: Duration::from_millis(1500),
            storm_clients: 500,
            idle_connections: 1000,
            until_crash: (Duration::from_secs(2), Duration::from_secs(3)),
            receipts: 2.0,
            document_kilobytes,
        }
    }
}

/// The document that is opened cold.
#[derive(Debug)]
struct LongDocument {
    updates: Vec<Vec<u8>>,
    state: Vec<u8>,
    state_vector: Vec<u8>,
}

/// The work of somebody who was offline for long.
#[derive(Debug)]
struct Offline {
    state_vector: Vec<u8>,
    state: Vec<u8>,
    /// The clock behind its last edit.
    clock: u64,
}

/// What all measurements share.
#[derive(Debug)]
pub(super) struct Measuring<'a> {
    bench: &'a Bench,
    peers: &'a Peers,
    sizes: Sizes,
    trace: Option<&'a Path>,
    offline: OnceCell<Offline>,
    long_document: OnceCell<LongDocument>,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
struct Turn<'a> {
    measuring: &'a Measuring<'a>,
    contender: Contender,
    scenario: Scenario,
    run: usize,
    /// Deliveries per second that the contender sustained in an earlier run.
    sustained: Option<f64>,
}

impl<'a> Measuring<'a> {
    pub(super) fn new(bench: &'a Bench, peers: &'a Peers, sizes: Sizes, trace: Option<&'a Path>) -> Self {
        let (offline, long_document) = (OnceCell::new(), OnceCell::new());
        Self { bench, peers, sizes, trace, offline, long_document }
    }

    /// What was measured, and why it ended early if it did. `so_far` tells where a ramp may begin.
    pub(super) async fn measure(
        &self,
        scenario: Scenario,
        contender: Contender,
        run: usize,
        so_far: &Results,
    ) -> (Figures, Option<String>) {
        let mut figures = Figures::new();
        let sustained = so_far.summary(Scenario::Saturation, contender, "ramp_rate").map(|summary| summary.median);
        let turn = Turn { measuring: self, contender, scenario, run, sustained };
        let measured = tokio::time::timeout(PATIENCE, turn.measure(&mut figures)).await;
        let failed = match measured.unwrap_or_else(|_| bail!("took longer than {PATIENCE:?}")) {
            Ok(()) => None,
            Err(error) => Some(format!("{error:#}")),
        };
        (figures, failed)
    }

    fn long_document(&self) -> Result<&LongDocument> {
        if let Some(document) = self.long_document.get() {
            return Ok(document);
        }
        let updates = long_document(self.sizes.document_kilobytes * 1000, self.bench.seed);
        let replica = Replica::new(AUTHOR);
        updates.iter().try_for_each(|update| replica.apply(update))?;
        let (state, state_vector) = (replica.diff(EMPTY_STATE_VECTOR)?, replica.state_vector());
        Ok(self.long_document.get_or_init(|| LongDocument { updates, state, state_vector }))
    }

    fn offline(&self) -> Result<&Offline> {
        if let Some(offline) = self.offline.get() {
            return Ok(offline);
        }
        let trace = Trace::read(self.trace.context("no --trace was given")?)?;
        let replica = Replica::new(AUTHOR);
        replica.apply(&trace.whole(AUTHOR, ROOT)?)?;
        let (state_vector, state) = (replica.state_vector(), replica.diff(EMPTY_STATE_VECTOR)?);
        let offline = Offline { state_vector, state, clock: u64::from(replica.clock_of(AUTHOR)) };
        Ok(self.offline.get_or_init(|| offline))
    }
}

impl Turn<'_> {
    async fn measure(&self, figures: &mut Figures) -> Result<()> {
        match self.scenario {
            Scenario::FanOut => fan_out::measure(self, figures).await,
            Scenario::Saturation => saturation::measure(self, figures).await,
            Scenario::ColdOpen => cold_open::measure(self, figures).await,
            Scenario::Storm => storm::measure(self, figures).await,
            Scenario::Idle => idle::measure(self, figures).await,
            Scenario::Upload => upload::measure(self, figures).await,
            Scenario::Durability => durability::measure(self, figures).await,
            Scenario::Receipts => receipts::measure(self, figures).await,
        }
    }

    fn sizes(&self) -> &Sizes {
        &self.measuring.sizes
    }

    /// The contender, just started. Our server always has its Postgres, whatever is asked.
    async fn start(&self, storage: Storage) -> Result<System> {
        let bench = self.measuring.bench;
        match self.contender.subject() {
            Subject::GlassBox => bench.glassbox().await,
            Subject::Relay => bench.relay().await,
            peer => bench.start(peer, self.measuring.peers.launch(peer, storage, &self.data()?)?).await,
        }
    }

    fn data(&self) -> Result<PathBuf> {
        let folder = self.measuring.bench.folder().join("peers");
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A document that no other measurement uses.
    fn document(&self, name: &str) -> String {
        // Our server keeps what it was given in another dialect.
        let dialect = self.contender.dialect().name();
        self.measuring.bench.document(&format!("{}-{dialect}-{}-{name}", self.scenario.name(), self.run))
    }

    fn documents(&self, name: &str, count: usize) -> Vec<String> {
        (0..count).map(|index| self.document(&format!("{name}-{index}"))).collect()
    }
}

/// Notes a figure.
fn note(figures: &mut Figures, key: impl Into<String>, value: impl Into<Option<f64>>) {
    if let Some(value) = value.into() {
        figures.insert(key.into(), value);
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
