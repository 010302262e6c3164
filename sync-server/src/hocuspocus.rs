//! The dialect of Hocuspocus' providers, versions 3 and 4: `/hocuspocus` (SPEC §4).
//!
//! | module | subject |
//! |---|---|
//! | `connection` | one socket: what becomes of its frames |
//! | `document` | one document on a socket: waiting for a token, opening, open, denied |
//! | `tokens` | what becomes of tokens: open, renewed, denied |
//! | `opening` | from a token to an open document |
//! | `sink` | what a room says, in this dialect's frames |
//! | `errand` | what a socket has to bring to a room |
//! | `ledger` | which sync statuses a client is owed |
//! | `allowance` | how often a client may send messages of its application |

mod allowance;
mod connection;
mod document;
mod errand;
mod ledger;
mod opening;
mod sink;
mod tokens;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::hocuspocus::connection::Connection;
use crate::outbox::Outbox;
use crate::server::SyncServer;
use crate::socket::serve;
use crate::upgrade::Upgrade;

/// The slot of this dialect's frames in a delivery, for sessions whose address is the document's name.
const DIALECT: usize = 2;
/// The slot of what comes after the address.
const DIALECT_AFTER_ADDRESS: usize = 3;

/// Opens a socket. Who it belongs to is said for each document (H3).
pub(crate) async fn open(State(server): State<SyncServer>, upgrade: Upgrade) -> Response {
    let shared = server.shared;
    let (of_socket, address) = (Arc::clone(&shared), upgrade.address);
    upgrade.then(&shared, move |connected| {
        let (access, shared) = (of_socket.access_news.listen(), of_socket);
        let outbox = Arc::new(Outbox::new(shared.limits.outbox_bytes, &shared.metrics));
        let connection = Connection::new(Arc::clone(&shared), Arc::clone(&outbox), address);
        serve(connected, outbox, connection, shared, access, ())
    })
}
