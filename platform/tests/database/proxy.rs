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

/// What happens to the next COMMIT that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It reaches the server, the answer does not reach the client.
    LoseAnswer,
    /// It does not reach the server, and both sides lose the connection.
    LoseCommit,
    /// It does not reach the server, the client loses the connection, and the server notices on [`Proxy::release`].
    HoldCommit,
}

pub(crate) struct Proxy {
    fault: Arc<AtomicU8>,
    release: Arc<Notify>,
    pub(crate) db: Db,
}

impl Proxy {
    pub(crate) async fn new(test: &TestDatabase) -> Self {
        let target: PgConnectOptions = test.url().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(AtomicU8::new(Fault::None as u8));
        let release = Arc::new(Notify::new());
        let shared = (Arc::clone(&fault), Arc::clone(&release));
        let user = target.get_username().to_owned();
        let database = target.get_database().unwrap().to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (fault, release) = shared.clone();
                if let Some(socket_dir) = target.get_socket() {
                    let path = socket_dir.join(format!(".s.PGSQL.{}", target.get_port()));
                    tokio::spawn(pump(client, UnixStream::connect(path).await.unwrap(), fault, release));
                } else {
                    let server = TcpStream::connect((target.get_host(), target.get_port())).await.unwrap();
                    tokio::spawn(pump(client, server, fault, release));
                }
            }
        });
        let config = DatabaseConfig { url: None, max_connections: 4, connect_timeout_seconds: 5 };
        let url = format!("postgres://{user}:{user}@127.0.0.1:{port}/{database}?sslmode=disable");
        let db = Db::connect(&url, &config, Mode::Production).await.unwrap();
        Self { fault, release, db }
    }

    /// Lets `fault` happen to the next COMMIT.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Whether the fault that was [`set`](Self::set) took place.
    pub(crate) fn struck(&self) -> bool {
        self.fault.load(Ordering::SeqCst) == Fault::None as u8
    }

    /// Lets the server notice that the connection of a held COMMIT is gone.
    pub(crate) fn release(&self) {
        self.release.notify_one();
    }
}

async fn pump<S>(client: TcpStream, server: S, fault: Arc<AtomicU8>, release: Arc<Notify>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let mut answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        (from_server, to_client)
    });
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::select! {
            read = from_client.read(&mut buffer) => read.unwrap_or(0),
            _ = &mut answers => return,
        };
        if read == 0 {
            answers.abort();
            return;
        }
        let message = &buffer[..read];
        let is_commit = message.windows(6).any(|window| window == b"COMMIT");
        let fault = if is_commit { fault.swap(Fault::None as u8, Ordering::SeqCst) } else { Fault::None as u8 };
        if fault == Fault::None as u8 {
            if to_server.write_all(message).await.is_err() {
                return;
            }
            continue;
        }
        // The client's side is closed by the drop of its halves, one of which the answers' task holds.
        answers.abort();
        let _ = (&mut answers).await;
        drop(from_client);
        if fault == Fault::LoseAnswer as u8 {
            to_server.write_all(message).await.unwrap();
        } else if fault == Fault::HoldCommit as u8 {
            release.notified().await;
        }
        let _ = to_server.shutdown().await;
        return;
    }
}
