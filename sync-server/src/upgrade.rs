//! From an HTTP request to a socket.

use std::sync::Arc;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::Response;
use chrono::{DateTime, Utc};
use platform::auth::{AuthError, Principal};
use platform::config::Mode;
use schema::ids::DocumentName;
use serde::Deserialize;
use uuid::Uuid;
use web_protocol::close as code;

use crate::server::{Authority, Shared};
use crate::socket::close;

/// Read buffers are allocated for every socket, idle ones too.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What is fed is written when so much has come together, or at the flush that follows.
const WRITE_BUFFER_BYTES: usize = 32 * 1024;

/// The query of a socket's address.
#[derive(Deserialize)]
pub(crate) struct Query {
    pub(crate) token: Option<String>,
}

/// Sets a socket's limits.
pub(crate) fn limited(upgrade: WebSocketUpgrade, shared: &Shared) -> WebSocketUpgrade {
    let bytes = shared.limits.frame_bytes;
    upgrade
        .max_message_size(bytes)
        .max_frame_size(bytes)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
}

/// Refuses after the upgrade: a browser's script sees the close code, but never an HTTP status.
pub(crate) fn refused(upgrade: WebSocketUpgrade, code: u16, reason: &'static str) -> Response {
    upgrade.on_upgrade(move |mut socket: WebSocket| async move { close(&mut socket, code, reason).await })
}

/// Finds out whose token a socket brings (G1, Y5). An error is the close code and reason.
pub(crate) async fn authority(shared: &Shared, token: Option<&str>) -> Result<Authority, (u16, &'static str)> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Err((code::UNAUTHORIZED, "a token is missing"));
    };
    match shared.authenticator.authenticate_socket(token).await {
        Ok(authenticated) => {
            Ok(Authority { principal: Arc::new(authenticated.principal), until: authenticated.expires_at })
        }
        Err(AuthError::Unavailable(_)) => Err((code::TRY_LATER, "tokens cannot be checked now")),
        Err(_) => Err((code::UNAUTHORIZED, "the token is not valid")),
    }
}

/// The same for one document: a scratch document needs no token (Y1, H3).
pub(crate) async fn document_authority(
    shared: &Shared,
    name: &DocumentName,
    token: Option<&str>,
) -> Result<Authority, (u16, &'static str)> {
    match (name, token) {
        (DocumentName::Scratch(_), None) if shared.mode == Mode::Development => {
            Ok(Authority { principal: Arc::new(Principal::anonymous(Uuid::nil())), until: DateTime::<Utc>::MAX_UTC })
        }
        _ => authority(shared, token).await,
    }
}
