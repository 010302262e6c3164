//! What is counted of reading files.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use platform::db::files::FileBacklog;
use platform::metrics::Metrics;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the durations that are told apart, in seconds.
const DURATION_BOUNDS_SECONDS: [f64; 8] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0];

/// What came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum FileOutcome {
    /// It was read.
    Complete,
    /// It cannot be.
    Failed,
    /// It could not be now.
    Postponed,
    /// It was another worker's meanwhile, or is gone.
    Lost,
}

impl FileOutcome {
    const ALL: [Self; 4] = [Self::Complete, Self::Failed, Self::Postponed, Self::Lost];
}

/// Why a file could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum FileFailure {
    /// It is broken, or its reader came to no end with it.
    Unreadable,
    /// It has more bytes than are read.
    TooLarge,
    /// It ended the processes that read it, each time.
    ReadersEnded,
    /// It took too long to fetch and read it.
    TookTooLong,
    /// No process could be started that reads it, or somebody ended it.
    NoReader,
    /// The store has no such blob.
    Missing,
    /// The store does not let it be read.
    StoreRefuses,
    /// The store could not be used.
    StoreUnavailable,
}

impl FileFailure {
    const ALL: [Self; 8] = [
        Self::Unreadable,
        Self::TooLarge,
        Self::ReadersEnded,
        Self::TookTooLong,
        Self::NoReader,
        Self::Missing,
        Self::StoreRefuses,
        Self::StoreUnavailable,
    ];
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FileLabels {
    outcome: FileOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    reason: FileFailure,
}

/// Counters of the files that are read here, and how many wait.
#[derive(Debug)]
pub(super) struct FileMetrics {
    processed: Family<FileLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    durations: Histogram,
    waiting: Gauge,
    overdue: Gauge<f64, AtomicU64>,
}

impl FileMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self {
            processed: Family::default(),
            failures: Family::default(),
            durations: Histogram::new(DURATION_BOUNDS_SECONDS),
            waiting: Gauge::default(),
            overdue: Gauge::default(),
        };
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for outcome in FileOutcome::ALL {
            drop(this.processed.get_or_create(&FileLabels { outcome }));
        }
        for reason in FileFailure::ALL {
            drop(this.failures.get_or_create(&FailureLabels { reason }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("file_processing");
        registry.register("processed", "Files whose text was to be read, by what came of it", this.processed.clone());
        registry.register("failures", "Times that a file could not be read, by why", this.failures.clone());
        registry.register("seconds", "Seconds that a file took", this.durations.clone());
        registry.register("waiting", "Files that wait to be read, of all instances", this.waiting.clone());
        registry.register(
            "overdue_seconds",
            "Seconds for which the file that is due for longest could have been taken up, of all instances",
            this.overdue.clone(),
        );
        this
    }

    pub(super) fn processed(&self, outcome: FileOutcome, time: Duration) {
        self.processed.get_or_create(&FileLabels { outcome }).inc();
        self.durations.observe(time.as_secs_f64());
    }

    pub(super) fn failed(&self, reason: FileFailure) {
        self.failures.get_or_create(&FailureLabels { reason }).inc();
    }

    pub(super) fn waits(&self, backlog: FileBacklog) {
        self.waiting.set(backlog.files);
        self.overdue.set(backlog.overdue.as_secs_f64());
    }
}
