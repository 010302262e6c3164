//! Sees to it that Postgres ends when this process does, even when it is killed.
//!
//! The watchdog is a shell that waits for the end of its input, of which this process holds the other end, and then
//! stops Postgres. Its output is the lock file, so that the lock on the data is held until Postgres has ended.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, ChildStdin};

use super::cluster::Cluster;
use super::command::Programs;
use super::error::{PostgresError, io_error};

/// Seconds that a fast shutdown may take. Its checkpoint writes out what is in memory.
pub(super) const STOP_TIMEOUT_SECONDS: u64 = 60;

const SCRIPT: &str = r#"read -r _; exec "$0" stop -D "$1" -m fast -w -s -t "$2""#;

#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    /// When this is closed, Postgres is stopped.
    input: ChildStdin,
}

impl Watchdog {
    pub(super) fn start(programs: &Programs, cluster: &Cluster, lock: File) -> Result<Self, PostgresError> {
        let shell = Path::new("/bin/sh");
        let mut child = programs
            .command(shell)
            .arg("-c")
            .arg(SCRIPT)
            .arg(programs.path("pg_ctl"))
            .arg(cluster.dir())
            .arg(STOP_TIMEOUT_SECONDS.to_string())
            .stdin(Stdio::piped())
            .stdout(lock)
            .stderr(Stdio::null())
            .spawn()
            .map_err(io_error("cannot run", shell))?;
        let input = child.stdin.take().expect("the input was made a pipe");
        Ok(Self { child, input })
    }

    pub(super) async fn stop(self) -> Result<(), PostgresError> {
        let Self { mut child, input } = self;
        drop(input);
        let seconds = STOP_TIMEOUT_SECONDS + 5;
        let ended = tokio::time::timeout(Duration::from_secs(seconds), child.wait()).await;
        match ended {
            Err(_) => Err(PostgresError::StillRunning { seconds }),
            Ok(Err(source)) => Err(io_error("cannot wait for", Path::new("/bin/sh"))(source)),
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => {
                let output = "see server.log in postgres.data_dir".to_owned();
                Err(PostgresError::Failed { program: "pg_ctl stop", status: status.to_string(), output })
            }
        }
    }

    /// Ends the watchdog alone, as a kill of everything but Postgres does.
    #[cfg(test)]
    pub(super) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}
