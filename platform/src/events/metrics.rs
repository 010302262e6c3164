//! What is counted of events.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::Metrics;

/// Counters of who listens to events, and of what they are told.
#[derive(Debug, Default)]
pub(super) struct EventMetrics {
    pub(super) listeners: Gauge,
    pub(super) organizations: Gauge,
    pub(super) read: Counter,
    pub(super) delivered: Counter,
    pub(super) failures: Counter,
}

impl EventMetrics {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("events");
        registry.register("listeners", "Streams and channels that listen to events", this.listeners.clone());
        registry.register("organizations", "Organizations whose events are read", this.organizations.clone());
        registry.register("read", "Events that were read, once for all who listen", this.read.clone());
        registry.register("delivered", "Events that were handed to those who listen", this.delivered.clone());
        registry.register("read_failures", "Times that events could not be read", this.failures.clone());
        this
    }
}
