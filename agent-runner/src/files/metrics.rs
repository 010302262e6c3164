//! What is counted of reading files.

use std::time::Duration;

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FileLabels {
    outcome: FileOutcome,
}

/// Counters of the files that are read here, and how many wait.
#[derive(Debug)]
pub(super) struct FileMetrics {
    processed: Family<FileLabels, Counter>,
    durations: Histogram,
    waiting: Gauge,
}

impl FileMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self {
            processed: Family::default(),
            durations: Histogram::new(DURATION_BOUNDS_SECONDS),
            waiting: Gauge::default(),
        };
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for outcome in FileOutcome::ALL {
            drop(this.processed.get_or_create(&FileLabels { outcome }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("file_processing");
        registry.register("processed", "Files whose text was to be read, by what came of it", this.processed.clone());
        registry.register("seconds", "Seconds that a file took", this.durations.clone());
        registry.register("waiting", "Files that wait to be read, of all instances", this.waiting.clone());
        this
    }

    pub(super) fn processed(&self, outcome: FileOutcome, time: Duration) {
        self.processed.get_or_create(&FileLabels { outcome }).inc();
        self.durations.observe(time.as_secs_f64());
    }

    pub(super) fn waits(&self, files: i64) {
        self.waiting.set(files);
    }
}
