//! What is counted.

use std::sync::Arc;

use platform::metrics::Metrics;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// What became of an update that was refused as harmful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum QuarantineOutcome {
    /// It is kept.
    Kept,
    /// Its sender or organization has used up the room of the day: it is only counted.
    LeftOut,
    /// Too many waited to be stored.
    QueueFull,
    /// The database did not take it.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuarantineLabels {
    outcome: QuarantineOutcome,
}

/// Counters of the open documents and the log.
#[derive(Debug)]
pub(crate) struct DocumentMetrics {
    pub(crate) rooms: Gauge,
    pub(crate) sessions: Gauge,
    pub(crate) deliveries: Counter,
    pub(crate) withheld: Counter,
    pub(crate) load_failures: Counter,
    pub(crate) reloads: Counter,
    pub(crate) compactions: Counter,
    pub(crate) compaction_failures: Counter,
    pub(crate) projections: Counter,
    pub(crate) append_failures: Counter,
    pub(crate) unreadable_presence: Counter,
    logged: Counter,
    commit_seconds: Histogram,
    commit_updates: Histogram,
    quarantined: Family<QuarantineLabels, Counter>,
}

impl DocumentMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Arc<Self> {
        let this = Self {
            rooms: Gauge::default(),
            sessions: Gauge::default(),
            deliveries: Counter::default(),
            withheld: Counter::default(),
            load_failures: Counter::default(),
            reloads: Counter::default(),
            compactions: Counter::default(),
            compaction_failures: Counter::default(),
            projections: Counter::default(),
            append_failures: Counter::default(),
            unreadable_presence: Counter::default(),
            logged: Counter::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 14)),
            commit_updates: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            quarantined: Family::default(),
        };
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("documents");
        registry.register("open", "Documents that are open on this instance", this.rooms.clone());
        registry.register("sessions", "Clients attached to documents", this.sessions.clone());
        registry.register("deliveries", "Messages broadcast to sessions", this.deliveries.clone());
        registry.register("withheld", "Messages withheld from slow receivers", this.withheld.clone());
        registry.register("load_failures", "Documents that could not be loaded", this.load_failures.clone());
        registry.register("reloads", "Documents loaded anew after the engine failed", this.reloads.clone());
        registry.register("compactions", "Snapshots written", this.compactions.clone());
        registry.register("compaction_failures", "Snapshots that failed", this.compaction_failures.clone());
        registry.register("projections", "Projections written", this.projections.clone());
        registry.register("log_failures", "Commits that failed and were tried again", this.append_failures.clone());
        let unreadable = this.unreadable_presence.clone();
        registry.register("unreadable_presence", "Presence of other instances that was not understood", unreadable);
        registry.register("log_updates", "Updates committed to the log", this.logged.clone());
        registry.register("log_commit_seconds", "Duration of a commit", this.commit_seconds.clone());
        registry.register("log_commit_updates", "Updates in a commit", this.commit_updates.clone());
        let quarantined = this.quarantined.clone();
        registry.register("quarantined", "Updates refused as harmful, by what became of them", quarantined);
        Arc::new(this)
    }

    pub(crate) fn committed(&self, updates: usize, took_ms: u64) {
        self.logged.inc_by(updates as u64);
        // Both are far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds are small")]
        let (updates, seconds) = (updates as f64, took_ms as f64 / 1000.0);
        self.commit_updates.observe(updates);
        self.commit_seconds.observe(seconds);
    }

    pub(crate) fn quarantined(&self, outcome: QuarantineOutcome) {
        self.quarantined.get_or_create(&QuarantineLabels { outcome }).inc();
    }
}
