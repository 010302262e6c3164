//! The systems under measurement: a GlassBox, started for it or running already, the bare relay, and peers.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use nix::unistd::Pid;
use platform::config::Config;
use platform::embedded_postgres::EmbeddedPostgres;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::client::{Api, Attachment, Dialect};
use crate::process::Cores;
use crate::process::server::{Launch, START_TIMEOUT, ServerProcess, free_address, kill_tree, postmaster};
use crate::process::usage;

const POLL: Duration = Duration::from_millis(20);
/// Sockets that are opened at the same time.
const OPENING_AT_ONCE: usize = 50;
/// A started server closes documents that nobody uses after so many seconds, so that opening cold can be measured.
pub(crate) const IDLE_ROOM_SECONDS: u64 = 2;
/// For limits that are not to be measured.
const PLENTY: u64 = 1_000_000;

/// Which server to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerOptions {
    /// Measure a server that runs already, in development mode: host and port
    #[arg(long, global = true, value_name = "HOST:PORT", conflicts_with = "server_cmd")]
    pub(crate) server: Option<String>,

    /// Its process, so that CPU and memory can be measured
    #[arg(long, global = true, value_name = "PID", requires = "server")]
    pub(crate) server_pid: Option<i32>,

    /// How to start a server; by default `glassbox serve`, from the folder of this program
    #[arg(long, global = true, value_name = "COMMAND")]
    pub(crate) server_cmd: Option<String>,

    /// Where the server's Postgres keeps its data, if not in a folder made for this run
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) postgres_data_dir: Option<PathBuf>,
}

/// What every scenario needs.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) server: ServerOptions,
    pub(crate) cores: Cores,
    pub(crate) seed: u64,
    /// Holds the data and logs of the servers that are started.
    folder: PathBuf,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// The yardstick.
    Relay,
    /// The server under measurement.
    #[value(name = "glassbox")]
    #[serde(rename = "glassbox")]
    GlassBox,
    /// `@hocuspocus/server`.
    Hocuspocus,
    /// `@y/websocket-server`.
    YWebsocketServer,
    /// `y-sweet`.
    YSweet,
}

/// How a server is ended before it is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is asked to stop and may save what it has.
    Stop,
    /// As by a crash.
    Kill,
}

/// A system that can be connected to and measured.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) subject: Subject,
    pub(crate) address: SocketAddr,
    pub(crate) pid: Option<Pid>,
    pub(crate) postgres: Option<Pid>,
    pub(crate) process: Option<ServerProcess>,
    /// How it was started, if it was.
    pub(crate) launch: Option<Launch>,
}

