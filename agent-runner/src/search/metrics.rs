//! What is counted of what can be found.

use platform::db::search::Backlog;
use platform::metrics::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// Counters of what is indexed here, and how much waits.
#[derive(Debug, Default)]
pub(super) struct SearchMetrics {
    nodes_indexed: Counter,
    passages_embedded: Counter,
    embedding_failures: Counter,
    given_up: Counter,
    nodes_waiting: Gauge,
    passages_waiting: Gauge,
}

impl SearchMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("search");
        registry.register("nodes_indexed", "Changes of nodes that were indexed", this.nodes_indexed.clone());
        registry.register("passages_embedded", "Passages that were embedded", this.passages_embedded.clone());
        registry.register(
            "embedding_failures",
            "Passages that were tried in vain to be embedded, each time",
            this.embedding_failures.clone(),
        );
        registry.register("passages_given_up", "Passages that are not embedded any more", this.given_up.clone());
        registry.register("nodes_waiting", "Changed nodes that wait, of all instances", this.nodes_waiting.clone());
        registry.register("passages_waiting", "Passages that wait, of all instances", this.passages_waiting.clone());
        this
    }

    pub(super) fn indexed(&self, count: usize) {
        self.nodes_indexed.inc_by(as_u64(count));
    }

    pub(super) fn embedded(&self, count: u64) {
        self.passages_embedded.inc_by(count);
    }

    pub(super) fn failed(&self, count: usize, given_up: usize) {
        self.embedding_failures.inc_by(as_u64(count));
        self.given_up.inc_by(as_u64(given_up));
    }

    pub(super) fn waits(&self, backlog: Backlog) {
        self.nodes_waiting.set(backlog.nodes);
        self.passages_waiting.set(backlog.passages);
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
