//! Postgres's own programs, run as its user.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use super::account::Account;
use super::error::{PostgresError, io_error};

/// Bytes of a failed program's output that go into the error, from its end.
const OUTPUT_BYTES_MAX: usize = 2000;

/// An installation of Postgres, and who runs it.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    bin: PathBuf,
    pub(super) account: Account,
}

impl Programs {
    pub(super) fn find(install_dir: Option<&Path>, account: Account) -> Result<Self, PostgresError> {
        let missing = |dir: &Path| PostgresError::NotInstalled { dir: dir.display().to_string() };
        let Some(dir) = install_dir else {
            return Err(PostgresError::NotInstalled { dir: "postgres.install_dir, which is not set".to_owned() });
        };
        let bin = dir.join("bin").canonicalize().map_err(|_| missing(dir))?;
        if ["postgres", "initdb", "pg_ctl"].iter().any(|program| !bin.join(program).is_file()) {
            return Err(missing(dir));
        }
        account.check_can_reach(&bin.join("postgres"), "postgres.install_dir")?;
        Ok(Self { bin, account })
    }

    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }

    /// A command that runs as Postgres's user, in a process group of its own: a terminal's Ctrl-C is for this process,
    /// which then ends Postgres in order.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        // Settings of the caller's shell must not redirect Postgres's programs.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").current_dir("/").process_group(0);
        if self.account.is_switched {
            command.uid(self.account.uid).gid(self.account.gid);
        }
        command
    }

    /// Runs a program to its end and returns what it printed.
    pub(super) async fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, PostgresError> {
        let path = self.path(program);
        let Output { status, stdout, stderr } =
            self.command(&path).args(arguments).output().await.map_err(io_error("cannot run", &path))?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        let output = [stdout, stderr].concat();
        Err(PostgresError::Failed { program, status: status.to_string(), output: tail(&output) })
    }

    /// The major version, such as `18`.
    pub(super) async fn major_version(&self) -> Result<String, PostgresError> {
        // "postgres (PostgreSQL) 18.1"
        let version = self.run("postgres", &["--version"]).await?;
        let number = version.split_whitespace().nth(2).unwrap_or_default();
        Ok(number.chars().take_while(char::is_ascii_digit).collect())
    }
}

/// The end of a program's output, for an error.
pub(super) fn tail(output: &[u8]) -> String {
    let start = output.len().saturating_sub(OUTPUT_BYTES_MAX);
    String::from_utf8_lossy(&output[start..]).trim().to_owned()
}
