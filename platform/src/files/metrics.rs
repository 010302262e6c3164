//! What is counted of letting go of what is left over of files.

use std::sync::atomic::AtomicU64;

use chrono::TimeDelta;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// A part of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Step {
    /// Of files that nobody confirmed.
    Forgetting,
    /// Of blobs whose file is gone.
    Deleting,
    /// Of what came only in part.
    Clearing,
}

impl Step {
    const ALL: [Self; 3] = [Self::Forgetting, Self::Deleting, Self::Clearing];
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
    step: Step,
}

/// Counters of sweeps, and how much waits for one.
#[derive(Debug, Clone, Default)]
pub(super) struct SweepMetrics {
    forgotten: Counter,
    deleted: Counter,
    failures: Family<StepLabels, Counter>,
    waiting: Gauge,
    overdue: Gauge<f64, AtomicU64>,
}

impl SweepMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for step in Step::ALL {
            drop(this.failures.get_or_create(&StepLabels { step }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("file_sweep");
        registry.register("forgotten", "Files that nobody confirmed and that were forgotten", this.forgotten.clone());
        registry.register("blobs_deleted", "Blobs of deleted files that are gone for good", this.deleted.clone());
        registry.register("failures", "What a sweep could not do, by its step", this.failures.clone());
        registry.register("blobs_waiting", "Blobs of deleted files, of all instances", this.waiting.clone());
        registry.register(
            "blobs_overdue_seconds",
            "Seconds since when the first of them should be gone for good",
            this.overdue.clone(),
        );
        this
    }

    pub(super) fn forgot(&self, files: u64) {
        self.forgotten.inc_by(files);
    }

    pub(super) fn deleted(&self) {
        self.deleted.inc();
    }

    pub(super) fn failed(&self, step: Step) {
        self.failures.get_or_create(&StepLabels { step }).inc();
    }

    /// So many blobs wait; the first of them should be gone for so long, or will have to be.
    pub(super) fn waits(&self, blobs: i64, overdue: TimeDelta) {
        self.waiting.set(blobs);
        self.overdue.set(overdue.to_std().unwrap_or_default().as_secs_f64());
    }
}
