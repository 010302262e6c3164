//! What the bus counts.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Dropped {
    /// There was no connection.
    Disconnected,
    /// Too much waited already.
    QueueFull,
    /// The connection broke while it was being sent.
    Failed,
}

/// Why a message that came in was not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Ignored {
    /// It is of a version or a kind that this build does not know.
    Unknown,
    /// It is broken, or not where it belongs.
    Malformed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DroppedLabels {
    reason: Dropped,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IgnoredLabels {
    reason: Ignored,
}

/// Counters of the bus between processes.
#[derive(Debug, Default)]
pub(super) struct BusMetrics {
    pub(super) connected: Gauge,
    pub(super) published: Counter,
    pub(super) received: Counter,
    pub(super) gaps: Counter,
    pub(super) reconnects: Counter,
    dropped: Family<DroppedLabels, Counter>,
    ignored: Family<IgnoredLabels, Counter>,
}

impl BusMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for reason in [Dropped::Disconnected, Dropped::QueueFull, Dropped::Failed] {
            this.dropped(reason, 0);
        }
        for reason in [Ignored::Unknown, Ignored::Malformed] {
            drop(this.ignored.get_or_create(&IgnoredLabels { reason }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("bus");
        registry.register("connected", "1 while messages get through, else 0", this.connected.clone());
        registry.register("published", "Messages sent", this.published.clone());
        registry.register("received", "Messages of other instances", this.received.clone());
        registry.register("gaps", "Receivers told that messages may be missing", this.gaps.clone());
        registry.register("reconnects", "Connections that had to be made anew", this.reconnects.clone());
        registry.register("dropped", "Messages that were not sent", this.dropped.clone());
        registry.register("ignored", "Messages that came in and were not understood", this.ignored.clone());
        this
    }

    pub(super) fn dropped(&self, reason: Dropped, messages: usize) {
        self.dropped.get_or_create(&DroppedLabels { reason }).inc_by(messages as u64);
    }

    pub(super) fn ignored(&self, reason: Ignored) {
        self.ignored.get_or_create(&IgnoredLabels { reason }).inc();
    }
}
