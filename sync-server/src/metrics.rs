//! What is counted of sockets.

use platform::metrics::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabels {
    dialect: &'static str,
}

/// Counters of all sockets.
#[derive(Debug, Clone, Default)]
pub(crate) struct SocketMetrics {
    /// All of them, whatever they speak.
    sockets: Gauge,
    by_dialect: Family<DialectLabels, Gauge>,
    pub(crate) frames_in: Counter,
    pub(crate) frames_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    /// Bytes that connections did not take at once.
    pub(crate) waiting_bytes: Gauge,
    /// Channels from which something was withheld that has not been made up for.
    pub(crate) lagging: Gauge,
}

/// Counts one open socket.
pub(crate) struct OpenSocket([Gauge; 2]);

impl SocketMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let this = Self::default();
        let mut registry = metrics.registry();
        let registry = registry.sub_registry_with_prefix("sockets");
        registry.register("open", "Open sockets, by the protocol that they speak", this.by_dialect.clone());
        registry.register("frames_in", "Frames from clients", this.frames_in.clone());
        registry.register("frames_out", "Frames to clients", this.frames_out.clone());
        registry.register("bytes_in", "Bytes of frames from clients", this.bytes_in.clone());
        registry.register("bytes_out", "Bytes of frames to clients", this.bytes_out.clone());
        let waiting = this.waiting_bytes.clone();
        registry.register("outbox_bytes", "Bytes that wait for connections that take no more", waiting);
        let lagging = this.lagging.clone();
        registry.register("lagging_channels", "Channels whose receivers read too slowly and are owed updates", lagging);
        this
    }

    pub(crate) fn socket_opened(&self, dialect: &'static str) -> OpenSocket {
        let of_dialect = self.by_dialect.get_or_create(&DialectLabels { dialect }).clone();
        let gauges = [self.sockets.clone(), of_dialect];
        for gauge in &gauges {
            gauge.inc();
        }
        OpenSocket(gauges)
    }

    /// How many sockets are open.
    pub(crate) fn open(&self) -> u32 {
        u32::try_from(self.sockets.get()).unwrap_or_default()
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        for gauge in &self.0 {
            gauge.dec();
        }
    }
}
