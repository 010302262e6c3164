//! Our own dialect: many documents on one socket, receipts, refusals and notices (SPEC §2).

mod channel;
mod connection;
mod events;
mod locks;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;

use crate::glassbox::connection::Connection;
use crate::outbox::Outbox;
use crate::server::SyncServer;
use crate::socket::serve;
use crate::upgrade::{self, Upgrade, authority};

/// The slot of this dialect's frames in a delivery.
const DIALECT: usize = 0;

/// Opens a socket (G1).
pub(crate) async fn open(
    State(server): State<SyncServer>,
    Query(query): Query<upgrade::Query>,
    upgrade: Upgrade,
) -> Response {
    let shared = server.shared;
    match authority(&shared, query.token.as_deref()).await {
        Ok(authority) => {
            upgrade.authenticated();
            let address = upgrade.address;
            let place = match shared.place_for_socket(&authority.principal, address).await {
                Ok(place) => place,
                Err((code, reason)) => return upgrade.refuse(&shared, code, reason),
            };
            let of_socket = Arc::clone(&shared);
            upgrade.then(&shared, move |connected| {
                let (access, shared) = (of_socket.access_news.listen(), of_socket);
                let outbox = Arc::new(Outbox::new(shared.limits.outbox_bytes, &shared.metrics));
                let connection = Connection::new(Arc::clone(&shared), Arc::clone(&outbox), authority, address);
                serve(connected, outbox, connection, shared, access, place)
            })
        }
        Err((code, reason)) => upgrade.refuse(&shared, code, reason),
    }
}
