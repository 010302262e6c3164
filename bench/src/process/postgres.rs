//! A Postgres of this program's own, for scenarios in which it goes and comes while the server lives on.

use std::env;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, User, geteuid};

use super::network::Place;
use super::server::kill_tree;
use super::watchdog::Watchdog;

/// The folder with `bin/postgres`, as the server reads it.
const INSTALL_DIR_VARIABLE: &str = "GLASSBOX_POSTGRES_INSTALL_DIR";
/// As root, Postgres runs as the first of these that exists.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];
/// How long it may take to take connections, or to stop.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);

/// How Postgres is asked to stop: the modes of `pg_ctl stop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// Takes no new connections, and waits until those that it has are closed.
    Smart,
    /// Ends its connections, rolls back what they had begun, and writes a checkpoint.
    Fast,
    /// Ends without a checkpoint; the next start recovers from the write-ahead log.
    Immediate,
}

impl Shutdown {
    /// The signal that asks the postmaster for it.
    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Smart => Signal::SIGTERM,
            Self::Fast => Signal::SIGINT,
            Self::Immediate => Signal::SIGQUIT,
        }
    }
}

/// A cluster and, while it runs, its server.
#[derive(Debug)]
pub(crate) struct Postgres {
    bin: PathBuf,
    data_dir: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    account: Option<User>,
    place: Option<Place>,
    running: Option<Child>,
    _watchdog: Watchdog,
}

impl Postgres {
    /// Makes a cluster in `folder` with the role and the database that the server needs, and starts it; with a place, in
    /// that network.
    pub(crate) fn create(folder: &Path, address: SocketAddr, place: Option<Place>) -> Result<Self> {
        let bin = install_dir()?.join("bin");
        let account = account()?;
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        if let Some(account) = &account {
            chown(folder, Some(account.uid.as_raw()), Some(account.gid.as_raw()))
                .context("giving Postgres a folder")?;
        }
        let (data_dir, log) = (folder.join("cluster"), folder.join("postgres.log"));
        // The children of a postmaster that is killed end by themselves.
        let stop = format!("kill -KILL $(head -n 1 '{}')", data_dir.join("postmaster.pid").display());
        let watchdog = Watchdog::start(&stop)?;
        let mut postgres = Self { bin, data_dir, log, address, account, place, running: None, _watchdog: watchdog };
        postgres.initialize()?;
        postgres.start()?;
        postgres.sql("postgres", "CREATE ROLE glassbox LOGIN NOSUPERUSER NOBYPASSRLS")?;
        postgres.sql("postgres", "CREATE DATABASE glassbox OWNER glassbox")?;
        postgres.sql("glassbox", "CREATE EXTENSION vector")?;
        Ok(postgres)
    }

    /// Whether a cluster can be made on this machine, as its environment says.
    pub(crate) fn is_available() -> bool {
        install_dir().is_ok()
    }

