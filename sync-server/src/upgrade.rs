//! From an HTTP request to a socket.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use platform::auth::{AuthError, Principal};
use platform::config::Mode;
use schema::ids::DocumentName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use uuid::Uuid;
use web_protocol::close as code;

use crate::server::{Authority, Shared};
use crate::socket::refuse;

/// The query of a socket's address.
#[derive(Deserialize)]
pub(crate) struct Query {
    pub(crate) token: Option<String>,
}

/// A request that asks for a WebSocket (RFC 6455 §4.2).
pub(crate) struct Upgrade {
    on_upgrade: OnUpgrade,
    accept: HeaderValue,
}

/// A connection whose handshake is over.
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    /// What the client sent together with its handshake.
    pub(crate) read: Box<[u8]>,
}

/// Why a request cannot become a socket.
#[derive(Debug)]
pub(crate) struct NoWebSocket(&'static str);

impl IntoResponse for NoWebSocket {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, self.0).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = NoWebSocket;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoWebSocket> {
        let headers = &parts.headers;
        if parts.method != Method::GET || parts.version != Version::HTTP_11 {
            return Err(NoWebSocket("a WebSocket is opened with GET over HTTP/1.1"));
        }
        if !names(headers, &header::CONNECTION, "upgrade") || !names(headers, &header::UPGRADE, "websocket") {
            return Err(NoWebSocket("this address is for WebSockets"));
        }
        if !names(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(NoWebSocket("the WebSocket protocol's version must be 13"));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(NoWebSocket("Sec-WebSocket-Key is missing"))?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| NoWebSocket("a bad key"))?;
        let on_upgrade = parts.extensions.remove().ok_or(NoWebSocket("this connection cannot be upgraded"))?;
        Ok(Self { on_upgrade, accept })
    }
}

/// Whether a header that holds a list names something.
fn names(headers: &HeaderMap, header: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(header).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

impl Upgrade {
    /// Answers the handshake, and serves the socket once the answer is written.
    pub(crate) fn then<F, W>(self, shared: &Shared, serve: F) -> Response
    where
        F: FnOnce(Connected) -> W + Send + 'static,
        W: Future<Output = ()> + Send,
    {
        let Self { on_upgrade, accept } = self;
        shared.lifecycle.spawn("socket", async move {
            // The client is gone, or what carries the connection is nothing that can be written to directly.
            let Some(connected) = on_upgrade.await.ok().and_then(connected) else { return };
            serve(connected).await;
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        response
    }

    /// Refuses after the upgrade: a browser's script sees the close code, but never an HTTP status.
    pub(crate) fn refuse(self, shared: &Arc<Shared>, code: u16, reason: &'static str) -> Response {
        let of_socket = Arc::clone(shared);
        self.then(shared, move |connected| async move { refuse(connected, &of_socket, code, reason).await })
    }
}

/// Takes the connection from what HTTP had around it. What was read is copied: it would keep the request's buffer.
fn connected(upgraded: Upgraded) -> Option<Connected> {
    let parts = downcast::<TokioIo<TcpStream>>(upgraded).ok()?;
    Some(Connected { stream: parts.io.into_inner(), read: parts.read_buf[..].into() })
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
