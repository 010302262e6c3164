//! What every open document shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use platform::bus::Bus;
use platform::clock::Clock;
use platform::db::Db;
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::random::Random;
use tokio::runtime::RuntimeFlavor;
use tokio::sync::Semaphore;

use crate::barred::Barred;
use crate::compaction;
use crate::head_watch::HeadWatch;
use crate::history;
use crate::log_writer::LogWriter;
use crate::metrics::DocumentMetrics;
use crate::quarantine::Keeper;
use crate::room::UnsavedBudget;

/// The world around the open documents of this instance.
pub(crate) struct Services {
    pub(crate) db: Db,
    pub(crate) log: LogWriter,
    pub(crate) quarantine: Keeper,
    pub(crate) bus: Bus,
    pub(crate) heads: HeadWatch,
    /// Turns of building documents beside their rooms, for snapshots and comparisons.
    pub(crate) compactions: Semaphore,
    /// Turns of working on what documents were.
    pub(crate) histories: Semaphore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) limits: Arc<Limits>,
    pub(crate) budget: UnsavedBudget,
    pub(crate) barred: Barred,
    pub(crate) random: Random,
    pub(crate) metrics: Arc<DocumentMetrics>,
    /// Threads that run tasks.
    pub(crate) threads: usize,
    /// Whether a thread that is busy for long can hand its other tasks to another one.
    can_move_tasks: bool,
    numbers: AtomicU64,
}

impl Services {
    pub(crate) fn new(
        db: Db,
        bus: Bus,
        clock: Arc<dyn Clock>,
        random: Random,
        lifecycle: Lifecycle,
        limits: Limits,
        metrics: Arc<DocumentMetrics>,
    ) -> Self {
        let log = LogWriter::start(&db, &clock, &random, &lifecycle, &limits, &metrics);
        let quarantine = Keeper::start(&db, &clock, &random, &lifecycle, &limits, &metrics);
        let budget = UnsavedBudget::new(limits.unsaved_bytes);
        let runtime = tokio::runtime::Handle::current();
        let threads = runtime.metrics().num_workers();
        let can_move_tasks = runtime.runtime_flavor() == RuntimeFlavor::MultiThread;
        let numbers = AtomicU64::new(1);
        Self {
            db,
            log,
            quarantine,
            bus,
            heads: HeadWatch::default(),
            compactions: Semaphore::new(compaction::AT_ONCE),
            histories: Semaphore::new(history::AT_ONCE),
            clock,
            lifecycle,
            limits: Arc::new(limits),
            budget,
            barred: Barred::default(),
            random,
            metrics,
            threads,
            can_move_tasks,
            numbers,
        }
    }

    /// Does work that takes long, while another thread takes over the other tasks of this one.
    pub(crate) fn work_long<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.can_move_tasks { tokio::task::block_in_place(work) } else { work() }
    }

    /// A number that was not given before in this process: for sessions, channels and tickets.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}
