//! The systems under measurement: a GlassBox, started for it or running already, and the bare relay.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use futures_util::future::try_join_all;
use nix::unistd::Pid;
use tokio::net::TcpStream;

use crate::client::{Api, Attachment, Dialect};
use crate::process::Cores;
use crate::process::server::{Launch, START_TIMEOUT, ServerProcess, free_address, postmaster};
use crate::process::usage;

const POLL: Duration = Duration::from_millis(20);
/// Sockets that are opened at the same time.
const OPENING_AT_ONCE: usize = 50;
/// A started server closes documents that nobody uses after so many seconds, so that opening cold can be measured.
pub(crate) const IDLE_ROOM_SECONDS: u64 = 2;

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

/// What a system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The server under measurement.
    #[value(name = "glassbox")]
    GlassBox,
    /// The yardstick.
    Relay,
}

/// A system that can be connected to and measured.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) pid: Option<Pid>,
    pub(crate) postgres: Option<Pid>,
    pub(crate) process: Option<ServerProcess>,
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

    /// Deletes what the servers that were started have left.
    pub(crate) fn remove_folder(&self) {
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
            ("GLASSBOX_LOG_LEVEL", "warn".to_owned()),
            ("GLASSBOX_LIMITS_IDLE_ROOM_SECONDS", IDLE_ROOM_SECONDS.to_string()),
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
            return Ok(System { kind: Kind::GlassBox, address, pid, postgres: self.postmaster(), process: None });
        }
        let launch = self.launch()?;
        let mut process = ServerProcess::start(&launch, Some(self.cores))?;
        wait_until_serving(launch.address, Some(&mut process)).await?;
        let postgres = self.postmaster();
        for pid in postgres.map(usage::process_tree).unwrap_or_default() {
            // It may be another user's, and then stays on the server's core.
            let _ = self.cores.release(pid);
        }
        let pid = Some(process.pid());
        Ok(System { kind: Kind::GlassBox, address: launch.address, pid, postgres, process: Some(process) })
    }

    /// The bare relay, on a core of its own.
    pub(crate) async fn relay(&self) -> Result<System> {
        let address = free_address()?;
        let command = format!("'{}' relay --listen {address}", std::env::current_exe()?.display());
        let log = self.folder.join("relay.log");
        let launch = Launch { command, address, environment: Vec::new(), log };
        let mut process = ServerProcess::start(&launch, Some(self.cores))?;
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(address).await.is_err() {
            process.check_alive()?;
            if Instant::now() > deadline {
                bail!("the relay does not answer");
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(System { kind: Kind::Relay, address, pid: Some(process.pid()), postgres: None, process: Some(process) })
    }
}

impl System {
    /// Its name in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::GlassBox => "glassbox",
            Kind::Relay => "relay",
        }
    }

    /// Opens a socket for each of the documents, in their order, each synced. The relay has nothing to sync with.
    pub(crate) async fn attach_all<'a>(
        &self,
        dialect: Dialect,
        documents: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<Attachment>> {
        let token = match (self.kind, dialect) {
            (Kind::GlassBox, Dialect::Ws) => Some(self.api()?.token("clients@bench.example").await?),
            _ => None,
        };
        let documents: Vec<_> = documents.collect();
        let mut attachments = Vec::with_capacity(documents.len());
        for some in documents.chunks(OPENING_AT_ONCE) {
            let opening = some.iter().map(|document| self.attach(dialect, document, token.as_deref()));
            attachments.extend(try_join_all(opening).await?);
        }
        Ok(attachments)
    }

    async fn attach(&self, dialect: Dialect, document: &str, token: Option<&str>) -> Result<Attachment> {
        match self.kind {
            Kind::Relay => Attachment::open(self.address, Dialect::Yjs, document, None).await,
            Kind::GlassBox => Ok(Attachment::open_synced(self.address, dialect, document, token).await?.0),
        }
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
