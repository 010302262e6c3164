//! Starting, measuring, stopping and killing a server.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Cores;
use super::usage::{parent_in, process_tree};

/// How long a server may take to answer after its start.
pub(crate) const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How long it may take to stop when asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);
/// How much of a log is shown when a server does not start, in lines.
const LOG_LINES: usize = 20;

/// What a command line starts, and where it will listen.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    /// Run by `sh`.
    pub(crate) command: String,
    pub(crate) address: SocketAddr,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Receives what the server writes.
    pub(crate) log: PathBuf,
}

/// A server that this program has started. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts a server. With cores, it runs on its own one.
    pub(crate) fn start(launch: &Launch, cores: Option<Cores>) -> Result<Self> {
        let log = File::options().create(true).append(true).open(&launch.log).context("opening the server's log")?;
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec {}", launch.command));
        command.envs(launch.environment.iter().map(|(key, value)| (key, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A child inherits the core, and a runtime in it counts its threads by that.
        if let Some(cores) = cores {
            Cores::pin_this_thread(cores.server)?;
        }
        let child = command.spawn().with_context(|| format!("starting {}", launch.command));
        if let Some(cores) = cores {
            Cores::pin_this_thread(cores.generator)?;
        }
        Ok(Self { child: child?, log: launch.log.clone() })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        // Process ids are positive and far below 2^31 (the kernel's PID_MAX_LIMIT is 2^22).
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Fails when the server has ended by itself.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        bail!("the server has ended ({status}); the end of its log:\n{last}");
    }

    /// Ends the server as a crash would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing the server")?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let _ = kill(self.pid(), Signal::SIGTERM);
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(POLL);
        }
        let _ = self.kill();
    }
}

/// An address of this machine on which nothing listens.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr())?)
}

/// The Postgres whose data lies in or below `folder`: its first process, if it runs.
pub(crate) fn postmaster(folder: &Path) -> Option<Pid> {
    let below = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = std::iter::once(folder.to_owned()).chain(below);
    folders.into_iter().find_map(|folder| {
        let lock = fs::read_to_string(folder.join("postmaster.pid")).ok()?;
        let pid = Pid::from_raw(lock.lines().next()?.trim().parse().ok()?);
        (!is_gone(pid)).then_some(pid)
    })
}

/// Ends a process and all that it has started, as a crash of the machine would, and waits until they are gone.
pub(crate) fn kill_tree(root: Pid) -> Result<()> {
    let tree = process_tree(root);
    for pid in &tree {
        match kill(*pid, Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("killing process {pid}")),
        }
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    while tree.iter().any(|pid| !is_gone(*pid)) {
        if Instant::now() > deadline {
            bail!("process {root} does not die");
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Whether a process is there no more. One that has ended still counts for those who look for its id, until its
/// parent takes note; if that is this program, it has ended.
fn is_gone(pid: Pid) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let ended = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'));
    ended && parent_in(&stat) == Some(Pid::this().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(command: &str) -> Launch {
        Launch {
            command: command.to_owned(),
            address: free_address().unwrap(),
            environment: Vec::new(),
            log: std::env::temp_dir().join(format!("bench-test-{}.log", command.len())),
        }
    }

    #[test]
    fn a_tree_is_killed_whole() {
        let server = ServerProcess::start(&launch("sh -c 'sleep 1000 & sleep 1001; true'"), None).unwrap();
        while process_tree(server.pid()).len() < 3 {
            std::thread::sleep(POLL);
        }
        let tree = process_tree(server.pid());
        kill_tree(server.pid()).unwrap();
        assert!(tree.iter().all(|pid| is_gone(*pid)));
    }

    #[test]
    fn a_server_that_has_ended_is_reported_with_its_log() {
        let launch = launch("sh -c 'echo no database; exit 3'");
        let _ = fs::remove_file(&launch.log);
        let mut server = ServerProcess::start(&launch, None).unwrap();
        let error = loop {
            match server.check_alive() {
                Ok(()) => std::thread::sleep(POLL),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("no database") && error.contains('3'), "{error}");
    }
}
