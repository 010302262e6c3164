//! Metrics, in the OpenMetrics text format. Each part of the server keeps a struct of its own metrics and registers
//! them here when it starts.

mod process;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::lifecycle::Lifecycle;
use crate::limits::LimitCounters;

/// The media type of [`Metrics::encode`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    limits: LimitCounters,
}

impl Metrics {
    /// A registry that knows the program's version. All names in it start with `glassbox_`.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("glassbox");
        registry.register("build", "The running program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let limits = LimitCounters::register(&mut registry);
        Self { registry: Arc::new(Mutex::new(registry)), limits }
    }

    /// Counts how often limits are reached.
    #[must_use]
    pub fn limits(&self) -> LimitCounters {
        self.limits.clone()
    }

    /// Where a part of the server registers its metrics, at start.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers what the machine tells of this process (memory, CPU, file descriptors), and how its tasks fare.
    pub fn register_process(&self, lifecycle: &Lifecycle) {
        process::register(self);
        let lifecycle = lifecycle.clone();
        self.on_read("process_tasks_panicked", "Tasks that have ended by a panic", move || {
            Reading::counter(lifecycle.panics())
        });
    }

    /// Registers something that is looked up when metrics are read, and costs nothing else.
    pub fn on_read(&self, name: &'static str, help: &'static str, read: impl Fn() -> Reading + Send + Sync + 'static) {
        self.registry().register_collector(Box::new(OnRead { name, help, read }));
    }

    /// All metrics as they stand.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut encoded = String::new();
        // A String can always be written to.
        let _ = text::encode(&mut encoded, &self.registry());
        encoded
    }
}

/// What was looked up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// A value that goes up and down.
    Gauge(f64),
    /// A value that only rises. Its name gets the suffix `_total`.
    Counter(f64),
    /// Not known here: nothing is told.
    Unknown,
}

impl Reading {
    /// A count that goes up and down.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits do not matter")]
    pub const fn count(count: usize) -> Self {
        Self::Gauge(count as f64)
    }

    /// A count that only rises.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits do not matter")]
    pub const fn counter(count: usize) -> Self {
        Self::Counter(count as f64)
    }
}

struct OnRead<F> {
    name: &'static str,
    help: &'static str,
    read: F,
}

impl<F> fmt::Debug for OnRead<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl<F: Fn() -> Reading + Send + Sync + 'static> Collector for OnRead<F> {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        match (self.read)() {
            Reading::Gauge(value) => encode_as(&mut encoder, self.name, self.help, &ConstGauge::new(value)),
            Reading::Counter(value) => encode_as(&mut encoder, self.name, self.help, &ConstCounter::new(value)),
            Reading::Unknown => Ok(()),
        }
    }
}

fn encode_as(encoder: &mut DescriptorEncoder, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
    // As `Registry::register` does.
    let help = format!("{help}.");
    metric.encode(encoder.encode_descriptor(name, &help, None, metric.metric_type())?)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn what_is_registered_is_encoded_with_its_present_value() {
        let metrics = Metrics::new();
        let updates = Counter::<u64>::default();
        metrics.registry().register("updates", "Updates received", updates.clone());
        updates.inc_by(3);
        let encoded = metrics.encode();
        assert!(encoded.contains("glassbox_updates_total 3\n"), "{encoded}");
        assert!(encoded.contains("glassbox_build_info{version="), "{encoded}");
        assert!(encoded.ends_with("# EOF\n"), "{encoded}");
    }

    #[test]
    fn what_is_looked_up_is_looked_up_when_metrics_are_read() {
        let metrics = Metrics::new();
        metrics.on_read("depth", "How deep", || Reading::count(4));
        metrics.on_read("distance", "How far", || Reading::Counter(1.5));
        metrics.on_read("unknown", "Nobody knows", || Reading::Unknown);
        let encoded = metrics.encode();
        assert!(encoded.contains("# HELP glassbox_depth How deep.\n"), "{encoded}");
        assert!(encoded.contains("glassbox_depth 4.0\n"), "{encoded}");
        assert!(encoded.contains("glassbox_distance_total 1.5\n"), "{encoded}");
        assert!(!encoded.contains("unknown"), "{encoded}");
    }
}
