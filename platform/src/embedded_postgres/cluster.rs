//! The data of the embedded Postgres: a folder with the cluster, its socket, its log and the lock.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use reqwest::Url;
use uuid::Uuid;

use super::account::Account;
use super::command::{Programs, tail};
use super::error::{PostgresError, io_error};
use super::provision::SUPERUSER;
use super::watchdog::STOP_TIMEOUT_SECONDS;

/// Seconds that a start may take: it may have to replay the write-ahead log.
const START_TIMEOUT_SECONDS: &str = "120";
/// The longest path of a unix socket, in bytes (`sun_path` of macOS; Linux has 4 more), without the closing zero.
const SOCKET_PATH_BYTES_MAX: usize = 103;
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Connections besides those of the instance that starts it: of other instances on the same database, of superusers, and
/// the server's own.
const EXTRA_CONNECTIONS: u32 = 70;
const SETTINGS_FILE: &str = "glassbox.conf";

#[derive(Debug, Clone)]
pub(super) struct Cluster {
    data_dir: PathBuf,
    socket_dir: PathBuf,
}

impl Cluster {
    /// Makes the folders, and checks that Postgres's user can reach them.
    pub(super) fn prepare(data_dir: &Path, programs: &Programs) -> Result<Self, PostgresError> {
        fs::create_dir_all(data_dir).map_err(io_error("cannot create", data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(io_error("cannot look at", data_dir))?;
        programs.account.check_can_reach(&data_dir, "postgres.data_dir")?;
        programs.account.give(&data_dir)?;
        let socket_dir = make_socket_dir(&data_dir, &programs.account)?;
        Ok(Self { data_dir, socket_dir })
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.data_dir.join("cluster")
    }

    pub(super) fn lock_file(&self) -> PathBuf {
        self.data_dir.join("lock")
    }

    fn server_log(&self) -> PathBuf {
        self.data_dir.join("server.log")
    }

    /// The URL at which `role` reaches `database`.
    pub(super) fn url(&self, role: &str, database: &str) -> String {
        let mut url = Url::parse("postgres://localhost").expect("this is a URL");
        url.set_username(role).expect("a URL with a host can have a user");
        url.set_path(database);
        url.query_pairs_mut().append_pair("host", &self.socket_dir.to_string_lossy());
        // Other clients than ours read a plus as a plus.
        url.as_str().replace('+', "%20")
    }

    /// Makes the cluster next to where it belongs and moves it there when it is whole, so that a first start that was
    /// broken off leaves no half of a cluster.
    pub(super) async fn create_if_missing(&self, programs: &Programs) -> Result<(), PostgresError> {
        let installed = programs.major_version().await?;
        if let Ok(written_by) = fs::read_to_string(self.dir().join("PG_VERSION")) {
            let (data_dir, written_by) = (self.data_dir.clone(), written_by.trim().to_owned());
            return if written_by == installed {
                Ok(())
            } else {
                Err(PostgresError::OtherVersion { data_dir, written_by, installed })
            };
        }
        let new = self.data_dir.join("cluster.new");
        if new.exists() {
            fs::remove_dir_all(&new).map_err(io_error("cannot remove", &new))?;
        }
        // The built-in locale came with Postgres 17: it sorts by code point and does not change with the machine.
        let locale: &[&str] = if installed.parse::<u32>().is_ok_and(|major| major < 17) {
            &["--locale=C.UTF-8"]
        } else {
            &["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        };
        let new_text = new.to_string_lossy();
        let arguments = ["-D", &new_text, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"];
        programs.run("initdb", &[&arguments, locale].concat()).await?;
        let main_settings = new.join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&main_settings)
            .and_then(|mut file| writeln!(file, "include_if_exists '{SETTINGS_FILE}'"))
            .map_err(io_error("cannot write", &main_settings))?;
        fs::rename(&new, self.dir()).map_err(io_error("cannot rename", &new))
    }

    /// Deals with what a process that was killed has left: a server that still runs is stopped, and a file that claims
    /// that one runs is removed. The caller holds the lock, so that it cannot be another process's.
    pub(super) async fn recover(&self, programs: &Programs) -> Result<(), PostgresError> {
        let pid_file = self.dir().join("postmaster.pid");
        if !pid_file.exists() {
            return Ok(());
        }
        if processes_in(&self.dir()).is_some_and(|processes| processes.is_empty()) {
            // The process id in it may belong to anybody by now, and Postgres would take that for a server.
            return fs::remove_file(&pid_file).map_err(io_error("cannot remove", &pid_file));
        }
        tracing::info!("stopping the embedded Postgres that an earlier process left running");
        let (dir, seconds) = (self.dir(), STOP_TIMEOUT_SECONDS.to_string());
        let arguments = ["stop", "-D", &dir.to_string_lossy(), "-m", "fast", "-w", "-s", "-t", &seconds];
        if let Err(error) = programs.run("pg_ctl", &arguments).await {
            // Without its main process, the others end by themselves. If something does run, the start will say so.
            tracing::warn!(%error, "the embedded Postgres of an earlier process did not stop in order");
        }
        Ok(())
    }

    pub(super) fn write_settings(&self, programs: &Programs, connections: u32) -> Result<(), PostgresError> {
        let path = self.dir().join(SETTINGS_FILE);
        let socket_dir = self.socket_dir.to_string_lossy().replace('\'', "''");
        let max_connections = connections + EXTRA_CONNECTIONS;
        let settings = format!(
            "# Written by GlassBox at each start.\n\
             listen_addresses = ''\n\
             unix_socket_directories = '{socket_dir}'\n\
             unix_socket_permissions = 0700\n\
             max_connections = {max_connections}\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             jit = off\n"
        );
        fs::write(&path, settings).map_err(io_error("cannot write", &path))?;
        programs.account.give(&path)
    }

    /// Starts the server and waits until it takes connections.
    pub(super) async fn start_server(&self, programs: &Programs) -> Result<(), PostgresError> {
        let log = self.server_log();
        if log.exists() {
            let old = self.data_dir.join("server.log.old");
            fs::rename(&log, &old).map_err(io_error("cannot rename", &log))?;
        }
        let (dir, log_text) = (self.dir(), log.to_string_lossy());
        let arguments =
            ["start", "-D", &dir.to_string_lossy(), "-l", &log_text, "-w", "-s", "-t", START_TIMEOUT_SECONDS];
        programs.run("pg_ctl", &arguments).await.map_err(|error| match error {
            PostgresError::Failed { program, status, output } => {
                let server_says = fs::read(&log).map(|text| tail(&text)).unwrap_or_default();
                PostgresError::Failed { program, status, output: format!("{output}\n{server_says}") }
            }
            other => other,
        })?;
        Ok(())
    }
}

/// The folder of the socket: in `data_dir`, unless that makes a path that is too long for a socket.
fn make_socket_dir(data_dir: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let inside = data_dir.join("socket");
    let dir = if inside.as_os_str().len() + 1 + SOCKET_NAME.len() <= SOCKET_PATH_BYTES_MAX {
        inside
    } else {
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, data_dir.as_os_str().as_bytes());
        PathBuf::from(format!("/tmp/glassbox-{}", name.simple()))
    };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Ok(()) => account.give(&dir)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(&dir).map_err(io_error("cannot look at", &dir))?;
            let is_closed = metadata.mode() & 0o777 == 0o700;
            if !metadata.is_dir() || metadata.uid() != account.uid || !is_closed {
                return Err(PostgresError::ForeignSocketDir { dir });
            }
        }
        Err(error) => return Err(io_error("cannot create", &dir)(error)),
    }
    Ok(dir)
}

/// The processes that work in `dir`, as those of a Postgres do in their cluster. `None` where there is no `/proc`.
fn processes_in(dir: &Path) -> Option<Vec<u32>> {
    let entries = fs::read_dir("/proc").ok()?;
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Some(pids.filter(|pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_with_a_long_path_has_its_socket_elsewhere() {
        let account = Account::for_postgres().unwrap();
        let root = tempfile::tempdir().unwrap();
        let long = root.path().join("a".repeat(SOCKET_PATH_BYTES_MAX));
        fs::create_dir(&long).unwrap();
        let socket_dir = make_socket_dir(&long, &account).unwrap();
        assert!(!socket_dir.starts_with(&long));
        assert_eq!(fs::metadata(&socket_dir).unwrap().mode() & 0o777, 0o700);
        assert_eq!(make_socket_dir(&long, &account).unwrap(), socket_dir);
        fs::remove_dir(socket_dir).unwrap();
        assert_eq!(make_socket_dir(root.path(), &account).unwrap(), root.path().join("socket"));
    }

    #[test]
    fn the_url_survives_strange_paths() {
        let socket_dir = PathBuf::from("/tmp/a b&c+d%/socket");
        let cluster = Cluster { data_dir: PathBuf::from("/tmp"), socket_dir: socket_dir.clone() };
        let url = cluster.url("glassbox", "glassbox");
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        assert_eq!(options.get_socket(), Some(&socket_dir));
        assert_eq!((options.get_username(), options.get_database()), ("glassbox", Some("glassbox")));
    }
}
