//! Our own dialect: many documents on one socket, receipts, refusals and notices (SPEC §2).

mod channel;
mod connection;

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::response::Response;

use crate::glassbox::connection::Connection;
use crate::outbox::Outbox;
use crate::server::SyncServer;
use crate::socket::serve;
use crate::upgrade::{self, authority, limited, refused};

/// The slot of this dialect's frames in a delivery.
const DIALECT: usize = 0;

/// Opens a socket (G1).
pub(crate) async fn open(
    State(server): State<SyncServer>,
    Query(query): Query<upgrade::Query>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let shared = server.shared;
    let upgrade = limited(upgrade, &shared);
    match authority(&shared, query.token.as_deref()).await {
        Ok(authority) => upgrade.on_upgrade(move |socket| async move {
            let outbox = Arc::new(Outbox::new(shared.limits.outbox_bytes));
            let connection = Connection::new(Arc::clone(&shared), Arc::clone(&outbox), authority);
            serve(socket, &outbox, connection, &shared).await;
        }),
        Err((code, reason)) => refused(upgrade, code, reason),
    }
}
