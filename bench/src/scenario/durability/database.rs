//! The database under the server, which crashes or stops and comes back.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::task::spawn_blocking;

use crate::process::postgres::{Postgres, Shutdown};
use crate::process::server::{kill_tree, postmaster};

/// How long a fast or immediate shutdown may take.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

/// The database of a run.
#[derive(Debug)]
pub(super) enum Database {
    /// One of this program's own.
    Own(Box<Postgres>),
    /// One whose data is in this folder: the server's embedded one, or somebody else's.
    Found {
        data_dir: PathBuf,
        /// Starts it again, if the server does not do that itself.
        start_command: Option<String>,
    },
}

impl Database {
    /// Ends it as a crash would. Returns when all of it is gone.
    pub(super) fn crash(&mut self) -> Result<()> {
        match self {
            Self::Own(postgres) => postgres.kill(),
            Self::Found { data_dir, .. } => kill_tree(running_in(data_dir)?),
        }
    }

    /// Stops it in order. A smart shutdown waits for the server to close its connections, which it has no reason to
    /// do: after `smart_patience`, a fast one follows, as it would by hand.
    pub(super) async fn stop(&mut self, how: Shutdown, smart_patience: Duration) -> Result<()> {
        self.ask_to_stop(how)?;
        if how == Shutdown::Smart && !self.has_stopped_within(smart_patience).await? {
            self.ask_to_stop(Shutdown::Fast)?;
        }
        ensure!(self.has_stopped_within(STOP_PATIENCE).await?, "Postgres does not stop");
        Ok(())
    }

    fn ask_to_stop(&self, how: Shutdown) -> Result<()> {
        let postmaster = match self {
            Self::Own(postgres) => postgres.postmaster().context("Postgres does not run")?,
            Self::Found { data_dir, .. } => running_in(data_dir)?,
        };
        kill(postmaster, how.signal()).context("asking Postgres to stop")
    }

    async fn has_stopped_within(&mut self, patience: Duration) -> Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            let has_stopped = match self {
                Self::Own(postgres) => postgres.has_ended()?,
                Self::Found { data_dir, .. } => postmaster(data_dir).is_none(),
            };
            if has_stopped || Instant::now() > deadline {
                return Ok(has_stopped);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Starts it again and waits until it takes connections, while the writers go on. One that the server starts by
    /// itself is left to it.
    pub(super) async fn start(self) -> Result<Self> {
        match self {
            Self::Own(mut postgres) => {
                let started = spawn_blocking(move || postgres.start().map(|()| postgres));
                Ok(Self::Own(started.await??))
            }
            Self::Found { start_command: Some(ref command), .. } => {
                let status = Command::new("sh").arg("-c").arg(command).stdout(Stdio::null()).status().await?;
                ensure!(status.success(), "{command} failed: {status}");
                Ok(self)
            }
            Self::Found { start_command: None, .. } => Ok(self),
        }
    }
}

fn running_in(data_dir: &std::path::Path) -> Result<Pid> {
    postmaster(data_dir).context("no running Postgres is known: give its --postgres-data-dir")
}
