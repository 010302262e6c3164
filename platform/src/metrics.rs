//! Metrics, in the OpenMetrics text format. Each part of the server keeps a struct of its own metrics and registers
//! them here when it starts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::encode`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// A registry that knows the program's version. All names in it start with `glassbox_`.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("glassbox");
        registry.register("build", "The running program", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        Self(Arc::new(Mutex::new(registry)))
    }

    /// Where a part of the server registers its metrics, at start.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
