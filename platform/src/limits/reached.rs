//! Counting how often limits are reached.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// A limit at which something of a client was refused, ended or slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Limit {
    /// Connections that one address opens.
    ConnectionRateOfAddress,
    /// Connections of one address that are not authenticated.
    UnauthenticatedConnectionsOfAddress,
    /// Connections that are not authenticated, of all addresses.
    UnauthenticatedConnections,
    /// The time for the head of a request.
    RequestHeadTime,
    /// The size of the head of a request.
    RequestHeadBytes,
    /// The time for the body of a request.
    RequestBodyTime,
    /// The time until somebody has said on a socket who they are.
    AuthenticationTime,
    /// What comes on a socket before it is known whose it is.
    UnauthenticatedFrames,
    /// The size of a frame.
    FrameBytes,
    /// Messages of which not all has come, on all sockets.
    UnfinishedBytes,
    /// Sockets that are opened from one address, on all instances.
    UpgradesOfAddress,
    /// Sockets that one principal opens, on all instances.
    UpgradesOfPrincipal,
    /// Sockets of one principal.
    SocketsOfPrincipal,
    /// Open documents of one principal.
    DocumentsOfPrincipal,
    /// Sockets without a token from one address.
    AnonymousSocketsOfAddress,
    /// Documents that are open without a token from one address.
    AnonymousDocumentsOfAddress,
    /// Documents on one socket.
    ChannelsOfSocket,
    /// The size of an update.
    UpdateBytes,
    /// The size of a document.
    DocumentBytes,
    /// Edits that wait for the log, of one document or of all.
    UnsavedBytes,
    /// Messages of presence of one session: some waited, and later ones took their place.
    PresenceRate,
    /// Messages of an application, their size or how many of one session there are.
    StatelessMessages,
    /// Messages and bytes per second of one socket, or of all sockets of a principal: its reading paused.
    MessageRate,
    /// The same, for so long that the socket was closed.
    Flood,
    /// Requests, on all instances.
    Requests,
    /// Streams of events, of one principal or of all.
    EventStreams,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    limit: Limit,
}

/// How often each limit was reached. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LimitCounters(Family<Labels, Counter>);

impl LimitCounters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        registry.register("limit_reached", "How often clients reached a limit", this.0.clone());
        this
    }

    /// Counts that a limit was reached.
    pub fn count(&self, limit: Limit) {
        self.0.get_or_create(&Labels { limit }).inc();
    }

    /// How often it was reached.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        self.0.get_or_create(&Labels { limit }).get()
    }
}
