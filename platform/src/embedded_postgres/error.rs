//! What can go wrong with the embedded Postgres, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded Postgres does not run.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No programs.
    #[error(
        "there is no Postgres to run in {dir}: set postgres.install_dir to a folder with bin/postgres, or set \
         DATABASE_URL to a database of your own (Postgres 16 or newer with pgvector)"
    )]
    NotInstalled {
        /// Where they were expected.
        dir: String,
    },
    /// Root, and nobody else to run it as.
    #[error(
        "Postgres refuses to run as root, and there is no other user to run it as: add a user named postgres, or start \
         GlassBox as another user"
    )]
    NoAccount,
    /// A folder on the way is closed to the user.
    #[error(
        "Postgres runs as user {user}, who may not enter {} (mode {mode:o}), which is on the way to {setting}: allow it \
         with chmod o+x, or set {setting} to a folder elsewhere", dir.display()
    )]
    Unreachable {
        /// The user that Postgres runs as.
        user: String,
        /// The folder that is closed.
        dir: PathBuf,
        /// Its permissions.
        mode: u32,
        /// The configuration key.
        setting: &'static str,
    },
    /// Another process runs it.
    #[error(
        "another GlassBox is using the data in {}: stop it, or set postgres.data_dir to another folder", data_dir.display()
    )]
    InUse {
        /// The folder.
        data_dir: PathBuf,
    },
    /// The data was written by another major version.
    #[error(
        "the data in {} was written by Postgres {written_by}, and postgres.install_dir holds Postgres {installed}: use \
         Postgres {written_by}, or move the data with pg_dump", data_dir.display()
    )]
    OtherVersion {
        /// The folder.
        data_dir: PathBuf,
        /// The version of the data.
        written_by: String,
        /// The version of the programs.
        installed: String,
    },
    /// A folder for sockets that somebody else made.
    #[error("{} belongs to somebody else: remove it, or set postgres.data_dir to a shorter path", dir.display())]
    ForeignSocketDir {
        /// The folder.
        dir: PathBuf,
    },
    /// One of its programs failed.
    #[error("{program} failed ({status}): {output}")]
    Failed {
        /// Which program.
        program: &'static str,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        output: String,
    },
    /// It did not stop in time.
    #[error("Postgres did not stop within {seconds} s; the next start will deal with that")]
    StillRunning {
        /// How long was waited.
        seconds: u64,
    },
    /// The file system.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The server runs and refuses to do its part.
    #[error("the embedded Postgres could not be set up: {0}")]
    Database(#[from] sqlx::Error),
}

/// For `map_err`: says what was tried on which path.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PostgresError {
    let path = path.to_owned();
    move |source| PostgresError::Io { doing, path, source }
}