    /// Where the server finds its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://glassbox@{}/glassbox", self.address)
    }

    /// Its first process, while it runs.
    pub(crate) fn postmaster(&self) -> Option<Pid> {
        self.running.as_ref().map(|child| Pid::from_raw(child.id().cast_signed()))
    }

    /// Starts the server.
    pub(crate) fn launch(&mut self) -> Result<()> {
        ensure!(self.running.is_none(), "Postgres runs already");
        let log = File::options().create(true).append(true).open(&self.log).context("opening Postgres's log")?;
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data_dir).stdout(log.try_clone()?).stderr(log);
        self.running = Some(self.in_place(|| command.spawn().context("starting Postgres"))?);
        Ok(())
    }

    /// Starts the server and waits until it takes connections.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.launch()?;
        let deadline = Instant::now() + PATIENCE;
        while self.sql("postgres", "SELECT 1").is_err() {
            if let Some(status) = self.running.as_mut().and_then(|child| child.try_wait().transpose()) {
                bail!("Postgres has ended ({}), see {}", status?, self.log.display());
            }
            ensure!(Instant::now() < deadline, "Postgres does not answer, see {}", self.log.display());
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Whether it has ended since it was asked to, by [`Shutdown::signal`], or was never started.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        if let Some(child) = &mut self.running {
            if child.try_wait()?.is_none() {
                return Ok(false);
            }
            self.running = None;
        }
        Ok(true)
    }

    /// Ends all of it as a crash would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.running.take() else { return Ok(()) };
        kill_tree(Pid::from_raw(child.id().cast_signed()))?;
        child.wait()?;
        Ok(())
    }

    fn initialize(&self) -> Result<()> {
        let mut initdb = self.command("initdb");
        initdb.arg("-D").arg(&self.data_dir).args(["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        run(initdb)?;
        let settings = format!(
            "\nlisten_addresses = '{}'\nport = {}\nunix_socket_directories = ''\ntimezone = 'UTC'\njit = off\n",
            self.address.ip(),
            self.address.port(),
        );
        self.append_to("postgresql.conf", &settings)?;
        if self.place.is_some() { self.append_to("pg_hba.conf", "\nhost all all samenet trust\n") } else { Ok(()) }
    }

    fn append_to(&self, file: &str, text: &str) -> Result<()> {
        let path = self.data_dir.join(file);
        fs::write(&path, fs::read_to_string(&path)? + text).with_context(|| format!("writing {}", path.display()))
    }

    fn in_place<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        match self.place {
            Some(place) => place.within(work),
            None => work(),
        }
    }

    /// Runs a statement as the superuser: what it prints.
    pub(crate) fn sql(&self, database: &str, statement: &str) -> Result<String> {
        let mut psql = self.command("psql");
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement]);
        psql.arg(format!("postgres://postgres@{}/{database}", self.address));
        self.in_place(|| run(psql))
    }

    /// One of Postgres's programs, run as its user and apart from the terminal, whose Ctrl-C is for this program.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::null()).process_group(0);
        if let Some(account) = &self.account {
            command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The data is of no further use.
        let _ = self.kill();
    }
}

fn install_dir() -> Result<PathBuf> {
    let dir = env::var_os(INSTALL_DIR_VARIABLE).filter(|dir| !dir.is_empty());
    let dir = dir.map(PathBuf::from).with_context(|| {
        format!("set {INSTALL_DIR_VARIABLE} to a folder with bin/postgres (16 or newer, with pgvector)")
    })?;
    ensure!(dir.join("bin/postgres").is_file(), "there is no bin/postgres in {}", dir.display());
    Ok(dir)
}

/// Whom Postgres runs as, if not as the user of this process: it refuses to run as root.
fn account() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let user = UNPRIVILEGED_USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
    user.map(Some).context("Postgres refuses to run as root, and there is no user postgres or nobody")
}

fn run(mut command: Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {}", command.get_program().display()))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed ({}): {text} {}", command.get_program().display(), output.status, errors.trim());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::server::free_address;

    /// With the Postgres in `GLASSBOX_POSTGRES_INSTALL_DIR`, which `./dev test` sets.
    #[test]
    fn what_is_stored_survives_a_shutdown_and_a_crash() {
        let folder = env::temp_dir().join(format!("bench-test-postgres-{}", std::process::id()));
        let mut postgres = Postgres::create(&folder, free_address().unwrap(), None).unwrap();
        let privileged = "SELECT count(*) FROM pg_roles WHERE rolname = 'glassbox' AND (rolsuper OR rolbypassrls)";
        assert_eq!(postgres.sql("glassbox", privileged).unwrap(), "0");
        postgres.sql("glassbox", "CREATE TABLE kept AS SELECT 42 AS value").unwrap();

        nix::sys::signal::kill(postgres.postmaster().unwrap(), Shutdown::Fast.signal()).unwrap();
        while !postgres.has_ended().unwrap() {
            std::thread::sleep(POLL);
        }
        assert!(postgres.sql("glassbox", "SELECT 1").is_err());
        postgres.start().unwrap();
        postgres.kill().unwrap();
        postgres.start().unwrap();
        assert_eq!(postgres.sql("glassbox", "SELECT value FROM kept").unwrap(), "42");
        drop(postgres);
        fs::remove_dir_all(folder).unwrap();
    }
}
