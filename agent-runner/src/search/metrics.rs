//! What is counted of what can be found.

use std::sync::atomic::AtomicU64;

use platform::db::search::Backlog;
use platform::embedding::EmbeddingError;
use platform::metrics::Metrics;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What a provider that refuses one of several texts answers to all of them.
const REFUSALS_OF_TEXTS: [u16; 3] = [400, 413, 422];

/// Why passages could not be embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum EmbeddingFailure {
    /// The provider did not answer.
    Unreachable,
    /// The provider does not know the key, or does not allow it this.
    Unauthorized,
    /// The provider has been asked too often.
    RateLimited,
    /// The provider refuses a text for what it says, or all of them for how it is asked.
    TextRefused,
    /// The provider refuses for another reason.
    Refused,
    /// The provider answered what is no embedding of ours.
    Unusable,
}

impl EmbeddingFailure {
    const ALL: [Self; 6] =
        [Self::Unreachable, Self::Unauthorized, Self::RateLimited, Self::TextRefused, Self::Refused, Self::Unusable];

    pub(super) fn of(error: &EmbeddingError) -> Self {
        match error {
            EmbeddingError::Unreachable(_) => Self::Unreachable,
            EmbeddingError::Refused { status: 401 | 403, .. } => Self::Unauthorized,
            EmbeddingError::Refused { status: 429, .. } => Self::RateLimited,
            EmbeddingError::Refused { status, .. } if REFUSALS_OF_TEXTS.contains(status) => Self::TextRefused,
            EmbeddingError::Refused { .. } => Self::Refused,
            EmbeddingError::Unusable(_) => Self::Unusable,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    reason: EmbeddingFailure,
}

/// Counters of what is indexed here, and how much waits.
#[derive(Debug, Default)]
pub(super) struct SearchMetrics {
    nodes_indexed: Counter,
    pub(super) indexing_failures: Counter,
    passages_embedded: Counter,
    embedding_failures: Family<FailureLabels, Counter>,
    given_up: Counter,
    nodes_waiting: Gauge,
    nodes_overdue: Gauge<f64, AtomicU64>,
    passages_waiting: Gauge,
    passages_overdue: Gauge<f64, AtomicU64>,
}

impl SearchMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        // They are told from the first read on, so that a rise from nothing is seen as one.
        for reason in EmbeddingFailure::ALL {
            drop(this.embedding_failures.get_or_create(&FailureLabels { reason }));
        }
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("search");
        this.register_nodes(registry);
        this.register_passages(registry);
        this
    }

    fn register_nodes(&self, registry: &mut Registry) {
        registry.register("nodes_indexed", "Changes of nodes that were indexed", self.nodes_indexed.clone());
        let failures = self.indexing_failures.clone();
        registry.register("indexing_failures", "Times that a node could not be indexed", failures);
        registry.register("nodes_waiting", "Changed nodes that wait, of all instances", self.nodes_waiting.clone());
        registry.register(
            "nodes_overdue_seconds",
            "Seconds for which the changed node waits that does so longest, of all instances",
            self.nodes_overdue.clone(),
        );
    }

    fn register_passages(&self, registry: &mut Registry) {
        registry.register("passages_embedded", "Passages that were embedded", self.passages_embedded.clone());
        registry.register(
            "embedding_failures",
            "Passages that were tried in vain to be embedded, each time, by why",
            self.embedding_failures.clone(),
        );
        registry.register("passages_given_up", "Passages that are not embedded any more", self.given_up.clone());
        registry.register("passages_waiting", "Passages that wait, of all instances", self.passages_waiting.clone());
        registry.register(
            "passages_overdue_seconds",
            "Seconds for which the passage that is due for longest could have been embedded, of all instances",
            self.passages_overdue.clone(),
        );
    }

    pub(super) fn indexed(&self, count: usize) {
        self.nodes_indexed.inc_by(as_u64(count));
    }

    pub(super) fn embedded(&self, count: u64) {
        self.passages_embedded.inc_by(count);
    }

    pub(super) fn failed(&self, reason: EmbeddingFailure, count: usize, given_up: usize) {
        self.embedding_failures.get_or_create(&FailureLabels { reason }).inc_by(as_u64(count));
        self.given_up.inc_by(as_u64(given_up));
    }

    pub(super) fn waits(&self, backlog: Backlog) {
        self.nodes_waiting.set(backlog.nodes);
        self.nodes_overdue.set(backlog.nodes_overdue.as_secs_f64());
        self.passages_waiting.set(backlog.passages);
        self.passages_overdue.set(backlog.passages_overdue.as_secs_f64());
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
