//! One of the instances, and whoever keeps it running.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::plan::Party;
use crate::process::server::{Launch, ServerProcess};

const PORT: u16 = 8080;
/// Between the failure of a start and the next.
const RESTART_PAUSE: Duration = Duration::from_millis(300);
/// `server.shutdown_grace_seconds` of the instances.
const GRACE_SECONDS: u64 = 5;
/// An instance that was told to stop is gone after so long.
const STOP_PATIENCE: Duration = Duration::from_secs(GRACE_SECONDS + 10);
/// What a server writes once it serves.
const SERVING: &str = "GlassBox is at ";

/// An instance: one process after the other.
#[derive(Debug)]
pub(super) struct Instance {
    name: String,
    launch: Launch,
    log: PathBuf,
    starts: u32,
    state: State,
    /// Whether it is to be started when it does not run.
    pub(super) is_wanted: bool,
}

#[derive(Debug)]
enum State {
    Down { since: Instant },
    Running(ServerProcess),
    Stopping(ServerProcess, Instant),
}

impl Instance {
    pub(super) fn new(index: usize, folder: &Path, command: &str, database_url: &str, redis_url: &str) -> Self {
        let (party, address) = (Party::Instance(index), Self::address(index));
        let settings: [(&'static str, String); 18] = [
            ("DATABASE_URL", database_url.to_owned()),
            ("REDIS_URL", redis_url.to_owned()),
            ("GLASSBOX_SERVER_LISTEN", address.to_string()),
            ("GLASSBOX_SERVER_PUBLIC_URL", format!("http://{address}")),
            ("GLASSBOX_SERVER_MODE", "development".to_owned()),
            ("GLASSBOX_SERVER_SHUTDOWN_GRACE_SECONDS", GRACE_SECONDS.to_string()),
            ("GLASSBOX_AUTH_TOKEN_SECRET", "the same on every instance of this bench".to_owned()),
            ("GLASSBOX_AUTH_DATA_DIR", folder.display().to_string()),
            ("GLASSBOX_FILES_DIR", folder.join("files").display().to_string()),
            ("GLASSBOX_LOG_LEVEL", "info".to_owned()),
            ("GLASSBOX_DATABASE_CONNECT_TIMEOUT_SECONDS", "3".to_owned()),
            ("GLASSBOX_LIMITS_IDLE_ROOM_SECONDS", "1".to_owned()),
            ("GLASSBOX_LIMITS_PRESENCE_TIMEOUT_SECONDS", "5".to_owned()),
            ("GLASSBOX_LIMITS_HEARTBEAT_SECONDS", "1".to_owned()),
            ("GLASSBOX_LIMITS_ACCESS_CHECK_SECONDS", "1".to_owned()),
            ("GLASSBOX_LIMITS_HEAD_CHECK_MS", "200".to_owned()),
            ("GLASSBOX_LIMITS_HEAD_CHECK_WITH_REDIS_MS", "1000".to_owned()),
            ("GLASSBOX_LIMITS_SNAPSHOT_EVERY_UPDATES", "100".to_owned()),
        ];
        let launch = Launch {
            command: format!("ip netns exec {} {command}", party.place().namespace()),
            address,
            environment: settings.into(),
            log: PathBuf::new(),
        };
        let (log, state) = (folder.to_owned(), State::Down { since: Instant::now() });
        Self { name: party.to_string(), launch, log, starts: 0, state, is_wanted: false }
    }

    pub(super) fn address(index: usize) -> SocketAddr {
        (Party::Instance(index).place().address(), PORT).into()
    }

    pub(super) fn pid(&self) -> Option<Pid> {
        match &self.state {
            State::Running(process) | State::Stopping(process, _) => Some(process.pid()),
            State::Down { .. } => None,
        }
    }

    /// Ends it as a crash would.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.is_wanted = false;
        if let State::Running(mut process) | State::Stopping(mut process, _) = self.down() {
            process.kill()?;
        }
        Ok(())
    }

    /// Tells it to stop.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.is_wanted = false;
        self.state = match self.down() {
            State::Running(process) => {
                kill(process.pid(), Signal::SIGTERM)?;
                State::Stopping(process, Instant::now())
            }
            other => other,
        };
        Ok(())
    }

    fn down(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Down { since: Instant::now() })
    }

    /// Starts it if it should run and does not. Fails when it has ended although it served, or does not end.
    pub(super) fn look_after(&mut self) -> Result<()> {
        match &mut self.state {
            State::Running(process) => {
                if let Err(ended) = process.check_alive() {
                    // Without its database a server does not start; somebody starts it again.
                    ensure!(!self.log().contains(SERVING), "{} has ended by itself: {ended}", self.name);
                    self.down();
                }
            }
            State::Stopping(process, since) => {
                if process.check_alive().is_err() {
                    self.down();
                } else if since.elapsed() > STOP_PATIENCE {
                    bail!("{} was told to stop and has not for {STOP_PATIENCE:?}", self.name);
                }
            }
            State::Down { since } if self.is_wanted && (self.starts == 0 || since.elapsed() > RESTART_PAUSE) => {
                self.starts += 1;
                self.launch.log = self.log.join(format!("{}-{}.log", self.name, self.starts));
                self.state = State::Running(ServerProcess::start(&self.launch, None)?);
            }
            State::Down { .. } => {}
        }
        Ok(())
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.launch.log).unwrap_or_default()
    }

    /// Fails when it says that it panicked, since its last start.
    pub(super) fn check_log(&self) -> Result<()> {
        let log = self.log();
        let panic = log.lines().find(|line| line.contains("panicked"));
        panic.map_or(Ok(()), |line| bail!("{}: {line}", self.name)).context("an instance has panicked")
    }
}
