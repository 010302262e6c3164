//! Accepting connections and reading requests from them, HTTP/1.1.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::{Admission, Client, Connection, TrustedProxies};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::limits::{Limit, LimitCounters, Limits};
use crate::metrics::Metrics;

/// The pause after a connection could not be accepted, for want of file descriptors mostly.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// A connection on which nothing was heard for so long is asked by the kernel whether it is there,
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
/// and so often,
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
/// and is gone when it does not answer, or does not take what it is sent, for so long. More than a socket may stall.
const UNANSWERED_MAX: Duration = Duration::from_secs(75);

/// What answers requests.
pub trait Application:
    Service<Request<Incoming>, Response = Response<Self::Answer>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its answers.
    type Answer: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Application for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Answer = B;
}

/// Serves HTTP on a listener.
pub struct HttpServer {
    admission: Admission,
    proxies: TrustedProxies,
    head_bytes: usize,
    head_time: Duration,
    reached: LimitCounters,
    lifecycle: Lifecycle,
}

impl HttpServer {
    /// A server that admits clients by these limits, and believes these proxies.
    #[must_use]
    pub fn new(
        limits: &Limits,
        proxies: TrustedProxies,
        clock: Arc<dyn Clock>,
        lifecycle: &Lifecycle,
        metrics: &Metrics,
    ) -> Self {
        let reached = metrics.limits();
        Self {
            admission: Admission::new(limits, clock, reached.clone()),
            proxies,
            head_bytes: limits.request_head_bytes,
            head_time: Duration::from_secs(limits.request_head_seconds),
            reached,
            lifecycle: lifecycle.clone(),
        }
    }

    /// Accepts connections until the process drains. Requests have a [`Client`] among their extensions.
    pub async fn run(self, listener: TcpListener, application: impl Application) {
        let server = Arc::new(self);
        let draining = server.lifecycle.draining();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = draining.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => server.accept(stream, peer, &application),
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn accept(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, application: &impl Application) {
        let connection = if self.proxies.trusts(peer.ip()) {
            Connection::Proxied(self.admission.clone())
        } else if let Ok(pass) = self.admission.admit(peer.ip().into()) {
            Connection::Direct(Arc::new(pass))
        } else {
            // Reset, so that nothing is left of it in the kernel either.
            let _ = stream.set_zero_linger();
            return;
        };
        // A client that is gone already is noticed when it is read from.
        let _ = prepare(&stream);
        let (server, application) = (Arc::clone(self), application.clone());
        let running = self.lifecycle.connection("http");
        self.lifecycle.spawn("http connection", async move {
            let _running = running;
            server.serve(stream, peer, connection, application).await;
        });
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr, connection: Connection, application: impl Application) {
        let is_proxied = matches!(connection, Connection::Proxied(_));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).max_header_size(self.head_bytes);
        // A proxy keeps its connections for requests to come, and passes on whole heads only.
        http.header_read_timeout((!is_proxied).then_some(self.head_time));
        let proxies = &self.proxies;
        let service = service_fn(|mut request: Request<Incoming>| {
            let address = proxies.client(peer.ip(), request.headers()).into();
            request.extensions_mut().insert(Client { address, connection: connection.clone() });
            application.call(request)
        });
        let mut served = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let draining = self.lifecycle.draining();
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = draining.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        match ended {
            Err(error) if error.is_timeout() => self.reached.count(Limit::RequestHeadTime),
            Err(error) if error.is_parse_too_large() => self.reached.count(Limit::RequestHeadBytes),
            // Clients go when they like.
            Ok(()) | Err(_) => {}
        }
    }
}

/// Small frames must leave at once, and who is gone without a word must be noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNANSWERED_MAX))?;
    Ok(())
}

/// Whether it is the fault of the connection that was about to be accepted.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}
