//! What is counted of sockets.

use platform::metrics::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// Counters of all sockets.
#[derive(Debug, Clone, Default)]
pub(crate) struct SocketMetrics {
    sockets: Gauge,
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
}

/// Counts one open socket.
pub(crate) struct OpenSocket(Gauge);

impl SocketMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("sockets");
        registry.register("open", "Open sockets", this.sockets.clone());
        registry.register("frames_in", "Frames from clients", this.frames_in.clone());
        registry.register("frames_out", "Frames to clients", this.frames_out.clone());
        registry.register("bytes_in", "Bytes of frames from clients", this.bytes_in.clone());
        registry.register("bytes_out", "Bytes of frames to clients", this.bytes_out.clone());
        this
    }

    pub(crate) fn socket_opened(&self) -> OpenSocket {
        self.sockets.inc();
        OpenSocket(self.sockets.clone())
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.dec();
    }
}
