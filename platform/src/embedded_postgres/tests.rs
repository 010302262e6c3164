//! With a real Postgres, from the folder in `GLASSBOX_POSTGRES_INSTALL_DIR`, which `./dev test` sets.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::*;

const CONNECTIONS: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(30);

fn config(data: &TempDir) -> PostgresConfig {
    let install_dir = std::env::var_os("GLASSBOX_POSTGRES_INSTALL_DIR").map(PathBuf::from);
    assert!(install_dir.is_some(), "set GLASSBOX_POSTGRES_INSTALL_DIR, or run ./dev test");
    PostgresConfig { install_dir, data_dir: data.path().join("data") }
}

/// A folder that Postgres's user can reach.
fn open_folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
    data
}

async fn number(url: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

async fn execute(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query(statement).execute(&mut connection).await.unwrap();
}

fn pid_file(data: &Path) -> PathBuf {
    data.join("data/cluster/postmaster.pid")
}

fn postmaster(data: &Path) -> u32 {
    fs::read_to_string(pid_file(data)).unwrap().lines().next().unwrap().parse().unwrap()
}

/// A process of Postgres's user that is not Postgres.
fn innocent_process(config: &PostgresConfig) -> tokio::process::Child {
    let programs = Programs::find(config.install_dir.as_deref(), Account::for_postgres().unwrap()).unwrap();
    programs.command(Path::new("/bin/sleep")).arg("600").kill_on_drop(true).spawn().unwrap()
}

async fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

#[tokio::test]
async fn a_first_start_makes_an_unprivileged_role_and_what_is_stored_survives_a_restart() {
    let data = open_folder();
    let (postgres, url) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    let privileges =
        "SELECT count(*) FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls OR rolcreaterole)";
    assert_eq!(number(&url, privileges).await, 0);
    assert_eq!(number(&url, "SELECT count(*) FROM pg_extension WHERE extname = 'vector'").await, 1);
    assert_eq!(number(&url, "SELECT count(*) FROM pg_settings WHERE name = 'fsync' AND setting = 'on'").await, 1);
    let utf8 = "SELECT count(*) FROM pg_database WHERE datname = current_database() AND encoding = 6";
    assert_eq!(number(&url, utf8).await, 1);
    let owner = postgres.owner_url();
    assert_eq!(number(&owner, privileges).await, 0);
    let may_create = "SELECT has_schema_privilege('public', 'CREATE')::int::bigint";
    assert_eq!((number(&owner, may_create).await, number(&url, may_create).await), (1, 0));
    execute(&owner, "CREATE TABLE kept (value bigint)").await;
    execute(&owner, "INSERT INTO kept VALUES (42)").await;
    postgres.stop().await.unwrap();
    assert!(!pid_file(data.path()).exists(), "stop waits until the server has ended");

    let (postgres, _) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    assert_eq!(number(&postgres.owner_url(), "SELECT value FROM kept").await, 42);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn data_that_is_in_use_is_refused_and_its_server_left_alone() {
    let data = open_folder();
    let (postgres, url) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    let second = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await;
    assert!(matches!(second, Err(PostgresError::InUse { .. })), "{second:?}");
    assert_eq!(number(&url, "SELECT 1::bigint").await, 1);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn postgres_ends_when_its_owner_is_gone_and_a_server_or_file_left_behind_is_dealt_with() {
    let data = open_folder();
    let (postgres, _) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    execute(&postgres.owner_url(), "CREATE TABLE kept AS SELECT 7::bigint AS value").await;
    // What the end of the process does, in whichever way it ends.
    drop(postgres);
    wait_until("the server ends", || !pid_file(data.path()).exists()).await;

    // The server was killed: its file stays, and names a process of somebody else by now.
    let (postgres, _) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    let pid = postmaster(data.path());
    assert!(std::process::Command::new("kill").arg("-9").arg(pid.to_string()).status().unwrap().success());
    assert!(postgres.stop().await.is_err());
    let stale = fs::read_to_string(pid_file(data.path())).unwrap();
    let mut innocent = innocent_process(&config(&data));
    let stale = stale.replacen(&pid.to_string(), &innocent.id().unwrap().to_string(), 1);
    fs::write(pid_file(data.path()), stale).unwrap();

    let (postgres, _) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    assert!(innocent.try_wait().unwrap().is_none(), "a process that is not Postgres was stopped");
    assert_eq!(number(&postgres.owner_url(), "SELECT value FROM kept").await, 7);
    let abandoned = postmaster(data.path());

    // The process and its watchdog were killed: the server still runs, and is replaced.
    let EmbeddedPostgres { mut watchdog, .. } = postgres;
    watchdog.kill().await;
    let (postgres, _) = EmbeddedPostgres::start(&config(&data), CONNECTIONS).await.unwrap();
    assert_ne!(postmaster(data.path()), abandoned);
    assert_eq!(number(&postgres.owner_url(), "SELECT value FROM kept").await, 7);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_missing_installation_says_what_to_set() {
    let data = open_folder();
    for install_dir in [None, Some(data.path().to_owned())] {
        let config = PostgresConfig { install_dir, data_dir: data.path().join("data") };
        let error = EmbeddedPostgres::start(&config, CONNECTIONS).await.unwrap_err().to_string();
        assert!(error.contains("postgres.install_dir") && error.contains("DATABASE_URL"), "{error}");
    }
}