impl Bench {
    /// Prepares a run.
    pub(crate) fn new(server: ServerOptions, seed: u64) -> Result<Self> {
        let cores = Cores::choose()?;
        crate::process::raise_open_files()?;
        let folder = std::env::temp_dir().join(format!("glassbox-bench-{}", Pid::this()));
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self { server, cores, seed, folder })
    }

    /// Where the data and logs of the servers are that were started.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Deletes what the servers that were started have left, and ends the Postgres of one that was killed.
    pub(crate) fn remove_folder(&self) {
        if let Some(left) = postmaster(&self.folder.join("data")) {
            let _ = kill_tree(left);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// A name of a scratch document that no other run uses.
    pub(crate) fn document(&self, name: &str) -> String {
        format!("scratch:bench-{}-{:x}-{name}", Pid::this(), self.seed)
    }

    /// How to start the server, on an address that is free now.
    pub(crate) fn launch(&self) -> Result<Launch> {
        let address = free_address()?;
        let command = self.server.server_cmd.clone().map_or_else(default_command, Ok)?;
        let data = self.postgres_data_dir();
        let environment = vec![
            ("GLASSBOX_SERVER_LISTEN", address.to_string()),
            ("GLASSBOX_SERVER_PUBLIC_URL", format!("http://{address}")),
            ("GLASSBOX_SERVER_MODE", "development".to_owned()),
            ("GLASSBOX_AUTH_DATA_DIR", self.folder.display().to_string()),
            ("GLASSBOX_POSTGRES_DATA_DIR", data.display().to_string()),
            ("GLASSBOX_FILES_DIR", self.folder.join("files").display().to_string()),
            ("GLASSBOX_LOG_LEVEL", "warn".to_owned()),
            ("GLASSBOX_LIMITS_IDLE_ROOM_SECONDS", IDLE_ROOM_SECONDS.to_string()),
            // All clients come from one address.
            ("GLASSBOX_LIMITS_CONNECTIONS_PER_ADDRESS_PER_SECOND", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_CONNECTIONS_PER_ADDRESS_BURST", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_UNAUTHENTICATED_CONNECTIONS_PER_ADDRESS", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_UNAUTHENTICATED_CONNECTIONS", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_UPGRADES_PER_MINUTE_PER_ADDRESS", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_UPGRADES_PER_MINUTE_PER_PRINCIPAL", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_DEV_TOKENS_PER_MINUTE_PER_ADDRESS", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_SOCKETS_PER_PRINCIPAL", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_DOCUMENTS_PER_PRINCIPAL", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_REQUESTS_PER_MINUTE_PER_PERSON", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_SEARCHES_PER_MINUTE_PER_PERSON", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_MESSAGES_PER_SECOND", PLENTY.to_string()),
            ("GLASSBOX_LIMITS_MESSAGE_BYTES_PER_SECOND", (1 << 30).to_string()),
        ];
        Ok(Launch { command, address, environment, log: self.folder.join("server.log") })
    }

    /// Where the data of the server's Postgres is.
    pub(crate) fn postgres_data_dir(&self) -> PathBuf {
        self.server.postgres_data_dir.clone().unwrap_or_else(|| self.folder.join("data"))
    }

    /// The server's Postgres, if its data folder is known and it runs.
    pub(crate) fn postmaster(&self) -> Option<Pid> {
        postmaster(&self.postgres_data_dir())
    }

    /// The `GlassBox` to measure: the running one, or a new one on a core of its own.
    pub(crate) async fn glassbox(&self) -> Result<System> {
        if let Some(server) = &self.server.server {
            let address = server.to_socket_addrs().with_context(|| format!("--server {server}"))?.next();
            let address = address.with_context(|| format!("--server {server}: no such address"))?;
            wait_until_serving(address, None).await?;
            let pid = self.server.server_pid.map(Pid::from_raw);
            let postgres = self.postmaster();
            return Ok(System { subject: Subject::GlassBox, address, pid, postgres, process: None, launch: None });
        }
        self.start(Subject::GlassBox, self.launch()?).await
    }

    /// The bare relay, on a core of its own.
    pub(crate) async fn relay(&self) -> Result<System> {
        let address = free_address()?;
        let command = format!("'{}' relay --listen {address}", std::env::current_exe()?.display());
        let log = self.folder.join("relay.log");
        self.start(Subject::Relay, Launch { command, address, environment: Vec::new(), log }).await
    }

    /// The bare handler, on the server's core and its database.
    pub(crate) async fn bare_handler(&self) -> Result<System> {
        let mut config = Config::default().postgres;
        config.data_dir = self.postgres_data_dir();
        config.install_dir = std::env::var_os("GLASSBOX_POSTGRES_INSTALL_DIR").map(Into::into).or(config.install_dir);
        let url = EmbeddedPostgres::url_of_running(&config)?.context("the server's Postgres is not running")?;
        let address = free_address()?;
        let command = format!("'{}' bare --listen {address}", std::env::current_exe()?.display());
        let command = format!("{command} --database-url '{url}'");
        let log = self.folder.join("bare.log");
        self.start(Subject::Relay, Launch { command, address, environment: Vec::new(), log }).await
    }

    /// Starts a system on a core of its own.
    pub(crate) async fn start(&self, subject: Subject, launch: Launch) -> Result<System> {
        let mut process = ServerProcess::start(&launch, Some(self.cores))?;
        let mut postgres = None;
        if subject == Subject::GlassBox {
            wait_until_serving(launch.address, Some(&mut process)).await?;
            postgres = self.postmaster();
            for pid in postgres.map(usage::process_tree).unwrap_or_default() {
                // It may be another user's, and then stays on the server's core.
                let _ = self.cores.release(pid);
            }
        } else {
            wait_until_listening(launch.address, &mut process).await?;
        }
        let pid = Some(process.pid());
        Ok(System { subject, address: launch.address, pid, postgres, process: Some(process), launch: Some(launch) })
    }

    /// Ends a system and starts it again, with what it has stored.
    pub(crate) async fn restart(&self, mut system: System, end: End) -> Result<System> {
        let launch = system.launch.take().context("only what was started here can be started again")?;
        if let (End::Kill, Some(process)) = (end, &mut system.process) {
            process.kill()?;
        }
        let subject = system.subject;
        drop(system);
        self.start(subject, launch).await
    }
}

impl Subject {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GlassBox => "glassbox",
            Self::Relay => "relay",
            Self::Hocuspocus => "hocuspocus",
            Self::YWebsocketServer => "y-websocket-server",
            Self::YSweet => "y-sweet",
        }
    }

    /// The dialect in which it is compared with others.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::GlassBox | Self::Relay | Self::YWebsocketServer => Dialect::Yjs,
            Self::Hocuspocus => Dialect::Hocuspocus,
            Self::YSweet => Dialect::YSweet,
        }
    }
}

