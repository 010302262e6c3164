//! The way in for clients: HTTP connections, whose they are, and how many somebody may have who has not said yet who
//! they are.

mod address;
mod admission;
mod http_server;

use std::sync::Arc;

pub use address::{ClientAddress, Network, TrustedProxies};
pub use admission::{Admission, Pass};
pub use http_server::{Application, HttpServer};

use crate::limits::Limit;

/// The client that a request comes from: an extension of every request that an [`HttpServer`] hands on.
#[derive(Clone)]
pub struct Client {
    address: ClientAddress,
    connection: Connection,
}

#[derive(Clone)]
enum Connection {
    /// The client's own.
    Direct(Arc<Pass>),
    /// One of a trusted proxy, which carries the requests of many clients.
    Proxied(Admission),
}

impl Client {
    /// Where it is; behind a trusted proxy, as that says.
    #[must_use]
    pub const fn address(&self) -> ClientAddress {
        self.address
    }

    /// Notes that this connection's client has proven who it is.
    pub fn authenticated(&self) {
        if let Connection::Direct(pass) = &self.connection {
            pass.authenticated();
        }
    }

    /// Admits a socket, which takes up a connection for as long as it lasts.
    ///
    /// # Errors
    /// The limit of the address that is reached. It concerns clients behind a proxy only: another's own connection was
    /// admitted before.
    pub fn admit_socket(&self) -> Result<Arc<Pass>, Limit> {
        match &self.connection {
            Connection::Direct(pass) => Ok(Arc::clone(pass)),
            Connection::Proxied(admission) => admission.admit(self.address).map(Arc::new),
        }
    }
}
