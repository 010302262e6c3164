//! From an HTTP request to a socket.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::OptionFuture;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use platform::auth::{AuthError, Principal};
use platform::config::Mode;
use platform::ingress::{Client, ClientAddress, Pass};
use platform::limits::Limit;
use platform::rate_limiter::Whom;
use schema::ids::DocumentName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use uuid::Uuid;
use web_protocol::close as code;

use crate::principals::{Place, What, whom};
use crate::server::{Authority, Shared, SyncServer};
use crate::socket::refuse;

/// The query of a socket's address.
#[derive(Deserialize)]
pub(crate) struct Query {
    pub(crate) token: Option<String>,
}

/// A request that asks for a WebSocket (RFC 6455 §4.2).
pub(crate) struct Upgrade {
    connection: OnUpgrade,
    accept: HeaderValue,
    /// Where the client is.
    pub(crate) address: ClientAddress,
    pass: Option<Arc<Pass>>,
}

/// A connection whose handshake is over.
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    /// What the client sent together with its handshake.
    pub(crate) read: Box<[u8]>,
    /// Kept until it is known who this is; none for a connection that nobody counts.
    pub(crate) pass: Option<Arc<Pass>>,
}

/// Why a request cannot become a socket.
#[derive(Debug)]
pub(crate) enum NoWebSocket {
    /// It is no request for one.
    Malformed(&'static str),
    /// Its address has too many, or opens them too fast.
    TooMany(Duration),
}

/// After this time somebody whose address has too many connections may try again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl IntoResponse for NoWebSocket {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, why).into_response(),
            Self::TooMany(wait) => {
                let retry = [(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1))];
                (StatusCode::TOO_MANY_REQUESTS, retry, "too many connections come from this address").into_response()
            }
        }
    }
}

impl FromRequestParts<SyncServer> for Upgrade {
    type Rejection = NoWebSocket;

    async fn from_request_parts(parts: &mut Parts, server: &SyncServer) -> Result<Self, NoWebSocket> {
        let headers = &parts.headers;
        if parts.method != Method::GET || parts.version != Version::HTTP_11 {
            return Err(NoWebSocket::Malformed("a WebSocket is opened with GET over HTTP/1.1"));
        }
        if !names(headers, &header::CONNECTION, "upgrade") || !names(headers, &header::UPGRADE, "websocket") {
            return Err(NoWebSocket::Malformed("this address is for WebSockets"));
        }
        if !names(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(NoWebSocket::Malformed("the WebSocket protocol's version must be 13"));
        }
        let key =
            headers.get(header::SEC_WEBSOCKET_KEY).ok_or(NoWebSocket::Malformed("Sec-WebSocket-Key is missing"))?;
        let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()))
            .map_err(|_| NoWebSocket::Malformed("a bad key"))?;
        let connection =
            parts.extensions.remove().ok_or(NoWebSocket::Malformed("this connection cannot be upgraded"))?;
        // Last, because it counts.
        let client = parts.extensions.get::<Client>();
        let address = client.map_or(ClientAddress::UNKNOWN, Client::address);
        server.shared.count_upgrade(address).await?;
        let pass = client.map(Client::admit_socket).transpose().map_err(|_| NoWebSocket::TooMany(RETRY_AFTER))?;
        Ok(Self { connection, accept, address, pass })
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
        W: Future<Output = ()> + Send + 'static,
    {
        let Self { connection, accept, pass, .. } = self;
        // Nothing if the client is gone, or if what carries the connection is nothing that can be written to directly.
        let connected = connection.map(move |upgraded| connected(upgraded.ok()?, pass));
        // No async block: that would keep room for what leads to the socket for as long as it is open.
        let served = connected.then(|connected| OptionFuture::from(connected.map(serve)));
        shared.lifecycle.spawn("socket", served.map(drop));
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        response
    }

    /// Notes that it is known who asks.
    pub(crate) fn authenticated(&self) {
        if let Some(pass) = &self.pass {
            pass.authenticated();
        }
    }

    /// Refuses after the upgrade: a browser's script sees the close code, but never an HTTP status.
    pub(crate) fn refuse(self, shared: &Arc<Shared>, code: u16, reason: &'static str) -> Response {
        let of_socket = Arc::clone(shared);
        self.then(shared, move |connected| async move { refuse(connected, &of_socket, code, reason).await })
    }
}

/// Takes the connection from what HTTP had around it. What was read is copied: it would keep the request's buffer.
fn connected(upgraded: Upgraded, pass: Option<Arc<Pass>>) -> Option<Connected> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some(Connected { stream: parts.io.into_inner(), read: parts.read_buf[..].into(), pass })
}

impl Shared {
    /// Counts a socket that is about to be opened, on all instances.
    async fn count_upgrade(&self, address: ClientAddress) -> Result<(), NoWebSocket> {
        let verdict = self.rate_limiter.take(&self.limits.upgrades_of_address(), Whom::Address(address)).await;
        let Some(wait) = verdict.retry_after else { return Ok(()) };
        self.reached.count(Limit::UpgradesOfAddress);
        Err(NoWebSocket::TooMany(wait))
    }

    /// Gives a principal a place for one more socket. An error is the close code and reason.
    pub(crate) async fn place_for_socket(
        &self,
        principal: &Principal,
        address: ClientAddress,
    ) -> Result<Place, (u16, &'static str)> {
        let whom = whom(principal, address);
        // Those of an address were counted when it asked.
        if matches!(whom, Whom::Principal(_))
            && !self.rate_limiter.take(&self.limits.upgrades_of_principal(), whom).await.is_allowed()
        {
            self.reached.count(Limit::UpgradesOfPrincipal);
            return Err((code::TOO_MANY, "sockets are opened too fast"));
        }
        self.principals.place(principal, address, What::Socket).ok_or((code::TOO_MANY, "too many sockets are open"))
    }
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