impl System {
    /// Its name in tables.
    pub(crate) fn name(&self) -> &'static str {
        self.subject.name()
    }

    /// What opening a document takes beside its name; only our own dialect needs a token for scratch documents.
    pub(crate) async fn token(&self, dialect: Dialect) -> Result<Option<String>> {
        match (self.subject, dialect) {
            (Subject::GlassBox, Dialect::Ws | Dialect::WsDeflate) => {
                self.api()?.token("clients@bench.example").await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Opens a socket for each of the documents, in their order, each synced.
    pub(crate) async fn attach_all<'a>(
        &self,
        dialect: Dialect,
        documents: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<Attachment>> {
        let token = self.token(dialect).await?;
        let documents: Vec<_> = documents.collect();
        let mut attachments = Vec::with_capacity(documents.len());
        for some in documents.chunks(OPENING_AT_ONCE) {
            let open = |document| Attachment::open_synced(self.address, dialect, document, token.as_deref());
            let opened = try_join_all(some.iter().map(|document| open(document))).await?;
            attachments.extend(opened.into_iter().map(|(attachment, _)| attachment));
        }
        Ok(attachments)
    }

    /// CPU time of the server so far.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        self.pid.and_then(|pid| usage::cpu_time(pid).ok())
    }

    /// CPU time so far of the Postgres that the server runs on.
    pub(crate) fn postgres_cpu(&self) -> Option<Duration> {
        self.postgres.map(|postgres| usage::cpu_time_of_all(&usage::process_tree(postgres)))
    }

    /// Memory that the server holds, in bytes.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        self.pid.and_then(|pid| usage::resident_bytes(pid).ok())
    }

    /// Its HTTP side.
    pub(crate) fn api(&self) -> Result<Api> {
        Api::new(self.address)
    }
}

/// `glassbox serve`, from the folder of this program.
fn default_command() -> Result<String> {
    let binary = std::env::current_exe()?.with_file_name("glassbox");
    ensure!(
        binary.exists(),
        "there is no server at {}; build it (cargo build --release -p glassbox), or give --server or --server-cmd",
        binary.display()
    );
    Ok(format!("'{}' serve", binary.display()))
}

/// Waits until somebody listens.
async fn wait_until_listening(address: SocketAddr, process: &mut ServerProcess) -> Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    while TcpStream::connect(address).await.is_err() {
        process.check_alive()?;
        if Instant::now() > deadline {
            bail!("nobody listens at {address}");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Waits until a server in development mode gives out tokens.
pub(crate) async fn wait_until_serving(address: SocketAddr, mut process: Option<&mut ServerProcess>) -> Result<()> {
    let api = Api::new(address)?;
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        let Err(error) = api.token("ready@bench.example").await else { return Ok(()) };
        if let Some(process) = &mut process {
            process.check_alive()?;
        }
        if Instant::now() > deadline {
            return Err(error.context(format!("the server at {address} does not answer")));
        }
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_set_for_a_server_is_what_servers_read() {
        let options = ServerOptions {
            server: None,
            server_pid: None,
            server_cmd: Some("true".to_owned()),
            postgres_data_dir: None,
        };
        let bench = Bench::new(options, 1).unwrap();
        let launch = bench.launch().unwrap();
        bench.remove_folder();
        let read = RefCell::new(BTreeSet::new());
        Config::load(None, &|name| {
            read.borrow_mut().insert(name.to_owned());
            launch.environment.iter().find(|(set, _)| *set == name).map(|(_, value)| value.clone())
        })
        .unwrap();
        for (set, _) in &launch.environment {
            assert!(read.borrow().contains(*set), "{set}");
        }
    }
}
