//! What is counted.

use std::sync::Arc;

use platform::limits::LimitCounters;
use platform::metrics::Metrics;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use schema::repair::{Reason, Shape};

use crate::delivery::Refusal;

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

impl QuarantineOutcome {
    const ALL: [Self; 4] = [Self::Kept, Self::LeftOut, Self::QueueFull, Self::Failed];
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuarantineLabels {
    outcome: QuarantineOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RepairLabels {
    kind: &'static str,
    reason: &'static str,
}

/// Counters of the open documents and the log.
#[derive(Debug)]
pub(crate) struct DocumentMetrics {
    pub(crate) rooms: Gauge,
    pub(crate) sessions: Gauge,
    pub(crate) deliveries: Counter,
    pub(crate) withheld: Counter,
    pub(crate) load_seconds: Histogram,
    pub(crate) load_failures: Counter,
    pub(crate) reloads: Counter,
    pub(crate) contradictions: Counter,
    pub(crate) compactions: Counter,
    pub(crate) compaction_seconds: Histogram,
    pub(crate) compaction_failures: Counter,
    pub(crate) projections: Counter,
    pub(crate) projection_failures: Counter,
    pub(crate) append_failures: Counter,
    pub(crate) lanes_behind: Gauge,
    pub(crate) presence_published: Counter,
    pub(crate) unreadable_presence: Counter,
    pub(crate) unsavable: Counter,
    pub(crate) reached: LimitCounters,
    logged: Counter,
    logged_bytes: Counter,
    commit_seconds: Histogram,
    commit_updates: Histogram,
    commit_bytes: Histogram,
    receipt_seconds: Histogram,
    refused: Family<RefusalLabels, Counter>,
    quarantined: Family<QuarantineLabels, Counter>,
    repaired: Family<RepairLabels, Counter>,
}

impl DocumentMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Arc<Self> {
        let this = Self {
            rooms: Gauge::default(),
            sessions: Gauge::default(),
            deliveries: Counter::default(),
            withheld: Counter::default(),
            load_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            load_failures: Counter::default(),
            reloads: Counter::default(),
            contradictions: Counter::default(),
            compactions: Counter::default(),
            compaction_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            compaction_failures: Counter::default(),
            projections: Counter::default(),
            projection_failures: Counter::default(),
            append_failures: Counter::default(),
            lanes_behind: Gauge::default(),
            presence_published: Counter::default(),
            unreadable_presence: Counter::default(),
            unsavable: Counter::default(),
            reached: metrics.limits(),
            logged: Counter::default(),
            logged_bytes: Counter::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 14)),
            commit_updates: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            commit_bytes: Histogram::new(exponential_buckets(64.0, 4.0, 10)),
            receipt_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            refused: Family::default(),
            quarantined: Family::default(),
            repaired: Family::default(),
        };
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for code in Refusal::CODES {
            drop(this.refused.get_or_create(&RefusalLabels { code }));
        }
        for outcome in QuarantineOutcome::ALL {
            drop(this.quarantined.get_or_create(&QuarantineLabels { outcome }));
        }
        for (shape, reason) in [Shape::Canvas, Shape::Node].into_iter().flat_map(|it| Reason::ALL.map(|why| (it, why)))
        {
            drop(this.repaired.get_or_create(&RepairLabels { kind: shape.as_str(), reason: reason.as_str() }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("documents");
        this.register_rooms(registry);
        this.register_log(registry);
        Arc::new(this)
    }

    fn register_rooms(&self, registry: &mut Registry) {
        registry.register("open", "Documents that are open on this instance", self.rooms.clone());
        registry.register("sessions", "Clients attached to documents", self.sessions.clone());
        registry.register("deliveries", "Messages broadcast to sessions", self.deliveries.clone());
        registry.register("withheld", "Messages withheld from slow receivers", self.withheld.clone());
        registry.register("refused", "Updates of clients that were refused, by code", self.refused.clone());
        let quarantined = self.quarantined.clone();
        registry.register("quarantined", "Updates refused as harmful, by what became of them", quarantined);
        let repaired = self.repaired.clone();
        registry.register("repaired", "Violations of a document's shape, repaired, by kind and reason", repaired);
        registry.register("load_seconds", "Seconds to load a document from the log", self.load_seconds.clone());
        registry.register("load_failures", "Documents that could not be loaded", self.load_failures.clone());
        registry.register("reloads", "Documents loaded anew after the engine failed", self.reloads.clone());
        let contradictions = self.contradictions.clone();
        registry.register("contradictions", "Rooms that ended because the log says something else", contradictions);
        registry.register("projections", "Projections written", self.projections.clone());
        registry.register("projection_failures", "Projections that failed", self.projection_failures.clone());
        let published = self.presence_published.clone();
        registry.register("presence_published", "Broadcasts of presence to sessions", published);
        let unreadable = self.unreadable_presence.clone();
        registry.register("unreadable_presence", "Presence of other instances that was not understood", unreadable);
    }

    fn register_log(&self, registry: &mut Registry) {
        registry.register("compactions", "Snapshots written", self.compactions.clone());
        registry.register("compaction_seconds", "Seconds to write a snapshot", self.compaction_seconds.clone());
        registry.register("compaction_failures", "Snapshots that failed", self.compaction_failures.clone());
        registry.register("log_failures", "Commits that failed and were tried again", self.append_failures.clone());
        let behind = self.lanes_behind.clone();
        registry.register("log_lanes_behind", "Lanes of the log that cannot be written: edits wait", behind);
        let unsavable = self.unsavable.clone();
        registry.register(
            "log_unsavable",
            "Updates that the database refused to keep, each of which ended a room",
            unsavable,
        );
        registry.register("log_updates", "Updates committed to the log", self.logged.clone());
        registry.register("log_bytes", "Bytes of updates committed to the log", self.logged_bytes.clone());
        registry.register("log_commit_seconds", "Seconds of a commit, retries included", self.commit_seconds.clone());
        registry.register("log_commit_updates", "Updates in a commit", self.commit_updates.clone());
        registry.register("log_commit_bytes", "Bytes of updates in a commit", self.commit_bytes.clone());
        let receipts = self.receipt_seconds.clone();
        registry.register("receipt_seconds", "Seconds from an update's acceptance to its receipt", receipts);
    }

    /// A batch was committed: its size, how long it took, and how long each update in it has waited.
    pub(crate) fn committed(&self, bytes: usize, took_ms: u64, waited_ms: impl ExactSizeIterator<Item = u64>) {
        self.logged.inc_by(waited_ms.len() as u64);
        self.logged_bytes.inc_by(bytes as u64);
        // All are far below 2^52.
        #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds are small")]
        let (updates, bytes, seconds) = (waited_ms.len() as f64, bytes as f64, took_ms as f64 / 1000.0);
        self.commit_updates.observe(updates);
        self.commit_bytes.observe(bytes);
        self.commit_seconds.observe(seconds);
        for waited in waited_ms {
            self.receipt_seconds.observe(seconds_of(waited));
        }
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.refused.get_or_create(&RefusalLabels { code: refusal.code() }).inc();
    }

    pub(crate) fn repaired(&self, shape: Shape, reason: Reason) {
        self.repaired.get_or_create(&RepairLabels { kind: shape.as_str(), reason: reason.as_str() }).inc();
    }

    pub(crate) fn quarantined(&self, outcome: QuarantineOutcome) {
        self.quarantined.get_or_create(&QuarantineLabels { outcome }).inc();
    }
}

/// Milliseconds as seconds.
pub(crate) fn seconds_of(milliseconds: u64) -> f64 {
    std::time::Duration::from_millis(milliseconds).as_secs_f64()
}
