//! A TCP proxy in front of Postgres that loses connections at the worst moments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use platform::config::{DatabaseConfig, Mode};
use platform::db::Db;
use platform::testing::TestDatabase;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Notify;

/// What happens to the next append that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It reaches the server, the answer does not reach the client.
    LoseAnswer,
    /// It does not reach the server, and both sides lose the connection.
    LoseRequest,
    /// The client loses the connection, and the server gets the append on [`Proxy::release`].
    DelayRequest,
}

pub(crate) struct Proxy {
    fault: Arc<AtomicU8>,
    release: Arc<Notify>,
    released: Arc<Notify>,
    pub(crate) db: Db,
}

impl Proxy {
    pub(crate) async fn new(test: &TestDatabase) -> Self {
        let target: PgConnectOptions = test.url().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(AtomicU8::new(Fault::None as u8));
        let (release, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let shared =
            Shared { fault: Arc::clone(&fault), release: Arc::clone(&release), released: Arc::clone(&released) };
        let user = target.get_username().to_owned();
        let database = target.get_database().unwrap().to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = shared.clone();
                if let Some(socket_dir) = target.get_socket() {
                    let path = socket_dir.join(format!(".s.PGSQL.{}", target.get_port()));
                    tokio::spawn(pump(client, UnixStream::connect(path).await.unwrap(), shared));
                } else {
                    let server = TcpStream::connect((target.get_host(), target.get_port())).await.unwrap();
                    tokio::spawn(pump(client, server, shared));
                }
            }
        });
        let config = DatabaseConfig { url: None, owner_url: None, max_connections: 4, connect_timeout_seconds: 5 };
        let url = format!("postgres://{user}:{user}@127.0.0.1:{port}/{database}?sslmode=disable");
        let db = Db::connect(&url, &config, Mode::Production).await.unwrap();
        Self { fault, release, released, db }
    }

    /// Lets `fault` happen to the next append.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Whether the fault that was [`set`](Self::set) took place.
    pub(crate) fn struck(&self) -> bool {
        self.fault.load(Ordering::SeqCst) == Fault::None as u8
    }

    /// Lets the server have a delayed append, and waits until it has answered it.
    pub(crate) async fn release(&self) {
        self.release.notify_one();
        self.released.notified().await;
    }
}

#[derive(Clone)]
struct Shared {
    fault: Arc<AtomicU8>,
    release: Arc<Notify>,
    released: Arc<Notify>,
}

async fn pump<S>(client: TcpStream, server: S, shared: Shared)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    const BIND: u8 = b'B';
    let Shared { fault, release, released } = shared;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let mut appends = false;
    let (mut request, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = tokio::select! {
            read = from_client.read(&mut request) => read.unwrap_or(0),
            read = from_server.read(&mut answer) => match read {
                Ok(read @ 1..) if to_client.write_all(&answer[..read]).await.is_ok() => continue,
                _ => return,
            },
        };
        if read == 0 {
            return;
        }
        let message = &request[..read];
        // The statement is named once per connection, and then executed with its arguments.
        appends |= message.windows(13).any(|window| window == b"append_to_log");
        let strikes = appends && message[0] == BIND;
        let fault = if strikes { fault.swap(Fault::None as u8, Ordering::SeqCst) } else { Fault::None as u8 };
        if fault == Fault::None as u8 {
            if to_server.write_all(message).await.is_err() {
                return;
            }
            continue;
        }
        drop((from_client, to_client));
        if fault == Fault::DelayRequest as u8 {
            release.notified().await;
        }
        if fault != Fault::LoseRequest as u8 {
            to_server.write_all(message).await.unwrap();
            let _ = from_server.read(&mut answer).await;
        }
        let _ = to_server.shutdown().await;
        released.notify_one();
        return;
    }
}
